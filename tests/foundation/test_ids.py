"""Ids: at least 96 random bits, no order, no collision (contract §1, trust G4)."""

import itertools
import math

import pytest

from sliproad.foundation.ids import ALPHANUMERIC, CROCKFORD, new_id, random_text

MANY = 10_000


def test_an_id_is_its_prefix_and_lower_case_crockford_base32():
    prefix, _, random = new_id("proj").partition("_")
    assert prefix == "proj"
    assert set(random) <= set(CROCKFORD)
    assert len(random) * math.log2(len(CROCKFORD)) >= 96
    assert len(CROCKFORD) == len(set(CROCKFORD)) == 32
    assert not set(CROCKFORD) & set("ilou")


def test_ten_thousand_ids_have_no_collision_and_no_order():
    ids = [new_id("cp") for _ in range(MANY)]
    assert len(set(ids)) == MANY
    rising = sum(earlier < later for earlier, later in itertools.pairwise(ids))
    assert abs(rising - MANY / 2) < 6 * math.sqrt(MANY / 12)  # six standard deviations of the number of ascents
    beginnings = {each[3:7] for each in ids}  # no common beginning, as a clock or counter would give
    assert len(beginnings) > MANY * 0.98


def test_every_character_comes_about_equally_often():
    letters = "".join(new_id("cp").removeprefix("cp_") for _ in range(MANY))
    expected = len(letters) / len(CROCKFORD)
    for letter in CROCKFORD:
        assert abs(letters.count(letter) - expected) < 6 * math.sqrt(expected)


@pytest.mark.parametrize(("length", "alphabet", "bits"), [(20, ALPHANUMERIC, 119), (20, CROCKFORD, 100)])
def test_random_text_holds_the_bits_it_promises(length, alphabet, bits):
    text = random_text(length, alphabet)
    assert len(text) == length
    assert set(text) <= set(alphabet)
    assert int(length * math.log2(len(alphabet))) == bits
