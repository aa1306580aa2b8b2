"""The course of a move: what is next, given how things are. Pure; `moving` keeps what comes of it and makes the CALLs.

begin → preparing (CALLs, the last is the restart) → leaving → away → arrived, where the operator confirmed it (→ returned, should
it come back one day). Otherwise it is lost (away, never confirmed) or has failed: what was changed is restored as soon as the
charge point is here, restoring → ended.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from types import ModuleType

from sliproad.features.connections.move_model import plan_2x, plan_16, sentences
from sliproad.features.connections.move_model.parts import Answer, Call, Move, Progress, RefusedError, Situation, Target
from sliproad.features.connections.move_model.passwords import password_error

BEGIN, PREPARING, LEAVING, AWAY = "begin", "preparing", "leaving", "away"
ARRIVED, RETURNED, LOST, RESTORING, ENDED = "arrived", "returned", "lost", "restoring", "ended"
WATCHED = frozenset({BEGIN, ARRIVED, LOST, RESTORING})
"""Of these there may be many for long: they are looked at only when the charge point is here."""
LOOK_AGAIN = timedelta(seconds=2)
WATCH_AGAIN = timedelta(seconds=10)
IDLE_LIMIT = timedelta(hours=24)
"""A restart that waits for the end of a transaction may take so long."""
ATTEMPTS = 3
PLANS: dict[str, ModuleType] = {"1.6": plan_16, "2.0.1": plan_2x, "2.1": plan_2x}


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done: the move as it is now, a CALL to make, a state to tell, or when to look again (None: never)."""

    move: Move
    call: Call | None = None
    state: tuple[str, str | None] | None = None
    look_after: timedelta | None = None
    again: bool = False
    """Whether the next look is due at once."""


def unfit(version: str, password: str | None) -> str | None:
    """What is wrong with the password of settings for charge points of this OCPP version; goes on from "The version"."""
    return password_error(version, password) if password else sentences.NEEDS_ONE


def refusal(target: Target) -> str | None:
    """Why this can't be done by wire, known before anything is sent; None when it may be tried."""
    if sentence := unfit(target.version, target.password):
        return f"The version {sentence}."
    found: str | None = PLANS[target.version].refusal(target)
    return found


def decide(move: Move, target: Target, at: Situation, window: timedelta) -> Decision:
    """The next thing to do. `window` is how long leaving and arriving may take."""
    if not at.is_wanted and move.step not in {RESTORING, ENDED}:
        return _give_up(move, at)
    match move.step:
        case "begin":
            return _begin(move, target, at)
        case "preparing":
            return _prepare(move, target, at, window)
        case "leaving":
            return _leave(move, at, window)
        case "away" | "lost" if at.is_connected:
            return _fail(move, at, sentences.CAME_BACK)
        case "away":
            if at.now - move.step_at > window:
                return Decision(_to(move, LOST, at), state=("failed", sentences.NOT_CONFIRMED), look_after=WATCH_AGAIN)
            return Decision(move, look_after=LOOK_AGAIN)
        case "arrived" if at.is_connected:
            return Decision(_to(move, RETURNED, at), state=("failed", sentences.RETURNED))
        case "arrived" | "lost":
            return Decision(move, look_after=WATCH_AGAIN)
        case "restoring":
            return _restore(move, target, at)
        case _:
            return Decision(move)


def taken(move: Move, target: Target, call: Call, answer: Answer, at: Situation) -> Decision:
    """What follows from the answer to `call`."""
    if answer.kind == "absent":
        return Decision(move, look_after=LOOK_AGAIN)
    if answer.kind == "lost":
        tried = replace(move, attempts=move.attempts + 1)
        if tried.attempts < ATTEMPTS:
            return Decision(tried, look_after=LOOK_AGAIN)
        return _refused(move, at, sentences.NO_ANSWER.format(action=call.action))
    plan = PLANS[target.version]
    try:
        take = plan.restored if move.step == RESTORING else plan.taken
        progress = take(target, move.progress, call, answer)
    except RefusedError as refused:
        return _refused(move, at, str(refused))
    return Decision(replace(move, progress=progress, attempts=0), again=True)


def confirmed(move: Move, at: Situation) -> Decision | None:
    """The operator says that the charge point has arrived; None where that can't be: it never left, or is here."""
    if at.is_connected or not at.is_wanted or move.step in {BEGIN, ENDED} or not has_changed(move.progress):
        return None
    return Decision(_to(move, ARRIVED, at), state=("connected", None), look_after=WATCH_AGAIN)


def has_changed(progress: Progress) -> bool:
    """Whether anything at the charge point is other than it was, so that it could lead it away from us."""
    return bool(progress.get("prioritised") or progress.get("shares_password") or progress.get("written"))


def carries_password(target: Target, progress: Progress, call: Call) -> bool:
    """Whether the charge point's password for us changes with this CALL (2.1 keeps one for each server)."""
    found: bool = PLANS[target.version].carries_password(target, progress, call)
    return found


def _begin(move: Move, target: Target, at: Situation) -> Decision:
    if not at.is_connected:
        return Decision(move, state=("pending", sentences.WAITS), look_after=WATCH_AGAIN)
    if sentence := refusal(target):
        return Decision(_to(move, ENDED, at), state=("failed", sentence))
    return Decision(_to(move, PREPARING, at), state=("connecting", None), again=True)


def _prepare(move: Move, target: Target, at: Situation, window: timedelta) -> Decision:
    epoch = move.progress.get("epoch")
    if epoch is not None and (not at.is_connected or at.epoch != epoch):
        return Decision(_to(move, LEAVING, at), again=True)  # the restart was heard, whatever became of its answer
    if not at.is_connected:
        if at.now - move.step_at <= window:
            return Decision(move, look_after=LOOK_AGAIN)
        if has_changed(move.progress):
            return Decision(_to(move, LOST, at), state=("failed", sentences.NOT_CONFIRMED), look_after=WATCH_AGAIN)
        return Decision(_to(move, ENDED, at), state=("failed", sentences.OFFLINE_MEANWHILE))
    call: Call | None = PLANS[target.version].next_call(target, move.progress)
    if call is None:
        return Decision(_to(move, LEAVING, at), again=True)
    if call.action == "Reset":
        move = replace(move, progress={**move.progress, "epoch": at.epoch})
    return Decision(move, call)


def _leave(move: Move, at: Situation, window: timedelta) -> Decision:
    if not at.is_connected:
        return Decision(_to(move, AWAY, at), look_after=LOOK_AGAIN)
    if at.epoch != move.progress.get("epoch"):
        return _fail(move, at, sentences.CAME_BACK)
    if at.now - move.step_at > (IDLE_LIMIT if move.progress.get("is_scheduled") else window):
        return _fail(move, at, sentences.NOT_REBOOTED)
    return Decision(move, look_after=LOOK_AGAIN)


def _restore(move: Move, target: Target, at: Situation) -> Decision:
    if not at.is_connected:
        return Decision(move, look_after=WATCH_AGAIN)
    call: Call | None = PLANS[target.version].next_restoring(target, move.progress)
    return Decision(_to(move, ENDED, at)) if call is None else Decision(move, call)


def _give_up(move: Move, at: Situation) -> Decision:
    """The operator wants something else meanwhile; one that is away can only be waited for."""
    if not has_changed(move.progress):
        return Decision(_to(move, ENDED, at))
    state = None if at.is_connected else ("gone", sentences.GONE)
    return Decision(_to(move, RESTORING, at), state=state, again=at.is_connected, look_after=WATCH_AGAIN)


def _fail(move: Move, at: Situation, sentence: str) -> Decision:
    step = RESTORING if has_changed(move.progress) else ENDED
    return Decision(_to(move, step, at), state=("failed", sentence), again=step == RESTORING)


def _refused(move: Move, at: Situation, sentence: str) -> Decision:
    if move.step == RESTORING:
        return Decision(_to(move, ENDED, at), state=("unrestored", sentences.NOT_RESTORED.format(why=sentence)))
    return _fail(move, at, sentence)


def _to(move: Move, step: str, at: Situation) -> Move:
    return replace(move, step=step, step_at=at.now, attempts=0)
