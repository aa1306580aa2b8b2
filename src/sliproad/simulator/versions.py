"""The OCPP versions that a virtual charge point can speak, and what to build for each. Read by `charger`."""

from collections.abc import Callable
from dataclasses import dataclass

from ocpp.v21 import call as call_21
from ocpp.v201 import call as call_201

from sliproad.simulator.configuration_16 import Configuration
from sliproad.simulator.device_model import DeviceModel
from sliproad.simulator.dialect import Dialect
from sliproad.simulator.dialect_2x import Dialect2x
from sliproad.simulator.dialect_16 import Dialect16
from sliproad.simulator.link import Link
from sliproad.simulator.link_2x import Link21, Link201
from sliproad.simulator.link_16 import Link16
from sliproad.simulator.settings import Version
from sliproad.simulator.station import Station
from sliproad.simulator.variables import factory_variables


@dataclass(frozen=True)
class VersionParts:
    """How a version speaks (made anew at each switching on) and how it listens (made anew for each connection)."""

    dialect: Callable[[Station], Dialect]
    link: type[Link]


def _model(station: Station) -> DeviceModel:
    return DeviceModel(station.settings.version, factory_variables(station), station.written("variable:"))


VERSIONS: dict[Version, VersionParts] = {
    "1.6": VersionParts(
        lambda station: Dialect16(station, Configuration(station.settings, station.written("key:"))), Link16
    ),
    "2.0.1": VersionParts(lambda station: Dialect2x(station, _model(station), call_201), Link201),
    "2.1": VersionParts(lambda station: Dialect2x(station, _model(station), call_21), Link21),
}
