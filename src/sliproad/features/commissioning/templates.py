"""What a template is, and the two that ship with the product (the reference's), as constants: what to set, why, which steps to take.

`configuration` writes the settings, `workflow.begin` makes the steps, `templates_routes` lists them. 1.6 knows configuration
keys, 2.x variables of components; each setting says both, where both exist. Organisations' own are in `templates_store`.
"""

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from sliproad.foundation.language import marked

REGISTER = "Energy.Active.Import.Register"
LARGEST_AC_KW = 43.0
"""What Type 2 carries as AC (IEC 62196-2: 63 A, three phases); more power means DC."""
STEP_TIME_LIMITS_SECONDS: dict[str, float] = {
    "connectivity": 90,
    "heartbeat": 120,
    "firmware_update": 3600,
    "firmware_version": 60,
    "configuration": 420,
    "connector_test": 180,
    "meter_calibration": 180,
    "test_transaction": 900,
}
STEP_ESTIMATES_SECONDS = {
    "connectivity": 5,
    "heartbeat": 10,
    "firmware_update": 300,
    "firmware_version": 5,
    "configuration": 40,
    "connector_test": 15,
    "meter_calibration": 20,
    "test_transaction": 60,
}


class Variable(NamedTuple):
    """A variable of the 2.x device model."""

    component: str
    variable: str
    instance: str | None = None

    @property
    def label(self) -> str:
        """How people read it: `OCPPCommCtrlr.MessageAttempts[TransactionEvent]`."""
        return f"{self.component}.{self.variable}" + (f"[{self.instance}]" if self.instance else "")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value to set: its 1.6 key, its 2.x variable, and why.

    `set_by_boot`: a charge point takes this value from the answer to its BootNotification, so that a reboot undoes it until it
    is commissioned. Not `required`: a read-only other value is listed, not fatal.
    """

    value: str
    reason: str
    key: str | None = None
    variable: Variable | None = None
    required: bool = True
    set_by_boot: bool = False
    version: str | None = None
    """The OCPP version that this setting is for alone; None: every version that knows its key or variable."""

    def is_for(self, version: str) -> bool:
        """Whether a charge point of this OCPP version is given this setting."""
        place = self.key if version == "1.6" else self.variable
        return place is not None and self.version in {None, version}


@dataclass(frozen=True, slots=True)
class FirmwareExpectation:
    """Which firmware a template is meant for; both ends belong to the range, None leaves an end open.

    `update_to` is firmware of the organisation's library that a charge point below the range is given before it is configured.
    """

    minimum: str | None = None
    maximum: str | None = None
    on_mismatch: Literal["fail", "warn"] = "warn"
    update_to: str | None = None

    def verdict(self, version: str) -> Literal["below", "within", "above"]:
        """Where a version lies."""
        if self.minimum is not None and firmware_order(version) < firmware_order(self.minimum):
            return "below"
        if self.maximum is not None and firmware_order(version) > firmware_order(self.maximum):
            return "above"
        return "within"

    def words(self) -> str:
        """The range for people: `3.2.0 or newer`."""
        if self.minimum is not None and self.maximum is not None:
            return f"{self.minimum} to {self.maximum}"
        return f"{self.minimum} or newer" if self.minimum is not None else f"{self.maximum} or older"


def firmware_order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts versions as people read them: numbers by value, words before numbers, closing zeros without meaning."""
    parts = re.findall(r"[0-9]+|[a-z]+", version.casefold().strip().removeprefix("v"))
    order = [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
    while order and order[-1] == (1, 0, ""):
        order.pop()
    return tuple(order)


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template; it never changes."""

    template_id: str
    name: str
    description: str
    compatible_models: tuple[str, ...]
    steps: tuple[str, ...]
    settings: tuple[Setting, ...]
    minimum_energy_wh: int
    """What a test transaction must deliver at least."""
    created_at: datetime
    time_limits_seconds: Mapping[str, float] = field(default_factory=dict)
    version: int = 1
    organization_id: str | None = None
    """Whose it is; None: it ships with the product."""
    configuration_reject: Literal["fail", "continue"] = "fail"
    """What a required key that is refused, read-only or read back otherwise means for the step."""
    availability_round_trip: bool = False
    """Whether the connector test takes each connector out of service and back."""
    faulted_connector: Literal["warn", "fail"] = "warn"
    """What a connector that reports Faulted means for the connector test: it did report."""
    firmware: FirmwareExpectation | None = None

    @property
    def is_shipped(self) -> bool:
        return self.organization_id is None

    @property
    def updates_firmware(self) -> bool:
        """Whether sessions have a step that updates older firmware."""
        return self.firmware is not None and self.firmware.update_to is not None

    def settings_for(self, version: str) -> tuple[Setting, ...]:
        """What a charge point of this OCPP version is given."""
        return tuple(setting for setting in self.settings if setting.is_for(version))

    def time_limit_seconds(self, step: str) -> float:
        """How long the step may take."""
        return self.time_limits_seconds.get(step, STEP_TIME_LIMITS_SECONDS[step])


SETTINGS = (
    Setting(
        "120",
        marked("Gives the driver two minutes to plug in after presenting a card."),
        key="ConnectionTimeOut",
        variable=Variable("TxCtrlr", "EVConnectionTimeOut"),
    ),
    Setting(
        "true",
        marked(
            "Ends the transaction when the cable is pulled on the vehicle's side, so that nobody pays for another's charging."
        ),
        key="StopTransactionOnEVSideDisconnect",
        variable=Variable("TxCtrlr", "StopTxOnEVSideDisconnect"),
    ),
    Setting(
        "true",
        marked("Ends a transaction that began offline and whose token turns out to be invalid."),
        key="StopTransactionOnInvalidId",
        variable=Variable("TxCtrlr", "StopTxOnInvalidId"),
    ),
    Setting(
        "true",
        marked("Releases the cable at the charge point when the driver unplugs the vehicle."),
        key="UnlockConnectorOnEVSideDisconnect",
    ),
    Setting(
        "false",
        marked("Asks the platform about every token, so that a blocked card never starts a charge."),
        key="LocalPreAuthorize",
        variable=Variable("AuthCtrlr", "LocalPreAuthorize"),
    ),
    Setting(
        "60",
        marked("A meter value a minute during a transaction: enough for a live display and a correct bill."),
        key="MeterValueSampleInterval",
        variable=Variable("SampledDataCtrlr", "TxUpdatedInterval"),
    ),
    Setting(
        f"{REGISTER},Power.Active.Import,Current.Import,Voltage",
        marked("Energy for the bill; power, current and voltage to find faults from afar."),
        key="MeterValuesSampledData",
        variable=Variable("SampledDataCtrlr", "TxUpdatedMeasurands"),
    ),
    Setting(
        REGISTER,
        marked("The register at the end of a transaction: what is billed."),
        variable=Variable("SampledDataCtrlr", "TxEndedMeasurands"),
    ),
    Setting(
        REGISTER,
        marked("The register at the start of a transaction: what the bill is counted from."),
        variable=Variable("SampledDataCtrlr", "TxStartedMeasurands"),
    ),
    Setting(
        "900",
        marked("Register readings at every quarter of an hour, outside transactions too, show a meter that drifts."),
        key="ClockAlignedDataInterval",
        variable=Variable("AlignedDataCtrlr", "Interval"),
    ),
    Setting(
        REGISTER,
        marked("The register suffices for the quarter-hourly readings."),
        key="MeterValuesAlignedData",
        variable=Variable("AlignedDataCtrlr", "Measurands"),
    ),
    Setting(
        "5",
        marked("A transaction message is tried five times before the charge point gives it up."),
        key="TransactionMessageAttempts",
        variable=Variable("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent"),
    ),
    Setting(
        "true",
        marked("Lets a driver reserve the charge point without choosing a connector; many charge points can't."),
        key="ReserveConnectorZeroSupported",
        variable=Variable("ReservationCtrlr", "NonEvseSpecific"),
        required=False,
    ),
)
HEARTBEAT = Setting(
    "300",
    marked("A heartbeat every five minutes keeps the clock right; pings already show a lost connection."),
    key="HeartbeatInterval",
    variable=Variable("OCPPCommCtrlr", "HeartbeatInterval"),
    set_by_boot=True,
)

STANDARD_AC = Template(
    template_id="tpl_standard_ac_22kw",
    name="Standard AC 22kW",
    description=marked("Default commissioning for Type 2 AC chargers up to 22kW."),
    compatible_models=("ABB Terra AC W22-G5", "Schneider EVlink Pro AC"),
    steps=("connectivity", "heartbeat", "configuration", "test_transaction"),
    settings=(*SETTINGS, HEARTBEAT),
    minimum_energy_wh=10,
    created_at=datetime(2024, 1, 1, tzinfo=UTC),
)
DC_RAPID = Template(
    template_id="tpl_dc_rapid_50kw",
    name="DC Rapid 50kW",
    description=marked("Commissioning template for DC rapid chargers with CHAdeMO and CCS connectors."),
    compatible_models=("ABB Terra 54 CJG", "Tritium PKM75"),
    steps=("connectivity", "heartbeat", "configuration", "connector_test", "test_transaction"),
    settings=(
        *(setting for setting in SETTINGS if setting.key != "UnlockConnectorOnEVSideDisconnect"),
        Setting(
            "3",
            marked("A reset that fails is tried three times before a technician is needed."),
            key="ResetRetries",
            variable=Variable("OCPPCommCtrlr", "ResetRetries"),
        ),
        HEARTBEAT,
    ),
    minimum_energy_wh=50,
    created_at=datetime(2024, 1, 1, tzinfo=UTC),
)
SHIPPED = (STANDARD_AC, DC_RAPID)


def by_id(template_id: str, templates: Sequence[Template] = SHIPPED) -> Template | None:
    """The template of that id among those visible, or None."""
    return next((template for template in templates if template.template_id == template_id), None)


def default_for(vendor: str, model: str, max_power_kw: float | None, own: Sequence[Template] = ()) -> Template:
    """The template for a model: the organisation's own that names it, then a shipped one, else DC above 43 kW, else AC.

    Of several, the one that names it most exactly; of those, the first of `own`.
    """
    for templates in (own, SHIPPED):
        fitting = [(fit, template) for template in templates if (fit := fits(template, vendor, model)) is not None]
        if fitting:
            return max(fitting, key=lambda found: found[0])[1]
    return DC_RAPID if max_power_kw is not None and max_power_kw > LARGEST_AC_KW else STANDARD_AC


def fits(template: Template, vendor: str, model: str) -> int | None:
    """How exactly a template names a model, with or without its vendor, in any case; None where it does not.

    `*` and `?` in `compatible_models` stand for any letters and any one letter.
    """
    names = {model.casefold().strip(), f"{vendor} {model}".casefold().strip()}
    exactness = [
        _exactness(pattern)
        for pattern in (pattern.casefold().strip() for pattern in template.compatible_models)
        if any(fnmatch.fnmatchcase(name, pattern.replace("[", "[[]")) for name in names)
    ]
    return max(exactness, default=None)


def _exactness(pattern: str) -> int:
    return 10_000 if not set(pattern) & {"*", "?"} else len(pattern.replace("*", ""))
