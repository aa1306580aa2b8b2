"""Sentences that are made and kept in English, shown in the reader's language.

The engine writes what it found as whole sentences with values in them ("Heartbeat received within 3s"); rows, logs and the API keep
these. A feature's pages know their patterns (`Sentences`) and find each one again: its values are put into the pattern's translation.
"""

import re
from collections.abc import Iterable

from sliproad.foundation.language import SOURCE, gettext, language

PLACE = re.compile(r"%\((\w+)\)s")
SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z])")
CLAUSES = "; "
NESTED = frozenset({"what", "why", "list", "span", "ago"})
"""Values that are sentences themselves."""
LONGEST = 2000


class Sentences:
    """The patterns of one feature: texts with `%(name)s`, without their full stop, each `marked(...)` where it is written."""

    def __init__(self, patterns: Iterable[str]) -> None:
        by_weight = sorted(set(patterns), key=lambda pattern: -len(PLACE.sub("", pattern)))
        self._patterns = [(_compiled(pattern), pattern) for pattern in by_weight]

    def told(self, text: str) -> str:
        """`text` in the reader's language; the parts that are no sentence of ours stay as they are."""
        if language() == SOURCE or len(text) > LONGEST:
            return text
        return self._told(text)

    def values(self, text: str) -> tuple[str, dict[str, str]] | None:
        """The pattern that `text` was made of, and the values in it; None where it is no sentence of ours."""
        bare = text.removesuffix(".")
        for compiled, pattern in self._patterns:
            if (found := compiled.fullmatch(bare)) is not None:
                return pattern, found.groupdict()
        return None

    def _told(self, text: str) -> str:
        return " ".join(map(self._sentence, in_sentences(text)))

    def _sentence(self, text: str) -> str:
        """One sentence: clause by clause where each is known, else as a whole; a value at its end must not swallow a clause."""
        clauses = text.split(CLAUSES)
        if len(clauses) == 1 or (self.values(text) is not None and not all(map(self.values, clauses))):
            return self._whole(text)
        return CLAUSES.join(map(self._whole, clauses))

    def _whole(self, text: str) -> str:
        found = self.values(text)
        if found is None:
            return text
        pattern, values = found
        told = {name: self._told(value) if name in NESTED else value for name, value in values.items()}
        return (gettext(pattern) % told if told else gettext(pattern)) + ("." if text.endswith(".") else "")


def in_sentences(text: str) -> list[str]:
    """A text's sentences, each with its full stop."""
    return SENTENCE_END.split(text)


def _compiled(pattern: str) -> re.Pattern[str]:
    made, at = "", 0
    for place in PLACE.finditer(pattern):
        made += f"{re.escape(pattern[at : place.start()])}(?P<{place[1]}>.+?)"
        at = place.end()
    return re.compile(made + re.escape(pattern[at:]), re.DOTALL)
