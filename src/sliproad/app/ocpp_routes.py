"""Which feature handles which message of which OCPP version: the whole inbound side on one page. `wiring` calls `routes`.

An action of the version that is not in the table is kept in the frame log and answered with an empty result where its answer
may be empty; where it may not, with NotSupported, so that nobody is told a made-up value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sliproad.features.authorization.model import Authorize
from sliproad.features.authorization.ocpp import authorize_2x, authorize_16
from sliproad.features.charge_points import ocpp as charge_points
from sliproad.features.charging import ocpp as charging
from sliproad.features.device_model import ocpp as device_model
from sliproad.features.firmware import ocpp as firmware
from sliproad.features.security.events_ocpp import security_event_notification
from sliproad.foundation.inbound import Handler, Outcome, Peer, Received
from sliproad.ocpp.errors import CallRefused, ErrorCode
from sliproad.ocpp.validation import actions, answer_may_be_empty
from sliproad.ocpp.versions import OcppVersion

ANY_ACTION = "*"
"""The action of the handler for whatever is not in the table."""

Routes = Mapping[tuple[str, str], Handler]


@dataclass(frozen=True, slots=True)
class InboundSettings:
    """What handlers must know beforehand."""

    heartbeat_seconds: int
    """Heartbeat interval of a commissioned charge point."""
    commissioning_heartbeat_seconds: int
    """The one until then."""
    authorize: Authorize
    """May this token charge at this charge point?"""


def routes(settings: InboundSettings) -> Routes:
    """(version, action) -> handler; (version, "*") is the fallback."""
    boot = charge_points.boot_notification(settings.heartbeat_seconds, settings.commissioning_heartbeat_seconds)
    may = settings.authorize
    table: dict[str, tuple[Handler | None, Handler | None]] = {
        # action                            1.6                                       2.0.1 and 2.1
        "Authorize": (authorize_16(may), authorize_2x(may)),
        "BootNotification": (boot, boot),
        "DataTransfer": (data_transfer, data_transfer),
        "DiagnosticsStatusNotification": (firmware.status_notification("diagnostics"), None),
        "FirmwareStatusNotification": (firmware.status_notification("firmware"),) * 2,
        "Heartbeat": (charge_points.heartbeat, charge_points.heartbeat),
        "LogStatusNotification": (firmware.status_notification("log"),) * 2,
        "MeterValues": (charging.meter_values_16, charging.meter_values_2x),
        "NotifyEvent": (None, device_model.notify_event),
        "NotifyReport": (None, device_model.notify_report),
        "SecurityEventNotification": (security_event_notification, security_event_notification),
        "SignedFirmwareStatusNotification": (firmware.status_notification("firmware"), None),
        "StartTransaction": (charging.start_transaction(may), None),
        "StatusNotification": (charge_points.status_notification_16, charge_points.status_notification_2x),
        "StopTransaction": (charging.stop_transaction(may), None),
        "TransactionEvent": (None, charging.transaction_event(may)),
    }
    found: dict[tuple[str, str], Handler] = {(version.value, ANY_ACTION): fallback for version in OcppVersion}
    for action, (handler_16, handler_2x) in table.items():
        for version in OcppVersion:
            if handler := handler_2x if version.is_2x else handler_16:
                found[version.value, action] = handler
    return found


def data_transfer(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:  # noqa: ARG001 (a Handler)
    """1.6 §4.3, 2.x P02: no vendor's extension is known here; the frame log keeps what was sent."""
    return Outcome(b'{"status":"UnknownVendorId"}')


def fallback(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:  # noqa: ARG001 (a Handler)
    """Any other action of the version.

    Raises:
        CallRefused: NotSupported, where an empty answer would break the schema.
    """
    version = OcppVersion(peer.version)
    is_call = received.action in actions(version)
    if not is_call or answer_may_be_empty(version, received.action):  # 2.1's SEND is not answered at all
        return Outcome(b"{}")
    raise CallRefused(ErrorCode.NOT_SUPPORTED, "This action is not supported here.")
