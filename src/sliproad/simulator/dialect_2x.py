"""OCPP 2.0.1 and 2.1: how a virtual charge point says what happened. Incoming calls are in `link_2x`."""

import json
from types import ModuleType
from typing import Any

from sliproad.simulator.connectors import Connector, ConnectorStatus, IdToken, StopReason
from sliproad.simulator.device_model import DeviceModel
from sliproad.simulator.dialect import Message, Options, message
from sliproad.simulator.ledger_book import LedgerBook, LedgerMessage, LedgerTransaction
from sliproad.simulator.meter import IMPORT_REGISTER, Reading
from sliproad.simulator.networks import Network, moved_to
from sliproad.simulator.station import Station
from sliproad.simulator.value_rules import measurands

Payload = dict[str, Any]
PROFILE = "profile:"
"""Before the number of a network profile's slot, in the ledger."""

STOPPED: dict[StopReason, tuple[str, str]] = {  # ReasonEnumType, TriggerReasonEnumType
    StopReason.LOCAL: ("Local", "StopAuthorized"),
    StopReason.REMOTE: ("Remote", "RemoteStop"),
    StopReason.EV_DISCONNECTED: ("EVDisconnected", "EVCommunicationLost"),
    StopReason.DE_AUTHORIZED: ("DeAuthorized", "Deauthorized"),
    StopReason.SOFT_RESET: ("ImmediateReset", "ResetCommand"),
    StopReason.HARD_RESET: ("ImmediateReset", "ResetCommand"),
    StopReason.UNLOCK_COMMAND: ("Other", "UnlockCommand"),
}


class Dialect2x:
    """Messages of OCPP 2.x; `call` is the `ocpp` package's module of the version's calls."""

    def __init__(self, station: Station, model: DeviceModel, call: ModuleType) -> None:
        self._station = station
        self._clock = station.clock
        self._call = call
        self.model = model

    def apply_reboot(self) -> None:
        self.model.apply_reboot()

    def options(self) -> Options:
        value = self.model.value
        sampled, aligned = "SampledDataCtrlr", "AlignedDataCtrlr"
        return Options(
            heartbeat_seconds=float(value("OCPPCommCtrlr", "HeartbeatInterval")),
            sample_seconds=float(value(sampled, "TxUpdatedInterval")) if value(sampled, "Enabled") == "true" else 0.0,
            sample_measurands=measurands(value(sampled, "TxUpdatedMeasurands")),
            aligned_seconds=float(value(aligned, "Interval")) if value(aligned, "Enabled") == "true" else 0.0,
            aligned_measurands=measurands(value(aligned, "Measurands")),
            connection_timeout_seconds=float(value("TxCtrlr", "EVConnectionTimeOut")),
            websocket_ping_seconds=float(value("OCPPCommCtrlr", "WebSocketPingInterval")),
            authorizes_remote_starts=value("AuthCtrlr", "AuthorizeRemoteStart") == "true",
            charges_offline=value("AuthCtrlr", "LocalAuthorizeOffline") == "true",
            stops_when_invalid=value("TxCtrlr", "StopTxOnInvalidId") == "true",
            stops_when_unplugged=value("TxCtrlr", "StopTxOnEVSideDisconnect") == "true",
            delivery_attempts=int(value("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent")),
            delivery_retry_seconds=float(value("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent")),
        )

    def networks(self) -> list[Network | None]:
        written, found = self._station.written(PROFILE), list[Network | None]()
        for slot in self.model.value("OCPPCommCtrlr", "NetworkConfigurationPriority").split(","):
            if slot in written:
                profile = json.loads(written[slot])
                identity = profile.get("identity") or self._station.settings.identity
                password = profile.get("basic_auth_password") or self._station.password
                found.append(moved_to(slot, profile["ocpp_csms_url"], identity, password))
            elif slot == "0":
                found.append(None)
        return found or [None]

    def network_attempts(self) -> int:
        return int(self.model.value("OCPPCommCtrlr", "NetworkProfileConnectionAttempts"))

    def note_boot_interval(self, seconds: int) -> None:
        self.model.choose("OCPPCommCtrlr", "HeartbeatInterval", str(seconds))

    def boot(self, reason: str) -> Message:
        """B01. The certified meter shows in the device model only."""
        plate = self._station.settings
        station = {
            "model": plate.model[:20],
            "vendor_name": plate.vendor[:50],
            "serial_number": plate.serial_number[:25],
            "firmware_version": self._station.firmware_version[:50],
        }
        return message(self._call.BootNotification(charging_station=station, reason=reason))

    def heartbeat(self) -> Message:
        return message(self._call.Heartbeat())

    def authorize(self, token: IdToken) -> Message:
        return message(self._call.Authorize(id_token={"id_token": token.value, "type": token.type}))

    def is_authorized(self, answer: Payload) -> bool:
        return str(answer.get("idTokenInfo", {}).get("status", "Accepted")) == "Accepted"

    def reported_status(self, connector: Connector | None) -> str:
        """ConnectorStatusEnumType: occupied is what has a car at it."""
        if connector is None:
            return "Available"
        if connector.status in {ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED}:
            return connector.status.value
        return "Occupied" if connector.plugged.is_set() else "Available"

    def status(self, number: int, reported: str) -> Message:
        return message(
            self._call.StatusNotification(
                timestamp=self._clock.stamp(), connector_status=reported, evse_id=number, connector_id=1
            )
        )

    def status_numbers(self) -> range:
        return range(1, self._station.settings.connectors + 1)

    def meter_values(self, connector: Connector, reading: Reading, context: str) -> Message | None:
        """J01: outside transactions it is the aligned measurands that count."""
        values = self._values(reading, self.options().aligned_measurands, context)
        if not values:
            return None
        return message(self._call.MeterValues(evse_id=connector.number, meter_value=values))

    def names_transaction(self, key: str) -> str | None:
        return key

    def started(self, transaction: LedgerTransaction, reading: Reading, *, offline: bool) -> Message:
        """E01, E02; F01.FR.13: a remotely started transaction carries the remoteStartId."""
        chosen = measurands(self.model.value("SampledDataCtrlr", "TxStartedMeasurands")) or (IMPORT_REGISTER,)
        remote = transaction.remote_start_id is not None
        return self._event(
            "Started",
            transaction,
            trigger="RemoteStart" if remote else "Authorized",
            at=transaction.started_at,
            values=self._values(reading, chosen, "Transaction.Begin", transaction.started_at),
            info={"charging_state": "Charging", "remote_start_id": transaction.remote_start_id},
            with_token=True,
            offline=offline,
        )

    def sampled(
        self, transaction: LedgerTransaction, reading: Reading, context: str, trigger: str, *, offline: bool
    ) -> Message:
        options, connector = self.options(), self._station.connectors[transaction.connector]
        chosen = options.aligned_measurands if context == "Sample.Clock" else options.sample_measurands
        return self._event(
            "Updated",
            transaction,
            trigger=trigger,
            at=self._clock.stamp(),
            values=self._values(reading, chosen, context),
            info={"charging_state": "SuspendedEV" if connector.is_full else "Charging"},
            offline=offline,
        )

    def stopped(
        self, transaction: LedgerTransaction, reading: Reading, reason: StopReason, *, offline: bool
    ) -> Message:
        """E06. The register is always told, so that the energy is known."""
        assert transaction.stopped_at is not None
        chosen = measurands(self.model.value("SampledDataCtrlr", "TxEndedMeasurands")) or (IMPORT_REGISTER,)
        stopped, trigger = STOPPED[reason]
        return self._event(
            "Ended",
            transaction,
            trigger=trigger,
            at=transaction.stopped_at,
            values=self._values(reading, chosen, "Transaction.End", transaction.stopped_at),
            info={"stopped_reason": stopped, "charging_state": "EVConnected"},
            with_token=reason is StopReason.LOCAL,
            offline=offline,
        )

    def completed(self, queued: LedgerMessage, book: LedgerBook) -> Payload:
        del book  # 2.x messages are whole from the beginning
        return queued.payload

    def transaction_id(self, queued: LedgerMessage, answer: Payload) -> str | None:
        del queued, answer  # the charge point chose it
        return None

    def firmware_status(self, status: str, request_id: int | None) -> Message:
        return message(self._call.FirmwareStatusNotification(status=status, request_id=request_id))

    def log_status(self, status: str, request_id: int | None) -> Message:
        return message(self._call.LogStatusNotification(status=status, request_id=request_id))

    def _event(
        self,
        kind: str,
        transaction: LedgerTransaction,
        *,
        trigger: str,
        at: str,
        values: list[Payload],
        info: Payload,
        offline: bool,
        with_token: bool = False,
    ) -> Message:
        """A TransactionEvent, numbered by how many of this transaction went before it (E01.FR.07)."""
        token = {"id_token": transaction.id_token, "type": transaction.id_token_type}
        return message(
            self._call.TransactionEvent(
                event_type=kind,
                timestamp=at,
                trigger_reason=trigger,
                seq_no=transaction.messages,
                transaction_info={"transaction_id": transaction.key} | info,
                meter_value=values or None,
                offline=True if offline else None,
                evse={"id": transaction.connector, "connector_id": 1},
                id_token=token if with_token else None,
            )
        )

    def _values(self, reading: Reading, chosen: tuple[str, ...], context: str, at: str | None = None) -> list[Payload]:
        """One MeterValueType with what was chosen, or none."""
        values: list[Payload] = []

        def add(measurand: str, value: float, unit: str, **extra: str) -> None:
            sampled = {"value": value, "context": context, "measurand": measurand, "location": "Outlet"}
            values.append(sampled | {"unit_of_measure": {"unit": unit}} | extra)

        three = len(reading.volts) > 1
        for measurand in chosen:
            if measurand == IMPORT_REGISTER:
                add(measurand, reading.register_wh, "Wh")
            elif measurand == "Power.Active.Import":
                add(measurand, reading.power_w, "W")
            elif measurand == "Frequency":
                add(measurand, reading.hertz, "Hertz")
            elif measurand == "SoC" and reading.soc_percent is not None:
                add(measurand, reading.soc_percent, "Percent", location="EV")
            elif measurand == "Voltage":
                for phase, volts in enumerate(reading.volts, 1):
                    add(measurand, volts, "V", **({"phase": f"L{phase}-N"} if three else {}))
            elif measurand == "Current.Import":
                for phase, amperes in enumerate(reading.amperes, 1):
                    add(measurand, amperes, "A", **({"phase": f"L{phase}"} if three else {}))
        return [{"timestamp": at or self._clock.stamp(), "sampled_value": values}] if values else []
