"""Gathers what the platform knows about a charge point, in the words of `model.Facts`. `runner` asks before each transition.

Reads are limited to what the running step needs; all come from the services of earlier rooms.
"""

from collections.abc import Iterable
from decimal import Decimal

from sliproad.features.charge_points.live_model import ConnectorStatus, LiveState
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.charging.model import MeterReading, Transaction
from sliproad.features.charging.service import ChargingService
from sliproad.features.commissioning import leftovers_store
from sliproad.features.commissioning.model import (
    ConnectorFact,
    Facts,
    FirmwareUpdateFact,
    ReadingFact,
    Session,
    TransactionFact,
)
from sliproad.features.commissioning.steps import (
    NEEDS_CONNECTORS,
    NEEDS_FIRMWARE_UPDATE,
    NEEDS_MUTABILITY,
    NEEDS_READINGS,
    NEEDS_TRANSACTIONS,
)
from sliproad.features.commissioning.steps.remote_control import remote_start_id
from sliproad.features.commissioning.steps.test_transaction import BEFORE_IT_BEGINS
from sliproad.features.commissioning.templates import Variable
from sliproad.features.device_model.service import DeviceModelService
from sliproad.features.firmware.updates_service import FirmwareUpdateService
from sliproad.foundation.database import Where, transaction_of


class FactsGatherer:
    """Reads facts inside the caller's transaction, or by themselves for role `engine`."""

    def __init__(
        self,
        registry: RegistryService,
        live: LiveService,
        charging: ChargingService,
        *,
        heartbeat_interval_seconds: int,
        updates: FirmwareUpdateService | None = None,
    ) -> None:
        """`heartbeat_interval_seconds` is what boots are answered while a charge point is not commissioned.

        `updates`: what the optional step `firmware_update` is about; without it nothing is known of any.
        """
        self.updates = updates
        self.registry = registry
        self.live = live
        self.charging = charging
        self.heartbeat_interval_seconds = heartbeat_interval_seconds

    async def gather(
        self,
        where: Where,
        charge_point: ChargePoint,
        commissioning: Session,
        live: LiveState | None = None,
    ) -> Facts:
        """The facts that the session's current step needs; `live` where the caller has just read it."""
        key = charge_point.key
        step = "" if commissioning.current is None else commissioning.steps[commissioning.current].name
        live = live or await self.live.live(where, key)
        connectors = await self.live.connectors(where, key) if step in NEEDS_CONNECTORS else ()
        token = commissioning.test_token
        tests = await test_transactions(where, self.charging, key, token) if step in NEEDS_TRANSACTIONS else ()
        earlier_test = step in NEEDS_TRANSACTIONS and await self._earlier_test(where, key, commissioning)
        since = commissioning.started_at
        update = await self._update(where, key, commissioning) if step in NEEDS_FIRMWARE_UPDATE else None
        mutability = await self._mutability(where, key, commissioning) if step in NEEDS_MUTABILITY else None
        readings = await self.charging.meter_readings(where, key, since) if step in NEEDS_READINGS else ()
        return Facts(
            version=charge_point.ocpp_version,
            connector_count=charge_point.connector_count,
            max_power_kw=None if charge_point.max_power_kw is None else float(charge_point.max_power_kw),
            connected=live.connected,
            epoch=live.epoch,
            protocol_version=live.protocol_version,
            boot_status=live.boot_status,
            booted_at=live.booted_at,
            boot_epoch=live.boot_epoch,
            firmware_version=live.firmware_version,
            meter_type=live.meter_type,
            meter_serial_number=live.meter_serial_number,
            last_heartbeat_at=live.last_heartbeat_at,
            last_heartbeat_epoch=live.last_heartbeat_epoch,
            heartbeat_interval_seconds=self.heartbeat_interval_seconds,
            connectors=tuple(_connector(one) for one in connectors),
            transactions=tuple(_transaction(one) for one in tests),
            readings=_readings(readings),
            earlier_test=earlier_test,
            firmware_update=update,
            mutability=mutability,
        )

    async def _earlier_test(self, where: Where, key: int, commissioning: Session) -> bool:
        """Whether a test that was given up is in the way of the one to be started."""
        state = commissioning.steps[commissioning.current or 0].state
        if state.get("phase") not in BEFORE_IT_BEGINS:
            return False
        for token in await leftovers_store.given_up_tokens(where, key):
            found = list(await test_transactions(where, self.charging, key, token))
            if not found or any(one.is_open for one in found):
                return True
        return False

    async def _update(self, where: Where, key: int, commissioning: Session) -> FirmwareUpdateFact | None:
        """The newest update since the running step began."""
        since = commissioning.steps[commissioning.current or 0].started_at
        if self.updates is None or since is None:
            return None
        async with transaction_of(where) as session:
            found = await self.updates.newest(session, key, since=since)
        if found is None:
            return None
        return FirmwareUpdateFact(found.row.update_id, found.row.version, found.standing.state, found.standing.detail)

    async def _mutability(self, where: Where, key: int, commissioning: Session) -> dict[str, str] | None:
        """What the report said that the running step asked for; None before it is complete."""
        step = commissioning.steps[commissioning.current or 0]
        if (request_id := step.state.get("report_id")) is None:
            return None
        model = DeviceModelService(self.registry.clock)
        async with transaction_of(where) as session:
            report = await model.reported(session, key, request_id, since=step.started_at)
            if report is None or not report.is_complete:
                return None
            return {
                Variable(one.component, one.variable, one.variable_instance or None).label: one.mutability or ""
                for one in await model.variables(session, key)
                if one.evse_id == 0 and one.attribute == "Actual"
            }


async def test_transactions(
    where: Where, charging: ChargingService, key: int, test_token: str
) -> Iterable[Transaction]:
    """A charge point's transactions with this test token, in 2.x also those with its remoteStartId."""
    return await charging.transactions_of(where, key, id_token=test_token, remote_start_id=remote_start_id(test_token))


def _connector(status: ConnectorStatus) -> ConnectorFact:
    return ConnectorFact(
        evse_id=status.evse_id,
        connector_id=status.connector_id,
        status=status.status,
        error_code=status.error_code,
        received_at=status.received_at,
        report_count=status.report_count,
    )


def _transaction(one: Transaction) -> TransactionFact:
    ended_at = one.stopped_at or one.stop_received_at
    return TransactionFact(
        transaction_id=one.transaction_id,
        evse_id=one.evse_id,
        id_token=one.id_token,
        remote_start_id=one.remote_start_id,
        started_at=one.started_at or one.received_at,
        meter_start_wh=_whole(one.meter_start_wh),
        last_register_wh=_whole(one.last_register_wh),
        stopped_at=None if one.is_open else ended_at,
        meter_stop_wh=_whole(one.meter_stop_wh),
        stop_reason=one.stop_reason,
    )


def _whole(energy_wh: Decimal | None) -> int | None:
    return None if energy_wh is None else round(energy_wh)


def _readings(readings: Iterable[MeterReading]) -> tuple[ReadingFact, ...]:
    return tuple(
        ReadingFact(
            connector_id=one.evse_id,
            received_at=one.received_at,
            energy_wh=_number(one.energy_wh),
            voltage_v=_number(one.voltage_v),
            current_a=_number(one.current_a),
            in_transaction=bool(one.transaction_id),
        )
        for one in readings
    )


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
