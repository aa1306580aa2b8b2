"""Open routing (OCPI 2.2.1 §4.2.4): whom a request without a receiver is for, by the location, token, session or reservation it names.

Sessions and CDRs go to the eMSP of their token, and what it accepted is kept for it, so that it can ask for it again.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sliproad.features.roaming import keeping, objects_store
from sliproad.features.roaming.asking import Ask, Told
from sliproad.features.roaming.forwarding import Forwarding
from sliproad.features.roaming.objects_store import ObjectRow
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.jobs import Jobs
from sliproad.ocpi.fields import OcpiObject, checked, read_date_time
from sliproad.ocpi.ids import Party, party
from sliproad.ocpi.modules import Interface, ModuleId
from sliproad.ocpi.objects.cdrs import Cdr
from sliproad.ocpi.objects.commands import COMMANDS
from sliproad.ocpi.objects.sessions import Session as ChargingSession
from sliproad.ocpi.objects.tokens import LocationReferences
from sliproad.ocpi.patching import part_of, same, with_charging_periods
from sliproad.ocpi.routing import headers_between
from sliproad.ocpi.status_codes import InvalidParameters, NotKnown, OcpiError, StatusCode

COMPLETE_HELD = "roaming.complete_held"
RESERVATIONS = "reservations"
"""Not a module: which CPO a reservation was made with."""


class Named(NamedTuple):
    """An object by its names."""

    module: str
    owner: Party
    object_id: str


class Placing:
    def __init__(self, database: Database, jobs: Jobs, forwarding: Forwarding) -> None:
        """`database` speaks as `engine`."""
        self.database, self.jobs, self.forwarding = database, jobs, forwarding

    async def place(self, ask: Ask, sender: Party) -> Told:
        """Find the receiver, and carry the request there.

        Raises:
            OcpiError: 4001, nothing says whom it is for; what `forwarding` raises.
            InvalidParameters: 2001, a session, CDR or command is not whole.
            NotKnown: an unknown token (2004), or a GET of what is not there.
        """
        match ask.module, ask.interface:
            case ModuleId.LOCATIONS, Interface.SENDER:
                return await self._location(ask, sender)
            case ModuleId.TOKENS, Interface.SENDER:
                return await self._authorize(ask, sender)
            case ModuleId.COMMANDS, Interface.RECEIVER:
                return await self._command(ask, sender)
            case ModuleId.SESSIONS, Interface.RECEIVER:
                return await self._session(ask, sender)
            case ModuleId.CDRS, Interface.RECEIVER:
                return await self._cdr(ask, sender)
            case ModuleId.CHARGING_PROFILES, Interface.SENDER:
                row = await self._only(ModuleId.SESSIONS.value, ask.segments[0])
                return await self.forwarding.forward(ask, sender, _required(row.receiver))
            case _:  # charging preferences and profiles: the CPO of the session
                row = await self._only(ModuleId.SESSIONS.value, ask.segments[0], sender)
                return await self.forwarding.forward(ask, sender, row.owner)

    async def _location(self, ask: Ask, sender: Party) -> Told:
        """One location, EVSE or connector, of whichever CPO: the hub's copy is as good as the CPO's own."""
        location_id, *part = ask.segments
        async with self.database.transaction(ENGINE) as session:
            rows = await objects_store.by_key(session, ask.module.value, location_id.upper())
        if not rows:
            raise NotKnown(f"There is no location {location_id}.", code=StatusCode.UNKNOWN_LOCATION)
        if len(rows) > 1:
            raise _unplaced(f"Several parties have a location {location_id}; name one in the OCPI-to- headers.")
        return Told(part_of(rows[0].body, part), headers=headers_between(self.forwarding.identity.party, sender))

    async def _authorize(self, ask: Ask, sender: Party) -> Told:
        """Real-time authorisation: the token's eMSP decides (§12.2.2.2)."""
        uid, action = ask.segments
        if action != "authorize":
            raise NotKnown("There is nothing at this address.")
        if ask.body:
            checked(LocationReferences, ask.json())
        async with self.database.transaction(ENGINE) as session:
            rows = await objects_store.by_key(session, ask.module.value, keeping.object_key(ask, uid))
        if not rows:
            raise NotKnown("No party of this hub has such a token.", code=StatusCode.UNKNOWN_TOKEN)
        if len(rows) > 1:
            raise _unplaced("Several parties have a token of this uid; name one in the OCPI-to- headers.")
        return await self.forwarding.forward(ask, sender, rows[0].owner)

    async def _command(self, ask: Ask, sender: Party) -> Told:
        """A command: to the CPO of its location, session or reservation."""
        name = ask.segments[0].upper()
        if name not in COMMANDS:
            raise NotKnown(f"There is no command {ask.segments[0]}.")
        content = ask.json()
        checked(COMMANDS[name], content)
        if "location_id" in content:
            receiver = (await self._only(ModuleId.LOCATIONS.value, content["location_id"])).owner
        elif "session_id" in content:
            receiver = (await self._only(ModuleId.SESSIONS.value, content["session_id"], sender)).owner
        else:
            receiver = _required((await self._only(RESERVATIONS, content["reservation_id"], owner=sender)).receiver)
        told = await self.forwarding.forward(ask, sender, receiver)
        if name == "RESERVE_NOW" and told.is_accepted:
            async with self.database.transaction(ENGINE) as session:
                reservation = Named(RESERVATIONS, sender, content["reservation_id"])
                await _keep(session, reservation, receiver, content["token"])
        return told

    async def _session(self, ask: Ask, sender: Party) -> Told:
        place = keeping.place_of(ask)
        async with self.database.transaction(ENGINE) as session:
            row = await objects_store.kept_object(session, ask.module.value, place.owner, place.object_key)
        if ask.method == "GET":
            return self._own(row, sender, f"There is no session {place.object_id} of {place.owner}.")
        keeping.require_owner(ask, sender, place.owner)
        change = ask.json()
        if ask.method == "PATCH":
            if row is None:
                raise NotKnown(f"There is no session {place.object_id} of {place.owner}; PUT it first.")
            whole = with_charging_periods(row.body, change)
        else:
            whole = change
        found = checked(ChargingSession, whole)
        _check_names(found, (("id", place.object_id), *_owner_names(place.owner)))
        receiver = _emsp(whole)
        told = await self.forwarding.forward(ask, sender, receiver)
        if told.is_accepted:
            async with self.database.transaction(ENGINE) as session:
                await _keep(session, Named(ask.module.value, place.owner, place.object_id), receiver, whole)
                if await objects_store.has_held(session, place.owner):
                    await self.jobs.enqueue(
                        session, COMPLETE_HELD, country_code=place.owner.country_code, party_id=place.owner.party_id
                    )
        return told

    async def _cdr(self, ask: Ask, sender: Party) -> Told:
        if ask.method == "GET":
            place = keeping.place_of(ask)
            async with self.database.transaction(ENGINE) as session:
                row = await objects_store.kept_object(session, ask.module.value, place.owner, place.object_key)
            return self._own(row, sender, f"There is no CDR {place.object_id} of {place.owner}.")
        content = ask.json()
        found = checked(Cdr, content)
        keeping.require_owner(ask, sender, Party(found.country_code.upper(), found.party_id.upper()))
        where = f"{self.forwarding.identity.endpoint_url(ask.module, ask.interface)}"
        location = f"{where}/{sender.country_code}/{sender.party_id}/{found.id}"
        async with self.database.transaction(ENGINE) as session:
            before = await objects_store.kept_object(session, ask.module.value, sender, found.id.upper())
        if before is not None and before.body != content:
            raise InvalidParameters(
                f"id: a CDR {found.id} was sent before, and CDRs never change; undo it by a Credit CDR"
            )
        receiver = _emsp(content)
        if before is not None:
            return Told(headers={**headers_between(receiver, sender), "Location": location})
        told = await self.forwarding.forward(ask, sender, receiver)
        if not told.is_accepted:
            return told
        async with self.database.transaction(ENGINE) as session:
            await _keep(session, Named(ask.module.value, sender, found.id), receiver, content)
        return Told(http_status=told.http_status, headers={**told.headers, "Location": location}, relayed=told.relayed)

    def _own(self, row: ObjectRow | None, sender: Party, sentence: str) -> Told:
        """What is kept, to its owner and to whom it concerns; to others it is not there."""
        if row is None or sender not in {row.owner, row.receiver}:
            raise NotKnown(sentence)
        return Told(row.body, headers=headers_between(self.forwarding.identity.party, sender))

    async def _only(
        self, module: str, object_id: str, receiver: Party | None = None, owner: Party | None = None
    ) -> ObjectRow:
        """The one object of this id.

        Raises:
            OcpiError: 4001, there is none, or several.
        """
        async with self.database.transaction(ENGINE) as session:
            if owner is not None:
                found = await objects_store.kept_object(session, module, owner, object_id.upper())
                rows = [found] if found is not None else []
            else:
                rows = list(await objects_store.by_key(session, module, object_id.upper(), receiver))
        if len(rows) != 1:
            count = "Several" if rows else "No"
            raise _unplaced(
                f"{count} {module} of the id {object_id} are known here; name the receiver in the OCPI-to- headers."
            )
        return rows[0]


async def _keep(session: Session, name: Named, receiver: Party, body: Mapping[str, Any]) -> None:
    """What `receiver` accepted, in the place of what it accepted before."""
    key = name.object_id.upper()
    row = await objects_store.kept_object(session, name.module, name.owner, key, lock=True)
    stamp = read_date_time(body["last_updated"])
    if row is not None:
        row.body, row.last_updated = dict(body), stamp
        return
    session.add(
        ObjectRow(
            module=name.module,
            country_code=name.owner.country_code,
            party_id=name.owner.party_id,
            object_key=key,
            to_country_code=receiver.country_code,
            to_party_id=receiver.party_id,
            body=dict(body),
            last_updated=stamp,
        )
    )


def _emsp(content: Mapping[str, Any]) -> Party:
    """The party of a session's or CDR's token; its fields were checked."""
    token = content["cdr_token"]
    return _required(party(token["country_code"], token["party_id"]))


def _required(found: Party | None) -> Party:
    if found is None:
        raise _unplaced("Nothing says whom this is for; name the receiver in the OCPI-to- headers.")
    return found


def _unplaced(sentence: str) -> OcpiError:
    return OcpiError(StatusCode.UNKNOWN_RECEIVER, sentence)


def _owner_names(owner: Party) -> tuple[tuple[str, str], ...]:
    return ("country_code", owner.country_code), ("party_id", owner.party_id)


def _check_names(found: OcpiObject, names: tuple[tuple[str, str], ...]) -> None:
    for name, wanted in names:
        if not same(getattr(found, name), wanted):
            raise InvalidParameters(f"{name}: must be the one of the path, {wanted}")
