"""Who is who: party ids, EVSE ids and contract ids (OCPI 2.2.1 §7.3, §8.3; ISO 15118-1, eMI3 part 2)."""

import re
from typing import NamedTuple

PARTY = re.compile(r"[A-Z]{2}[A-Z0-9]{3}")
EVSE_ID = re.compile(r"[A-Z]{2}\*?[A-Z0-9]{3}\*?E[A-Z0-9][A-Z0-9*]{0,30}")
CONTRACT_ID = re.compile(r"([A-Z]{2})(-?)([A-Z0-9]{3})\2([A-Z0-9]{9})(?:\2([A-Z0-9]))?")


class Party(NamedTuple):
    """A party by its country and id, both in capitals: CiStrings are compared without regard to case."""

    country_code: str
    party_id: str

    def __str__(self) -> str:
        return f"{self.country_code}*{self.party_id}"


def party(country_code: str, party_id: str) -> Party | None:
    """The party of these two, in any case; None where they can't be one."""
    country, name = country_code.strip().upper(), party_id.strip().upper()
    return Party(country, name) if PARTY.fullmatch(country + name) and len(country) == 2 else None


def is_evse_id(text: str) -> bool:
    """Whether it is an EVSE id by eMI3: `FR*ABC*E1234`, stars optional."""
    return EVSE_ID.fullmatch(text.upper()) is not None


def contract_party(contract_id: str) -> Party | None:
    """The eMSP that a contract id begins with; `DE8ACC12` too, which HUB shows and which is too short to be whole."""
    plain = contract_id.upper().replace("-", "")
    return party(plain[:2], plain[2:5]) if len(plain) > 5 else None


def is_contract_id(contract_id: str) -> bool:
    """Whether it is a whole contract id: country, provider, nine characters, and perhaps a right check digit."""
    found = CONTRACT_ID.fullmatch(contract_id.upper())
    if found is None:
        return False
    country, _, provider, instance, digit = found.groups()
    return digit is None or digit == check_digit(country + provider + instance)


def check_digit(contract_id: str) -> str:
    """The check digit of the 14 characters of a contract id (eMI3 part 2, annex: matrices over GF(2) and GF(3)).

    Raises:
        ValueError: these are not 14 letters and digits.
    """
    text = contract_id.upper().replace("-", "")
    if not re.fullmatch(r"[A-Z0-9]{14}", text):
        raise ValueError("a contract id has 14 letters and digits before its check digit")
    binary, ternary = (0, 0), (0, 0)
    power2, power3 = P2, P3
    for character in text:
        quarter, ninth = divmod(ALPHABET.index(character), 9)
        binary = _added(binary, _row_times(divmod(quarter, 2), power2, 2), 2)
        ternary = _added(ternary, _row_times(divmod(ninth, 3), power3, 3), 3)
        power2, power3 = _times(power2, P2, 2), _times(power3, P3, 3)
    solved = _row_times(ternary, MINUS_P3_TO_15, 3)  # over GF(2), P to the 15th is one
    return ALPHABET[(2 * binary[0] + binary[1]) * 9 + 3 * solved[0] + solved[1]]


Pair = tuple[int, int]
Matrix = tuple[Pair, Pair]
P2: Matrix = ((0, 1), (1, 1))
P3: Matrix = ((0, 1), (1, 2))
MINUS_P3_TO_15: Matrix = ((0, 2), (2, 1))
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _row_times(row: Pair, matrix: Matrix, modulus: int) -> Pair:
    (a, b), (c, d) = matrix
    return (row[0] * a + row[1] * c) % modulus, (row[0] * b + row[1] * d) % modulus


def _times(left: Matrix, right: Matrix, modulus: int) -> Matrix:
    return _row_times(left[0], right, modulus), _row_times(left[1], right, modulus)


def _added(left: Pair, right: Pair, modulus: int) -> Pair:
    return (left[0] + right[0]) % modulus, (left[1] + right[1]) % modulus
