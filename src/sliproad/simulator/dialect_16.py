"""OCPP 1.6: how a virtual charge point says what happened. Used by `charger`; incoming calls are in `link_16`."""

from typing import Any

from ocpp.v16 import call

from sliproad.simulator.configuration_16 import BACKEND_KEY, IDENTITY_KEY, MOVABLE_VENDOR, Configuration
from sliproad.simulator.connectors import Connector, ConnectorStatus, IdToken, StopReason
from sliproad.simulator.dialect import Message, Options, message
from sliproad.simulator.ledger_book import LedgerBook, LedgerMessage, LedgerTransaction
from sliproad.simulator.meter import IMPORT_REGISTER, Reading
from sliproad.simulator.networks import Network, moved_to
from sliproad.simulator.station import Station
from sliproad.simulator.value_rules import measurands

UNKNOWN_TRANSACTION = -1


class Dialect16:
    """Messages of OCPP 1.6."""

    def __init__(self, station: Station, configuration: Configuration) -> None:
        self._station = station
        self._settings = station.settings
        self._clock = station.clock
        self.configuration = configuration

    def apply_reboot(self) -> None:
        self.configuration.apply_reboot()

    def options(self) -> Options:
        keys = self.configuration
        return Options(
            heartbeat_seconds=float(keys["HeartbeatInterval"]),
            sample_seconds=float(keys["MeterValueSampleInterval"]),
            sample_measurands=measurands(keys["MeterValuesSampledData"]),
            aligned_seconds=float(keys["ClockAlignedDataInterval"]),
            aligned_measurands=measurands(keys["MeterValuesAlignedData"]),
            connection_timeout_seconds=float(keys["ConnectionTimeOut"]),
            websocket_ping_seconds=float(keys["WebSocketPingInterval"]),
            authorizes_remote_starts=keys["AuthorizeRemoteTxRequests"] == "true",
            charges_offline=keys["LocalAuthorizeOffline"] == "true",
            stops_when_invalid=keys["StopTransactionOnInvalidId"] == "true",
            stops_when_unplugged=keys["StopTransactionOnEVSideDisconnect"] == "true",
            delivery_attempts=int(keys["TransactionMessageAttempts"]),
            delivery_retry_seconds=float(keys["TransactionMessageRetryInterval"]),
        )

    def networks(self) -> list[Network | None]:
        keys, settings = self.configuration, self._settings
        if settings.vendor != MOVABLE_VENDOR or not keys[BACKEND_KEY]:
            return [None]
        return [moved_to("0", keys[BACKEND_KEY], keys[IDENTITY_KEY], self._station.password)]

    def network_attempts(self) -> int:
        return 1

    def note_boot_interval(self, seconds: int) -> None:
        self.configuration["HeartbeatInterval"] = str(seconds)

    def boot(self, reason: str) -> Message:
        """OCPP 1.6 §4.2. The reason has no place in it."""
        del reason
        plate = self._settings
        return message(
            call.BootNotification(
                charge_point_vendor=plate.vendor[:20],
                charge_point_model=plate.model[:20],
                charge_point_serial_number=plate.serial_number[:25],
                firmware_version=self._station.firmware_version[:50],
                meter_type=plate.meter_type and plate.meter_type[:25],
                meter_serial_number=plate.meter_type and f"M-{plate.serial_number}"[:25],
            )
        )

    def heartbeat(self) -> Message:
        return message(call.Heartbeat())

    def authorize(self, token: IdToken) -> Message:
        return message(call.Authorize(id_tag=token.value))

    def is_authorized(self, answer: dict[str, Any]) -> bool:
        return str(answer.get("idTagInfo", {}).get("status", "Accepted")) == "Accepted"

    def reported_status(self, connector: Connector | None) -> str:
        return ConnectorStatus.AVAILABLE.value if connector is None else connector.status.value

    def status(self, number: int, reported: str) -> Message:
        return message(
            call.StatusNotification(
                connector_id=number,
                error_code="InternalError" if reported == ConnectorStatus.FAULTED else "NoError",
                status=reported,
                timestamp=self._clock.stamp(),
            )
        )

    def status_numbers(self) -> range:
        return range(self._settings.connectors + 1)

    def meter_values(self, connector: Connector, reading: Reading, context: str) -> Message | None:
        options = self.options()
        chosen = options.aligned_measurands if context == "Sample.Clock" else options.sample_measurands
        values = self._sampled_values(reading, chosen, context)
        if not values:
            return None
        transaction = connector.transaction
        known = transaction is not None and transaction.transaction_id is not None
        return message(
            call.MeterValues(
                connector_id=connector.number,
                meter_value=[{"timestamp": self._clock.stamp(), "sampled_value": values}],
                transaction_id=int(transaction.transaction_id) if known else None,  # type: ignore[union-attr, arg-type]
            )
        )

    def names_transaction(self, key: str) -> str | None:
        del key  # 1.6 learns it from the CSMS
        return None

    def started(self, transaction: LedgerTransaction, reading: Reading, *, offline: bool) -> Message:
        """OCPP 1.6 §4.8. 1.6 does not tell the server that the charge point was offline."""
        del reading, offline
        return message(
            call.StartTransaction(
                connector_id=transaction.connector,
                id_tag=transaction.id_token,
                meter_start=transaction.meter_start_wh,
                timestamp=transaction.started_at,
            )
        )

    def sampled(
        self, transaction: LedgerTransaction, reading: Reading, context: str, trigger: str, *, offline: bool
    ) -> Message:
        """OCPP 1.6 §4.7, without the transaction's id: see `completed`."""
        del trigger, offline
        options = self.options()
        chosen = options.aligned_measurands if context == "Sample.Clock" else options.sample_measurands
        values = self._sampled_values(reading, chosen or (IMPORT_REGISTER,), context)
        stamped = {"timestamp": self._clock.stamp(), "sampled_value": values}
        return message(call.MeterValues(connector_id=transaction.connector, meter_value=[stamped]))

    def stopped(
        self, transaction: LedgerTransaction, reading: Reading, reason: StopReason, *, offline: bool
    ) -> Message:
        """OCPP 1.6 §4.10, without the transaction's id: see `completed`."""
        del offline
        chosen = measurands(self.configuration["StopTxnSampledData"])
        values = self._sampled_values(reading, chosen, "Transaction.End")
        stamped = {"timestamp": transaction.stopped_at, "sampled_value": values}
        return Message(
            "StopTransaction",
            message(
                call.StopTransaction(
                    meter_stop=transaction.meter_stop_wh,
                    timestamp=transaction.stopped_at,
                    transaction_id=UNKNOWN_TRANSACTION,
                    reason=reason.value,
                    id_tag=transaction.id_token if reason is StopReason.LOCAL else None,
                    transaction_data=[stamped] if values else None,
                )
            ).payload,
        )

    def completed(self, queued: LedgerMessage, book: LedgerBook) -> dict[str, Any]:
        if queued.action == "StartTransaction":
            return queued.payload
        given = book.transactions[queued.transaction].transaction_id
        if given is None and queued.action == "MeterValues":
            return queued.payload
        return queued.payload | {"transactionId": UNKNOWN_TRANSACTION if given is None else int(given)}

    def transaction_id(self, queued: LedgerMessage, answer: dict[str, Any]) -> str | None:
        return str(answer["transactionId"]) if queued.action == "StartTransaction" else None

    def firmware_status(self, status: str, request_id: int | None) -> Message:
        """The security extension's message (whitepaper §4.2) where the update was asked for by a request id."""
        if request_id is not None:
            return message(call.SignedFirmwareStatusNotification(status=status, request_id=request_id))
        return message(call.FirmwareStatusNotification(status=status))

    def log_status(self, status: str, request_id: int | None) -> Message:
        if request_id is not None:
            return message(call.LogStatusNotification(status=status, request_id=request_id))
        return message(call.DiagnosticsStatusNotification(status=status))

    def _sampled_values(self, reading: Reading, chosen: tuple[str, ...], context: str) -> list[dict[str, Any]]:
        """SampledValues in 1.6's decimal strings, each phase its own."""
        values: list[dict[str, Any]] = []

        def add(measurand: str, value: str, unit: str | None, **extra: str) -> None:
            sampled = {"value": value, "context": context, "measurand": measurand, "location": "Outlet"}
            values.append(sampled | ({"unit": unit} if unit else {}) | extra)

        three = len(reading.volts) > 1
        for measurand in chosen:
            if measurand == IMPORT_REGISTER:
                add(measurand, str(reading.register_wh), "Wh")
            elif measurand == "Power.Active.Import":
                add(measurand, f"{reading.power_w:.1f}", "W")
            elif measurand == "Frequency":
                add(measurand, f"{reading.hertz:.2f}", None)  # 1.6 has no unit for it everywhere
            elif measurand == "SoC" and reading.soc_percent is not None:
                add(measurand, f"{reading.soc_percent:.1f}", "Percent", location="EV")
            elif measurand == "Voltage":
                for phase, volts in enumerate(reading.volts, 1):
                    add(measurand, f"{volts:.1f}", "V", **({"phase": f"L{phase}-N"} if three else {}))
            elif measurand == "Current.Import":
                for phase, amperes in enumerate(reading.amperes, 1):
                    add(measurand, f"{amperes:.2f}", "A", **({"phase": f"L{phase}"} if three else {}))
        return values
