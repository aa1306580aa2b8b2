"""HUB's own requests, word for word, beside the strict interface: `/ocpi/2.2/{credentials,locations,tariffs,cdrs}`. Nobody advertises them.

What a newcomer leaves out is filled in from what its token implies (`ocpi/quick_start`), checked like anything else, and goes on as if it
had come whole. `status_message` tells what was filled in; the body that came is kept. `ocpi_routes` calls `answer`.
"""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import structlog

from sliproad.features.roaming import objects_store, store
from sliproad.features.roaming.admission import require_registered
from sliproad.features.roaming.asking import Ask, Told
from sliproad.features.roaming.hub import Hub
from sliproad.features.roaming.model import Caller
from sliproad.features.roaming.objects_store import HELD, ObjectRow
from sliproad.features.roaming.registration import Registration
from sliproad.features.roaming.time_zones import time_zone_of
from sliproad.foundation.database import ENGINE
from sliproad.ocpi import quick_start as rules
from sliproad.ocpi.envelope import read_object, written_json
from sliproad.ocpi.ids import Party
from sliproad.ocpi.modules import Interface, ModuleId, Role
from sliproad.ocpi.quick_start import Filled
from sliproad.ocpi.routing import FROM, TO
from sliproad.ocpi.status_codes import InvalidParameters, MethodNotAllowed, NotKnown, OcpiError

log = structlog.get_logger()


class QuickStart:
    def __init__(self, hub: Hub, registration: Registration) -> None:
        self.hub, self.registration = hub, registration
        self.database, self.clock = hub.database, hub.clock

    async def credentials(self, caller: Caller, method: str, body: bytes) -> Told:
        """HUB's step 2: roles without a party are the one that the invitation has in that role.

        Raises:
            MethodNotAllowed: neither POST nor PUT nor GET nor DELETE.
            InvalidParameters: the invitation has several parties in a role; what the handshake refuses.
        """
        match method:
            case "GET":
                return Told(self.registration.our_credentials(caller.token))
            case "DELETE":
                await self.registration.unregister(caller)
                return Told()
            case "POST" | "PUT":
                content = read_object(body)
                notes = _name_roles(content, caller)
                agree = self.registration.register if method == "POST" else self.registration.update
                return Told(await agree(caller, content), _message(notes))
            case _:
                raise MethodNotAllowed(f"There is no {method} here.", ("GET", "POST", "PUT", "DELETE"))

    async def answer(self, ask: Ask) -> Told:
        """HUB's steps 3 and 5: `ask` has the segments as they came, and neither routing headers nor a whole body.

        Raises:
            Unauthorized, NotKnown, MethodNotAllowed, OcpiError: as the hub does.
        """
        require_registered(ask.caller)
        owner = _only_party(ask.caller, Role.CPO)
        match ask.module, ask.method, ask.segments:
            case ModuleId.LOCATIONS | ModuleId.TARIFFS, "PUT", (object_id,):
                return await self._put(ask, owner, object_id)
            case ModuleId.CDRS, "POST", ():
                return await self._cdr(ask, owner)
            case (ModuleId.LOCATIONS | ModuleId.TARIFFS, _, (_,)):
                raise MethodNotAllowed(f"There is no {ask.method} here.", ("PUT",))
            case ModuleId.CDRS, _, ():
                raise MethodNotAllowed(f"There is no {ask.method} here.", ("POST",))
            case _:
                raise NotKnown("There is nothing at this address.")

    async def complete_held(self, owner: Party) -> None:
        """Send on what a party's new session completes; what its eMSP does not take now stays held. A job calls it."""
        async with self.database.transaction(ENGINE) as session:
            rows = await objects_store.of_owner(session, HELD, owner)
            found = await store.connection_of(session, owner)
            connection = await store.as_connection(session, found) if found is not None else None
        if connection is None:
            return
        caller = Caller(connection, "", connection.style, is_registering=False)
        for row in rows:
            ask = Ask(caller, "POST", ModuleId.CDRS, Interface.RECEIVER, (), {}, "", {}, row.given or b"", str(uuid4()))
            try:
                await self._cdr(ask, owner)
            except OcpiError as error:
                log.info("ocpi_cdr_stays_held", connection_id=connection.connection_id, status_code=int(error.code))

    async def held(self) -> list[ObjectRow]:
        """CDRs that wait, of all parties, oldest first."""
        async with self.database.transaction(ENGINE) as session:
            return list(await objects_store.held(session))

    async def _put(self, ask: Ask, owner: Party, object_id: str) -> Told:
        content = read_object(rules.without_ellipses(ask.body))
        now = self.clock.now()
        if ask.module is ModuleId.LOCATIONS:
            zone = time_zone_of(content.get("coordinates"), content.get("country"))
            filled = rules.location(content, owner, now, zone)
        else:
            filled = rules.of_party(content, owner, now)
        whole = self._whole(ask, filled, owner, (*owner, object_id), to_hub=True)
        told = await self.hub.answer(whole)
        await self._keep_given(ask.module, owner, object_id, ask.body)
        return replace(told, message=_message(filled.notes))

    async def _cdr(self, ask: Ask, owner: Party) -> Told:
        content = read_object(rules.without_ellipses(ask.body))
        cdr_id = content.get("id")
        if not isinstance(cdr_id, str):
            raise InvalidParameters("id: is required")
        async with self.database.transaction(ENGINE) as session:
            before = await objects_store.kept_object(session, ModuleId.CDRS.value, owner, cdr_id.upper())
        if (
            before is not None and before.given == ask.body
        ):  # sent again: the first answer, and the first receipt's stamp
            whole = self._whole(ask, Filled(before.body, ()), owner, ())
            return await self.hub.answer(whole)
        filled = rules.cdr(content, owner, self.clock.now())
        if "cdr_location" not in filled.body:
            place = await self._place_of(filled.body, owner)
            if place is None:
                return await self._hold(ask, owner, cdr_id, filled)
            filled = Filled({**filled.body, **place}, (*filled.notes, *place))
        told = await self.hub.answer(self._whole(ask, filled, owner, ()))
        await self._keep_given(ModuleId.CDRS, owner, cdr_id, ask.body)
        return replace(told, relayed=None, message=_message(filled.notes)) if told.is_accepted else told

    async def _place_of(self, body: dict[str, Any], owner: Party) -> dict[str, Any] | None:
        """`cdr_location` and `session_id` from the one session of the party that fits; None without one."""
        if not {"cdr_token", "start_date_time", "end_date_time"} <= set(body):
            return None
        async with self.database.transaction(ENGINE) as session:
            rows = await objects_store.of_owner(session, ModuleId.SESSIONS.value, owner)
            fitting = [row.body for row in rows if rules.belongs(row.body, body)]
            if len(fitting) != 1:
                return None
            key = str(fitting[0]["location_id"]).upper()
            location = await objects_store.kept_object(session, ModuleId.LOCATIONS.value, owner, key)
        place = rules.cdr_location(location.body, fitting[0]) if location is not None else None
        return {"cdr_location": place, "session_id": fitting[0]["id"]} if place is not None else None

    async def _hold(self, ask: Ask, owner: Party, cdr_id: str, filled: Filled) -> Told:
        """Keep a CDR that no session completes; sent again, with `cdr_location` or after its session, it goes on."""
        async with self.database.transaction(ENGINE) as session:
            key = cdr_id.upper()
            row = await objects_store.kept_object(session, HELD, owner, key, lock=True)
            if row is None:
                row = ObjectRow(module=HELD, country_code=owner[0], party_id=owner[1], object_key=key)
                session.add(row)
            row.body, row.given, row.last_updated = filled.body, ask.body, self.clock.now()
        sentence = (
            "Held: no one session of yours fits. Send it again with cdr_location, or after its session and location"
        )
        return Told(message=f"{sentence}. {_message(filled.notes) or ''}".rstrip())

    async def _keep_given(self, module: ModuleId, owner: Party, object_id: str, given: bytes) -> None:
        async with self.database.transaction(ENGINE) as session:
            row = await objects_store.kept_object(session, module.value, owner, object_id.upper(), lock=True)
            if row is not None:
                row.given = given
                await objects_store.remove(session, HELD, owner, object_id.upper())

    def _whole(self, ask: Ask, filled: Filled, owner: Party, segments: tuple[str, ...], *, to_hub: bool = False) -> Ask:
        """The strict request that this one stands for."""
        headers = {name: value for name, value in ask.headers.items() if not name.startswith("ocpi-")}
        headers |= dict(zip(FROM, owner, strict=True))
        if to_hub:
            headers |= dict(zip(TO, self.hub.identity.party, strict=True))
        return replace(
            ask, interface=Interface.RECEIVER, segments=segments, headers=headers, body=written_json(filled.body)
        )


def _only_party(caller: Caller, role: Role) -> Party:
    """The caller's one party in a role.

    Raises:
        InvalidParameters: it has none, or several: strict URLs name theirs.
    """
    parties = {each.party for each in caller.connection.roles if each.role is role}
    if len(parties) != 1:
        raise InvalidParameters(
            f"This token speaks for {len(parties)} parties as {role}; use the URLs of the version details."
        )
    return parties.pop()


def _name_roles(content: dict[str, Any], caller: Caller) -> tuple[str, ...]:
    """Fill in the party of roles that name none; gives what was filled in."""
    notes = []
    for index, role in enumerate(content.get("roles") or ()):
        if not isinstance(role, dict) or role.get("role") not in Role.__members__:
            continue
        if "party_id" not in role and "country_code" not in role:
            party = _only_party(caller, Role(role["role"]))
            role.update(country_code=party.country_code, party_id=party.party_id)
            notes.append(f"roles.{index}.country_code and party_id")
    return tuple(notes)


def _message(notes: tuple[str, ...]) -> str | None:
    return f"Filled in: {', '.join(notes)}." if notes else None
