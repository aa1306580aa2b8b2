"""Builds the room of connections from its parts; `app/services.py` calls it."""

from dataclasses import dataclass
from datetime import timedelta

from sliproad.features.accounts.service import AccountService
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commands.service import CommandService
from sliproad.features.connections.applying import ConnectionApplying
from sliproad.features.connections.assigning import Assigning
from sliproad.features.connections.desk import Desk
from sliproad.features.connections.key_rotation import KeyRotation
from sliproad.features.connections.move_model.vendor_keys import VENDOR_KEYS, VendorKeys
from sliproad.features.connections.moving import Moving
from sliproad.features.connections.overview import ConnectionOverview
from sliproad.features.connections.provisioning import Provisioning
from sliproad.features.connections.rollout_driver import RolloutDriver
from sliproad.features.connections.rollouts import Rollouts
from sliproad.features.connections.sealing import ConnectionSecrets
from sliproad.features.connections.sheets import SettingsSheets
from sliproad.features.connections.versions import ConnectionVersions
from sliproad.features.security.service import CredentialService
from sliproad.features.sites.service import SiteService
from sliproad.foundation.bus import Bus
from sliproad.foundation.crypto import SealingKeys
from sliproad.foundation.database import Database


@dataclass(frozen=True, slots=True)
class ConnectionRoom:
    """The services of connections."""

    versions: ConnectionVersions
    applying: ConnectionApplying
    rollouts: Rollouts
    desk: Desk
    overview: ConnectionOverview
    provisioning: Provisioning
    driver: RolloutDriver
    key_rotation: KeyRotation
    moving: Moving
    sheets: SettingsSheets


def assemble(
    database: Database,
    engine: Database,
    bus: Bus,
    *,
    assigning: Assigning,
    sealing_keys: SealingKeys,
    registry: RegistryService,
    sites: SiteService,
    accounts: AccountService,
    commands: CommandService,
    credentials: CredentialService,
    vendor_keys: tuple[VendorKeys, ...] = VENDOR_KEYS,
    move_window: timedelta = timedelta(minutes=15),
) -> ConnectionRoom:
    """`database` speaks as the process's role, `engine` as that role.

    `move_window` is how long a native move may take to leave and to arrive.
    """
    secrets = ConnectionSecrets(sealing_keys)
    applying = ConnectionApplying(database, bus, assigning, registry, sites, secrets)
    return ConnectionRoom(
        versions=ConnectionVersions(database, assigning.clock, secrets),
        applying=applying,
        rollouts=Rollouts(applying, assigning.jobs),
        desk=Desk(applying),
        overview=ConnectionOverview(database, registry, sites, accounts),
        provisioning=Provisioning(engine, bus, assigning, registry, sites),
        driver=RolloutDriver(engine, bus, assigning, registry, sites),
        key_rotation=KeyRotation(engine, secrets),
        moving=Moving(
            engine,
            assigning.clock,
            assigning.jobs,
            registry,
            LiveService(),
            commands,
            credentials,
            secrets,
            vendor_keys,
            move_window,
        ),
        sheets=SettingsSheets(applying, accounts, vendor_keys),
    )
