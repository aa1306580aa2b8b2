"""What is known of a charge point's inside, in the reference's shape (REF "Get diagnostics"), from what it said itself (pure).

`diagnostics_service` gathers what was told and calls `diagnose`. What was not told is None; nothing is ever supposed.
"""

import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sliproad.features.charge_points.live_model import ConnectorStatus, LiveState
from sliproad.features.device_model.model import Variable

READ_ONLY = "ReadOnly"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

# 1.6 has no standard keys for these; vendors use names that say what they hold. Compared without case, `-`, `_`, `.` and spaces.
SIGNAL_KEYS = frozenset(
    {"signalstrength", "rssi", "modemsignalstrength", "gsmsignalstrength", "wifisignalstrength", "modemrssi"}
)
ADDRESS_KEYS = frozenset({"ipaddress", "localipaddress", "ethernetipaddress", "wifiipaddress"})
INTERFACE_KEYS = frozenset({"networkinterface", "activenetworkinterface"})
RCD_KEYS = frozenset({"rcdpresent", "hasrcd", "rcdinstalled"})
NTP_KEYS = frozenset({"ntpsynced", "ntpsynchronized", "ntpsynchronised"})
DNS_KEYS = frozenset({"dnsresolutionok", "dnsok"})

FEATURES_2X = {
    "localauthlistctrlr": "LocalAuthListManagement",
    "reservationctrlr": "Reservation",
    "smartchargingctrlr": "SmartCharging",
    "monitoringctrlr": "Monitoring",
    "displaymessagectrlr": "DisplayMessage",
    "tariffcostctrlr": "TariffCost",
    "iso15118ctrlr": "ISO15118",
    "v2xchargingctrlr": "V2X",
    "batteryswapctrlr": "BatterySwap",
    "paymentctrlr": "Payment",
    "webpaymentsctrlr": "WebPayments",
}
"""2.x controller components, whose variable Available says that the charge point has the feature, and the feature's name."""
WIRED, WIRELESS = "ethernet", "wireless"


@dataclass(frozen=True, slots=True)
class Firmware:
    version: str | None
    vendor: str | None
    last_updated: datetime | None
    """When the version that runs was installed by us; nobody else could know it."""


@dataclass(frozen=True, slots=True)
class Ocpp:
    version: str | None
    supported_features: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Network:
    interface: str | None
    ip_address: str | None
    """In the charge point's own network; how we see it is `Connection.remote_address`."""
    signal_strength: float | None
    dns_resolution_ok: bool | None
    ntp_synced: bool | None
    iccid: str | None


@dataclass(frozen=True, slots=True)
class Hardware:
    connectors: int | None
    meter_type: str | None
    rcd_present: bool | None
    vendor: str | None
    model: str | None
    serial_number: str | None
    meter_serial_number: str | None


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """How long our CALLs took to be answered in the last hour, in milliseconds; all None where there were none."""

    count: int
    median_ms: float | None
    p95_ms: float | None
    maximum_ms: float | None
    latest_ms: float | None


@dataclass(frozen=True, slots=True)
class Connection:
    connected: bool
    connected_at: datetime | None
    remote_address: str | None
    security_profile: int | None
    clock_skew_seconds: float | None
    """The charge point's clock minus ours."""
    reconnects_last_hour: int
    round_trips: RoundTrips


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """The reference's parts, and `connection`, which is ours."""

    firmware: Firmware
    ocpp: Ocpp
    network: Network
    hardware: Hardware
    configuration_readonly_keys: tuple[str, ...] | None
    connection: Connection


@dataclass(frozen=True, slots=True)
class Told:
    """What is known before anything is made of it. `durations_ms` are of our CALLs, the newest first."""

    live: LiveState
    connectors: Sequence[ConnectorStatus]
    variables: Sequence[Variable]
    durations_ms: Sequence[float]
    reconnects: int
    firmware_updated_at: datetime | None


def diagnose(told: Told) -> Diagnostics:
    """Everything, in the reference's shape."""
    live = told.live
    reader = _Reader16(told) if live.protocol_version in {None, "1.6"} else _Reader2x(told)
    return Diagnostics(
        firmware=Firmware(live.firmware_version, live.boot_vendor, told.firmware_updated_at),
        ocpp=Ocpp(live.protocol_version, reader.features()),
        network=Network(
            interface=reader.interface(),
            ip_address=reader.address(),
            signal_strength=reader.signal(),
            dns_resolution_ok=reader.truth(DNS_KEYS),
            ntp_synced=reader.truth(NTP_KEYS),
            iccid=live.iccid,
        ),
        hardware=Hardware(
            connectors=reader.connectors(),
            meter_type=reader.meter_type(),
            rcd_present=reader.rcd(),
            vendor=live.boot_vendor,
            model=live.boot_model,
            serial_number=live.boot_serial_number,
            meter_serial_number=live.meter_serial_number,
        ),
        configuration_readonly_keys=reader.read_only(),
        connection=Connection(
            connected=live.connected,
            connected_at=live.connected_at,
            remote_address=live.remote_address,
            security_profile=live.security_profile,
            clock_skew_seconds=live.clock_skew_seconds,
            reconnects_last_hour=told.reconnects,
            round_trips=round_trips(told.durations_ms),
        ),
    )


def round_trips(durations_ms: Sequence[float]) -> RoundTrips:
    """Their statistics, the newest first."""
    if not durations_ms:
        return RoundTrips(0, None, None, None, None)
    in_order = sorted(durations_ms)
    p95 = in_order[min(len(in_order) - 1, int(0.95 * len(in_order)))]
    return RoundTrips(
        len(in_order),
        round(statistics.median(in_order), 1),
        round(p95, 1),
        round(in_order[-1], 1),
        round(durations_ms[0], 1),
    )


class _Reader:
    """What both kinds of device model have in common: variables by their folded names."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.variables = [variable for variable in told.variables if variable.attribute == "Actual"]

    def value_of(self, names: Iterable[str]) -> str | None:
        """The first value told under one of these folded names, whatever the component."""
        wanted = frozenset(names)
        return next(
            (one.value for one in self.variables if folded(one.variable) in wanted and one.value not in {None, ""}),
            None,
        )

    def truth(self, names: Iterable[str]) -> bool | None:
        value = self.value_of(names)
        return None if value is None else TRUTHS.get(value.strip().lower())

    def signal(self) -> float | None:
        value = self.value_of(SIGNAL_KEYS)
        found = None if value is None else NUMBER.search(value)
        return None if found is None else float(found.group())

    def reported_connectors(self) -> int | None:
        """The connectors that have told a status; 1.6's connector 0 is the charge point itself."""
        return sum(1 for one in self.told.connectors if one.connector_id > 0) or None

    def read_only(self) -> tuple[str, ...] | None:
        """Names of what can't be written; None where nothing has been read yet."""
        if not self.variables:
            return None
        return tuple(sorted({self.label(one) for one in self.variables if one.mutability == READ_ONLY}))

    def label(self, variable: Variable) -> str:
        return variable.variable


class _Reader16(_Reader):
    """Configuration keys (1.6 §9), and the boot."""

    def key(self, name: str) -> str | None:
        return self.value_of({folded(name)})

    def features(self) -> tuple[str, ...] | None:
        told = self.key("SupportedFeatureProfiles")
        return None if told is None else tuple(name.strip() for name in told.split(",") if name.strip())

    def interface(self) -> str | None:
        return self.value_of(INTERFACE_KEYS)

    def address(self) -> str | None:
        return self.value_of(ADDRESS_KEYS)

    def connectors(self) -> int | None:
        told = self.key("NumberOfConnectors")
        return int(told) if told is not None and told.strip().isdecimal() else self.reported_connectors()

    def meter_type(self) -> str | None:
        return self.told.live.meter_type

    def rcd(self) -> bool | None:
        return self.truth(RCD_KEYS)


class _Reader2x(_Reader):
    """Components and variables (2.x Part 2, appendices)."""

    def label(self, variable: Variable) -> str:
        component = "/".join(filter(None, (variable.component, variable.component_instance)))
        return f"{component}.{'/'.join(filter(None, (variable.variable, variable.variable_instance)))}"

    def find(self, component: str, name: str, *, instance: str | None = None) -> str | None:
        """The value of a component's variable, regardless of case (2.x §2.1.3); of any EVSE."""
        return next(
            (
                one.value
                for one in self.variables
                if one.component.lower() == component.lower()
                and one.variable.lower() == name.lower()
                and one.value not in {None, ""}
                and (instance is None or one.component_instance == instance)
            ),
            None,
        )

    def features(self) -> tuple[str, ...] | None:
        """Core is what every 2.x charge point has; the rest by their controllers' Available."""
        if not self.variables:
            return None
        found = ["Core"]
        if self.find("OCPPCommCtrlr", "FileTransferProtocols"):
            found.append("FirmwareManagement")
        found += [name for component, name in FEATURES_2X.items() if is_true(self.find(component, "Available"))]
        return tuple(found)

    def interface(self) -> str | None:
        """NetworkConfiguration of the active slot (2.x B09): `Wired0` … or `Wireless0` …"""
        slot = self.find("OCPPCommCtrlr", "ActiveNetworkProfile")
        told = None if slot is None else self.find("NetworkConfiguration", "OcppInterface", instance=slot)
        if told is None:
            return None
        return WIRELESS if told.lower().startswith("wireless") else WIRED if told.lower().startswith("wired") else None

    def address(self) -> str | None:
        return self.find("DataLink", "NetworkAddress") or self.value_of(ADDRESS_KEYS)

    def connectors(self) -> int | None:
        places = {
            (one.evse_id, one.connector_id)
            for one in self.variables
            if one.component.lower() == "connector" and one.connector_id > 0
        }
        return len(places) or self.reported_connectors()

    def meter_type(self) -> str | None:
        return self.find("FiscalMetering", "Model") or self.told.live.meter_type

    def rcd(self) -> bool | None:
        """The component RCD is there, and not said to be absent."""
        if not any(one.component.lower() == "rcd" for one in self.variables):
            return None
        told = self.find("RCD", "Available") or self.find("RCD", "Present")
        return True if told is None else TRUTHS.get(told.strip().lower())


def folded(name: str) -> str:
    """A name without case and separators."""
    return re.sub(r"[-_. ]", "", name).lower()


def is_true(value: str | None) -> bool:
    return value is not None and value.strip().lower() == "true"
