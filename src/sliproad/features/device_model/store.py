"""Rows of a charge point's device model: variables, the parts of its reports, the events of its components."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, func, select
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, visible_to


class DeviceVariableRow(Row):
    """A variable's attribute as last reported. 1.6 configuration keys have no component: it is empty."""

    __tablename__ = "device_variables"
    __table_args__ = ({"info": visible_to("organization", "charge_point"), "postgresql_with": {"fillfactor": 80}},)

    charge_point_key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    component: Mapped[str] = mapped_column(primary_key=True)
    component_instance: Mapped[str] = mapped_column(primary_key=True)
    evse_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """0: the charge point itself."""
    connector_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """0: the EVSE itself."""
    variable: Mapped[str] = mapped_column(primary_key=True)
    variable_instance: Mapped[str] = mapped_column(primary_key=True)
    attribute: Mapped[str] = mapped_column(primary_key=True)
    """`Actual`, `Target`, `MinSet`, `MaxSet`."""
    organization_id: Mapped[str]
    value: Mapped[str | None]
    mutability: Mapped[str | None]
    characteristics: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    request_id: Mapped[int | None]
    reported_at: Mapped[datetime]
    received_at: Mapped[datetime]


class DeviceReportPartRow(Row):
    """A part of a report (NotifyReport, NotifyMonitoringReport …) that we asked for by a request id."""

    __tablename__ = "device_report_parts"
    __table_args__ = ({"info": visible_to("organization", "charge_point")},)

    charge_point_key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    request_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organization_id: Mapped[str]
    is_last: Mapped[bool]
    """`tbc` (to be continued) was absent or false."""
    generated_at: Mapped[datetime]
    received_at: Mapped[datetime]
    variable_count: Mapped[int]


class DeviceEventRow(Row):
    """An event that a component reported by NotifyEvent."""

    __tablename__ = "device_events"
    __table_args__ = (
        Index("device_events_key", "charge_point_key", "at", "event_id", "component", "variable", unique=True),
        {"info": visible_to("organization", "charge_point")},
    )

    device_event_key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    organization_id: Mapped[str]
    event_id: Mapped[int]
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    component: Mapped[str]
    variable: Mapped[str]
    trigger: Mapped[str | None]
    actual_value: Mapped[str | None]
    event: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The element of `eventData` as sent."""


async def newest_report(
    session: Session, charge_point_key: int, request_id: int | None, since: datetime | None
) -> tuple[Any, ...] | None:
    """The parts of one report taken together: id, parts, variables, whether the last is there, last number, times."""
    part = DeviceReportPartRow
    query = select(
        part.request_id,
        func.count(),
        func.sum(part.variable_count),
        func.coalesce(func.bool_or(part.is_last), other=False),
        func.max(part.seq_no),
        func.max(part.generated_at),
        func.max(part.received_at),
    ).where(part.charge_point_key == charge_point_key)
    if request_id is not None:
        query = query.where(part.request_id == request_id)
    if since is not None:
        query = query.where(part.received_at >= since)
    newest = query.group_by(part.request_id).order_by(func.max(part.received_at).desc()).limit(1)
    found = (await session.execute(newest)).first()
    return None if found is None else tuple(found)


async def variables(
    session: Session, charge_point_key: int, component: str | None, variable: str | None
) -> Sequence[DeviceVariableRow]:
    """As they are now, in the order of their names; names narrow, regardless of case."""
    row = DeviceVariableRow
    query = select(row).where(row.charge_point_key == charge_point_key)
    if component is not None:
        query = query.where(func.lower(row.component) == component.lower())
    if variable is not None:
        query = query.where(func.lower(row.variable) == variable.lower())
    order = (row.component, row.component_instance, row.evse_id, row.connector_id, row.variable, row.attribute)
    return (await session.scalars(query.order_by(*order).execution_options(populate_existing=True))).all()
