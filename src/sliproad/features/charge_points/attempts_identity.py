"""Whether an identity that nobody registered is a slip of a registered one, and which.

Pure. `attempts` asks which strangers' attempts may be a charge point's own; `attempts_sentences` says what to correct.
"""

NEAR_DISTANCE = 2
SHORTEST_SERIAL = 5
"""Shorter serial numbers are too common to tell one charge point by."""
_LOOK_ALIKES = str.maketrans({"o": "0", "l": "1", "i": "1", "|": "1"})
_JOINTS = "-_./:+ "


def identity_mistake(sent: str, meant: str, serial_number: str) -> str | None:
    """The word for the slip that turns `meant` into `sent`; None when they have nothing to do with each other.

    One of `equal`, `space`, `letter_case`, `look_alike`, `doubled`, `serial_appended`, `serial_number`, `nearly`.
    """
    if sent == meant:
        return "equal"
    bare, wanted, serial = sent.strip().casefold(), meant.casefold(), serial_number.casefold()
    if sent.strip() == meant:
        return "space"
    if bare == wanted:
        return "letter_case"
    if bare.translate(_LOOK_ALIKES) == wanted.translate(_LOOK_ALIKES):
        return "look_alike"
    if bare.startswith(wanted) and bare.removeprefix(wanted).lstrip(_JOINTS) == wanted:
        return "doubled"
    if len(serial) >= SHORTEST_SERIAL:
        if bare == serial:
            return "serial_number"
        if bare.startswith(wanted) and bare.removeprefix(wanted).lstrip(_JOINTS) == serial:
            return "serial_appended"
        if bare.endswith(wanted) and bare.removesuffix(wanted).rstrip(_JOINTS) == serial:
            return "serial_appended"
    return "nearly" if nearly_spells(sent, meant) else None


def nearly_spells(sent: str, meant: str) -> bool:
    """Whether `sent` is `meant` but for capitals, or up to two characters wrong, missing or too many (not for short ids)."""
    sent, meant = sent.casefold(), meant.casefold()
    if sent == meant:
        return True
    most = NEAR_DISTANCE if len(meant) > 2 * NEAR_DISTANCE else len(meant) // 4
    if abs(len(sent) - len(meant)) > most:
        return False
    row = list(range(len(meant) + 1))
    for position, character in enumerate(sent, 1):
        previous, row[0] = row[0], position
        for column, other in enumerate(meant, 1):
            previous, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, previous + (character != other)),
            )
    return row[-1] <= most
