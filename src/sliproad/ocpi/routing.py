"""Message routing (OCPI 2.2.1 §4.2): the four headers, which kind of message they make, and whom a broadcast reaches."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import NamedTuple

from sliproad.ocpi.ids import Party, party
from sliproad.ocpi.modules import Interface, ModuleId, Role
from sliproad.ocpi.status_codes import InvalidParameters

TO = ("ocpi-to-country-code", "ocpi-to-party-id")
FROM = ("ocpi-from-country-code", "ocpi-from-party-id")


class Addresses(NamedTuple):
    """Between whom a message goes; `to` None in an open routing request."""

    sender: Party
    to: Party | None


class Kind(Enum):
    DIRECT = auto()
    BROADCAST = auto()
    OPEN = auto()
    GET_ALL = auto()


def addresses(headers: Mapping[str, str]) -> Addresses:
    """What the headers (names in lower case) say.

    Raises:
        InvalidParameters: a half of a pair, no sender, or what can't be a party.
    """
    sender, to = _pair(headers, FROM), _pair(headers, TO)
    if sender is None:
        raise InvalidParameters(
            "The headers OCPI-from-country-code and OCPI-from-party-id say who sends; they are missing."
        )
    return Addresses(sender, to)


def _pair(headers: Mapping[str, str], names: tuple[str, str]) -> Party | None:
    country, name = (headers.get(header, "").strip() for header in names)
    if not country and not name:
        return None
    found = party(country, name)
    if found is None:
        raise InvalidParameters(
            f"The headers {names[0]} and {names[1]} must name a party together, such as NL and ABC."
        )
    return found


def kind_of(method: str, interface: Interface, depth: int, to: Party | None, hub: Party) -> Kind:
    """Which of the four scenarios of §4.2.6 a request to the hub is.

    A GET of one object that names the hub is open routing: GET is never broadcast (§4.2.3).

    Raises:
        InvalidParameters: a GET of all that names nobody.
    """
    is_list = method == "GET" and interface is Interface.SENDER and depth == 0
    if is_list and to is None:
        raise InvalidParameters("A GET ALL names the hub in its headers OCPI-to-country-code and OCPI-to-party-id.")
    if to is not None and to != hub:
        return Kind.DIRECT
    if is_list:
        return Kind.GET_ALL
    return Kind.OPEN if to is None or method == "GET" else Kind.BROADCAST


def broadcast_roles(role: Role) -> frozenset[Role]:
    """Which roles hear a broadcast of `role` (§4.2.3): OTHER counts as an eMSP, and what it sends goes to CPOs alone."""
    if role is Role.CPO:
        return frozenset({Role.EMSP, Role.NSP, Role.OTHER})
    return frozenset({Role.CPO})


OWNERS: Mapping[ModuleId, frozenset[Role]] = {
    ModuleId.LOCATIONS: frozenset({Role.CPO}),
    ModuleId.TARIFFS: frozenset({Role.CPO}),
    ModuleId.SESSIONS: frozenset({Role.CPO}),
    ModuleId.CDRS: frozenset({Role.CPO}),
    ModuleId.TOKENS: frozenset({Role.EMSP, Role.OTHER}),
}
"""Who owns the objects of a module, and so pushes them."""

BROADCAST = frozenset({ModuleId.LOCATIONS, ModuleId.TARIFFS, ModuleId.TOKENS})
"""Sessions and CDRs concern one party only (§4.2.3)."""


def headers_between(sender: Party, to: Party) -> dict[str, str]:
    """The four headers of a request or answer."""
    return {
        "OCPI-from-country-code": sender.country_code,
        "OCPI-from-party-id": sender.party_id,
        "OCPI-to-country-code": to.country_code,
        "OCPI-to-party-id": to.party_id,
    }
