"""HUB's own requests, which are not whole: what may be filled in, and from what. `features/roaming/quick_start` calls it for its aliases.

Only what the token's identity, the clock or the body itself implies is filled in; everything that was is told. The result is checked
like any other object.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sliproad.ocpi.fields import NOT_AVAILABLE, read_date_time, written
from sliproad.ocpi.ids import Party, contract_party
from sliproad.ocpi.status_codes import InvalidParameters

ELLIPSIS = re.compile(rb'("(?:\\.|[^"\\])*"?)|\[\s*\.\.\.\s*\]')
"""A text, which stays, or the `[...]` that stands in HUB's request for what its reader is to write."""
DECIMALS = re.compile(r"-?[0-9]{1,3}(\.[0-9]{0,4})?")
COORDINATES = ("latitude", "longitude")
Json = dict[str, Any]


class Filled(NamedTuple):
    """A body, and what was filled in, in words."""

    body: Json
    notes: tuple[str, ...]


def without_ellipses(body: bytes) -> bytes:
    """The body with an empty list where `[...]` stands."""
    return ELLIPSIS.sub(lambda found: found[1] or b"[]", body)


def of_party(body: Mapping[str, Any], owner: Party, now: datetime) -> Filled:
    """A tariff, or what is common to all: whose it is, and when it came.

    Raises:
        InvalidParameters: it names another party than the token's.
    """
    for name, ours in (("country_code", owner.country_code), ("party_id", owner.party_id)):
        if name in body and str(body[name]).upper() != ours:
            raise InvalidParameters(f"{name}: is not that of this token's party, {owner}")
    return _filled(body, {"country_code": owner.country_code, "party_id": owner.party_id, "last_updated": written(now)})


def location(body: Mapping[str, Any], owner: Party, now: datetime, time_zone: str | None) -> Filled:
    """A location; `time_zone` is that of its coordinates.

    Raises:
        InvalidParameters: it names another party than the token's.
    """
    filled = of_party(body, owner, now)
    more: Json = {"publish": True}
    if time_zone is not None:
        more["time_zone"] = time_zone
    if isinstance(body.get("type"), str):
        more["parking_type"] = body["type"]
    whole, notes = _filled(filled.body, more)
    place = whole.get("coordinates")
    if isinstance(place, dict):
        padded = {name: _padded(place[name]) for name in COORDINATES if name in place}
        if any(place[name] != text for name, text in padded.items()):
            notes = (*notes, "coordinates")
        whole["coordinates"] = {**place, **padded}
    if "type" in whole:
        del whole["type"]
    return Filled(whole, (*filled.notes, *notes))


def cdr(body: Mapping[str, Any], owner: Party, now: datetime) -> Filled:
    """A CDR but for its location: the eMSP is the party that `auth_id` begins with (`DE8ACC12`: DE, 8AC).

    Raises:
        InvalidParameters: it names another party than the token's, or `auth_id` names none, or times can't be read.
    """
    filled = of_party(body, owner, now)
    whole, more = filled.body, {}
    if "stop_date_time" in whole:
        more["end_date_time"] = whole.pop("stop_date_time")
    auth_id = whole.pop("auth_id", None)
    if auth_id is not None:
        more["cdr_token"] = _token_of(auth_id)
    whole, notes = _filled(whole, more)
    hours = _hours(whole)
    if hours is not None:
        whole, added = _filled(whole, {"total_time": hours})
        notes = (*notes, *added)
        dimensions = [{"type": "TIME", "volume": whole["total_time"]}]
        if "total_energy" in whole:
            dimensions.insert(0, {"type": "ENERGY", "volume": whole["total_energy"]})
        period = {"start_date_time": whole["start_date_time"], "dimensions": dimensions}
        whole, added = _filled(whole, {"charging_periods": [period]})
        notes = (*notes, *added)
    return Filled(whole, (*filled.notes, *notes))


def cdr_location(place: Mapping[str, Any], session: Mapping[str, Any]) -> Json | None:
    """The location of a CDR as its session tells it; None where the location does not have that EVSE or connector."""
    evse = _named(place.get("evses"), "uid", session.get("evse_uid"))
    connector = _named(evse.get("connectors"), "id", session.get("connector_id")) if evse else None
    if evse is None or connector is None:
        return None
    names = ("name", "postal_code", "state")
    return {
        "id": place["id"],
        "address": str(place["address"])[:45],
        "city": place["city"],
        "country": place["country"],
        "coordinates": place["coordinates"],
        **{name: place[name] for name in names if place.get(name) is not None},
        "evse_uid": evse["uid"],
        "evse_id": evse.get("evse_id") or NOT_AVAILABLE,
        "connector_id": connector["id"],
        "connector_standard": connector["standard"],
        "connector_format": connector["format"],
        "connector_power_type": connector["power_type"],
    }


def belongs(session: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether a session is the one of a CDR: the same contract or token, and a time in common."""
    token, of_session = body["cdr_token"], session["cdr_token"]
    names = {str(token["contract_id"]).upper(), str(token["uid"]).upper()}
    if not names & {str(of_session["contract_id"]).upper(), str(of_session["uid"]).upper()}:
        return False
    begin, end = read_date_time(body["start_date_time"]), read_date_time(body["end_date_time"])
    ends = session.get("end_date_time")
    return read_date_time(session["start_date_time"]) < end and (ends is None or read_date_time(ends) > begin)


def _filled(body: Mapping[str, Any], more: Mapping[str, Any]) -> Filled:
    missing = {name: value for name, value in more.items() if name not in body}
    return Filled({**body, **missing}, tuple(missing))


def _padded(text: object) -> object:
    """A coordinate with five decimals, where it has fewer."""
    if not isinstance(text, str) or not DECIMALS.fullmatch(text):
        return text
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(5, '0')}"


def _token_of(auth_id: object) -> Json:
    emsp = contract_party(auth_id) if isinstance(auth_id, str) else None
    if emsp is None:
        raise InvalidParameters("auth_id: must begin with the country and id of the driver's eMSP, such as DE8ACC12")
    return {
        "country_code": emsp.country_code,
        "party_id": emsp.party_id,
        "uid": auth_id,
        "type": "OTHER",
        "contract_id": auth_id,
    }


def _hours(body: Mapping[str, Any]) -> float | None:
    """From the two stamps; None where one is missing.

    Raises:
        InvalidParameters: one can't be read.
    """
    moments = []
    for name in ("start_date_time", "end_date_time"):
        if name not in body:
            return None
        try:
            moments.append(read_date_time(body[name]))
        except ValueError as error:
            raise InvalidParameters(f"{name}: {error}") from None
    seconds = Decimal(round((moments[1] - moments[0]).total_seconds()))
    return float(round(seconds / 3600, 4))


def _named(items: object, key: str, wanted: object) -> Json | None:
    found = items if isinstance(items, list) else []
    return next((each for each in found if str(each.get(key)).upper() == str(wanted).upper()), None)
