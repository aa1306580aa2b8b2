"""What handover asks of other rooms. Wiring fills these in with their services."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from sliproad.features.projects.model import ProjectInstaller


class Organizations(Protocol):
    """`features.accounts` implements it."""

    async def organization_name(self, session: AsyncSession, organization_id: str) -> str: ...

    async def organization_email(self, session: AsyncSession, organization_id: str) -> str: ...


class ProjectInstallers(Protocol):
    """`features.projects.assignment` implements it."""

    async def installers_of(self, session: AsyncSession, project_id: str) -> list[ProjectInstaller]:
        """Who works on a project now."""
        ...


class SiteOwners(Protocol):
    """`features.sites` implements it."""

    async def owner_mailboxes(self, session: AsyncSession, site_id: str) -> Sequence[str]:
        """The e-mail addresses of a site's owners."""
        ...


class StepSummary(Protocol):
    """One finished step of a commissioning session."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def detail(self) -> str | None: ...
    @property
    def duration_ms(self) -> int | None: ...
    @property
    def value(self) -> str | None: ...


class CommissioningSummary(Protocol):
    """What the newest session of a charge point found; `test_energy_wh` is what its test transaction delivered."""

    @property
    def session_id(self) -> str: ...
    @property
    def steps(self) -> Sequence[StepSummary]: ...
    @property
    def test_energy_wh(self) -> int | None: ...
    @property
    def firmware_version(self) -> str | None: ...


class Commissioning(Protocol):
    """`features.commissioning` implements it."""

    async def summaries(
        self, session: AsyncSession, charge_point_keys: Sequence[int]
    ) -> Mapping[int, CommissioningSummary]:
        """The newest session of each charge point, by key."""
        ...
