"""What projects ask of other rooms. Wiring fills these in."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from sliproad.features.accounts.model import InstallerActor, InstallerSummary
from sliproad.features.projects.model import PlatformCheck
from sliproad.foundation.database import Session


class CommissioningFacts(Protocol):
    """Answers what commissioning found; `features.commissioning`, a later room, implements it."""

    async def platform_checks(
        self, session: Session, charge_point_keys: Sequence[int]
    ) -> Mapping[int, Mapping[str, PlatformCheck]]:
        """For each charge point key: `ocpp_connection`, `heartbeat`, `meter_calibration`, as far as known."""
        ...


class Installers(Protocol):
    """Answers who an installer is; `features.accounts` implements it."""

    async def installer_summary(self, session: Session, installer_id: str) -> InstallerSummary:
        """What a project may know of the installer whose id it was given. Raises NotFound."""
        ...


class KnownModels(Protocol):
    """Answers which models there are templates for; `features.commissioning` implements it."""

    async def known_models(self, actor: InstallerActor) -> Sequence[tuple[str, str]]:
        """(vendor, model) that templates name which the installer may use."""
        ...
