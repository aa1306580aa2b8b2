"""Modules, roles and interfaces (OCPI 2.2.1 §3.2, §6.2, §16.6), and which methods an interface has at which depth of path."""

from collections.abc import Mapping
from enum import StrEnum

VERSION = "2.2.1"


class ModuleId(StrEnum):
    CDRS = "cdrs"
    CHARGING_PROFILES = "chargingprofiles"
    COMMANDS = "commands"
    CREDENTIALS = "credentials"
    HUB_CLIENT_INFO = "hubclientinfo"
    LOCATIONS = "locations"
    SESSIONS = "sessions"
    TARIFFS = "tariffs"
    TOKENS = "tokens"


class Interface(StrEnum):
    """Which side of a module: the owner's (others pull from it), or that of those who are told."""

    SENDER = "SENDER"
    RECEIVER = "RECEIVER"


class Role(StrEnum):
    CPO = "CPO"
    EMSP = "EMSP"
    HUB = "HUB"
    NAP = "NAP"
    NSP = "NSP"
    OTHER = "OTHER"
    SCSP = "SCSP"


M, SENDER, RECEIVER = ModuleId, Interface.SENDER, Interface.RECEIVER
METHODS: Mapping[tuple[ModuleId, Interface], Mapping[str, tuple[int, ...]]] = {
    (M.LOCATIONS, SENDER): {"GET": (0, 1, 2, 3)},
    (M.LOCATIONS, RECEIVER): {"GET": (3, 4, 5), "PUT": (3, 4, 5), "PATCH": (3, 4, 5)},
    (M.TARIFFS, SENDER): {"GET": (0,)},
    (M.TARIFFS, RECEIVER): {"GET": (3,), "PUT": (3,), "DELETE": (3,)},
    (M.SESSIONS, SENDER): {"GET": (0,), "PUT": (2,)},
    (M.SESSIONS, RECEIVER): {"GET": (3,), "PUT": (3,), "PATCH": (3,)},
    (M.CDRS, SENDER): {"GET": (0,)},
    (M.CDRS, RECEIVER): {"GET": (3,), "POST": (0,)},
    (M.TOKENS, SENDER): {"GET": (0,), "POST": (2,)},
    (M.TOKENS, RECEIVER): {"GET": (3,), "PUT": (3,), "PATCH": (3,)},
    (M.COMMANDS, SENDER): {"POST": (1,)},
    (M.COMMANDS, RECEIVER): {"POST": (1,)},
    (M.CHARGING_PROFILES, SENDER): {"POST": (1,), "PUT": (1,)},
    (M.CHARGING_PROFILES, RECEIVER): {"GET": (1,), "PUT": (1,), "DELETE": (1,)},
    (M.HUB_CLIENT_INFO, SENDER): {"GET": (0,)},
}
"""Method -> how many segments may follow the endpoint's URL. What is not here is 405 (§8-§15, "n/a")."""


def methods_of(module: ModuleId, interface: Interface, depth: int) -> tuple[str, ...]:
    """What may be asked at this depth of path; empty where there is nothing at all."""
    table = METHODS.get((module, interface), {})
    return tuple(method for method, depths in table.items() if depth in depths)
