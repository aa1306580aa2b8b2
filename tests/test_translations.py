"""Every string of a page is ready for translation, and German is whole."""

import re

import pytest
from tools import translations

from sliproad.foundation.language import gettext, language, negotiate, ngettext, reading, zone_named

ROOMS = translations.rooms()
WORDS = re.compile(r">[^<{}]*[A-Za-z]{3,}[^<{}]*<")


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_german_is_whole_and_up_to_date(room):
    catalog = translations.updated(room, "de")
    assert translations.missing(catalog) == []
    path = translations.catalogue(room, "de")
    if len(catalog):
        assert path.read_bytes() == translations.written(catalog), "run: python -m tools.translations"


def test_the_same_words_are_translated_the_same_way_in_every_room():
    """All catalogues of a language are one: of two translations of one text, one would never be seen."""
    found: dict[str, set[str]] = {}
    for room in ROOMS:
        for message in translations.updated(room, "de"):
            if isinstance(message.id, str) and message.id:
                found.setdefault(message.id, set()).add(str(message.string))
    assert {text: said for text, said in found.items() if len(said) > 1} == {}


@pytest.mark.parametrize(
    ("accepted", "chosen", "answered"),
    [
        ("", "", "en"),
        ("de-CH,de;q=0.9,en;q=0.8", "", "de"),
        ("fr,en;q=0.3,de;q=0.7", "", "de"),
        ("de;q=0,en", "", "en"),
        ("de;q=nonsense", "", "en"),
        ("fr", "", "en"),
        ("en", "de", "de"),
        ("de", "tlh", "de"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_browsers(accepted, chosen, answered):
    assert negotiate(accepted, chosen) == answered


def test_what_is_made_for_somebody_is_in_their_language():
    with reading("de"):
        assert (gettext("Log in"), ngettext("%(num)s entry", "%(num)s entries", 3)) == ("Anmelden", "%(num)s Einträge")
        assert gettext("a text that nobody ever wrote") == "a text that nobody ever wrote"
    assert (gettext("Log in"), language()) == ("Log in", "en")


@pytest.mark.parametrize("name", ["", "Nowhere/Nothing", "../../etc/passwd", "x" * 500, "Europe\0"])
def test_a_time_zone_that_is_none_is_utc(name):
    assert str(zone_named(name)) == "UTC"
