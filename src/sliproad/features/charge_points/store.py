"""SQL of the registry. Rows of the live state are in `live_store`, attempts to connect in `attempts_store`."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, visible_to


class ChargePointRow(Row):
    """`key` is internal (NATS subjects, file names, metrics); `charge_point_id` is the public id and the OCPP identity."""

    __tablename__ = "charge_points"
    __table_args__ = (
        Index("charge_points_organization_id_created_at_idx", "organization_id", "created_at", "key"),
        Index("charge_points_project_id_idx", "project_id"),
        Index("charge_points_site_id_idx", "site_id"),
        Index(
            "charge_points_serial_number_key",
            "organization_id",
            "vendor",
            "serial_number",
            unique=True,
            postgresql_where=text("removed_at is null"),
        ),
        {"info": visible_to("organization", "project")},
    )

    key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    charge_point_id: Mapped[str] = mapped_column(unique=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"))
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.site_id"))
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"))
    serial_number: Mapped[str]
    vendor: Mapped[str]
    model: Mapped[str]
    ocpp_version: Mapped[str]
    max_power_kw: Mapped[Decimal | None]
    connector_count: Mapped[int]
    latitude: Mapped[Decimal | None]
    longitude: Mapped[Decimal | None]
    location_description: Mapped[str | None]
    location_address: Mapped[str | None]
    boot_policy: Mapped[str] = mapped_column(server_default="accepted")
    commissioning_status: Mapped[str] = mapped_column(server_default="not_started")
    """`not_started`, `in_progress`, `failed`, `completed`."""
    commissioned_at: Mapped[datetime | None]
    registered_by: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    removed_at: Mapped[datetime | None]
    changed_xid: Mapped[int] = mapped_column(
        BigInteger, server_default=text("pg_current_xact_id()::text::bigint"), index=True
    )
    """The transaction that last changed what gateways mirror (identity, password, policy, …): every writer sets it anew."""
