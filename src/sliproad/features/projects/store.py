"""SQL of projects, assignments and checklists."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, visible_to


class ProjectRow(Row):
    __tablename__ = "projects"
    __table_args__ = ({"info": visible_to("organization", "project")},)

    project_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"), index=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.site_id"), index=True)
    name: Mapped[str]
    charge_points_expected: Mapped[int]
    site_owner_email: Mapped[str | None]
    auto_commission: Mapped[bool] = mapped_column(server_default=text("true"))
    mail_site_owner: Mapped[bool] = mapped_column(server_default=text("true"))
    require_checklist: Mapped[bool] = mapped_column(server_default=text("false"))
    status: Mapped[str] = mapped_column(server_default="in_progress")
    """`in_progress`, `handed_over`."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    handed_over_at: Mapped[datetime | None]


class ProjectInstallerRow(Row):
    __tablename__ = "project_installers"
    __table_args__ = (
        Index("project_installers_installer_id_idx", "installer_id"),
        {"info": visible_to("organization", "installer")},
    )

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"), primary_key=True)
    installer_id: Mapped[str] = mapped_column(ForeignKey("installers.installer_id"), primary_key=True)
    organization_id: Mapped[str]
    assigned_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    removed_at: Mapped[datetime | None]


class ChecklistItemRow(Row):
    """What a person ticked. Items that the platform fills (`ocpp_connection`, …) are never stored here."""

    __tablename__ = "checklist_items"
    __table_args__ = (
        Index(
            "checklist_items_place_key",
            "project_id",
            "charge_point_key",
            "item",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        {"info": visible_to("organization", "project")},
    )

    checklist_item_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"))
    organization_id: Mapped[str]
    charge_point_key: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("charge_points.key"))
    item: Mapped[str]
    done: Mapped[bool]
    done_by: Mapped[str | None]
    done_at: Mapped[datetime | None]
    note: Mapped[str | None]
    photo_url: Mapped[str | None]
