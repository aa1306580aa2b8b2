"""The order of a commissioning session: which step is on, what happens to its CALLs, when it is over. Pure.

`service` feeds it events and makes its transitions durable; the steps themselves are in `steps`. A CALL goes through the session's
`outgoing`: first stored, then made; while nothing is connected it stays there; an outcome that leaves open whether the charge
point heard a repeatable CALL has it made again; everything else is the step's to judge.

People may `pause`, `resume` and `stop` a session at any moment (contract §3; `control` calls them): a CALL in flight finishes and
its answer is kept; a test transaction that was asked for is given up, for `leftovers` to stop.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sliproad.features.commissioning.model import (
    CHECK_NAMES,
    STANDS_STILL,
    TEST,
    Answer,
    Facts,
    Finish,
    Move,
    Note,
    Options,
    Outgoing,
    SendCall,
    Session,
    Situation,
    Step,
    WaitUntil,
)
from sliproad.features.commissioning.steps import STEPS
from sliproad.features.commissioning.templates import STEP_ESTIMATES_SECONDS, Template
from sliproad.foundation.errors import Conflict

LOOK_SECONDS = 5
"""A waiting session is looked at this often, should no wake-up reach it."""
REFUSED_SECONDS = 1
"""So soon a CALL is tried again that a connection which seems to be there did not take."""
MOST_ATTEMPTS = 3
LEAST_CALL_SECONDS = 5.0
"""What a CALL has in any case, however little of the step's time is left."""
NOT_ASKED_FOR = "Skipped as asked for at the start"
STOPPED = "Stopped before it was finished"


@dataclass(frozen=True, slots=True)
class Looked:
    """Somebody looked: the facts of this moment."""

    facts: Facts


@dataclass(frozen=True, slots=True)
class Answered:
    """The CALL in flight has an outcome."""

    facts: Facts
    answer: Answer


Event = Looked | Answered


@dataclass(frozen=True, slots=True)
class Transition:
    """The session as it is now, what its log says of it, and what to do next.

    `again`: advance once more, in a transaction of its own; `call`: make the CALL in `session.outgoing`; `wait`: until
    `session.wake_at`; `rest`: nothing until somebody resumes; `done`: nothing, ever.
    """

    session: Session
    then: Literal["again", "call", "wait", "rest", "done"]
    notes: tuple[Note, ...] = ()
    test: Literal["ended", "abandoned"] | None = None
    """The started test transaction is over for this session (its token dies); `abandoned`: it may be running all the same."""


def begin(session_id: str, template: Template, options: Options, test_token: str, now: datetime) -> Session:
    """A new session: the template's steps in its order, and what the options add or take."""
    names = list(template.steps)
    if options.run_meter_calibration and "meter_calibration" not in names:
        names.insert(
            names.index("test_transaction") if "test_transaction" in names else len(names), "meter_calibration"
        )
    early = [name for name in ("connectivity", "heartbeat") if name in names]
    updates = ["firmware_update"] if template.updates_firmware else []
    at = names.index(early[-1]) + 1 if early else 0
    names[at:at] = [*updates, "firmware_version"]
    skipped = {
        "connectivity": not options.run_connectivity_test,
        "test_transaction": options.skip_test_transaction,
    }
    steps = (_step(name, template) for name in names)
    return Session(
        session_id=session_id,
        status="running",
        result=None,
        steps=tuple(
            replace(step, status="skipped", detail=NOT_ASKED_FOR, finished_at=now) if skipped.get(step.name) else step
            for step in steps
        ),
        template=template,
        test_token=test_token,
        started_at=now,
        wake_at=now,
    )


def _step(name: str, template: Template) -> Step:
    shown = (["step"] if name != "firmware_version" else []) + (["check"] if name in CHECK_NAMES else [])
    return Step(name, tuple(shown), template.time_limit_seconds(name))


def estimated_duration_seconds(session: Session) -> int:
    """How long it takes when all goes well."""
    return sum(STEP_ESTIMATES_SECONDS[step.name] for step in session.steps if step.status != "skipped")


def advance(session: Session, event: Event, now: datetime) -> Transition:
    """What one event does to a session."""
    outgoing = session.outgoing
    if session.status == "paused":
        if outgoing is not None and isinstance(event, Answered):
            session = replace(session, outgoing=replace(outgoing, answer=event.answer))
        return Transition(session, "rest")
    if session.status != "running":
        return Transition(session, "done")
    position = session.current
    if position is None:
        return _complete(session, now)
    step = session.steps[position]
    if outgoing is not None and outgoing.answer is not None:
        event = Answered(event.facts, outgoing.answer)
        session = replace(session, outgoing=replace(outgoing, answer=None))
    if step.status == "pending":
        started = replace(step, status="running", started_at=now)
        return Transition(_with(session, position, started, now), "again", (Note("info", f"Step {step.name} begins"),))
    return _apply(session, position, _move(session, step, event, now), event.facts, now)


def pause(session: Session, now: datetime) -> Transition:
    """Hold the current step, since someone's hands are in the charge point.

    A CALL in flight finishes and its answer waits for the step. A test transaction is given up: resuming begins it anew.

    Raises:
        Conflict: `invalid_state`.
    """
    position = session.current
    if session.status != "running" or position is None:
        raise wrong_state("paused", session.status)
    step = session.steps[position]
    paused = replace(session, status="paused", paused_at=now, wake_at=None, waiting_for=None)
    notes = (Note("info", f"Paused at step {step.name}"),)
    if not step.has_started_test:
        return Transition(paused, "rest", notes)
    again = replace(_with(paused, position, replace(step, state={}), now), wake_at=None)
    if not step.may_run_test:
        return Transition(again, "rest", notes, "ended")
    given_up = Note("info", "The test transaction is stopped; resuming begins it anew")
    return Transition(again, "rest", (*notes, given_up), "abandoned")


def resume(session: Session, test_token: str, now: datetime) -> Transition:
    """Go on where the session was paused. `test_token` is the one that the charge point accepts from now on.

    Raises:
        Conflict: `invalid_state`.
    """
    if session.status != "paused" or session.paused_at is None:
        raise wrong_state("resumed", session.status)
    pause_ = now - session.paused_at
    position = session.current
    resumed = replace(session, status="running", paused_at=None, wake_at=now, test_token=test_token)
    if position is None:
        return Transition(resumed, "again", (Note("info", "Resumed"),))
    step = session.steps[position]
    if step.started_at is not None:
        held = step.held_seconds + pause_.total_seconds()
        if step.name == TEST and not step.state:
            held = (now - step.started_at).total_seconds()
        step = replace(step, held_seconds=held, state=_moved(step.state, pause_))
    steps = (*session.steps[:position], step, *session.steps[position + 1 :])
    return Transition(replace(resumed, steps=steps), "again", (Note("info", f"Resumed at step {step.name}"),))


def stop(session: Session, now: datetime) -> Transition:
    """End an active session, with its test transaction. What passed stays passed; the step that was on counts as not done.

    Raises:
        Conflict: `invalid_state`.
    """
    if session.status not in {"running", "paused"}:
        raise wrong_state("stopped", session.status)
    position = session.current
    stopped = replace(session, status="stopped", stopped_at=now, paused_at=None, waiting_for=None)
    if position is None:
        return Transition(replace(stopped, wake_at=None, outgoing=None), "done", (Note("warn", "Stopped"),))
    step = session.steps[position]
    undone = replace(step, status="pending", detail=STOPPED)
    after = replace(_with(stopped, position, undone, now), wake_at=None)
    note = Note("warn", f"Stopped at step {step.name}")
    if not step.has_started_test:
        return Transition(after, "done", (note,))
    return Transition(after, "done", (note,), "abandoned" if step.may_run_test else "ended")


def wrong_state(done: str, status: str) -> Conflict:
    """The refusal of a control that a session of this status does not take."""
    return Conflict(f"This commissioning session is {status}; it can't be {done} now.", code="invalid_state")


def _moved(state: Mapping[str, Any], by: timedelta) -> dict[str, Any]:
    """A step's state whose waits have stood still for so long."""
    moved: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, dict):
            moved[name] = _moved(value, by)
        elif name in STANDS_STILL and isinstance(value, str):
            moved[name] = (datetime.fromisoformat(value) + by).isoformat()
        else:
            moved[name] = value
    return moved


def deadline(step: Step) -> datetime:
    """When the running step has taken too long."""
    assert step.started_at is not None
    return step.started_at + timedelta(seconds=step.time_limit_seconds + step.held_seconds)


def _move(session: Session, step: Step, event: Event, now: datetime) -> Move | Outgoing:
    """What the running step does now: its own move, or its CALL once more."""
    answer = event.answer if isinstance(event, Answered) else None
    outgoing = session.outgoing
    if outgoing is not None:
        if answer is None:
            return replace(outgoing, epoch=None)
        if answer.kind == "not_connected":  # nobody was asked; not at once again on the same connection
            return replace(outgoing, attempts=max(0, outgoing.attempts - 1))
        if answer.is_uncertain and outgoing.repeatable:
            if answer.kind == "lost":
                return replace(outgoing, epoch=None, attempts=max(0, outgoing.attempts - 1))
            if outgoing.attempts < MOST_ATTEMPTS and now < deadline(step):
                return replace(outgoing, epoch=None)
            times = "once" if outgoing.attempts == 1 else f"{outgoing.attempts} times"
            return Finish(
                "failed",
                f"The charge point did not answer {outgoing.action}, asked {times}. Check its connection "
                "and that its firmware is current.",
            )
    elif not event.facts.connected:
        return WaitUntil(deadline(step), "the charge point to connect again", step.state)
    return STEPS[step.name](
        Situation(
            session_id=session.session_id,
            state=step.state,
            facts=event.facts,
            now=now,
            answer=answer,
            started_at=step.started_at or now,
            deadline=deadline(step),
            template=session.template,
            test_token=session.test_token,
        )
    )


def _apply(session: Session, position: int, move: Move | Outgoing, facts: Facts, now: datetime) -> Transition:
    step = session.steps[position]
    if isinstance(move, Finish):
        return _finish(session, position, move, now)
    if isinstance(move, Outgoing):
        return _send(session, position, move, facts, now)
    limit = step.time_limit_seconds
    if move.deadline is not None and step.started_at is not None:
        limit = (move.deadline - step.started_at).total_seconds() - step.held_seconds
    kept = replace(step, state=move.state, time_limit_seconds=limit)
    after = _with(session, position, kept, now)
    if isinstance(move, SendCall):
        outgoing = Outgoing(move.action, move.payload, move.repeatable, move.timeout_seconds)
        sent = _send(after, position, outgoing, facts, now)
        return replace(sent, notes=(*move.notes, *sent.notes))
    if now >= move.until:
        return _finish(after, position, _out_of_time(kept, move, facts), now)
    return _wait(after, move.until, move.what, now, move.notes)


def _out_of_time(step: Step, move: WaitUntil, facts: Facts) -> Finish:
    limit = round(step.time_limit_seconds)
    if facts.connected:
        return Finish("failed", f"Not finished within {limit} s: still waiting for {move.what}.")
    return Finish(
        "failed",
        f"The charge point lost its connection and did not come back within the {limit} s of this step. Check its power and "
        "its network: cable, SIM card, signal strength.",
    )


def _send(session: Session, position: int, outgoing: Outgoing, facts: Facts, now: datetime) -> Transition:
    """Make the CALL on the present connection; without one it stays outgoing until the step's time is up.

    One that names the present connection was not taken there: its gateway is gone, or has too many CALLs for it.
    """
    step = session.steps[position]
    is_refused = facts.connected and outgoing.epoch == facts.epoch
    if facts.connected and not is_refused:
        left = max(LEAST_CALL_SECONDS, (deadline(step) - now).total_seconds())
        timeout = min(outgoing.timeout_seconds, left)
        sent = replace(outgoing, epoch=facts.epoch, attempts=outgoing.attempts + 1, timeout_seconds=timeout)
        waiting = replace(session, outgoing=sent, waiting_for=f"the answer to {sent.action}", wake_at=None)
        return Transition(waiting, "call", (Note("debug", f"{sent.action} is sent"),))
    held = replace(session, outgoing=replace(outgoing, epoch=None))
    until = WaitUntil(deadline(step), "the charge point to connect again", step.state)
    if now >= until.until:
        return _finish(held, position, _out_of_time(step, until, facts), now)
    return _wait(held, until.until, until.what, now, (), look_seconds=REFUSED_SECONDS if is_refused else LOOK_SECONDS)


def _wait(
    session: Session,
    until: datetime,
    what: str,
    now: datetime,
    notes: tuple[Note, ...],
    *,
    look_seconds: float = LOOK_SECONDS,
) -> Transition:
    look_at = min(until, now + timedelta(seconds=look_seconds))
    if session.waiting_for != what:
        notes = (*notes, Note("debug", f"Waiting for {what}"))
    return Transition(replace(session, wake_at=look_at, waiting_for=what), "wait", notes)


def _finish(session: Session, position: int, finish: Finish, now: datetime) -> Transition:
    step = session.steps[position]
    assert step.started_at is not None
    finished = replace(
        step,
        status=finish.status,
        detail=finish.detail,
        value=finish.value,
        evidence=finish.evidence,
        finished_at=now,
        duration_ms=max(0, round(((now - step.started_at).total_seconds() - step.held_seconds) * 1000)),
    )
    after = replace(_with(session, position, finished, now), waiting_for=None)
    level: Literal["info", "warn", "error"] = "info"
    if finish.status == "failed":
        level = "error"
        after = replace(after, status="failed", result="failed", completed_at=now, wake_at=None)
    elif finish.status == "skipped":
        level = "warn"
    notes = (*finish.notes, Note(level, finish.detail))
    test: Literal["ended", "abandoned"] | None = None
    if step.has_started_test:
        test = "ended" if finish.status == "passed" or not finish.leaves_test else "abandoned"
    return Transition(after, "done" if finish.status == "failed" else "again", notes, test)


def _complete(session: Session, now: datetime) -> Transition:
    completed = replace(session, status="completed", result="passed", completed_at=now, wake_at=None, waiting_for=None)
    return Transition(completed, "done", (Note("info", "All steps passed"),))


def _with(session: Session, position: int, step: Step, now: datetime) -> Session:
    """The session with that step in its place, nothing outgoing, due now."""
    steps = (*session.steps[:position], step, *session.steps[position + 1 :])
    return replace(session, steps=steps, outgoing=None, wake_at=now)
