"""A project: the work of putting charge points on a site, who does it, how far it is, and its checklist. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.sites.model import Site
from sliproad.foundation.errors import Conflict
from sliproad.foundation.language import marked

IN_PROGRESS = "in_progress"
HANDED_OVER = "handed_over"


@dataclass(frozen=True, slots=True)
class NewProject:
    """What an organisation says when it opens a project."""

    name: str
    site_id: str
    charge_points_expected: int
    site_owner_email: str | None = None
    auto_commission: bool = True
    mail_site_owner: bool = True
    require_checklist: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    project_id: str
    organization_id: str
    site_id: str
    name: str
    charge_points_expected: int
    site_owner_email: str | None
    auto_commission: bool
    mail_site_owner: bool
    require_checklist: bool
    status: str
    created_at: datetime
    handed_over_at: datetime | None

    @property
    def is_handed_over(self) -> bool:
        return self.status == HANDED_OVER


@dataclass(frozen=True, slots=True)
class Progress:
    """How many charge points of a project are registered, and how many of these are being, are, or failed to be commissioned."""

    registered: int = 0
    in_progress: int = 0
    failed: int = 0
    commissioned: int = 0


@dataclass(frozen=True, slots=True)
class ProjectOverview:
    """A project with its site and how far it is; `assigned_at` for the installer who asks."""

    project: Project
    site: Site
    progress: Progress
    assigned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProjectInstaller:
    """An installer who works on a project."""

    installer_id: str
    full_name: str
    email: str
    company: str | None
    assigned_at: datetime


@dataclass(frozen=True, slots=True)
class ChecklistRule:
    """One of the seven things to verify on site. `by_platform`: Sliproad sees it itself, and nobody may write it."""

    item: str
    description: str
    per_charge_point: bool = True
    by_platform: bool = False


CHECKLIST = (
    ChecklistRule("powered_ready", marked("The charge point is powered and its display shows that it is ready.")),
    ChecklistRule("ocpp_connection", marked("The OCPP connection is established."), by_platform=True),
    ChecklistRule("heartbeat", marked("At least one heartbeat has arrived."), by_platform=True),
    ChecklistRule(
        "meter_calibration", marked("The meter is calibrated, where the charge point supports it."), by_platform=True
    ),
    ChecklistRule("emergency_stop", marked("The emergency stop has been tested.")),
    ChecklistRule("cable_and_ip_rating", marked("Cables and the enclosure's IP rating have been inspected.")),
    ChecklistRule("owner_briefed", marked("The site owner knows how to report faults."), per_charge_point=False),
)
"""GUIDE's commissioning checklist, in its order."""
RULES = {rule.item: rule for rule in CHECKLIST}


@dataclass(frozen=True, slots=True)
class PlatformCheck:
    """What Sliproad itself saw of a starred item; `applicable` is False where the hardware lacks what would be checked."""

    done: bool
    done_at: datetime | None = None
    note: str | None = None
    applicable: bool = True


@dataclass(frozen=True, slots=True)
class Tick:
    """What a person says about an item. `charge_point_id` is None for an item of the whole project."""

    item: str
    done: bool
    charge_point_id: str | None = None
    note: str | None = None
    photo_url: str | None = None


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """An item with its state. `charge_point_key` and `charge_point_id` are None for an item of the whole project."""

    item: str
    description: str
    by_platform: bool
    charge_point_key: int | None = None
    charge_point_id: str | None = None
    applicable: bool = True
    done: bool = False
    done_by: str | None = None
    done_at: datetime | None = None
    note: str | None = None
    photo_url: str | None = None


@dataclass(frozen=True, slots=True)
class Checklist:
    project_id: str
    is_required: bool
    """Whether the project can't be handed over before all items are done."""
    items: tuple[ChecklistItem, ...] = field(default=())

    @property
    def undone(self) -> tuple[ChecklistItem, ...]:
        """What applies and is not done."""
        return tuple(item for item in self.items if item.applicable and not item.done)

    @property
    def is_complete(self) -> bool:
        return not self.undone


Stored = Mapping[tuple[int | None, str], ChecklistItem]
"""What persons ticked: (charge point key or None, item) -> its state."""


def fill_checklist(
    project: Project,
    charge_points: Sequence[ChargePoint],
    stored: Stored,
    platform: Mapping[int, Mapping[str, PlatformCheck]],
) -> Checklist:
    """The whole checklist: per charge point in GUIDE's order, then the project's own items."""
    items: list[ChecklistItem] = []
    for charge_point in charge_points:
        checks = platform.get(charge_point.key, {})
        for rule in CHECKLIST:
            if rule.by_platform:
                items.append(_platform_item(rule, charge_point, checks.get(rule.item, PlatformCheck(done=False))))
            elif rule.per_charge_point:
                untouched = ChecklistItem(
                    rule.item, rule.description, False, charge_point.key, charge_point.charge_point_id
                )
                items.append(stored.get((charge_point.key, rule.item), untouched))
    items += [
        stored.get((None, rule.item), ChecklistItem(rule.item, rule.description, False))
        for rule in CHECKLIST
        if not rule.per_charge_point
    ]
    return Checklist(project.project_id, project.require_checklist, tuple(items))


def _platform_item(rule: ChecklistRule, charge_point: ChargePoint, check: PlatformCheck) -> ChecklistItem:
    return ChecklistItem(
        rule.item,
        rule.description,
        by_platform=True,
        charge_point_key=charge_point.key,
        charge_point_id=charge_point.charge_point_id,
        applicable=check.applicable,
        done=check.done,
        done_by="platform" if check.done else None,
        done_at=check.done_at,
        note=check.note,
    )


def require_open(project: Project) -> None:
    """Refuse work on a project that its site owner has taken over.

    Raises:
        Conflict: `project_handed_over`.
    """
    if project.is_handed_over:
        raise Conflict("This project has been handed over; nothing in it can be changed.", code="project_handed_over")
