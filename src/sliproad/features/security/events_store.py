"""Rows of the security events that charge points report (OCPP 1.6 security whitepaper §4.3, 2.x A04)."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, visible_to


class SecurityEventRow(Row):
    __tablename__ = "security_events"
    __table_args__ = (
        Index("security_events_key", "charge_point_key", "at", "event_type", "details_key", unique=True),
        {"info": visible_to("organization", "charge_point")},
    )

    security_event_key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    organization_id: Mapped[str]
    event_type: Mapped[str]
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    details: Mapped[str | None]
    """`techInfo`, as sent."""
    details_key: Mapped[int] = mapped_column(BigInteger)
    """A checksum of the details, so that the same event again is the same row."""
