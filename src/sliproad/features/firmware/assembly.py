"""Puts the room's services together over the parts of a process: `app/services.py` does so, and tests of the room."""

from dataclasses import dataclass

from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commands.service import CommandService
from sliproad.features.firmware.library_service import FirmwareLibrary
from sliproad.features.firmware.transfer_urls import TransferUrls
from sliproad.features.firmware.updates_following import UpdateFollower, UpdateStandings, UpdateTimes
from sliproad.features.firmware.updates_service import FirmwareUpdateService
from sliproad.features.firmware.uploads_following import UploadFollower, UploadStandings, UploadTimes
from sliproad.features.firmware.uploads_receiving import UploadReceiver
from sliproad.features.firmware.uploads_service import UploadService
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.jobs import Jobs


@dataclass(frozen=True)
class FirmwareRoom:
    """The services of the web side, and the followers that workers run."""

    library: FirmwareLibrary
    updates: FirmwareUpdateService
    update_follower: UpdateFollower
    uploads: UploadService
    upload_follower: UploadFollower
    receiver: UploadReceiver


def assemble(
    database: Database,
    engine: Database,
    clock: Clock,
    jobs: Jobs,
    *,
    secret_key: SecretKey,
    public_url: str,
    registry: RegistryService,
    projects: ProjectService,
    live: LiveService,
    commands: CommandService,
    update_times: UpdateTimes | None = None,
    upload_times: UploadTimes | None = None,
) -> FirmwareRoom:
    """`database` speaks as the role of the process, `engine` as `engine`; `public_url` is how charge points reach our web side."""
    urls = TransferUrls(secret_key, public_url)
    library = FirmwareLibrary(database, clock)
    update_standings = UpdateStandings(clock, live, update_times)
    upload_standings = UploadStandings(clock, upload_times)
    return FirmwareRoom(
        library=library,
        updates=FirmwareUpdateService(
            database,
            clock,
            jobs,
            registry=registry,
            live=live,
            library=library,
            urls=urls,
            standings=update_standings,
        ),
        update_follower=UpdateFollower(engine, clock, jobs, commands=commands, urls=urls, standings=update_standings),
        uploads=UploadService(
            database,
            clock,
            jobs,
            registry=registry,
            projects=projects,
            live=live,
            urls=urls,
            standings=upload_standings,
        ),
        upload_follower=UploadFollower(
            engine, clock, jobs, live=live, commands=commands, urls=urls, standings=upload_standings
        ),
        receiver=UploadReceiver(database, clock, urls),
    )
