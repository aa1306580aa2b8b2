"""PATCH (OCPI 2.2.1 §4.1.4, §8.2.2.3): what is given replaces, what is left out stays, and parents learn when a child changed.

Objects are plain JSON here: what the specification does not know is kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sliproad.ocpi.fields import read_date_time
from sliproad.ocpi.status_codes import InvalidParameters, NotKnown

Json = dict[str, Any]
CHILDREN = (("evses", "uid"), ("connectors", "id"))
"""Where a location keeps EVSEs, where an EVSE keeps connectors, and what identifies them."""


def patched(before: Mapping[str, Any], change: Mapping[str, Any]) -> Json:
    """The object after a PATCH; a field set to null is gone.

    Raises:
        InvalidParameters: the change has no `last_updated`.
    """
    if "last_updated" not in change:
        raise InvalidParameters("last_updated: is required in every PATCH")
    after = {**before, **change}
    return {name: value for name, value in after.items() if value is not None}


def part_of(location: Mapping[str, Any], path: Sequence[str]) -> Json:
    """The EVSE (`path` of one uid) or connector (a uid and an id) of a location; the location itself for no path.

    Raises:
        NotKnown: it has none such.
    """
    part = dict(location)
    for (children, key), wanted in zip(CHILDREN, path, strict=False):
        found = next((child for child in part.get(children) or () if same(child.get(key), wanted)), None)
        if found is None:
            raise NotKnown(f"There is no {children.removesuffix('s')} {wanted}.")
        part = found
    return part


def with_part(location: Mapping[str, Any], path: Sequence[str], part: Json) -> Json:
    """The location with `part` in the place of the EVSE or connector that `path` names, or added; parents get its stamp.

    Raises:
        InvalidParameters: `part` calls itself something else than the path.
        NotKnown: a connector for an EVSE that is not there.
    """
    if not path:
        return part
    key = CHILDREN[len(path) - 1][1]
    if not same(part.get(key), path[-1]):
        raise InvalidParameters(f"{key}: must be the one of the path, {path[-1]}")
    if len(path) == 2:
        part = _put(part_of(location, path[:1]), CHILDREN[1], part)
    return _put(location, CHILDREN[0], part)


def _put(parent: Mapping[str, Any], where: tuple[str, str], child: Json) -> Json:
    children, key = where
    others = list(parent.get(children) or ())
    at = next((index for index, each in enumerate(others) if same(each.get(key), child[key])), None)
    if at is None:
        others.append(child)
    else:
        others[at] = child
    stamps = [text for text in (parent.get("last_updated"), child.get("last_updated")) if text]
    return {**parent, children: others, "last_updated": max(stamps, key=read_date_time)}


def with_charging_periods(before: Mapping[str, Any], change: Mapping[str, Any]) -> Json:
    """A session after a PATCH: its charging periods are added to those that are known (§9.2.2.3).

    Raises:
        InvalidParameters: the change has no `last_updated`.
    """
    after = patched(before, change)
    if "charging_periods" in change:
        after["charging_periods"] = [*(before.get("charging_periods") or ()), *(change["charging_periods"] or ())]
    return after


def same(one: object, other: str) -> bool:
    """Whether two CiStrings are the same."""
    return isinstance(one, str) and one.lower() == other.lower()
