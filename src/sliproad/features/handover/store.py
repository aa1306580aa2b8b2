"""SQL of handovers, their signed certificates and the links by which these are downloaded."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, visible_to


class HandoverRow(Row):
    """A project is handed over once: its id is unique here. `record_json` is the embedded file, to the byte."""

    __tablename__ = "handovers"
    __table_args__ = ({"info": visible_to("organization", "project", "lookup", lookup=["certificate_id"])},)

    certificate_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"), index=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"), unique=True)
    handed_over_at: Mapped[datetime]
    installer_id: Mapped[str]
    signed_by: Mapped[str]
    record_json: Mapped[bytes] = mapped_column(LargeBinary)
    record_sha256: Mapped[str]
    mail_to: Mapped[list[Any]]
    """Who gets the certificate by mail: the CPO and the site owner, as they were at handover."""
    pdf_sha256: Mapped[str | None]
    issued_at: Mapped[datetime | None]
    """When the PDF was typeset and signed, a moment after `handed_over_at`; the certificate itself says the latter."""


class CertificatePdfRow(Row):
    """The signed PDF, apart from its handover so that lists never load it."""

    __tablename__ = "handover_certificates"
    __table_args__ = ({"info": visible_to("organization", "project", "lookup", lookup=["certificate_id"])},)

    certificate_id: Mapped[str] = mapped_column(ForeignKey("handovers.certificate_id"), primary_key=True)
    organization_id: Mapped[str]
    project_id: Mapped[str]
    pdf: Mapped[bytes] = mapped_column(LargeBinary)


class CertificateLinkRow(Row):
    """A download link. Only the keyed hash of its token is kept; `mailbox` is where a successor may be sent."""

    __tablename__ = "certificate_links"
    __table_args__ = (
        Index("certificate_links_certificate_id_idx", "certificate_id"),
        {"info": visible_to("organization", "project", "lookup", lookup=["token_hash", "certificate_id"])},
    )

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    certificate_id: Mapped[str] = mapped_column(ForeignKey("handovers.certificate_id"))
    organization_id: Mapped[str]
    project_id: Mapped[str]
    mailbox: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]
