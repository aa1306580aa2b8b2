"""SQL of connections, their parties and endpoints, registration tokens, and the record of what administrators did."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.features.roaming.model import Connection, ConnectionStatus, PartyRole
from sliproad.foundation.database import Row, Session, visible_to
from sliproad.ocpi.ids import Party
from sliproad.ocpi.modules import Role
from sliproad.ocpi.token_header import TokenStyle


class ConnectionRow(Row):
    """One platform. Tokens it presents are kept as hashes, the token it wants from us is sealed."""

    __tablename__ = "ocpi_connections"
    __table_args__ = ({"info": visible_to("engine")},)

    connection_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    status: Mapped[str]
    token_style: Mapped[str]
    our_token_hash: Mapped[str | None] = mapped_column(unique=True)
    """Of the token we gave (C)."""
    their_token_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The token they gave (B)."""
    versions_url: Mapped[str | None]
    version: Mapped[str | None]
    registered_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]
    """When its status or roles changed last; `last_updated` of its ClientInfo."""
    created_at: Mapped[datetime]


class PartyRow(Row):
    __tablename__ = "ocpi_parties"
    __table_args__ = ({"info": visible_to("engine")},)

    country_code: Mapped[str] = mapped_column(primary_key=True)
    party_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey("ocpi_connections.connection_id"), index=True)


class PartyRoleRow(Row):
    __tablename__ = "ocpi_party_roles"
    __table_args__ = (
        ForeignKeyConstraint(
            ["country_code", "party_id"],
            ["ocpi_parties.country_code", "ocpi_parties.party_id"],
            name="ocpi_party_roles_party_fkey",
        ),
        {"info": visible_to("engine")},
    )

    country_code: Mapped[str] = mapped_column(primary_key=True)
    party_id: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    business_details: Mapped[dict[str, Any] | None]


class RegistrationTokenRow(Row):
    """Token A: hashed, used once."""

    __tablename__ = "ocpi_registration_tokens"
    __table_args__ = ({"info": visible_to("engine")},)

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey("ocpi_connections.connection_id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class EndpointRow(Row):
    """Where a platform answers for a module; from its version details."""

    __tablename__ = "ocpi_endpoints"
    __table_args__ = ({"info": visible_to("engine")},)

    connection_id: Mapped[str] = mapped_column(ForeignKey("ocpi_connections.connection_id"), primary_key=True)
    identifier: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]


class AuditRow(Row):
    """What changed a connection, by whom."""

    __tablename__ = "ocpi_audit"
    __table_args__ = (
        Index("ocpi_audit_connection_id_entry_number_idx", "connection_id", "entry_number"),
        {"info": visible_to("engine")},
    )

    entry_number: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    connection_id: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]
    action: Mapped[str]
    detail: Mapped[dict[str, Any]]


async def connection_row(session: Session, connection_id: str, *, lock: bool = False) -> ConnectionRow | None:
    """One connection; `lock` holds it until the transaction ends."""
    query = select(ConnectionRow).where(ConnectionRow.connection_id == connection_id)
    return await session.scalar(query.with_for_update() if lock else query)


async def as_connection(session: Session, row: ConnectionRow) -> Connection:
    """With its roles."""
    return (await as_connections(session, [row]))[0]


async def as_connections(session: Session, rows: Sequence[ConnectionRow]) -> list[Connection]:
    """Each with its roles, in the order given."""
    query = (
        select(PartyRow.connection_id, PartyRoleRow)
        .join(
            PartyRoleRow,
            (PartyRoleRow.country_code == PartyRow.country_code) & (PartyRoleRow.party_id == PartyRow.party_id),
        )
        .where(PartyRow.connection_id.in_([row.connection_id for row in rows]))
        .order_by(PartyRoleRow.country_code, PartyRoleRow.party_id, PartyRoleRow.role)
    )
    roles: dict[str, list[PartyRole]] = {}
    for connection_id, role in await session.execute(query):
        found = PartyRole(Party(role.country_code, role.party_id), Role(role.role), role.business_details)
        roles.setdefault(connection_id, []).append(found)
    return [
        Connection(
            row.connection_id,
            row.name,
            ConnectionStatus(row.status),
            tuple(roles.get(row.connection_id, ())),
            TokenStyle(row.token_style),
            row.versions_url,
            row.version,
            row.registered_at is not None,
            row.created_at,
            row.changed_at,
            row.heard_at,
        )
        for row in rows
    ]


async def every_connection(session: Session) -> Sequence[ConnectionRow]:
    """All of them, oldest first."""
    query = select(ConnectionRow).order_by(ConnectionRow.created_at, ConnectionRow.connection_id)
    return (await session.scalars(query)).all()


async def by_token(session: Session, hashes: Sequence[str]) -> ConnectionRow | None:
    """Whose token (C) one of these is the hash of."""
    return await session.scalar(select(ConnectionRow).where(ConnectionRow.our_token_hash.in_(hashes)))


async def by_registration_token(
    session: Session, hashes: Sequence[str], now: datetime
) -> tuple[ConnectionRow, str] | None:
    """For whom a registration token (A) that is still good was made, and its hash."""
    query = (
        select(ConnectionRow, RegistrationTokenRow.token_hash)
        .join(RegistrationTokenRow, RegistrationTokenRow.connection_id == ConnectionRow.connection_id)
        .where(
            RegistrationTokenRow.token_hash.in_(hashes),
            RegistrationTokenRow.used_at.is_(None),
            RegistrationTokenRow.expires_at > now,
        )
    )
    found = (await session.execute(query)).one_or_none()
    return found or None


async def use_registration_tokens(session: Session, connection_id: str, now: datetime) -> bool:
    """End every registration token of a connection; whether there was a good one."""
    query = (
        update(RegistrationTokenRow)
        .where(RegistrationTokenRow.connection_id == connection_id, RegistrationTokenRow.used_at.is_(None))
        .values(used_at=now)
        .returning(RegistrationTokenRow.expires_at)
    )
    return any(expires_at > now for expires_at in (await session.scalars(query)).all())


async def party_row(session: Session, party: Party) -> PartyRow | None:
    """Whose party it is."""
    return await session.get(PartyRow, tuple(party))


async def connection_of(session: Session, party: Party) -> ConnectionRow | None:
    """The connection through which a party is reached."""
    query = select(ConnectionRow).join(PartyRow, PartyRow.connection_id == ConnectionRow.connection_id)
    return await session.scalar(query.where(PartyRow.country_code == party[0], PartyRow.party_id == party[1]))


async def add_roles(session: Session, connection_id: str, roles: Iterable[tuple[Party, Role]]) -> None:
    """Approve a connection for roles, in addition to those it has; its parties must be nobody else's."""
    for party, role in roles:
        if await party_row(session, party) is None:
            session.add(PartyRow(country_code=party[0], party_id=party[1], connection_id=connection_id))
            await session.flush()
        if await session.get(PartyRoleRow, (*party, role.value)) is None:
            session.add(PartyRoleRow(country_code=party[0], party_id=party[1], role=role.value))
            await session.flush()


async def name_role(session: Session, party: Party, role: Role, business_details: dict[str, Any]) -> None:
    """Keep what a party says of itself in its credentials."""
    await session.execute(
        update(PartyRoleRow)
        .where(
            PartyRoleRow.country_code == party[0], PartyRoleRow.party_id == party[1], PartyRoleRow.role == role.value
        )
        .values(business_details=business_details)
    )


async def replace_endpoints(session: Session, connection_id: str, endpoints: Iterable[tuple[str, str, str]]) -> None:
    """A connection's endpoints as (identifier, role, url), in the place of all it had."""
    await session.execute(delete(EndpointRow).where(EndpointRow.connection_id == connection_id))
    for (identifier, role), url in {(name.lower(), role): url for name, role, url in endpoints}.items():
        session.add(EndpointRow(connection_id=connection_id, identifier=identifier, role=role, url=url))
    await session.flush()


async def endpoints_of(session: Session, connection_id: str) -> Sequence[EndpointRow]:
    """Where a platform answers, in the order of modules."""
    query = select(EndpointRow).where(EndpointRow.connection_id == connection_id)
    return (await session.scalars(query.order_by(EndpointRow.identifier, EndpointRow.role))).all()


async def endpoint_url(session: Session, connection_id: str, identifier: str, role: str) -> str | None:
    """Where a platform answers for one module."""
    row = await session.get(EndpointRow, (connection_id, identifier, role))
    return row.url if row else None


async def reachable(session: Session, identifier: str, role: str) -> Sequence[tuple[ConnectionRow, str]]:
    """Connected platforms that implement an interface of a module, with its URL."""
    query = (
        select(ConnectionRow, EndpointRow.url)
        .join(EndpointRow, EndpointRow.connection_id == ConnectionRow.connection_id)
        .where(
            ConnectionRow.status == ConnectionStatus.CONNECTED.value,
            EndpointRow.identifier == identifier,
            EndpointRow.role == role,
        )
        .order_by(ConnectionRow.connection_id)
    )
    return (await session.execute(query)).all()


async def silent(session: Session, since: datetime) -> Sequence[ConnectionRow]:
    """Registered platforms that were not heard since then or are offline, suspended ones left out."""
    query = select(ConnectionRow).where(
        ConnectionRow.registered_at.is_not(None),
        ConnectionRow.status != ConnectionStatus.SUSPENDED.value,
        or_(
            ConnectionRow.status == ConnectionStatus.OFFLINE.value,
            func.coalesce(ConnectionRow.heard_at, ConnectionRow.registered_at) < since,
        ),
    )
    return (await session.scalars(query.order_by(ConnectionRow.connection_id))).all()


async def audit(session: Session, connection_id: str) -> Sequence[AuditRow]:
    """What was done to a connection, newest first."""
    query = select(AuditRow).where(AuditRow.connection_id == connection_id)
    return (await session.scalars(query.order_by(AuditRow.entry_number.desc()).limit(200))).all()
