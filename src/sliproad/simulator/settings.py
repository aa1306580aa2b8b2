"""What one virtual charge point is told before it is switched on. Made by tests, scenarios and the command line."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from sliproad.simulator.faults import Fault

Version = Literal["1.6", "2.0.1", "2.1"]

SUBPROTOCOLS: dict[Version, str] = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1", "2.1": "ocpp2.1"}
SERIAL_NUMBER_LENGTH = 25  # OCPP 1.6 chargePointSerialNumber, OCPP 2.x serialNumber


@dataclass(kw_only=True)
class ChargerSettings:
    """A charge point's type plate, its connection and its manners.

    `time_scale` is how many times faster than the wall clock the vehicle's energy flows and a transaction's samples
    are taken (never more than two samples a second). All `*_seconds` are wall-clock seconds and are not scaled.
    `vehicle` is `auto` (a car is plugged in when a remote start asks for one and leaves afterwards) or `manual`.
    With `free_vend` anybody may charge: nobody is asked, and an Invalid in the answer to a start stops nothing.
    `validate` checks every frame against the official schemas of the `ocpp` package, which is slow: for tests.
    `authorization_key_form` is how a 1.6 charger sends a password that was written to AuthorizationKey: as it came, or
    decoded from hexadecimal.
    """

    url: str
    identity: str
    version: Version
    ledger_path: Path
    password: str | None = None
    basic_user: str | None = None
    append_identity: bool = True

    connectors: int = 1
    vendor: str = "Sliproad"
    model: str = "Virtual AC 22"
    serial_number: str = ""
    firmware_version: str = "3.4.1"
    max_power_w: int = 22_000
    battery_wh: int = 75_000
    meter_type: str | None = "MID certified"

    vehicle: Literal["auto", "manual"] = "auto"
    free_vend: bool = False
    plug_in_delay_seconds: float = 0.5
    reboot_seconds: float = 0.5
    firmware_stage_seconds: float = 0.3
    log_bytes: int = 64 * 1024
    reconnect_seconds: float = 0.5
    reconnect_max_seconds: float = 30.0
    answer_timeout_seconds: float = 30.0
    late_answer_seconds: float = 35.0
    heartbeat_interval_override: float | None = None
    sample_interval_override: float | None = None
    time_scale: float = 1.0

    authorization_key_form: Literal["as_written", "decoded"] = "as_written"
    faults: frozenset[str] = field(default_factory=frozenset)
    rejected_keys: frozenset[str] | None = None
    seed: int = 0
    validate: bool = False
    durable: bool = True

    def __post_init__(self) -> None:
        """Fill in the serial number and refuse what no charger can be.

        Raises:
            ValueError: an unknown version or fault, or no connector.
        """
        if self.version not in SUBPROTOCOLS:
            raise ValueError(f"no such OCPP version: {self.version}")
        unknown = self.faults - {fault.value for fault in Fault}
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        if self.connectors < 1:
            raise ValueError("a charge point has at least one connector")
        if not self.serial_number:
            self.serial_number = f"SN-{self.identity}"[:SERIAL_NUMBER_LENGTH]
        self.ledger_path = Path(self.ledger_path)

    def has(self, fault: Fault) -> bool:
        """Whether this charger misbehaves in this way."""
        return fault in self.faults

    @property
    def subprotocol(self) -> str:
        """The WebSocket subprotocol of the version (OCPP-J 1.6 §3.1.2, OCPP 2.x Part 4 §3.1)."""
        return SUBPROTOCOLS[self.version]

    @property
    def connection_url(self) -> str:
        """The URL that is dialled: OCPP clients append their identity, percent-encoded, to what they were given."""
        base = self.url.rstrip("/")
        if self.has(Fault.APPENDS_SERIAL_TO_URL):
            return f"{base}/{quote(self.serial_number, safe='')}"
        return f"{base}/{quote(self.identity, safe='')}" if self.append_identity else self.url

    @property
    def user(self) -> str:
        """The Basic user: the identity, or the serial number of a charger that calls itself by it."""
        if self.basic_user is not None:
            return self.basic_user
        return self.serial_number if self.has(Fault.APPENDS_SERIAL_TO_URL) else self.identity

    def authorization(self, password: str | None) -> dict[str, str]:
        """The header of OCPP security profiles 1 and 2; none without a password (profiles 0 and 3)."""
        if password is None:
            return {}
        secret = password.encode()
        if self.authorization_key_form == "decoded" and password != self.password:
            secret = bytes.fromhex(password)
        return {"Authorization": "Basic " + base64.b64encode(self.user.encode() + b":" + secret).decode()}
