"""Which side sends which action, and which actions carry a transaction.

The official schemas don't say who sends a message. The gateway refuses with `NotSupported` what only we may send; the
commands feature offers what only we may send; the validator is lenient with what must not be lost. OCPP 1.6 §4 and
§5, the 1.6 security whitepaper, 2.x Part 2 §1.
"""

from __future__ import annotations

from typing import Final

from sliproad.ocpp.versions import OcppVersion

_FROM_CHARGE_POINT_16: Final = frozenset(
    {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
)
_FROM_CHARGE_POINT_201: Final = frozenset(
    {
        "Authorize",
        "BootNotification",
        "ClearedChargingLimit",
        "DataTransfer",
        "FirmwareStatusNotification",
        "Get15118EVCertificate",
        "GetCertificateStatus",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "NotifyChargingLimit",
        "NotifyCustomerInformation",
        "NotifyDisplayMessages",
        "NotifyEVChargingNeeds",
        "NotifyEVChargingSchedule",
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyReport",
        "PublishFirmwareStatusNotification",
        "ReportChargingProfiles",
        "ReservationStatusUpdate",
        "SecurityEventNotification",
        "SignCertificate",
        "StatusNotification",
        "TransactionEvent",
    }
)
_FROM_CHARGE_POINT_21: Final = _FROM_CHARGE_POINT_201 | {
    "BatterySwap",
    "ClosePeriodicEventStream",
    "GetCertificateChainStatus",
    "NotifyDERAlarm",
    "NotifyDERStartStop",
    "NotifyPeriodicEventStream",
    "NotifyPriorityCharging",
    "NotifySettlement",
    "OpenPeriodicEventStream",
    "PullDynamicScheduleUpdate",
    "ReportDERControl",
    "VatNumberValidation",
}
_FROM_CHARGE_POINT: Final = {
    OcppVersion.V16: _FROM_CHARGE_POINT_16,
    OcppVersion.V201: _FROM_CHARGE_POINT_201,
    OcppVersion.V21: _FROM_CHARGE_POINT_21,
}
_FROM_BOTH: Final = frozenset({"DataTransfer"})
_TRANSACTION_16: Final = frozenset({"StartTransaction", "StopTransaction", "MeterValues"})
_TRANSACTION_2X: Final = frozenset({"TransactionEvent", "MeterValues"})


def sent_by_charge_point(version: OcppVersion, action: str) -> bool:
    """Tell whether a charge point of `version` may send `action`."""
    return action in _FROM_CHARGE_POINT[version]


def sent_by_csms(version: OcppVersion, action: str) -> bool:
    """Tell whether we may send `action`, given that it is an action of `version` at all (`validation.is_known`)."""
    return action in _FROM_BOTH or action not in _FROM_CHARGE_POINT[version]


def is_transaction_message(version: OcppVersion, action: str) -> bool:
    """Tell whether refusing `action` would lose a part of a transaction (1.6 §3.7, 2.x Part 2 E)."""
    return action in (_TRANSACTION_2X if version.is_2x else _TRANSACTION_16)
