"""How a session looks from outside: the union of the reference's and the guide's answers, and the payload of its events.

`routes` wraps its parts in response models, `live_events` sends `progress`; `ending` and `service` send `event_data`.
"""

from typing import Any

from sliproad.features.commissioning import store
from sliproad.features.commissioning.model import CHECK_NAMES, CHECK_STATUSES
from sliproad.features.commissioning.store import CommissioningStepRow
from sliproad.foundation.clock import rfc3339


def steps(rows: store.Rows) -> list[dict[str, Any]]:
    """The reference's `steps[]`, in the session's order."""
    return [
        {"name": step.name, "status": step.status, "duration_ms": step.duration_ms, "detail": step.detail}
        for step in rows[1]
        if "step" in step.shown_as
    ]


def checks(rows: store.Rows) -> list[dict[str, Any]]:
    """The guide's `checks[]`, in its order: the same rows by its names."""
    found = {step.name: step for step in rows[1] if "check" in step.shown_as}
    return [_check(CHECK_NAMES[name], found[name]) for name in CHECK_NAMES if name in found]


def _check(name: str, step: CommissioningStepRow) -> dict[str, Any]:
    return {
        "name": name,
        "status": CHECK_STATUSES.get(step.status, step.status),
        "value": step.value,
        "detail": step.detail,
    }


def current_step(rows: store.Rows) -> str | None:
    """The step that is on, or comes next; None once the session has ended."""
    if rows[0].status not in store.ACTIVE_STATUSES:
        return None
    return next((step.name for step in rows[1] if step.status in {"pending", "running"}), None)


def progress(rows: store.Rows) -> dict[str, Any]:
    """What watchers of a session are told after each turn; JSON-able."""
    row = rows[0]
    return {
        "charge_point_id": row.charge_point_id,
        "session_id": row.session_id,
        "status": row.status,
        "result": row.result,
        "current_step": current_step(rows),
        "waiting_for": row.waiting_for,
        "steps": steps(rows),
        "checks": checks(rows),
    }


def event_data(rows: store.Rows) -> dict[str, Any]:
    """The payload of `commissioning.started`, `.completed` and `.failed`."""
    row = rows[0]
    return {
        "charge_point_id": row.charge_point_id,
        "project_id": row.project_id,
        "session_id": row.session_id,
        "commissioning_id": row.session_id,
        "template_id": row.template_id,
        "status": row.status,
        "result": row.result,
        "started_at": rfc3339(row.started_at),
        "completed_at": rfc3339(row.completed_at) if row.completed_at else None,
        "firmware_version": next((step.value for step in rows[1] if step.name == "firmware_version"), None),
        "steps": steps(rows),
        "checks": checks(rows),
    }
