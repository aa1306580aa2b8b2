"""Rows of a charge point's device model: variables, the parts of its reports, the events of its components."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, visible_to


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
