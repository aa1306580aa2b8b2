"""The templates that ship with the product (the reference's two), as constants: what to set, why, and which steps to take.

`configuration` writes the settings, `workflow.begin` makes the steps, `routes` lists them. 1.6 knows configuration keys, 2.x
variables of components; each setting says both, where both exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

REGISTER = "Energy.Active.Import.Register"
LARGEST_AC_KW = 43.0
"""What Type 2 carries as AC (IEC 62196-2: 63 A, three phases); more power means DC."""
STEP_TIME_LIMITS_SECONDS: dict[str, float] = {
    "connectivity": 90,
    "heartbeat": 120,
    "firmware_version": 60,
    "configuration": 420,
    "connector_test": 180,
    "meter_calibration": 180,
    "test_transaction": 900,
}
STEP_ESTIMATES_SECONDS = {
    "connectivity": 5,
    "heartbeat": 10,
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


@dataclass(frozen=True, slots=True)
class Template:
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

    def time_limit_seconds(self, step: str) -> float:
        """How long the step may take."""
        return self.time_limits_seconds.get(step, STEP_TIME_LIMITS_SECONDS[step])


SETTINGS = (
    Setting(
        "120",
        "Gives the driver two minutes to plug in after presenting a card.",
        key="ConnectionTimeOut",
        variable=Variable("TxCtrlr", "EVConnectionTimeOut"),
    ),
    Setting(
        "true",
        "Ends the transaction when the cable is pulled on the vehicle's side, so that nobody pays for another's charging.",
        key="StopTransactionOnEVSideDisconnect",
        variable=Variable("TxCtrlr", "StopTxOnEVSideDisconnect"),
    ),
    Setting(
        "true",
        "Ends a transaction that began offline and whose token turns out to be invalid.",
        key="StopTransactionOnInvalidId",
        variable=Variable("TxCtrlr", "StopTxOnInvalidId"),
    ),
    Setting(
        "true",
        "Releases the cable at the charge point when the driver unplugs the vehicle.",
        key="UnlockConnectorOnEVSideDisconnect",
    ),
    Setting(
        "false",
        "Asks the platform about every token, so that a blocked card never starts a charge.",
        key="LocalPreAuthorize",
        variable=Variable("AuthCtrlr", "LocalPreAuthorize"),
    ),
    Setting(
        "60",
        "A meter value a minute during a transaction: enough for a live display and a correct bill.",
        key="MeterValueSampleInterval",
        variable=Variable("SampledDataCtrlr", "TxUpdatedInterval"),
    ),
    Setting(
        f"{REGISTER},Power.Active.Import,Current.Import,Voltage",
        "Energy for the bill; power, current and voltage to find faults from afar.",
        key="MeterValuesSampledData",
        variable=Variable("SampledDataCtrlr", "TxUpdatedMeasurands"),
    ),
    Setting(
        REGISTER,
        "The register at the end of a transaction: what is billed.",
        variable=Variable("SampledDataCtrlr", "TxEndedMeasurands"),
    ),
    Setting(
        REGISTER,
        "The register at the start of a transaction: what the bill is counted from.",
        variable=Variable("SampledDataCtrlr", "TxStartedMeasurands"),
    ),
    Setting(
        "900",
        "Register readings at every quarter of an hour, outside transactions too, show a meter that drifts.",
        key="ClockAlignedDataInterval",
        variable=Variable("AlignedDataCtrlr", "Interval"),
    ),
    Setting(
        REGISTER,
        "The register suffices for the quarter-hourly readings.",
        key="MeterValuesAlignedData",
        variable=Variable("AlignedDataCtrlr", "Measurands"),
    ),
    Setting(
        "5",
        "A transaction message is tried five times before the charge point gives it up.",
        key="TransactionMessageAttempts",
        variable=Variable("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent"),
    ),
    Setting(
        "true",
        "Lets a driver reserve the charge point without choosing a connector; many charge points can't.",
        key="ReserveConnectorZeroSupported",
        variable=Variable("ReservationCtrlr", "NonEvseSpecific"),
        required=False,
    ),
)
HEARTBEAT = Setting(
    "300",
    "A heartbeat every five minutes keeps the clock right; pings already show a lost connection.",
    key="HeartbeatInterval",
    variable=Variable("OCPPCommCtrlr", "HeartbeatInterval"),
    set_by_boot=True,
)

STANDARD_AC = Template(
    template_id="tpl_standard_ac_22kw",
    name="Standard AC 22kW",
    description="Default commissioning for Type 2 AC chargers up to 22kW.",
    compatible_models=("ABB Terra AC W22-G5", "Schneider EVlink Pro AC"),
    steps=("connectivity", "heartbeat", "configuration", "test_transaction"),
    settings=(*SETTINGS, HEARTBEAT),
    minimum_energy_wh=10,
    created_at=datetime(2024, 1, 1, tzinfo=UTC),
)
DC_RAPID = Template(
    template_id="tpl_dc_rapid_50kw",
    name="DC Rapid 50kW",
    description="Commissioning template for DC rapid chargers with CHAdeMO and CCS connectors.",
    compatible_models=("ABB Terra 54 CJG", "Tritium PKM75"),
    steps=("connectivity", "heartbeat", "configuration", "connector_test", "test_transaction"),
    settings=(
        *(setting for setting in SETTINGS if setting.key != "UnlockConnectorOnEVSideDisconnect"),
        Setting(
            "3",
            "A reset that fails is tried three times before a technician is needed.",
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


def default_for(
    vendor: str, model: str, max_power_kw: float | None, templates: Sequence[Template] = SHIPPED
) -> Template:
    """The template for a model: one that names it (with or without its vendor, in any case), else DC above 43 kW, else AC."""
    names = {model.casefold().strip(), f"{vendor} {model}".casefold().strip()}
    for template in templates:
        if names & {compatible.casefold() for compatible in template.compatible_models}:
            return template
    return DC_RAPID if max_power_kw is not None and max_power_kw > LARGEST_AC_KW else STANDARD_AC
