"""SQL of attempts to connect: each refusal or failure with what tells a technician why, and each success."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, kept, visible_to


class ConnectionAttemptRow(Row):
    __tablename__ = "connection_attempts"
    __table_args__ = (
        Index("connection_attempts_charge_point_key_at_idx", "charge_point_key", "at"),
        Index("connection_attempts_at_idx", "at", postgresql_using="brin"),
        Index("connection_attempts_remote_address_at_idx", "remote_address", "at"),
        {"info": visible_to("organization", "charge_point") | kept(30, since="at")},
    )

    attempt_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    charge_point_key: Mapped[int | None] = mapped_column(BigInteger)
    """None where no known identity could be read."""
    organization_id: Mapped[str | None]
    identity: Mapped[str | None]
    """The identity as it was sent, escaped, at most 64 characters."""
    path: Mapped[str]
    remote_address: Mapped[str]
    outcome: Mapped[str]
    """A word such as `accepted`, `wrong_password`, `unknown_identity`, `no_common_subprotocol`, `plain_http`, `tls_failed`."""
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
