"""Charging on a virtual charge point: plugging in, starting, sampling and stopping, by whoever's wish."""

import asyncio

from sliproad.simulator.connectors import Connector, IdToken, StopReason
from sliproad.simulator.faults import Fault
from sliproad.simulator.ledger_book import LedgerMessage, LedgerTransaction
from sliproad.simulator.meter import Vehicle
from sliproad.simulator.station import Station

SHORTEST_SAMPLE_SECONDS = 0.5


class ChargingRefusedError(Exception):
    """The charge point does not charge now; the sentence says why."""


class Sessions:
    """The transactions of one charge point. All its acts are at once; the waiting is done by tasks of the station."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def resume(self) -> None:
        """Go on with the transactions that ran when the charger was switched off or killed."""
        for connector in self._station.connectors.values():
            transaction = self._station.ledger.book.open_transaction_on(connector.number)
            if transaction is not None:
                self.plug_in(connector)
                connector.transaction = transaction
                self._energize(connector)

    def plug_in(self, connector: Connector) -> None:
        """A car arrives and is plugged in."""
        if connector.plugged.is_set():
            return
        battery = self._station.settings.battery_wh
        connector.vehicle = Vehicle(battery, battery * self._station.rng.uniform(0.15, 0.40))
        connector.finishing = False
        connector.plugged.set()
        self._station.announce(connector.number)

    def unplug(self, connector: Connector) -> None:
        """The car leaves; a running transaction ends if the settings say so (1.6 StopTransactionOnEVSideDisconnect)."""
        if connector.transaction is not None and self._station.dialect.options().stops_when_unplugged:
            self.end(connector, StopReason.EV_DISCONNECTED)
        self._station.tick(connector)
        connector.vehicle = connector.meter.charging = None
        connector.finishing = False
        connector.plugged.clear()
        self._apply_availability(connector)
        self._station.announce(connector.number)

    async def authorize(self, token: IdToken) -> bool:
        """Ask the CSMS; while offline the settings decide."""
        if self._station.settings.free_vend:
            return True
        answer = await self._station.ask(self._station.dialect.authorize(token))
        if answer is None:
            return not self._station.online and self._station.dialect.options().charges_offline
        return self._station.dialect.is_authorized(answer)

    async def start_locally(self, connector: Connector, token: IdToken) -> LedgerTransaction:
        """A driver shows a token at the charge point.

        Raises:
            ChargingRefusedError: the connector is not free or the token may not charge.
        """
        if not connector.is_free:
            raise ChargingRefusedError(f"connector {connector.number} is not free")
        connector.reserved_for_start = True
        try:
            self.plug_in(connector)
            if not await self.authorize(token):
                raise ChargingRefusedError(f"{token.value} may not charge here")
        finally:
            connector.reserved_for_start = False
        return self.begin(connector, token, None)

    def reserve(self, number: int | None) -> Connector | None:
        """The CSMS wants to start: the connector that is kept for it (see `start_remotely`), or None for a refusal."""
        station = self._station
        if not station.accepted or station.settings.has(Fault.REFUSES_REMOTE_START):
            return None
        for connector in station.connectors.values():
            if connector.is_free and number in {None, connector.number}:
                connector.reserved_for_start = True
                return connector
        return None

    async def start_remotely(self, connector: Connector, token: IdToken, remote_start_id: int | None) -> None:
        """Try what was accepted: the token, if settings say so, then a car within the connection time-out."""
        station, options = self._station, self._station.dialect.options()
        try:
            if options.authorizes_remote_starts and not await self.authorize(token):
                return
            station.announce(connector.number)
            if not connector.plugged.is_set() and station.settings.vehicle == "auto":
                await asyncio.sleep(station.settings.plug_in_delay_seconds)
                self.plug_in(connector)
            async with asyncio.timeout(options.connection_timeout_seconds or None):
                await connector.plugged.wait()
            connector.reserved_for_start = False
            self.begin(connector, token, remote_start_id)
        except TimeoutError:
            station.events.publish("remote_start_timed_out", connector=connector.number)
        finally:
            connector.reserved_for_start = False
            station.announce(connector.number)

    def find(self, transaction_id: str) -> Connector | None:
        """The connector on which the transaction that the CSMS calls so is running."""
        for connector in self._station.connectors.values():
            if connector.transaction is not None and connector.transaction.transaction_id == transaction_id:
                return connector
        return None

    def begin(self, connector: Connector, token: IdToken, remote_start_id: int | None) -> LedgerTransaction:
        """Close the contactor: the transaction begins."""
        station = self._station
        station.tick(connector)
        reading, key = connector.meter.reading(), station.new_id()
        transaction = station.ledger.start_transaction(
            LedgerTransaction(
                key=key,
                connector=connector.number,
                id_token=token.value,
                id_token_type=token.type,
                meter_start_wh=reading.register_wh,
                started_at=station.clock.stamp(),
                remote_start_id=remote_start_id,
                transaction_id=station.dialect.names_transaction(key),
            )
        )
        connector.transaction = transaction
        station.queue(transaction, station.dialect.started(transaction, reading, offline=not station.online))
        station.events.publish("transaction_started", connector=connector.number, key=key)
        self._energize(connector)
        station.announce(connector.number)
        return transaction

    def end(self, connector: Connector, reason: StopReason) -> LedgerTransaction | None:
        """Open the contactor: the transaction ends. None if there was none."""
        station, transaction = self._station, connector.transaction
        if transaction is None:
            return None
        station.tick(connector)
        reading = connector.meter.reading()
        connector.meter.charging = None
        connector.transaction = None
        connector.finishing = True
        station.ledger.record_register(connector.number, connector.meter.register_wh)
        station.ledger.stop_transaction(
            transaction.key,
            meter_stop_wh=reading.register_wh,
            stopped_at=station.clock.stamp(),
            stop_reason=reason.value,
        )
        station.queue(transaction, station.dialect.stopped(transaction, reading, reason, offline=not station.online))
        station.events.publish("transaction_stopped", connector=connector.number, key=transaction.key, reason=reason)
        self._apply_availability(connector)
        station.announce(connector.number)
        if station.settings.vehicle == "auto":
            station.spawn(self._leave(connector))
        return transaction

    def end_all(self, reason: StopReason) -> None:
        """End every transaction, as before a reset."""
        for connector in self._station.connectors.values():
            self.end(connector, reason)

    def set_operative(self, number: int, operative: bool) -> bool:
        """Change availability (0: all). False if a running transaction delays it (1.6 §5.2 Scheduled)."""
        chosen = [c for c in self._station.connectors.values() if number in {0, c.number}]
        for connector in chosen:
            connector.becomes_operative = operative
            if connector.transaction is None:
                self._apply_availability(connector)
                self._station.announce(connector.number)
        return all(connector.transaction is None for connector in chosen)

    def note_answer(self, message: LedgerMessage, answer: dict[str, object]) -> None:
        """The CSMS acknowledged a transaction message: it may have named the transaction, or forbidden the token."""
        station, transaction = self._station, self._station.ledger.book.transactions[message.transaction]
        named = station.dialect.transaction_id(message, answer)
        if named is not None:
            station.ledger.name_transaction(transaction.key, named)
            station.events.publish("transaction_named", key=transaction.key, transaction_id=named)
        connector = station.connectors.get(transaction.connector)
        invalid = not station.dialect.is_authorized(answer) and station.dialect.options().stops_when_invalid
        if (
            invalid
            and not station.settings.free_vend
            and connector is not None
            and connector.transaction is transaction
        ):
            self.end(connector, StopReason.DE_AUTHORIZED)

    def sample(self, connector: Connector, context: str, trigger: str) -> None:
        """Owe the CSMS the meter values of a running transaction."""
        station, transaction = self._station, connector.transaction
        assert transaction is not None
        station.tick(connector)
        station.ledger.record_register(connector.number, connector.meter.register_wh)
        reading, offline = connector.meter.reading(), not station.online
        station.queue(transaction, station.dialect.sampled(transaction, reading, context, trigger, offline=offline))
        station.events.publish("sampled", connector=connector.number, reading=reading)

    async def sample_on_the_clock(self) -> None:
        """Send the readings of ClockAlignedDataInterval (1.6 §9.1) or AlignedDataCtrlr.Interval (2.x J01)."""
        station = self._station
        while True:
            await station.wait_interval(self._seconds_to_aligned)
            for connector in station.connectors.values():
                station.tick(connector)
                if connector.transaction is not None:
                    self.sample(connector, "Sample.Clock", "MeterValueClock")
                    continue
                values = station.dialect.meter_values(connector, connector.meter.reading(), "Sample.Clock")
                if values is not None:
                    station.say(values)

    def _seconds_to_aligned(self) -> float:
        interval = self._station.dialect.options().aligned_seconds
        if interval <= 0:
            return 0.0
        return interval - self._station.clock.now().timestamp() % interval

    def _energize(self, connector: Connector) -> None:
        assert connector.transaction is not None
        self._station.tick(connector)
        connector.meter.charging = connector.vehicle
        self._station.spawn(self._sample_until_end(connector, connector.transaction))

    def _sample_seconds(self) -> float:
        settings = self._station.settings
        if settings.sample_interval_override is not None:
            return settings.sample_interval_override
        seconds = self._station.dialect.options().sample_seconds / settings.time_scale
        return max(seconds, SHORTEST_SAMPLE_SECONDS) if seconds > 0 else 0.0

    async def _sample_until_end(self, connector: Connector, transaction: LedgerTransaction) -> None:
        station, was = self._station, connector.status
        while True:
            await station.wait_interval(self._sample_seconds)
            if connector.transaction is not transaction:
                return
            station.tick(connector)
            trigger = "MeterValuePeriodic" if connector.status is was else "ChargingStateChanged"
            was = connector.status
            self.sample(connector, "Sample.Periodic", trigger)
            station.announce(connector.number)
            drops = station.settings.has(Fault.DISCONNECTS_MID_TRANSACTION)
            if drops and connector.dropped_for != transaction.key and station.line is not None:
                connector.dropped_for = transaction.key
                station.line.abort()

    async def _leave(self, connector: Connector) -> None:
        await asyncio.sleep(self._station.settings.plug_in_delay_seconds)
        if connector.transaction is None and not connector.reserved_for_start:
            self.unplug(connector)

    @staticmethod
    def _apply_availability(connector: Connector) -> None:
        if connector.becomes_operative is not None:
            connector.operative = connector.becomes_operative
            connector.becomes_operative = None
