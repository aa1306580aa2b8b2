"""The registry: which charge points there are, whose, where, and what is known of their hardware.

Later rooms (projects, commissioning, handover, …) compose its `session` methods into their own transactions; the routes of
the organisation's side call `page`, `detail` and `set_boot_policy`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.charge_points import store
from sliproad.features.charge_points.live_model import ConnectorStatus, LiveState
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.model import (
    Address,
    ChargePoint,
    Location,
    Move,
    NewChargePoint,
    Selection,
    address_of,
    is_identity,
)
from sliproad.features.charge_points.ports import Placements
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, IntegrityError, Session, Where, violated_constraint
from sliproad.foundation.errors import Conflict, InvalidInput, NotFound
from sliproad.foundation.ids import new_id
from sliproad.foundation.web import Page

MIRROR_CHANGED = "mirror.changed"
"""Said after a commit that changed what gateways mirror; they look for themselves every second anyway."""
TAKEN = {
    "charge_points_charge_point_id_key": (
        "charge_point_exists",
        "A charge point with this charge_point_id already exists. Choose another, or leave it out to get one.",
    ),
    "charge_points_serial_number_key": (
        "serial_number_exists",
        "A charge point of this vendor with this serial number is already registered.",
    ),
}
INSTALLER_ADDRESS_LIFETIME = timedelta(hours=24)
LOCATION_COLUMNS = {
    "latitude": "latitude",
    "longitude": "longitude",
    "description": "location_description",
    "address": "location_address",
}


@dataclass(frozen=True, slots=True)
class ListedChargePoint:
    """A charge point with its live state, as lists show it."""

    charge_point: ChargePoint
    live: LiveState


@dataclass(frozen=True, slots=True)
class ChargePointPage:
    items: tuple[ListedChargePoint, ...]
    total: int
    next_cursor: str | None


class RegistryService:
    """Charge points as facts; see the module."""

    def __init__(
        self, database: Database, clock: Clock, bus: Bus, *, ocpp_public_url: str, placements: Placements
    ) -> None:
        """`ocpp_public_url` is scheme, host and port by which chargers reach the gateways: `wss://ocpp.example`."""
        self.database = database
        self.placements = placements
        self.clock = clock
        self.bus = bus
        self.live = LiveService()
        self.ocpp_base_url = f"{ocpp_public_url.rstrip('/')}/ocpp"

    async def page(self, actor: OrganizationActor, selection: Selection, page: Page) -> ChargePointPage:
        """One page of the organisation's charge points that `selection` narrows, newest first."""
        async with self.database.transaction(actor.scope) as session:
            return await self.select(session, replace(selection, organization_id=actor.organization_id), page)

    async def key_of(self, actor: OrganizationActor, charge_point_id: str) -> int:
        """The key of one of the organisation's charge points, as cheaply as can be: commands ask each time.

        Raises:
            NotFound: absent, or another organisation's.
        """
        values = {"charge_point_id": charge_point_id, "organization_id": actor.organization_id}
        found = await self.database.ask(store.KEY_OF, values, actor.scope)
        if not found:
            raise absent()
        return int(found[0][0])

    async def detail(
        self, actor: OrganizationActor, charge_point_id: str
    ) -> tuple[ListedChargePoint, tuple[Move, ...]]:
        """A charge point, its live state, and where it was before.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.of_organization(session, actor, charge_point_id)
            moves = await store.select_moves(session, charge_point.key)
            return await self.with_live(session, charge_point), tuple(
                Move(row.from_project_id, row.to_project_id, row.moved_at, row.moved_by) for row in moves
            )

    async def set_boot_policy(self, actor: OrganizationActor, charge_point_id: str, policy: str) -> ChargePoint:
        """What its BootNotifications are answered from now on: `accepted`, `pending` or `rejected`.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.of_organization(session, actor, charge_point_id)
            row = await store.change(session, charge_point.key, {"boot_policy": policy}, mirrored=True)
            changed = charge_point_of(row)
        await self.announce()
        return changed

    async def for_attempts(self, actor: OrganizationActor, charge_point_id: str) -> tuple[ChargePoint, list[str]]:
        """A charge point, and the addresses from which attempts to connect may be its own.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.of_organization(session, actor, charge_point_id)
            address = await self.recent_installer_address(session, charge_point.key)
            return charge_point, [address] if address else []

    async def connectors(self, actor: OrganizationActor, charge_point_id: str) -> tuple[ConnectorStatus, ...]:
        """What its connectors reported last.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.of_organization(session, actor, charge_point_id)
            return tuple(await self.live.connectors(session, charge_point.key))

    async def announce(self) -> None:
        """After a commit: tell the gateways to look at what they mirror."""
        await self.bus.publish(MIRROR_CHANGED, {})

    def address(self, charge_point: ChargePoint) -> Address:
        """By what URL and identity a charge point reaches us."""
        return address_of(charge_point, self.ocpp_base_url)

    async def select(self, session: Session, selection: Selection, page: Page) -> ChargePointPage:
        """One page of what the transaction's scope may see and `selection` narrows, newest first."""
        after = page.after(int)
        rows = await store.select_page(session, selection, limit=page.limit, before_key=after[0] if after else None)
        kept, next_cursor = page.cut(rows, lambda row: (row[0].key,))
        items = tuple(ListedChargePoint(charge_point_of(row), store.live_state(live)) for row, live in kept)
        return ChargePointPage(items, await store.count(session, selection), next_cursor)

    async def with_live(self, session: Session, charge_point: ChargePoint) -> ListedChargePoint:
        """A charge point together with its live state."""
        return ListedChargePoint(charge_point, await self.live.live(session, charge_point.key))

    async def of_organization(
        self, session: Session, actor: OrganizationActor, charge_point_id: str, *, lock: bool = False
    ) -> ChargePoint:
        """A charge point of the actor's organisation.

        Raises:
            NotFound: absent, or another organisation's.
        """
        charge_point = await self.facts(session, charge_point_id, lock=lock)
        if charge_point.organization_id != actor.organization_id:
            raise absent()
        return charge_point

    async def facts(self, session: Session, charge_point_id: str, *, lock: bool = False) -> ChargePoint:
        """A charge point by its public id; `lock` holds its row until the transaction ends.

        Raises:
            NotFound: absent, removed, or out of the transaction's scope.
        """
        row = await store.find_by_id(session, charge_point_id, lock=lock)
        if row is None:
            raise absent()
        return charge_point_of(row)

    async def by_key(self, where: Where, key: int) -> ChargePoint:
        """A charge point by its internal key; in the caller's transaction, or by itself for role `engine`.

        Raises:
            NotFound: absent, removed, or out of the transaction's scope.
        """
        row = await store.find_by_key(where, key)
        if row is None:
            raise absent()
        return charge_point_of(row)

    async def by_key_with_live(self, where: Where, key: int) -> ListedChargePoint:
        """The same, together with its live state.

        Raises:
            NotFound: absent, removed, or out of the transaction's scope.
        """
        found = await store.find_with_live(where, key)
        if found is None:
            raise absent()
        return ListedChargePoint(charge_point_of(found[0]), found[1])

    async def of_project(self, session: Session, project_id: str) -> tuple[ChargePoint, ...]:
        """A project's charge points in the order of their registration."""
        return tuple(charge_point_of(row) for row in await store.select_of_project(session, project_id))

    async def of_site(self, session: Session, site_id: str) -> tuple[ChargePoint, ...]:
        """A site's charge points in the order of their registration."""
        return tuple(charge_point_of(row) for row in await store.select_of_site(session, site_id))

    async def called(self, session: Session, name: str) -> tuple[ChargePoint, ...]:
        """Those in the transaction's scope with this serial number or public id; an id names one, several can share a serial number."""
        found = tuple(charge_point_of(row) for row in await store.select_called(session, name))
        return tuple(each for each in found if each.charge_point_id == name) or found

    async def status_counts(self, session: Session, project_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """For each project with charge points: commissioning status -> how many."""
        counts: dict[str, dict[str, int]] = {}
        for project_id, status, number in await store.count_by_status(session, project_ids):
            counts.setdefault(project_id, {})[status] = number
        return counts

    async def set_commissioning_status(self, session: Session, key: int, status: str, at: datetime) -> None:
        """`not_started`, `in_progress`, `failed` or `completed` since `at`; gateways answer boots by it (heartbeat interval)."""
        values = {"commissioning_status": status, "commissioned_at": at if status == "completed" else None}
        await store.change(session, key, values, mirrored=True)

    async def end_test(self, session: Session, key: int) -> None:
        """Its test transaction is over, or given up: the token it was started with is dead from now on."""
        await store.end_test(session, key)

    async def add(
        self, session: Session, new: NewChargePoint, *, organization_id: str, site_id: str, registered_by: str
    ) -> ChargePoint:
        """Register `new` in a project that the caller has found open to whoever asks.

        Raises:
            InvalidInput: `charge_point_id` can't be an OCPP identity.
            Conflict: `charge_point_exists` (in the whole installation), `serial_number_exists` (in this organisation).
        """
        if new.charge_point_id is not None and not is_identity(new.charge_point_id):
            raise InvalidInput.field(
                "charge_point_id", "must be 1 to 48 of A-Z a-z 0-9 - _ . * and begin with a letter or digit"
            )
        values = {
            "charge_point_id": new.charge_point_id or new_id("cp"),
            "organization_id": organization_id,
            "site_id": site_id,
            "project_id": new.project_id,
            "serial_number": new.serial_number,
            "vendor": new.vendor,
            "model": new.model,
            "ocpp_version": new.ocpp_version,
            "connector_count": new.connector_count,
            "max_power_kw": new.max_power_kw,
            **location_columns(new.location),
            "registered_by": registered_by,
            "created_at": self.clock.now(),
        }
        try:
            added = charge_point_of(await store.insert_charge_point(session, values))
        except IntegrityError as error:
            raise taken(error) from None
        await self.placements.registered(session, added)
        return added

    async def change(self, session: Session, key: int, changes: Mapping[str, Any]) -> ChargePoint:
        """Set facts by name (`serial_number`, …, `location`: a mapping of the parts to change).

        Raises:
            Conflict: `serial_number_exists`.
        """
        values = {name: value for name, value in changes.items() if name != "location"}
        for part, value in (changes.get("location") or {}).items():
            values[LOCATION_COLUMNS[part]] = value
        if not values:
            return await self.by_key(session, key)
        try:
            changed = charge_point_of(await store.change(session, key, values, mirrored=True))
        except IntegrityError as error:
            raise taken(error) from None
        if "serial_number" in values:
            await self.placements.placed(session, changed)
        return changed

    async def put_into(
        self, session: Session, charge_point: ChargePoint, *, project_id: str, site_id: str, moved_by: str
    ) -> ChargePoint:
        """Put it into another project of its organisation; everything it has done stays with it."""
        move = {
            "charge_point_key": charge_point.key,
            "organization_id": charge_point.organization_id,
            "from_project_id": charge_point.project_id,
            "to_project_id": project_id,
            "moved_at": self.clock.now(),
            "moved_by": moved_by,
        }
        await store.insert_move(session, move)
        values = {"project_id": project_id, "site_id": site_id}
        moved = charge_point_of(await store.change(session, charge_point.key, values, mirrored=False))
        await self.placements.placed(session, moved)
        return moved

    async def remove(self, session: Session, key: int) -> None:
        """Take it out of the registry: its socket is closed, its identity and serial number are free; its history stays."""
        await store.end_connection(session, key)
        await store.change(session, key, {"removed_at": self.clock.now()}, mirrored=True)
        await self.placements.removed(session, key)

    async def recent_installer_address(self, session: Session, key: int) -> str | None:
        """From where its installer asked within the last day; see `note_installer_address`."""
        return await store.find_installer_address(session, key, self.clock.now() - INSTALLER_ADDRESS_LIFETIME)

    async def public_ids(self, session: Session, keys: Collection[int]) -> dict[int, str]:
        """Key -> public id of these charge points, removed ones too; those out of scope are left out."""
        return await store.select_ids(session, keys)

    async def note_installer_address(self, session: Session, key: int, address: str) -> None:
        """From where its installer asks: attempts to connect from there are theirs to see for a day (contract §3)."""
        values = {"installer_address": address, "installer_address_at": self.clock.now()}
        await store.change(session, key, values, mirrored=False)


def charge_point_of(row: Any) -> ChargePoint:
    """The facts in a row, of the object-relational kind or of `store.find_by_key`."""
    return ChargePoint(
        key=row.key,
        charge_point_id=row.charge_point_id,
        organization_id=row.organization_id,
        site_id=row.site_id,
        project_id=row.project_id,
        serial_number=row.serial_number,
        vendor=row.vendor,
        model=row.model,
        ocpp_version=row.ocpp_version,
        connector_count=row.connector_count,
        max_power_kw=row.max_power_kw,
        location=Location(row.latitude, row.longitude, row.location_description, row.location_address),
        boot_policy=row.boot_policy,
        commissioning_status=row.commissioning_status,
        commissioned_at=row.commissioned_at,
        registered_by=row.registered_by,
        created_at=row.created_at,
        test_number=row.test_number,
    )


def location_columns(location: Location) -> dict[str, Any]:
    """A location as columns."""
    return {column: getattr(location, part) for part, column in LOCATION_COLUMNS.items()}


def absent() -> NotFound:
    """The same words whether it does not exist or is somebody else's."""
    return NotFound("There is no such charge point.")


def taken(error: IntegrityError) -> Conflict:
    """What a violated unique index means; anything else is a fault of ours and goes on."""
    name = violated_constraint(error)
    if name not in TAKEN:
        raise error
    code, detail = TAKEN[name]
    return Conflict(detail, code=code)
