"""What a well-configured charge point teaches: which of its settings belong into a template. Pure.

Only what can be written and means the same on another charge point: no secrets, identities, addresses, certificates, wiring.
"""

import re
from collections.abc import Mapping

from sliproad.features.commissioning.drift import Known
from sliproad.features.commissioning.templates import SHIPPED, Setting, Variable
from sliproad.features.commissioning.templates_rules import LONGEST_VALUE, READ_ONLY_16
from sliproad.ocpp.secret_settings import is_secret

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
OWN_WORDS = frozenset(
    {
        "address", "apn", "box", "certificate", "certificates", "csms", "csurl", "dns", "endpoint", "gateway", "host",
        "hostname", "iccid", "id", "identity", "imei", "imsi", "ip", "latitude", "login", "longitude", "mac", "netmask",
        "network", "organization", "phone", "pin", "proxy", "serial", "server", "sim", "ssid", "subnet", "uri", "url", "user",
        "username", "vpn", "wifi", "wlan",
    }
)  # fmt: skip
"""Names that hold one of these words tell of this charge point or its network, not of its model."""
OWN_NAMES = frozenset({"connectorphaserotation", "datetime", "securityprofile", "availabilitystate", "timezone"})
MEANT_FOR_ALL = frozenset({"stoptransactiononinvalidid", "maxenergyoninvalidid", "allowofflinetxforunknownid"}) | {
    "stoptxoninvalidid", "offlinetxforunknownidenabled",
}  # fmt: skip
"""They name ids of drivers, not of the charge point."""
REASONS = {
    **{setting.key: setting.reason for template in SHIPPED for setting in template.settings if setting.key},
    **{one.variable.label: one.reason for template in SHIPPED for one in template.settings if one.variable},
}
USUAL_KEYS = (
    "AllowOfflineTxForUnknownId", "AuthorizationCacheEnabled", "AuthorizeRemoteTxRequests", "BlinkRepeat", "ClockAlignedDataInterval",
    "ConnectionTimeOut", "HeartbeatInterval", "LightIntensity", "LocalAuthListEnabled", "LocalAuthorizeOffline",
    "LocalPreAuthorize", "MaxEnergyOnInvalidId", "MeterValueSampleInterval", "MeterValuesAlignedData", "MeterValuesSampledData",
    "MinimumStatusDuration", "ReserveConnectorZeroSupported", "ResetRetries", "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId", "StopTxnAlignedData", "StopTxnSampledData", "TransactionMessageAttempts",
    "TransactionMessageRetryInterval", "UnlockConnectorOnEVSideDisconnect", "WebSocketPingInterval",
)  # fmt: skip
"""OCPP 1.6 §9, those that can be written: asked for one by one where a charge point fails on all at once."""
USUAL_VARIABLES = tuple(
    Variable(*path)
    for path in (
        ("AlignedDataCtrlr", "Interval"), ("AlignedDataCtrlr", "Measurands"), ("AlignedDataCtrlr", "TxEndedInterval"),
        ("AlignedDataCtrlr", "TxEndedMeasurands"), ("AuthCacheCtrlr", "Enabled"), ("AuthCtrlr", "AuthorizeRemoteStart"),
        ("AuthCtrlr", "LocalAuthorizeOffline"), ("AuthCtrlr", "LocalPreAuthorize"), ("AuthCtrlr", "OfflineTxForUnknownIdEnabled"),
        ("LocalAuthListCtrlr", "Enabled"), ("OCPPCommCtrlr", "HeartbeatInterval"),
        ("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent"), ("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent"),
        ("OCPPCommCtrlr", "OfflineThreshold"), ("OCPPCommCtrlr", "ResetRetries"), ("OCPPCommCtrlr", "UnlockOnEVSideDisconnect"),
        ("OCPPCommCtrlr", "WebSocketPingInterval"), ("ReservationCtrlr", "NonEvseSpecific"), ("SampledDataCtrlr", "TxEndedInterval"),
        ("SampledDataCtrlr", "TxEndedMeasurands"), ("SampledDataCtrlr", "TxStartedMeasurands"),
        ("SampledDataCtrlr", "TxUpdatedInterval"), ("SampledDataCtrlr", "TxUpdatedMeasurands"), ("TxCtrlr", "EVConnectionTimeOut"),
        ("TxCtrlr", "MaxEnergyOnInvalidId"), ("TxCtrlr", "StopTxOnEVSideDisconnect"), ("TxCtrlr", "StopTxOnInvalidId"),
    )
)  # fmt: skip
"""The same for OCPP 2.x."""
SET_BY_BOOT = frozenset({"HeartbeatInterval", "OCPPCommCtrlr.HeartbeatInterval"})


def learn(version: str, known: Mapping[str | Variable, Known], charge_point_id: str) -> tuple[Setting, ...]:
    """The settings to make a template of, in the order of their names."""
    found = [
        _setting(version, place, one.value, charge_point_id)
        for place, one in known.items()
        if one.value is not None
        and one.value.strip()
        and not one.is_read_only
        and len(one.value) <= LONGEST_VALUE[version]
        and is_sensible(place)
    ]
    return tuple(sorted(found, key=lambda one: one.key or (one.variable.label if one.variable else "")))


def is_sensible(place: str | Variable) -> bool:
    """Whether another charge point of the model should have the same value."""
    name = place if isinstance(place, str) else place.variable
    whole = place if isinstance(place, str) else place.label
    if is_secret(whole) or name in READ_ONLY_16 or name.casefold() in OWN_NAMES:
        return False
    return name.casefold() in MEANT_FOR_ALL or not {word.casefold() for word in WORD.findall(name)} & OWN_WORDS


def _setting(version: str, place: str | Variable, value: str, charge_point_id: str) -> Setting:
    label = place if isinstance(place, str) else place.label
    return Setting(
        value,
        REASONS.get(label, f"As it was set on {charge_point_id}."),
        key=place if isinstance(place, str) else None,
        variable=None if isinstance(place, str) else place,
        set_by_boot=label in SET_BY_BOOT,
        version="2.1" if version == "2.1" else None,
    )
