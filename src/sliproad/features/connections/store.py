"""Rows of operators' connections: versions, what each charge point has now, who changed what, and roll-outs.

An assignment carries everything that a gateway needs for the second connection, so that `relay_mirror` reads this one table.
Every writer of what gateways mirror sets `changed_xid` to its own transaction (see `charge_points.identities`).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, Sequence, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, visible_to

GENERATIONS = Sequence("connection_generations", metadata=Row.metadata)
"""Numbers the settings that charge points were given: a greater one is a later one, whoever's it is."""

CURRENT_XID = text("pg_current_xact_id()::text::bigint")


class ConnectionVersionRow(Row):
    """Connection settings as an operator stored them; never changed. Without a serial number they are for any charge point."""

    __tablename__ = "connection_versions"
    __table_args__ = (
        Index("connection_versions_latest_key", "operator_id", "serial_number", "version_number", unique=True),
        {"info": visible_to("operator")},
    )

    version_id: Mapped[str] = mapped_column(primary_key=True)
    version_number: Mapped[int] = mapped_column(BigInteger, Identity())
    """Later ones have greater numbers."""
    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.operator_id"))
    serial_number: Mapped[str | None]
    charge_point_id: Mapped[str | None]
    """The identity at the operator's server, where it is not the serial number."""
    connectivity_mode: Mapped[str]
    """`OcppOff` or `DualProtocol`."""
    delivery: Mapped[str] = mapped_column(server_default="relay")
    """`relay`, or `native`: the charge point itself is moved."""
    url: Mapped[str]
    ca_certificate: Mapped[str | None]
    ca_certificate_domain: Mapped[str | None]
    password_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    apply_to_new_devices: Mapped[bool]
    authorization_decision: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class ConnectionAssignmentRow(Row):
    """The version that a charge point has now, spelled out, and how its connection to the operator's server is.

    `connection_settings` writes what is to be; the gateway that holds the charge point writes `state` and what follows it, and only
    where `generation` is still the one it works for.
    """

    __tablename__ = "connection_assignments"
    __table_args__ = (
        Index("connection_assignments_operator_id_idx", "operator_id", "site_id"),
        {"info": visible_to("organization", "operator")},
    )

    charge_point_key: Mapped[int] = mapped_column(BigInteger, ForeignKey("charge_points.key"), primary_key=True)
    organization_id: Mapped[str]
    site_id: Mapped[str]
    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.operator_id"))
    version_id: Mapped[str]
    generation: Mapped[int] = mapped_column(BigInteger, server_default=text("nextval('connection_generations')"))
    mode: Mapped[str]
    """`relay`, `native` or `off`."""
    url: Mapped[str]
    ca_certificate: Mapped[str | None]
    ca_certificate_domain: Mapped[str | None]
    identity: Mapped[str]
    """Appended to `url`: how the charge point is called at the operator's server."""
    username: Mapped[str]
    password_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    authorization_decision: Mapped[str]
    """`ours`, `theirs`, `both` or `either`."""
    off_policy: Mapped[str] = mapped_column(server_default="drain")
    """What becomes of waiting messages when `mode` is `off`: `drain` delivers them first, `drop` does not."""
    changed_at: Mapped[datetime]
    state: Mapped[str]
    """`pending`, `connecting`, `connected`, `failed` or `off`."""
    reason: Mapped[str | None]
    """Why it failed, in words."""
    state_at: Mapped[datetime]
    connected_at: Mapped[datetime | None]
    relay_epoch: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The connection of the charge point whose relay told the state: an older one's word comes too late."""
    changed_xid: Mapped[int] = mapped_column(BigInteger, server_default=CURRENT_XID, index=True)


class ConnectionMoveRow(Row):
    """A charge point that is (or was) itself moved to an operator's server; `moving` alone writes it, in role `engine`."""

    __tablename__ = "connection_moves"
    __table_args__ = (
        Index("connection_moves_look_at_idx", "look_at", postgresql_where=text("look_at is not null")),
        {"info": visible_to("organization", "operator")},
    )

    charge_point_key: Mapped[int] = mapped_column(BigInteger, ForeignKey("charge_points.key"), primary_key=True)
    organization_id: Mapped[str]
    operator_id: Mapped[str]
    generation: Mapped[int] = mapped_column(BigInteger)
    """Of the assignment that this is about; one with another generation is about something else."""
    protocol_version: Mapped[str]
    step: Mapped[str]
    """See `move_model.course`."""
    step_at: Mapped[datetime]
    progress: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What has been done; no secrets."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    turn: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Raised by each look that makes a CALL: an answer counts in its own turn only."""
    look_at: Mapped[datetime | None]
    """When to look again, at the latest."""


class ConnectionAuditRow(Row):
    """Who changed what, when, from what to what. Holds no secret."""

    __tablename__ = "connection_audit"
    __table_args__ = (
        Index("connection_audit_operator_id_idx", "operator_id", "audit_id"),
        Index("connection_audit_charge_point_key_idx", "charge_point_key", "audit_id"),
        {"info": visible_to("organization", "operator")},
    )

    audit_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    operator_id: Mapped[str]
    organization_id: Mapped[str | None]
    site_id: Mapped[str | None]
    charge_point_key: Mapped[int | None] = mapped_column(BigInteger)
    charge_point_id: Mapped[str | None]
    serial_number: Mapped[str | None]
    at: Mapped[datetime]
    actor: Mapped[str]
    """The id of a user or key, or the platform's own job."""
    change: Mapped[str]
    from_version_id: Mapped[str | None]
    to_version_id: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))


class ConnectionRolloutRow(Row):
    """A version on its way to all charge points of a site, wave after wave."""

    __tablename__ = "connection_rollouts"
    __table_args__ = (
        Index("connection_rollouts_operator_id_idx", "operator_id", "created_at"),
        Index("connection_rollouts_one_open_key", "site_id", unique=True, postgresql_where=text("finished_at is null")),
        {"info": visible_to("organization", "operator")},
    )

    rollout_id: Mapped[str] = mapped_column(primary_key=True)
    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.operator_id"))
    organization_id: Mapped[str]
    site_id: Mapped[str]
    version_id: Mapped[str]
    state: Mapped[str]
    """`running`, `paused`, `stopped`, `completed`, `rolled_back`."""
    reason: Mapped[str | None]
    wave: Mapped[int]
    """The last one begun; the first is 1."""
    most_failures: Mapped[int]
    wait_seconds: Mapped[int]
    """How long a charge point of a wave may take to connect before it counts as failed."""
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    wave_began_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ConnectionRolloutItemRow(Row):
    """One charge point of a roll-out, and what it had before."""

    __tablename__ = "connection_rollout_items"
    __table_args__ = ({"info": visible_to("organization", "operator")},)

    rollout_id: Mapped[str] = mapped_column(ForeignKey("connection_rollouts.rollout_id"), primary_key=True)
    charge_point_key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    operator_id: Mapped[str]
    organization_id: Mapped[str]
    charge_point_id: Mapped[str]
    serial_number: Mapped[str]
    wave: Mapped[int]
    state: Mapped[str]
    """`waiting`, `applied`, `connected`, `failed`, `rolled_back`."""
    reason: Mapped[str | None]
    generation: Mapped[int | None] = mapped_column(BigInteger)
    """Of the assignment that the roll-out made."""
    previous_version_id: Mapped[str | None]
    previous_mode: Mapped[str | None]
    state_at: Mapped[datetime]
