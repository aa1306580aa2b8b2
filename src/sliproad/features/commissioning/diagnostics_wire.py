"""What is asked of a charge point for its diagnostics, and how the answers read (pure).

1.6: GetConfiguration (§5.8). 2.x: GetBaseReport, and GetVariables where there is no report (B06, B07). `diagnostics_collecting`
asks.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sliproad.features.commissioning.diagnostics import FEATURES_2X
from sliproad.features.device_model.model import ReadBack

KEYS_PER_READ = 10
VARIABLES_PER_READ = 4

KEYS_16 = (
    "SupportedFeatureProfiles",
    "NumberOfConnectors",
    "GetConfigurationMaxKeys",
    "AllowOfflineTxForUnknownId",
    "AuthorizationCacheEnabled",
    "AuthorizeRemoteTxRequests",
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "ClockAlignedDataInterval",
    "ConnectionTimeOut",
    "ConnectorPhaseRotation",
    "ConnectorPhaseRotationMaxLength",
    "ConnectorSwitch3to1PhaseSupported",
    "HeartbeatInterval",
    "LocalAuthListEnabled",
    "LocalAuthListMaxLength",
    "LocalAuthorizeOffline",
    "LocalPreAuthorize",
    "MaxChargingProfilesInstalled",
    "MaxEnergyOnInvalidId",
    "MeterValueSampleInterval",
    "MeterValuesAlignedData",
    "MeterValuesAlignedDataMaxLength",
    "MeterValuesSampledData",
    "MeterValuesSampledDataMaxLength",
    "MinimumStatusDuration",
    "ReserveConnectorZeroSupported",
    "ResetRetries",
    "SendLocalListMaxLength",
    "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId",
    "StopTxnAlignedData",
    "StopTxnAlignedDataMaxLength",
    "StopTxnSampledData",
    "StopTxnSampledDataMaxLength",
    "SupportedFeatureProfilesMaxLength",
    "SupportedFileTransferProtocols",
    "TransactionMessageAttempts",
    "TransactionMessageRetryInterval",
    "UnlockConnectorOnEVSideDisconnect",
    "WebSocketPingInterval",
)
"""The standard keys of 1.6 §9 and its errata, for charge points that can't be asked for all: what diagnostics show comes first."""

CONTROLLERS_2X = (
    "LocalAuthListCtrlr",
    "ReservationCtrlr",
    "SmartChargingCtrlr",
    "MonitoringCtrlr",
    "DisplayMessageCtrlr",
    "TariffCostCtrlr",
    "ISO15118Ctrlr",
    "V2XChargingCtrlr",
    "BatterySwapCtrlr",
    "PaymentCtrlr",
    "WebPaymentsCtrlr",
)
VARIABLES_2X = (
    ("ChargingStation", "Model"),
    ("ChargingStation", "SerialNumber"),
    ("ChargingStation", "FirmwareVersion"),
    ("OCPPCommCtrlr", "FileTransferProtocols"),
    ("OCPPCommCtrlr", "ActiveNetworkProfile"),
    ("FiscalMetering", "Available"),
    ("FiscalMetering", "Model"),
    ("RCD", "Available"),
    ("DataLink", "NetworkAddress"),
    ("DataLink", "SignalStrength"),
    *((controller, "Available") for controller in CONTROLLERS_2X),
)
"""For charge points that make no base report: component and variable."""
assert {name.lower() for name in CONTROLLERS_2X} == set(FEATURES_2X)


def all_keys() -> dict[str, Any]:
    """GetConfiguration of everything (1.6 §5.8)."""
    return {}


def some_keys(names: Iterable[str]) -> dict[str, Any]:
    """GetConfiguration of these."""
    return {"key": list(names)}


def keys_told(answer: Mapping[str, Any]) -> list[ReadBack]:
    """The keys of an answer."""
    return [
        ReadBack(
            variable=entry["key"],
            value=entry.get("value"),
            mutability="ReadOnly" if entry["readonly"] else "ReadWrite",
        )
        for entry in answer.get("configurationKey") or ()
    ]


def base_report(request_id: int) -> dict[str, Any]:
    """GetBaseReport of everything (B07)."""
    return {"requestId": request_id, "reportBase": "FullInventory"}


def some_variables(places: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """GetVariables of these components and variables (B06)."""
    data = [{"component": {"name": component}, "variable": {"name": name}} for component, name in places]
    return {"getVariableData": data}


def variables_told(answer: Mapping[str, Any]) -> list[ReadBack]:
    """The variables that the charge point has."""
    return [
        ReadBack(
            component=item["component"]["name"],
            component_instance=item["component"].get("instance") or "",
            variable=item["variable"]["name"],
            variable_instance=item["variable"].get("instance") or "",
            value=item.get("attributeValue"),
        )
        for item in answer["getVariableResult"]
        if item["attributeStatus"] == "Accepted"
    ]
