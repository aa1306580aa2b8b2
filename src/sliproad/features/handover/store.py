"""SQL of handovers and of the links by which their certificates are downloaded. The PDFs themselves are `foundation.files`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, visible_to


class HandoverRow(Row):
    """A project is handed over once: its id is unique here. What the certificate adds is null until it has been signed."""

    __tablename__ = "handovers"
    __table_args__ = ({"info": visible_to("organization", "project", "lookup", lookup=["certificate_id"])},)

    certificate_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"), index=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"), unique=True)
    handed_over_at: Mapped[datetime]
    installer_id: Mapped[str]
    signed_by: Mapped[str]
    handover_notes: Mapped[str | None]
    site_contact_name: Mapped[str | None]
    site_contact_email: Mapped[str | None]
    signature: Mapped[list[list[list[float]]] | None] = mapped_column(JSON)
    """What was drawn: strokes of points [x, y]."""
    issued_at: Mapped[datetime | None]
    """When the certificate was signed, a moment after `handed_over_at`, which is the time that it claims."""
    record_json: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The file inside the PDF, to the byte."""
    record_sha256: Mapped[str | None]
    pdf_file_id: Mapped[str | None]
    pdf_sha256: Mapped[str | None]
    trust_root: Mapped[str | None]
    """PEM of the root that this certificate's signer is trusted by, which a later signing identity does not change."""


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


async def insert_handover(session: Session, values: Mapping[str, Any]) -> None:
    await session.execute(insert(HandoverRow).values(**values))


async def find_handover(session: Session, certificate_id: str, *, lock: bool = False) -> HandoverRow | None:
    """A handover in the transaction's scope; `lock` holds its row until the transaction ends."""
    query = select(HandoverRow).where(HandoverRow.certificate_id == certificate_id)
    row: HandoverRow | None = await session.scalar(query.with_for_update() if lock else query)
    return row


async def handover_of_project(session: Session, project_id: str) -> HandoverRow | None:
    """The handover of a project in the transaction's scope."""
    row: HandoverRow | None = await session.scalar(select(HandoverRow).where(HandoverRow.project_id == project_id))
    return row


async def save_certificate(session: Session, certificate_id: str, values: Mapping[str, Any]) -> None:
    await session.execute(update(HandoverRow).where(HandoverRow.certificate_id == certificate_id).values(**values))


async def keep_link(session: Session, values: Mapping[str, Any]) -> datetime:
    """Put a link in unless it is there; until when it works."""
    link = CertificateLinkRow
    await session.execute(insert(link).values(**values).on_conflict_do_nothing(index_elements=[link.token_hash]))
    found = select(link.expires_at).where(link.token_hash == values["token_hash"])
    return (await session.execute(found)).scalar_one()


async def find_link(session: Session, token_hash: str) -> CertificateLinkRow | None:
    row: CertificateLinkRow | None = await session.scalar(
        select(CertificateLinkRow).where(CertificateLinkRow.token_hash == token_hash)
    )
    return row
