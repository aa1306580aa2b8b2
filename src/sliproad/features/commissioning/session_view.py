"""A session as its page shows it, in the reader's language: the steps with what they found, what to do now, how it ended.

Made of a session's rows and nothing else, so that a page that is loaded and one that lives say the same. `session_pages` draw it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sliproad.features.commissioning import store, workflow
from sliproad.features.commissioning.sentences import told
from sliproad.features.commissioning.step_words import Call, call_of, waiting, words_of
from sliproad.features.commissioning.store import CommissioningStepRow
from sliproad.foundation.language import gettext as _
from sliproad.foundation.sentences import in_sentences
from sliproad.foundation.web.ui.statuses import status_of

DONE = frozenset({"passed", "skipped"})


@dataclass(frozen=True, slots=True)
class StepView:
    """One step; `state`, `at`, `detail` and `advice` are as `ui.stepper` takes them."""

    name: str
    title: str
    state: str
    about: str
    detail: str
    advice: str
    seconds: float | None
    """How long it took."""
    since: datetime | None
    """Since when it is on."""


@dataclass(frozen=True, slots=True)
class SessionView:
    """One session."""

    session_id: str
    status: str
    result: str | None
    template_name: str
    notes: str | None
    started_at: datetime
    ended_at: datetime | None
    is_live: bool
    """Whether the charge point went live because of it."""
    estimated_seconds: int
    steps: list[StepView]
    failure: StepView | None
    """The step that failed, with what to do now; among `steps` it stands without advice."""
    call: Call | None
    waiting: str
    announcement: str
    """What a screen reader is told; it changes with the step, and with nothing else."""

    @property
    def is_active(self) -> bool:
        return self.status in store.ACTIVE_STATUSES

    @property
    def done(self) -> int:
        """How many steps are done with; one that failed is not."""
        return sum(step.state in DONE for step in self.steps)

    @property
    def current(self) -> StepView | None:
        """The step that is on, or is held."""
        return next((step for step in self.steps if step.state in {"running", "paused"}), None)

    @property
    def seconds(self) -> float | None:
        """How long it took, once it has ended."""
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()


def view_of(rows: store.Rows) -> SessionView:
    """A session's rows for people."""
    row, steps = rows
    template = store.template_of(row)
    current = next((step for step in steps if step.status in {"pending", "running"}), None)
    shown = [_step(step, row.status, is_current=step is current) for step in steps]
    call = call_of(row.waiting_for) if row.status == "running" else None
    return SessionView(
        session_id=row.session_id,
        status=row.status,
        result=row.result,
        template_name=template.name,
        notes=row.notes,
        started_at=row.started_at,
        ended_at=row.completed_at or row.stopped_at,
        is_live=row.commissioned_at is not None,
        estimated_seconds=workflow.estimated_duration_seconds(store.session_of(rows, template)),
        steps=[replace(step, advice="") if step.state == "failed" else step for step in shown],
        failure=next((step for step in shown if step.state == "failed"), None),
        call=call,
        waiting=waiting(row.waiting_for) if row.status == "running" else "",
        announcement=_announcement(row, shown, call),
    )


def _step(step: CommissioningStepRow, status: str, *, is_current: bool) -> StepView:
    words = words_of(step.name)
    detail, advice = _found(step)
    if step.status == "failed" and not advice:
        advice = words.advice
    return StepView(
        name=step.name,
        title=words.title,
        state=_state(step.status, status, is_current=is_current),
        about=words.about,
        detail=detail,
        advice=advice,
        seconds=None if step.duration_ms is None else step.duration_ms / 1000,
        since=step.started_at if step.status == "running" else None,
    )


def _state(step: str, session: str, *, is_current: bool) -> str:
    """As `ui.statuses` knows it; the step at which a session is held or was stopped says so."""
    if is_current and session in {"paused", "stopped"}:
        return session
    if is_current and session == "running":
        return "running"
    return step


def _found(step: CommissioningStepRow) -> tuple[str, str]:
    """What the step found, and what it says to do: its first sentence, and the others."""
    if step.detail is None:
        return "", ""
    first, *others = in_sentences(step.detail)
    return told(first), told(" ".join(others))


def _announcement(row: store.CommissioningSessionRow, steps: list[StepView], call: Call | None) -> str:
    if row.status not in store.ACTIVE_STATUSES:
        return _("Commissioning: %(state)s") % {"state": status_of(row.result or row.status)[0]}
    position = next((at for at, step in enumerate(steps) if step.state in {"running", "paused"}), None)
    if position is None:
        return ""
    step = steps[position]
    said = _("Step %(number)s of %(count)s, %(title)s: %(state)s") % {
        "number": position + 1, "count": len(steps), "title": step.title, "state": status_of(step.state)[0],
    }  # fmt: skip
    return f"{said}. {call.title}" if call is not None and call.urgency == "now" else said
