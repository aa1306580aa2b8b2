"""Which time zone a place is in: that of the nearest town by which the IANA database names its zones, in the same country.

Used where a quick-start location does not say. Near a border inside a country it may be a neighbour's; the party is told what was taken.
"""

import math
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from babel.core import get_global

PLACE = re.compile(r"([+-]\d{4,7})([+-]\d{5,7})")


class Town(NamedTuple):
    country: str
    latitude: float
    longitude: float
    zone: str


def time_zone_of(coordinates: object, country: object) -> str | None:
    """The zone (`Europe/Paris`) of a location's `coordinates` in `country` (alpha-3); None where these can't be read."""
    if not isinstance(coordinates, Mapping):
        return None
    try:
        latitude, longitude = float(coordinates["latitude"]), float(coordinates["longitude"])
    except (KeyError, TypeError, ValueError):
        return None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    aliases: Mapping[str, Any] = get_global("territory_aliases")
    wanted = (aliases.get(str(country)) or [""])[0]
    of_country = [town for town in towns() if town.country == wanted]
    return min(of_country or towns(), key=lambda town: _distance(town, latitude, longitude)).zone


@cache
def towns() -> tuple[Town, ...]:
    """`zone.tab` of the IANA database."""
    lines = (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines()
    found = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return tuple(Town(country, *_degrees(place), zone) for country, place, zone, *_ in found)


def _degrees(text: str) -> tuple[float, float]:
    """ISO 6709: ±DDMM±DDDMM, with seconds or without."""
    found = PLACE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is no place")
    latitude, longitude = found.groups()
    return _decimal(latitude, 2), _decimal(longitude, 3)


def _decimal(text: str, digits: int) -> float:
    sign, number = (-1 if text[0] == "-" else 1), text[1:]
    degrees, minutes, seconds = number[:digits], number[digits : digits + 2], number[digits + 2 :] or "0"
    return sign * (int(degrees) + int(minutes) / 60 + int(seconds) / 3600)


def _distance(town: Town, latitude: float, longitude: float) -> float:
    """The angle between two places (haversine)."""
    one, other = math.radians(town.latitude), math.radians(latitude)
    across = math.sin(math.radians(town.longitude - longitude) / 2) ** 2
    return math.asin(math.sqrt(math.sin((one - other) / 2) ** 2 + math.cos(one) * math.cos(other) * across))
