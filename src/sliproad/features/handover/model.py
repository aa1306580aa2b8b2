"""When a project may be handed over, and what a handover is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.handover.certificate.record import Stroke
from sliproad.features.projects.model import Checklist, Project
from sliproad.foundation.clock import rfc3339
from sliproad.foundation.errors import NotAllowed
from sliproad.foundation.events import DomainEvent

LINK_LIFETIME = timedelta(days=90)
STATUS_WORDS = {
    "not_started": "has not been commissioned",
    "in_progress": "is still being commissioned",
    "failed": "failed its commissioning",
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the installer says when they hand over."""

    signed_by: str
    handover_notes: str | None = None
    site_contact_name: str | None = None
    site_contact_email: str | None = None
    signature: tuple[Stroke, ...] = ()
    """What they drew with a finger; empty where they only typed their name."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A project that was handed over. `certificate_url` is where its certificate lies for 90 days, for whoever has the link."""

    certificate_id: str
    project_id: str
    handed_over_at: datetime
    certificate_url: str
    verify_url: str


def require_ready(project: Project, charge_points: Sequence[ChargePoint], checklist: Checklist) -> None:
    """Refuse an unfinished project (GUIDE step 6).

    Raises:
        NotAllowed: `handover_not_ready`, with everything that is missing.
    """
    if missing := missing_for_handover(project, charge_points, checklist):
        raise NotAllowed(
            "This project can't be handed over yet. " + " ".join(missing[:3]) + (" …" if len(missing) > 3 else ""),
            code="handover_not_ready",
            missing=missing,
        )


def missing_for_handover(
    project: Project, charge_points: Sequence[ChargePoint], checklist: Checklist
) -> tuple[str, ...]:
    """What is still to be done, as sentences; nothing where the project is ready. An empty project never is."""
    missing: list[str] = []
    expected = max(project.charge_points_expected, 1)
    if len(charge_points) < expected:
        missing.append(f"{len(charge_points)} of {expected} expected charge points are registered.")
    missing += [
        f"Charge point {charge_point.charge_point_id} {STATUS_WORDS[charge_point.commissioning_status]}."
        for charge_point in charge_points
        if charge_point.commissioning_status != "completed"
    ]
    if checklist.is_required:
        for item in checklist.undone:
            where = f" ({item.charge_point_id})" if item.charge_point_id else ""
            missing.append(f"Checklist item {item.item}{where} is not done.")
    return tuple(missing)


def handover_completed(
    handover: Handover, project: Project, declaration: Declaration, charge_points: Sequence[ChargePoint]
) -> DomainEvent:
    """`handover.completed`: the site owner is responsible from now on. The download link is a secret and not in it."""
    return DomainEvent(
        "handover.completed",
        project.organization_id,
        handover.handed_over_at,
        {
            "project_id": project.project_id,
            "project_name": project.name,
            "site_id": project.site_id,
            "status": "handed_over",
            "handed_over_at": rfc3339(handover.handed_over_at),
            "certificate_id": handover.certificate_id,
            "verify_url": handover.verify_url,
            "signed_by": declaration.signed_by,
            "site_contact_name": declaration.site_contact_name,
            "site_contact_email": declaration.site_contact_email,
            "charge_points": [charge_point.charge_point_id for charge_point in charge_points],
        },
    )
