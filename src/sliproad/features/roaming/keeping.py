"""What the hub keeps for all: locations, tariffs and tokens as their owners push them, checked strictly (OCPI 2.2.1 §8, §11, §12)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sliproad.features.roaming import objects_store
from sliproad.features.roaming.asking import Ask
from sliproad.features.roaming.objects_store import ObjectRow
from sliproad.foundation.database import Session
from sliproad.ocpi.fields import OcpiObject, checked
from sliproad.ocpi.ids import Party, party
from sliproad.ocpi.modules import ModuleId
from sliproad.ocpi.objects.locations import Connector, Evse, Location
from sliproad.ocpi.objects.tariffs import Tariff
from sliproad.ocpi.objects.tokens import Token
from sliproad.ocpi.patching import part_of, patched, same, with_part
from sliproad.ocpi.routing import OWNERS
from sliproad.ocpi.status_codes import InvalidParameters, NotKnown, StatusCode

KINDS: Mapping[ModuleId, tuple[type[OcpiObject], str]] = {
    ModuleId.LOCATIONS: (Location, "id"),
    ModuleId.TARIFFS: (Tariff, "id"),
    ModuleId.TOKENS: (Token, "uid"),
}
"""What a module's objects are, and which field of theirs the path ends with."""
PARTS: tuple[type[OcpiObject], ...] = (Location, Evse, Connector)
TOKEN_TYPES = ("AD_HOC_USER", "APP_USER", "OTHER", "RFID")


@dataclass(frozen=True, slots=True)
class Place:
    """What a path of a receiver's interface names: whose object, which, and which part of it."""

    owner: Party
    object_id: str
    object_key: str
    part: tuple[str, ...]


def place_of(ask: Ask) -> Place:
    """Of a path `{country_code}/{party_id}/{id}…`.

    Raises:
        InvalidParameters: these name no party, or `type` is none.
    """
    country_code, party_id, object_id, *part = ask.segments
    owner = party(country_code, party_id)
    if owner is None:
        raise InvalidParameters(f"{country_code}/{party_id} in the path is no country and party id")
    return Place(owner, object_id, object_key(ask, object_id), tuple(part))


def object_key(ask: Ask, object_id: str) -> str:
    """How an object of this id is found; a token's type is RFID where the query says nothing (§12.2.1).

    Raises:
        InvalidParameters: `type` is none.
    """
    if ask.module is not ModuleId.TOKENS:
        return object_id.upper()
    kind = ask.query.get("type", "RFID").upper()
    if kind not in TOKEN_TYPES:
        raise InvalidParameters(f"type: must be one of {', '.join(TOKEN_TYPES)}")
    return f"{kind}:{object_id.upper()}"


def require_owner(ask: Ask, sender: Party, owner: Party) -> None:
    """Only its owner pushes an object (§4.1.6; trust H2).

    Raises:
        InvalidParameters: the path names somebody else, or the sender has no role that owns such objects.
    """
    if owner != sender:
        raise InvalidParameters(f"{owner} in the path is not the party that sends, {sender}")
    roles = OWNERS[ask.module]
    if not ask.caller.connection.roles_of(sender) & roles:
        names = " or ".join(sorted(roles))
        raise InvalidParameters(f"{sender} is not approved as {names}, whose {ask.module} these are")


async def keep(session: Session, ask: Ask, sender: Party) -> bool:
    """Put, patch or delete the object of `ask`, in `session`'s transaction; whether it was created.

    Raises:
        InvalidParameters: 2001, naming the field.
        NotKnown: what is to be changed is not there (404).
    """
    place = place_of(ask)
    require_owner(ask, sender, place.owner)
    if ask.method == "DELETE":
        if not await objects_store.remove(session, ask.module.value, place.owner, place.object_key):
            raise NotKnown(f"There is no {ask.module.removesuffix('s')} {place.object_id} of {place.owner}.")
        return False
    change = ask.json()
    row = await objects_store.kept_object(session, ask.module.value, place.owner, place.object_key, lock=True)
    if row is None and (ask.method == "PATCH" or place.part):
        raise _not_known(ask, place)
    before = row.body if row is not None else {}
    part = patched(part_of(before, place.part), change) if ask.method == "PATCH" else change
    was_there = row is not None and _has(before, place.part)
    checked(PARTS[len(place.part)] if place.part else KINDS[ask.module][0], part)
    whole = with_part(before, place.part, part)
    stamp = _check_identity(ask, place, whole)
    if row is None:
        session.add(
            ObjectRow(
                module=ask.module.value,
                country_code=place.owner.country_code,
                party_id=place.owner.party_id,
                object_key=place.object_key,
                body=whole,
                last_updated=stamp,
            )
        )
        await session.flush()
    else:
        row.body, row.last_updated = whole, stamp
    return not was_there


async def read(session: Session, ask: Ask) -> dict[str, Any]:
    """The hub's copy of an object or a part of it.

    Raises:
        NotKnown: there is none (404).
    """
    place = place_of(ask)
    row = await objects_store.kept_object(session, ask.module.value, place.owner, place.object_key)
    if row is None:
        raise _not_known(ask, place)
    return part_of(row.body, place.part)


def _check_identity(ask: Ask, place: Place, whole: dict[str, Any]) -> Any:
    """That the object is what the path says; its `last_updated`."""
    kind, key = KINDS[ask.module]
    found = checked(kind, whole)
    for name, wanted in (
        (key, place.object_id),
        ("country_code", place.owner.country_code),
        ("party_id", place.owner.party_id),
    ):
        if not same(getattr(found, name), wanted):
            raise InvalidParameters(f"{name}: must be the one of the path, {wanted}")
    if ask.module is ModuleId.TOKENS and not place.object_key.startswith(f"{whole['type']}:"):
        raise InvalidParameters("type: must be the one of the query, which is RFID where there is none")
    return getattr(found, "last_updated")  # noqa: B009 (every kind has one; the type of them all does not say so)


def _has(location: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    try:
        part_of(location, path)
    except NotKnown:
        return False
    return True


def _not_known(ask: Ask, place: Place) -> NotKnown:
    code = StatusCode.UNKNOWN_LOCATION if ask.module is ModuleId.LOCATIONS else StatusCode.CLIENT_ERROR
    if ask.module is ModuleId.TOKENS:
        code = StatusCode.UNKNOWN_TOKEN
    return NotKnown(f"There is no {ask.module.removesuffix('s')} {place.object_id} of {place.owner}.", code=code)
