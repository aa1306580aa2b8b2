"""What applying a template means for a live session, and how it went. Pure; `apply_template_service` asks.

Finished steps stay. The one that runs goes on, the configuration step from its beginning; those that had not begun are the new
template's.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sliproad.features.commissioning import workflow
from sliproad.features.commissioning.model import Note, Options, Session, Step
from sliproad.features.commissioning.templates import Template

CONFIGURATION = "configuration"


def with_template(session: Session, template: Template, options: Mapping[str, Any], now: datetime) -> Session:
    """The session with the template's steps in place of those that it had not begun."""
    if (position := session.current) is None:
        return session
    kept = list(session.steps[:position])
    if session.steps[position].status == "running":
        kept.append(_going_on(session.steps[position]))
    names = {step.name for step in kept}
    fresh = workflow.begin(session.session_id, template, Options(**options), session.test_token, now).steps
    return replace(session, template=template, steps=(*kept, *(step for step in fresh if step.name not in names)))


def _going_on(step: Step) -> Step:
    """A configuration step that runs begins anew, since what it knows is about other keys."""
    if step.name != CONFIGURATION:
        return step
    return replace(step, status="pending", state={}, started_at=None, held_seconds=0.0)


def is_configuring(session: Session) -> bool:
    """Whether the configuration step is on or comes next."""
    return session.current is not None and session.steps[session.current].name == CONFIGURATION


def waiting_for_reboot(outcome: Mapping[str, Any]) -> list[str]:
    """The keys that were accepted and are not in force yet."""
    return [name for name in outcome["reboot_required"] if name in outcome["different"]]


def told(template: Template, outcome: Mapping[str, Any] | None) -> Note:
    """The line for the session's log."""
    if outcome is None:
        return Note("error", f"Template {template.name} was not applied: the charge point did not answer")
    count, all_of_them = len(outcome["applied"]), len(outcome["values"])
    missing = [name for name in outcome["values"] if name not in outcome["applied"]]
    listed = f"; not applied: {', '.join(missing)}" if missing else ""
    return Note(
        "warn" if missing else "info", f"Template {template.name} applied: {count} of {all_of_them} keys{listed}"
    )
