"""How OCPP 1.6 charge points call their back end's settings: no standard has keys for that, so this is a table of what is public.

An entry is chosen by the charge point itself: it must know the entry's `url` key. Entries that name vendors are asked first, and
only of those; those without are of firmware that many vendors ship. Installations add their own by a file (`SLIPROAD_VENDOR_KEYS`).
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sliproad.ocpp.secret_settings import is_secret

ResetType = Literal["Soft", "Hard"]
PasswordForm = Literal["plain", "hex"]


@dataclass(frozen=True, slots=True)
class VendorKeys:
    """The configuration keys of one vendor or firmware."""

    name: str
    url: str
    """The server's address."""
    password: str = "AuthorizationKey"  # noqa: S105 (the name of a key)
    identity: str | None = None
    """Of the charge point; None where it can't be changed by wire."""
    vendors: tuple[str, ...] = ()
    """As charge points tell their vendor, in any case, or how that begins; none: known by its keys."""
    url_has_identity: bool = False
    """Whether the address is to hold the identity at its end; else the charge point appends it."""
    password_form: PasswordForm = "plain"  # noqa: S105
    """As it is, or as the hexadecimal of the 1.6 security whitepaper (A00.FR.205)."""
    reset: ResetType = "Soft"
    hint: str = ""
    """What a person at the charge point should know; printed on the settings sheet."""

    def is_for(self, vendor: str) -> bool:
        """Whether this vendor's charge points may have these keys."""
        named = vendor.casefold()
        return not self.vendors or any(named.startswith(each.casefold()) for each in self.vendors)


VENDOR_KEYS: tuple[VendorKeys, ...] = (
    # MicroOcpp, firmware for microcontrollers: the keys of its WebSocket connection, in its ESP8266/ESP32 example and simulator
    # (github.com/matth-x/MicroOcpp, github.com/matth-x/MicroOcppSimulator).
    VendorKeys(
        name="MicroOcpp",
        url="Cst_BackendUrl",
        identity="Cst_ChargeBoxId",
        hint="In the web page of MicroOcpp devices: “Backend URL”, “Charge Box ID” and “Authorization Key”.",
    ),
    # EVerest (libocpp): CentralSystemURI can be written where the integrator allows it, and takes effect at a restart
    # (github.com/EVerest/libocpp/pull/900); the password is the standard AuthorizationKey.
    VendorKeys(
        name="EVerest",
        url="CentralSystemURI",
        hint="In EVerest's OCPP configuration: Internal.CentralSystemURI, Internal.ChargePointId, Security.AuthorizationKey.",
    ),
)


def candidates(families: Sequence[VendorKeys], vendor: str) -> list[VendorKeys]:
    """Whose keys a charge point of this vendor is asked for, the likeliest first."""
    return sorted((each for each in families if each.is_for(vendor)), key=lambda each: not each.vendors)


def read_vendor_keys(text: str) -> tuple[VendorKeys, ...]:
    """The entries of a TOML file (`[[vendor]]` tables), before the ones that come with us.

    Raises:
        ValueError: saying what is wrong with the file.
    """
    tables = tomllib.loads(text).get("vendor", [])
    return (*(_entry(number, table) for number, table in enumerate(tables, start=1)), *VENDOR_KEYS)


def _entry(number: int, table: dict[str, Any]) -> VendorKeys:
    unknown = set(table) - set(VendorKeys.__slots__)
    if unknown:
        raise ValueError(f"vendor keys: entry {number} has an unknown {', '.join(sorted(unknown))}")
    if not all(isinstance(table.get(name), str) and table[name] for name in ("name", "url")):
        raise ValueError(f"vendor keys: entry {number} needs a name and a url")
    if table.get("reset", "Soft") not in get_args(ResetType):
        raise ValueError(f"vendor keys: entry {number} has a reset that is neither Soft nor Hard")
    if table.get("password_form", "plain") not in get_args(PasswordForm):
        raise ValueError(f"vendor keys: entry {number} has a password_form that is neither plain nor hex")
    if not is_secret(table.get("password", "AuthorizationKey")):
        raise ValueError(f"vendor keys: entry {number} has a password key that logs would not take for a secret")
    return VendorKeys(**{**table, "vendors": tuple(table.get("vendors", ()))})
