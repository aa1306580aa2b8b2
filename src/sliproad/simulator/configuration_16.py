"""The configuration keys of a virtual OCPP 1.6 charge point (OCPP 1.6 §9) and the rules for writing them."""

from collections.abc import Callable
from dataclasses import dataclass

from sliproad.simulator.meter import IMPORT_REGISTER, MEASURANDS
from sliproad.simulator.settings import ChargerSettings
from sliproad.simulator.value_rules import (
    is_authorization_key,
    is_boolean,
    is_measurand_list,
    is_percentage,
    is_text,
    is_unsigned,
)

MOVABLE_VENDOR = "MicroOcpp"
BACKEND_KEY, IDENTITY_KEY = "Cst_BackendUrl", "Cst_ChargeBoxId"
"""Charge points of this vendor let the CSMS write where they connect to, under these keys."""
MAX_VALUE_LENGTH = 500
MAX_KEYS_PER_REQUEST = 20
DEFAULT_MEASURANDS = f"{IMPORT_REGISTER},Power.Active.Import,Current.Import,Voltage"
FEATURE_PROFILES = "Core,FirmwareManagement,LocalAuthListManagement,SmartCharging,RemoteTrigger"


@dataclass
class Key:
    """A configuration key. `accepts` is None for a read-only one; a write-only one is never shown."""

    value: str
    accepts: Callable[[str], bool] | None = None
    write_only: bool = False
    needs_reboot: bool = False


def factory_keys(settings: ChargerSettings) -> dict[str, Key]:
    """The keys of a charger fresh from the box."""
    number, boolean = is_unsigned, is_boolean
    movable = {
        BACKEND_KEY: Key(settings.url, is_text, needs_reboot=True),
        IDENTITY_KEY: Key(settings.identity, is_text, needs_reboot=True),
    }
    return (movable if settings.vendor == MOVABLE_VENDOR else {}) | {
        "AllowOfflineTxForUnknownId": Key("false", boolean),
        "AuthorizationCacheEnabled": Key("false", boolean),
        "AuthorizationKey": Key("", is_authorization_key, write_only=True),
        "AuthorizeRemoteTxRequests": Key("false", boolean),
        "BlinkRepeat": Key("3", number),
        "ChargeProfileMaxStackLevel": Key("8"),
        "ChargingScheduleAllowedChargingRateUnit": Key("Current,Power"),
        "ChargingScheduleMaxPeriods": Key("24"),
        "ClockAlignedDataInterval": Key("0", number),
        "ConnectionTimeOut": Key("60", number),
        "ConnectorPhaseRotation": Key("0.RST", is_text),
        "ConnectorPhaseRotationMaxLength": Key(str(settings.connectors + 1)),
        "GetConfigurationMaxKeys": Key(str(MAX_KEYS_PER_REQUEST)),
        "HeartbeatInterval": Key("300", number),
        "LightIntensity": Key("80", is_percentage),
        "LocalAuthListEnabled": Key("true", boolean),
        "LocalAuthListMaxLength": Key("500"),
        "LocalAuthorizeOffline": Key("true", boolean),
        "LocalPreAuthorize": Key("false", boolean),
        "MaxChargingProfilesInstalled": Key("16"),
        "MaxEnergyOnInvalidId": Key("0", number),
        "MeterValueSampleInterval": Key("60", number),
        "MeterValuesAlignedData": Key(IMPORT_REGISTER, is_measurand_list),
        "MeterValuesAlignedDataMaxLength": Key(str(len(MEASURANDS))),
        "MeterValuesSampledData": Key(DEFAULT_MEASURANDS, is_measurand_list),
        "MeterValuesSampledDataMaxLength": Key(str(len(MEASURANDS))),
        "MinimumStatusDuration": Key("0", number),
        "NumberOfConnectors": Key(str(settings.connectors)),
        "ResetRetries": Key("3", number),
        "SendLocalListMaxLength": Key("100"),
        "StopTransactionOnEVSideDisconnect": Key("true", boolean),
        "StopTransactionOnInvalidId": Key("true", boolean),
        "StopTxnAlignedData": Key("", is_measurand_list),
        "StopTxnAlignedDataMaxLength": Key(str(len(MEASURANDS))),
        "StopTxnSampledData": Key("", is_measurand_list),
        "StopTxnSampledDataMaxLength": Key(str(len(MEASURANDS))),
        "SupportedFeatureProfiles": Key(FEATURE_PROFILES),
        "SupportedFeatureProfilesMaxLength": Key("6"),
        "TransactionMessageAttempts": Key("3", number),
        "TransactionMessageRetryInterval": Key("10", number),
        "UnlockConnectorOnEVSideDisconnect": Key("true", boolean),
        "WebSocketPingInterval": Key("60", number, needs_reboot=True),
    }


class Configuration:
    """The keys of one charger: what they are, what they will be after a reboot, what was written to them."""

    def __init__(self, settings: ChargerSettings, written: dict[str, str]) -> None:
        """`written` is what earlier writes left behind, by key."""
        self._keys = factory_keys(settings)
        self._after_reboot: dict[str, str] = {}
        for name, value in written.items():
            if name in self._keys:
                self._keys[name].value = value

    def __getitem__(self, name: str) -> str:
        return self._keys[name].value

    def __setitem__(self, name: str, value: str) -> None:
        self._keys[name].value = value

    def names(self) -> list[str]:
        """All keys that can be read."""
        return [name for name, key in self._keys.items() if not key.write_only]

    def describe(self, name: str) -> dict[str, object] | None:
        """The KeyValue of a key; None for an unknown one. A write-only key shows no value."""
        key = self._keys.get(name)
        if key is None:
            return None
        if key.write_only:
            return {"key": name, "readonly": False}
        return {"key": name, "readonly": key.accepts is None, "value": key.value}

    def write(self, name: str, value: str) -> str:
        """Write a key as ChangeConfiguration does; returns its ConfigurationStatus."""
        key = self._keys.get(name)
        if key is None:
            return "NotSupported"
        if key.accepts is None or len(value) > MAX_VALUE_LENGTH or not key.accepts(value):
            return "Rejected"
        value = value.lower() if key.accepts is is_boolean else value
        if key.needs_reboot:
            self._after_reboot[name] = value
            return "RebootRequired"
        key.value = value
        return "Accepted"

    def apply_reboot(self) -> None:
        """Let the values take effect that were waiting for a reboot."""
        for name, value in self._after_reboot.items():
            self._keys[name].value = value
        self._after_reboot.clear()
