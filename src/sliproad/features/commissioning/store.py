"""SQL of commissioning: sessions, steps, logs. A session is its rows and nothing else; `service` calls it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, visible_to

ACTIVE = text("status in ('running', 'paused')")


class CommissioningSessionRow(Row):
    """One run through a template. At most one active session per charge point, whatever the concurrency."""

    __tablename__ = "commissioning_sessions"
    __table_args__ = (
        Index("commissioning_sessions_active_key", "charge_point_key", unique=True, postgresql_where=ACTIVE),
        Index("commissioning_sessions_charge_point_key_started_at_idx", "charge_point_key", "started_at"),
        Index("commissioning_sessions_wake_at_idx", "wake_at", postgresql_where=text("status = 'running'")),
        {"info": visible_to("organization", "charge_point"), "postgresql_with": {"fillfactor": 70}},
    )

    session_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"))
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"))
    charge_point_key: Mapped[int] = mapped_column(BigInteger, ForeignKey("charge_points.key"))
    charge_point_id: Mapped[str]
    template_id: Mapped[str]
    status: Mapped[str]
    """`running`, `paused`, `completed`, `stopped`, `failed`."""
    result: Mapped[str | None]
    """`passed` or `failed` once the session has ended by itself."""
    notes: Mapped[str | None]
    options: Mapped[dict[str, Any]]
    """What the start asked for, by the request's own field names."""
    test_token: Mapped[str]
    """The token that this session's test transaction charges with."""
    started_by: Mapped[str]
    """The installer's id."""
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    commissioned_at: Mapped[datetime | None]
    """When the charge point went live because of this session: at completion, or later by hand."""
    epoch_at_start: Mapped[int] = mapped_column(BigInteger)
    turn: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Goes up by one with every transition; an answer to a CALL of an earlier turn is void."""
    outgoing: Mapped[dict[str, Any] | None]
    """The CALL that is to be sent or is in flight."""
    in_flight_until: Mapped[datetime | None]
    """Until when the process that made the CALL in flight is taken to be alive; it prolongs this while it waits."""
    wake_at: Mapped[datetime | None]
    """When to look at the session again, if nothing wakes it earlier."""
    waiting_for: Mapped[str | None]


class CommissioningStepRow(Row):
    __tablename__ = "commissioning_steps"
    __table_args__ = ({"info": visible_to("organization", "charge_point"), "postgresql_with": {"fillfactor": 70}},)

    session_id: Mapped[str] = mapped_column(
        ForeignKey("commissioning_sessions.session_id", ondelete="cascade"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organization_id: Mapped[str]
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    shown_as: Mapped[list[Any]]
    """Where a reader sees it: `step`, `check`, or both."""
    status: Mapped[str] = mapped_column(server_default="pending")
    """`pending`, `running`, `passed`, `failed`, `skipped`."""
    state: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What the step remembers between its transitions."""
    time_limit_seconds: Mapped[float]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    duration_ms: Mapped[int | None]
    detail: Mapped[str | None]
    value: Mapped[str | None]
    evidence: Mapped[dict[str, Any] | None]


class CommissioningLogRow(Row):
    """What happened in a session, for people; frames themselves are in the frame log."""

    __tablename__ = "commissioning_logs"
    __table_args__ = (
        Index("commissioning_logs_session_id_log_id_idx", "session_id", "log_id"),
        {"info": visible_to("organization", "charge_point")},
    )

    log_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("commissioning_sessions.session_id", ondelete="cascade"))
    organization_id: Mapped[str]
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    level: Mapped[str]
    """`debug`, `info`, `warn`, `error`."""
    step: Mapped[str | None]
    message: Mapped[str]
