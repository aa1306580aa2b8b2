"""SQL of what is so right now: connection, boot, heartbeat, connector status. Hot rows, apart from the registry's."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, select, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.features.charge_points.live_model import ConnectorStatus, LastBoot, LiveState
from sliproad.foundation.database import Row, Session, Where, kept, run, visible_to


class ChargePointLiveRow(Row):
    """One row per charge point, made at registration. `connected` is only true together with a gateway that is alive."""

    __tablename__ = "charge_point_live"
    __table_args__ = (
        Index("charge_point_live_gateway_id_idx", "gateway_id", postgresql_where=text("connected")),
        {"info": visible_to("organization", "charge_point"), "postgresql_with": {"fillfactor": 70}},
    )

    charge_point_key: Mapped[int] = mapped_column(BigInteger, ForeignKey("charge_points.key"), primary_key=True)
    organization_id: Mapped[str]
    connected: Mapped[bool] = mapped_column(server_default=text("false"))
    epoch: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    gateway_id: Mapped[str | None]
    protocol_version: Mapped[str | None]
    """The OCPP version agreed on the present (or last) socket."""
    security_profile: Mapped[int | None]
    remote_address: Mapped[str | None]
    connected_path: Mapped[str | None]
    connected_at: Mapped[datetime | None]
    disconnected_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    last_heartbeat_at: Mapped[datetime | None]
    last_heartbeat_epoch: Mapped[int | None] = mapped_column(BigInteger)
    """The connection on which the last Heartbeat CALL came."""
    boot_status: Mapped[str | None]
    """What the last BootNotification was answered: `Accepted`, `Pending`, `Rejected`."""
    booted_at: Mapped[datetime | None]
    boot_epoch: Mapped[int | None] = mapped_column(BigInteger)
    boot_vendor: Mapped[str | None]
    boot_model: Mapped[str | None]
    boot_serial_number: Mapped[str | None]
    firmware_version: Mapped[str | None]
    meter_type: Mapped[str | None]
    meter_serial_number: Mapped[str | None]
    iccid: Mapped[str | None]
    imsi: Mapped[str | None]
    boot_reason: Mapped[str | None]
    boot_payload: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    clock_skew_seconds: Mapped[float | None]
    """Charge point's clock minus ours, from the last message that carried a time and was live."""


class ConnectorRow(Row):
    """A connector's last reported status. 1.6: `evse_id` = `connector_id`, and connector 0 is the charge point itself."""

    __tablename__ = "connectors"
    __table_args__ = ({"info": visible_to("organization", "charge_point"), "postgresql_with": {"fillfactor": 70}},)

    charge_point_key: Mapped[int] = mapped_column(BigInteger, ForeignKey("charge_points.key"), primary_key=True)
    evse_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    connector_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organization_id: Mapped[str]
    status: Mapped[str]
    error_code: Mapped[str | None]
    info: Mapped[str | None]
    vendor_error_code: Mapped[str | None]
    status_at: Mapped[datetime]
    """The charge point's own time."""
    received_at: Mapped[datetime]
    report_count: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))


HOLDS_NOBODY = (
    "not exists (select from charge_point_live live where live.connected and live.gateway_id = gateways.gateway_id)"
)


class GatewayRow(Row):
    """A gateway process. One that has not been seen for 10 s is dead, and its charge points are not connected."""

    __tablename__ = "gateways"
    __table_args__ = ({"info": visible_to("engine") | kept(1, since="seen_at", where=HOLDS_NOBODY)},)

    gateway_id: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


LIVE = f"select {', '.join(LiveState.__slots__)} from charge_point_live where charge_point_key = %(key)s"  # noqa: S608 (constants)
LAST_BOOT = """
select l.boot_payload, c.vendor, c.model, c.serial_number from charge_points c
  join charge_point_live l on l.charge_point_key = c.key where c.key = %(key)s
"""
CONNECTORS = f"""
select {", ".join(ConnectorStatus.__slots__)} from connectors where charge_point_key = %(key)s order by evse_id, connector_id
"""  # noqa: S608 (constants)


async def find_live(where: Where, charge_point_key: int) -> LiveState | None:
    """As it is now; None where there is none to be seen."""
    rows = await run(where, LIVE, {"key": charge_point_key})
    return LiveState(*rows[0]) if rows else None


async def find_last_boot(where: Where, charge_point_key: int) -> LastBoot | None:
    """Its last BootNotification and what it was registered as; None where there is no such charge point to be seen."""
    rows = await run(where, LAST_BOOT, {"key": charge_point_key})
    return LastBoot(*rows[0]) if rows else None


async def find_connectors(where: Where, charge_point_key: int) -> list[ConnectorStatus]:
    """A charge point's connectors as they are now, in their order."""
    return [ConnectorStatus(*row) for row in await run(where, CONNECTORS, {"key": charge_point_key})]


async def live_rows(session: Session, charge_point_keys: Collection[int]) -> Sequence[ChargePointLiveRow]:
    """As they are now, whatever the session has seen of them before; absent ones are left out."""
    row = ChargePointLiveRow
    query = select(row).where(row.charge_point_key.in_(charge_point_keys)).execution_options(populate_existing=True)
    return (await session.scalars(query)).all()
