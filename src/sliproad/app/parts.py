"""What a process is made of below its features."""

from dataclasses import dataclass

from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.documents.identity import SigningIdentity
from sliproad.foundation.documents.signing import TimestampService
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.outbound import OutboundClient
from sliproad.foundation.settings import Settings


@dataclass(frozen=True)
class Parts:
    """What a process is made of below its features; `wiring` opens and closes them."""

    settings: Settings
    clock: Clock
    secret_key: SecretKey
    database: Database
    """Speaks as the role of the process: `web` in the web process, `engine` in a worker."""
    engine: Database
    bus: Bus
    jobs: Jobs
    client: OutboundClient
    jwt_key: bytes
    identity: SigningIdentity
    timestamp_service: TimestampService | None

    @property
    def public_url(self) -> str:
        return self.settings.public_url or f"http://{self.settings.http_host}:{self.settings.http_port}"

    @property
    def ocpp_public_url(self) -> str:
        return self.settings.ocpp_public_url or f"ws://{self.settings.ocpp_host}:{self.settings.ocpp_port}"
