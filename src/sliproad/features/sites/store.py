"""SQL of sites and their owners."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, visible_to


class SiteRow(Row):
    __tablename__ = "sites"
    __table_args__ = ({"info": visible_to("organization", "site")},)

    site_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"), index=True)
    name: Mapped[str]
    address: Mapped[str]
    latitude: Mapped[Decimal | None]
    longitude: Mapped[Decimal | None]
    time_zone: Mapped[str | None]
    operator_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class SiteOwnerRow(Row):
    """A user with role `site_owner`, bound to a site."""

    __tablename__ = "site_owners"
    __table_args__ = ({"info": visible_to("organization", "user")},)

    site_id: Mapped[str] = mapped_column(ForeignKey("sites.site_id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.user_id"), primary_key=True)
    organization_id: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
