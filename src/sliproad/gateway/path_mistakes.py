"""What is wrong with a path that leads nowhere, and whose charge point it nevertheless names.

`admission` asks for a path it refuses: an attempt that names a registered charge point belongs to it, and is shown to nobody else
(contract §3). The words have their sentences in `charge_points.attempts_sentences`.
"""

from urllib.parse import unquote

from sliproad.gateway.ports import Identities, KnownChargePoint

OCPP = "ocpp"
VERSIONS = frozenset({"1.6", "1.6j", "2.0", "2.0.1", "2.1", "ocpp1.6", "ocpp2.0.1", "ocpp2.1"})
MOST_SEGMENTS = 8


def path_mistake(target: str) -> str:
    """A word for what is wrong with a path that is not one of ours."""
    segments = [each.lower() for each in path_segments(target)]
    if OCPP not in segments:
        return "ocpp_missing"
    if segments[0] != OCPP:
        return "prefix"
    if segments.count(OCPP) > 1:
        return "twice"
    if all(each in VERSIONS for each in segments[1:]):
        return "identity_missing"
    return "segment"


def named_in_path(identities: Identities, target: str) -> KnownChargePoint | None:
    """The registered charge point that a segment of the path names; the last one counts."""
    for segment in reversed(path_segments(target)):
        known = identities.find(segment)
        if known is not None:
            return known
    return None


def path_segments(target: str) -> list[str]:
    """The first segments of a path, percent-decoded; empty ones left out."""
    parts = [part for part in target.partition("?")[0].split("/") if part]
    return [unquote(part, errors="replace") for part in parts[:MOST_SEGMENTS]]
