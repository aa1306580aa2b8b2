"""How projects, their installers and their checklists look in answers. The routes of all three audiences build these."""

from typing import Literal

from pydantic import BaseModel, Field

from sliproad.features.charge_points.answers import ChargePointFacts, facts_answer
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import ListedChargePoint, RegistryService
from sliproad.features.projects.model import Checklist, ProjectInstaller, ProjectOverview
from sliproad.foundation.web import Timestamp

ProjectStatus = Literal["in_progress", "handed_over"]


class InstallerProjectAnswer(BaseModel):
    """A project as its installer sees it (GUIDE step 3)."""

    project_id: str = Field(examples=["proj_2k4m6n8p0q2r4s6t8v0w"])
    name: str = Field(examples=["Riverside Business Park — Phase 1"])
    site_address: str = Field(examples=["Unit 12, Riverside Business Park, London E1W 3SJ"])
    charge_points_expected: int
    charge_points_commissioned: int
    status: ProjectStatus
    assigned_at: Timestamp | None


class InstallerProjectList(BaseModel):
    projects: list[InstallerProjectAnswer]


class InstallerProjectDetail(InstallerProjectAnswer):
    """A project with everything registered in it."""

    site_name: str
    charge_points_registered: int
    require_checklist: bool
    handed_over_at: Timestamp | None
    charge_points: list[ChargePointFacts]


class ProgressAnswer(BaseModel):
    """How many charge points there are to be, are registered, and are how far."""

    expected: int
    registered: int
    in_progress: int
    failed: int
    commissioned: int


class ProjectAnswer(BaseModel):
    """A project as its organisation sees it."""

    project_id: str
    name: str
    site_id: str
    site_name: str
    site_address: str
    charge_points_expected: int
    charge_points_commissioned: int
    site_owner_email: str | None
    auto_commission: bool
    require_checklist: bool
    mail_site_owner: bool
    status: ProjectStatus
    progress: ProgressAnswer
    created_at: Timestamp
    handed_over_at: Timestamp | None


class ProjectList(BaseModel):
    projects: list[ProjectAnswer]
    total: int
    next_cursor: str | None


class SiteOwnerProjectAnswer(BaseModel):
    """A project as the owner of its site sees it."""

    project_id: str
    name: str
    site_id: str
    site_name: str
    site_address: str
    charge_points_expected: int
    charge_points_commissioned: int
    status: ProjectStatus
    progress: ProgressAnswer
    handed_over_at: Timestamp | None


class SiteOwnerProjectList(BaseModel):
    projects: list[SiteOwnerProjectAnswer]
    total: int


class SiteOwnerChargePoint(BaseModel):
    charge_point_id: str
    vendor: str
    model: str
    serial_number: str
    location_description: str | None
    commissioning_status: str
    commissioned_at: Timestamp | None
    connected: bool
    last_seen_at: Timestamp | None
    """When it last said something; null before it ever did."""


class SiteOwnerProjectDetail(SiteOwnerProjectAnswer):
    charge_points: list[SiteOwnerChargePoint]


class ProjectInstallerAnswer(BaseModel):
    installer_id: str
    full_name: str
    email: str
    company: str | None
    assigned_at: Timestamp


class ProjectInstallerList(BaseModel):
    installers: list[ProjectInstallerAnswer]
    total: int


class ChecklistItemAnswer(BaseModel):
    """`by_platform`: Sliproad sees it itself. `applicable` is false where the hardware has nothing to check."""

    item: str = Field(examples=["emergency_stop"])
    description: str
    charge_point_id: str | None
    by_platform: bool
    applicable: bool
    done: bool
    done_by: str | None
    done_at: Timestamp | None
    note: str | None
    photo_url: str | None


class ChecklistAnswer(BaseModel):
    project_id: str
    required: bool = Field(description="Whether the handover needs all of it done.")
    complete: bool
    undone: int
    items: list[ChecklistItemAnswer]


def installer_project(overview: ProjectOverview) -> InstallerProjectAnswer:
    """GUIDE's keys."""
    return InstallerProjectAnswer(
        project_id=overview.project.project_id,
        name=overview.project.name,
        site_address=overview.site.address,
        charge_points_expected=overview.project.charge_points_expected,
        charge_points_commissioned=overview.progress.commissioned,
        status=_status(overview),
        assigned_at=overview.assigned_at,
    )


def installer_project_detail(
    overview: ProjectOverview, charge_points: tuple[ChargePoint, ...], registry: RegistryService
) -> InstallerProjectDetail:
    """GUIDE's keys and what is registered."""
    return InstallerProjectDetail(
        **installer_project(overview).model_dump(),
        site_name=overview.site.name,
        charge_points_registered=overview.progress.registered,
        require_checklist=overview.project.require_checklist,
        handed_over_at=overview.project.handed_over_at,
        charge_points=[facts_answer(each, registry.address(each)) for each in charge_points],
    )


def project(overview: ProjectOverview) -> ProjectAnswer:
    """Everything of a project."""
    own = (
        "project_id",
        "name",
        "site_id",
        "site_owner_email",
        "auto_commission",
        "require_checklist",
        "mail_site_owner",
    )
    return ProjectAnswer(
        **{name: getattr(overview.project, name) for name in own},
        site_name=overview.site.name,
        site_address=overview.site.address,
        charge_points_expected=overview.project.charge_points_expected,
        charge_points_commissioned=overview.progress.commissioned,
        status=_status(overview),
        progress=_progress(overview),
        created_at=overview.project.created_at,
        handed_over_at=overview.project.handed_over_at,
    )


def site_owner_project(overview: ProjectOverview) -> SiteOwnerProjectAnswer:
    """What a site owner reads of a project."""
    return SiteOwnerProjectAnswer(
        project_id=overview.project.project_id,
        name=overview.project.name,
        site_id=overview.site.site_id,
        site_name=overview.site.name,
        site_address=overview.site.address,
        charge_points_expected=overview.project.charge_points_expected,
        charge_points_commissioned=overview.progress.commissioned,
        status=_status(overview),
        progress=_progress(overview),
        handed_over_at=overview.project.handed_over_at,
    )


def site_owner_project_detail(
    overview: ProjectOverview, charge_points: tuple[ListedChargePoint, ...]
) -> SiteOwnerProjectDetail:
    """The same with its charge points: what they are, how far and how, nothing by which one could connect."""
    shown = [
        SiteOwnerChargePoint(
            charge_point_id=each.charge_point_id,
            vendor=each.vendor,
            model=each.model,
            serial_number=each.serial_number,
            location_description=each.location.description,
            commissioning_status=each.commissioning_status,
            commissioned_at=each.commissioned_at,
            connected=live.connected,
            last_seen_at=live.last_seen_at,
        )
        for each, live in ((listed.charge_point, listed.live) for listed in charge_points)
    ]
    return SiteOwnerProjectDetail(**site_owner_project(overview).model_dump(), charge_points=shown)


def installer(found: ProjectInstaller) -> ProjectInstallerAnswer:
    """Somebody who works on a project."""
    return ProjectInstallerAnswer(**{name: getattr(found, name) for name in ProjectInstallerAnswer.model_fields})


def installers(found: list[ProjectInstaller]) -> ProjectInstallerList:
    """All who work on a project."""
    return ProjectInstallerList(installers=[installer(each) for each in found], total=len(found))


def checklist(found: Checklist) -> ChecklistAnswer:
    """A checklist with all its items."""
    names = ChecklistItemAnswer.model_fields
    return ChecklistAnswer(
        project_id=found.project_id,
        required=found.is_required,
        complete=found.is_complete,
        undone=len(found.undone),
        items=[ChecklistItemAnswer(**{name: getattr(item, name) for name in names}) for item in found.items],
    )


def _status(overview: ProjectOverview) -> ProjectStatus:
    return "handed_over" if overview.project.is_handed_over else "in_progress"


def _progress(overview: ProjectOverview) -> ProgressAnswer:
    progress = overview.progress
    return ProgressAnswer(
        expected=overview.project.charge_points_expected,
        registered=progress.registered,
        in_progress=progress.in_progress,
        failed=progress.failed,
        commissioned=progress.commissioned,
    )
