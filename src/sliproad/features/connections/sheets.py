"""Settings sheets for charge points that can't be moved by wire: those of an operator's server, and ours for the way back.

Routes call it. Passwords are printed only for a key that may see secrets; ours are stored as hashes and can't be printed at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sliproad.features.accounts.model import OperatorActor
from sliproad.features.accounts.service import AccountService
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.connections import assignments_store, versions_store
from sliproad.features.connections.applying import ConnectionApplying
from sliproad.features.connections.model import OFF, Version
from sliproad.features.connections.move_model import certificates
from sliproad.features.connections.move_model.vendor_keys import VendorKeys, candidates
from sliproad.features.connections.settings_sheet.document import SettingsSheet
from sliproad.foundation.database import Session
from sliproad.foundation.errors import NotFound

OUR_NAME = "Sliproad"


@dataclass(frozen=True, slots=True)
class SettingsSheets:
    """See the module."""

    applying: ConnectionApplying
    accounts: AccountService
    families: tuple[VendorKeys, ...]

    async def of_operator(self, actor: OperatorActor, name: str) -> SettingsSheet:
        """What leads a charge point to the operator's server: what it has now, else what is stored for it.

        Raises:
            NotFound: no such charge point of this operator, or nothing that switches a connection on is stored for it.
            Conflict: `serial_number_ambiguous`.
        """
        applying = self.applying
        async with applying.database.transaction(actor.scope) as session:
            charge_point = await applying.find(session, actor, name)
            version = await self._version(session, actor, charge_point)
            site = await applying.sites.by_id(session, charge_point.site_id)
            operator_name = await self.accounts.operator_name(session, actor.operator_id)
        password = applying.secrets.open(version.password_sealed) if actor.may_see_secrets else None
        is_secure = version.url.startswith("wss")
        return SettingsSheet(
            server_of=operator_name,
            charge_point_id=charge_point.charge_point_id,
            serial_number=charge_point.serial_number,
            vendor=charge_point.vendor,
            model=charge_point.model,
            site=site.name,
            version=charge_point.ocpp_version,
            url=version.url.rstrip("/"),
            identity=version.identity_of(charge_point.serial_number),
            user=version.username_of(charge_point.serial_number),
            password=password,
            has_password=version.password_sealed is not None,
            ca_certificates=certificates.split(version.ca_certificate) if is_secure else (),
            ca_domain=version.ca_certificate_domain if is_secure else None,
            hints=hints(self.families, charge_point),
            made_at=applying.assigning.clock.now(),
        )

    async def of_platform(self, actor: OperatorActor, name: str) -> SettingsSheet:
        """What leads a charge point back to us. Raises as `of_operator`."""
        applying = self.applying
        async with applying.database.transaction(actor.scope) as session:
            charge_point = await applying.find(session, actor, name)
            site = await applying.sites.by_id(session, charge_point.site_id)
        here = applying.registry.address(charge_point)
        return SettingsSheet(
            server_of=OUR_NAME,
            charge_point_id=charge_point.charge_point_id,
            serial_number=charge_point.serial_number,
            vendor=charge_point.vendor,
            model=charge_point.model,
            site=site.name,
            version=charge_point.ocpp_version,
            url=f"{here.base_url}/{charge_point.ocpp_version}",
            identity=here.identity,
            user=here.identity,
            password=None,
            has_password=True,
            ca_certificates=(),
            ca_domain=None,
            hints=hints(self.families, charge_point),
            made_at=applying.assigning.clock.now(),
        )

    async def _version(self, session: Session, actor: OperatorActor, charge_point: ChargePoint) -> Version:
        found = await assignments_store.select_assignments(session, [charge_point.key])
        row = found.get(charge_point.key)
        if row is not None and row.operator_id == actor.operator_id:
            applied = await versions_store.find_version(session, actor.operator_id, row.version_id)
            if applied is not None and applied.connectivity_mode != OFF:
                return applied
        for name in (charge_point.charge_point_id, charge_point.serial_number, None):
            stored = await versions_store.latest_version(session, actor.operator_id, name)
            if stored is not None and stored.connectivity_mode != OFF:
                return stored
        raise NotFound("No connection details are stored for this charge point.")


def hints(families: Sequence[VendorKeys], charge_point: ChargePoint) -> list[tuple[str, str]]:
    """(whose firmware, what to know) for charge points like this one."""
    if charge_point.ocpp_version != "1.6":
        text = (
            "A network profile holds the address, the security profile and (2.1) identity and password;"
            " NetworkConfigurationPriority says which profile is tried first."
        )
        return [(f"OCPP {charge_point.ocpp_version}", text)]
    found = candidates(families, charge_point.vendor)
    return [
        (each.name, each.hint or f"Keys: {', '.join(filter(None, (each.url, each.identity, each.password)))}.")
        for each in found[:3]
    ]
