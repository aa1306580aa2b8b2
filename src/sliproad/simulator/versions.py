"""The OCPP versions that a virtual charge point can speak, and what to build for each. Read by `charger`."""

from collections.abc import Callable
from dataclasses import dataclass

from sliproad.simulator.configuration_16 import Configuration
from sliproad.simulator.dialect import Dialect
from sliproad.simulator.dialect_16 import Dialect16
from sliproad.simulator.link import Link
from sliproad.simulator.link_16 import Link16
from sliproad.simulator.settings import Version
from sliproad.simulator.station import Station


@dataclass(frozen=True)
class VersionParts:
    """How a version speaks (made anew at each switching on) and how it listens (made anew for each connection)."""

    dialect: Callable[[Station], Dialect]
    link: type[Link]


def _speak_16(station: Station) -> Dialect:
    return Dialect16(station, Configuration(station.settings, station.written("key:")))


VERSIONS: dict[Version, VersionParts] = {
    "1.6": VersionParts(_speak_16, Link16),
}
