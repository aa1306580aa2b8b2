"""What an organisation may write into a template, told field by field before anything is kept. Pure; `templates_service` asks.

Value lengths are those of ocpp.md: 500, 1000 and 2500 characters for 1.6, 2.0.1 and 2.1 (checked where the body is read).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sliproad.features.commissioning.templates import FirmwareExpectation, Setting
from sliproad.foundation.errors import FieldError, InvalidInput
from sliproad.ocpp.secret_settings import is_secret

StepName = Literal[
    "connectivity", "heartbeat", "configuration", "connector_test", "meter_calibration", "test_transaction"
]
LONGEST_VALUE = {"1.6": 500, "2.0.1": 1000, "2.1": 2500}
LIMITED_STEPS = frozenset({"firmware_version", "firmware_update"})
"""Steps that a template doesn't list and may set a time limit for all the same."""
READ_ONLY_16 = frozenset(
    {
        "ChargeProfileMaxStackLevel",
        "ChargingScheduleAllowedChargingRateUnit",
        "ChargingScheduleMaxPeriods",
        "ConnectorPhaseRotationMaxLength",
        "ConnectorSwitch3to1PhaseSupported",
        "GetConfigurationMaxKeys",
        "LocalAuthListMaxLength",
        "MaxChargingProfilesInstalled",
        "MeterValuesAlignedDataMaxLength",
        "MeterValuesSampledDataMaxLength",
        "NumberOfConnectors",
        "SendLocalListMaxLength",
        "StopTxnAlignedDataMaxLength",
        "StopTxnSampledDataMaxLength",
        "SupportedFeatureProfiles",
        "SupportedFeatureProfilesMaxLength",
    }
)
"""OCPP 1.6 §9: these only tell."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody says about a template: everything that its number and its time don't say."""

    name: str
    description: str
    compatible_models: tuple[str, ...]
    steps: tuple[str, ...]
    settings: tuple[Setting, ...]
    minimum_energy_wh: int
    time_limits_seconds: Mapping[str, float]
    configuration_reject: Literal["fail", "continue"]
    availability_round_trip: bool
    faulted_connector: Literal["warn", "fail"]
    firmware: FirmwareExpectation | None


def check(draft: Draft) -> None:
    """Refuse what no session could run.

    Raises:
        InvalidInput: naming every wrong field.
    """
    wrong = (*_steps(draft), *_settings(draft), *_firmware(draft))
    if wrong:
        raise InvalidInput("; ".join(f"{one.field} {one.message}" for one in wrong[:3]), wrong)


def _steps(draft: Draft) -> Iterator[FieldError]:
    for at, name in enumerate(draft.steps):
        if name in draft.steps[:at]:
            yield FieldError(f"steps.{at}", f"{name} is there twice")
    if "connectivity" in draft.steps[1:]:
        yield FieldError("steps", "connectivity comes first")
    for name in draft.time_limits_seconds:
        if name not in draft.steps and name not in LIMITED_STEPS:
            yield FieldError(f"time_limits_seconds.{name}", "is not one of the template's steps")


def _settings(draft: Draft) -> Iterator[FieldError]:
    seen: Counter[tuple[str, str]] = Counter()
    places: Counter[str] = Counter()
    for setting in draft.settings:
        version = "1.6" if setting.key is not None else setting.version or "2.0.1"
        field = f"configuration.{version}.{places[version]}"
        places[version] += 1
        label = setting.key or (setting.variable.label if setting.variable else "")
        seen[version, label.casefold()] += 1
        if seen[version, label.casefold()] > 1:
            yield FieldError(field, f"{label} is there twice")
        if is_secret(label):
            yield FieldError(field, f"{label} holds a secret; change it by rotate-password, never by a template")
        if setting.key in READ_ONLY_16:
            yield FieldError(field, f"{label} is read-only in OCPP 1.6")


def _firmware(draft: Draft) -> Iterator[FieldError]:
    firmware = draft.firmware
    if firmware is None:
        return
    if firmware.minimum is None and firmware.maximum is None:
        yield FieldError("firmware", "needs a minimum, a maximum or both")
    elif firmware.maximum is not None and firmware.verdict(firmware.maximum) == "below":
        yield FieldError("firmware.maximum", f"is older than the minimum {firmware.minimum}")
    if firmware.update_to is not None and firmware.minimum is None:
        yield FieldError("firmware.update_to", "needs a minimum: what is older than that is updated")
