"""Time zones by the nearest town of the IANA database in the same country."""

import pytest

from sliproad.features.roaming.time_zones import time_zone_of


@pytest.mark.parametrize(
    ("latitude", "longitude", "country", "zone"),
    [
        ("48.8566", "2.3522", "FRA", "Europe/Paris"),
        ("48.5734", "7.7521", "FRA", "Europe/Paris"),  # Strasbourg: Zurich is nearer
        ("40.7128", "-74.0060", "USA", "America/New_York"),
        ("-33.8688", "151.2093", "AUS", "Australia/Sydney"),
        ("52.52", "13.405", "", "Europe/Berlin"),
    ],
)
def test_a_place_has_a_zone(latitude, longitude, country, zone) -> None:
    assert time_zone_of({"latitude": latitude, "longitude": longitude}, country) == zone


@pytest.mark.parametrize(
    "coordinates", [None, {}, {"latitude": "x", "longitude": "1"}, {"latitude": "91", "longitude": "1"}]
)
def test_no_place_no_zone(coordinates) -> None:
    assert time_zone_of(coordinates, "FRA") is None
