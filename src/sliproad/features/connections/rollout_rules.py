"""How a version goes to the charge points of a site wave after wave (contract §5, extension). Pure; `rollouts` keeps the rows.

A wave begins when every charge point of the one before has connected or failed. More failures than allowed stop it: nothing more is
applied until somebody resumes it or rolls it back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

WAITING, APPLIED, CONNECTED, FAILED, ROLLED_BACK = "waiting", "applied", "connected", "failed", "rolled_back"
DONE = frozenset({CONNECTED, FAILED})
RUNNING, PAUSED, STOPPED, COMPLETED = "running", "paused", "stopped", "completed"
REPLACED = "Another version was applied meanwhile."
GONE = "It is not a charge point of this site any more."


@dataclass(frozen=True, slots=True)
class Item:
    """One charge point of a roll-out."""

    charge_point_key: int
    wave: int
    state: str = WAITING
    reason: str | None = None
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Its assignment now."""

    generation: int
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """A roll-out as it goes on: what became of items, and which are to be applied now."""

    state: str
    reason: str | None
    wave: int
    changed: tuple[Item, ...] = ()
    apply: tuple[Item, ...] = ()


def waves(count: int, sizes: Sequence[int]) -> list[int]:
    """The wave of each of `count` charge points in order; the last size goes on until the end: 5 in waves of [1, 2] is 1 2 2 3 3."""
    found: list[int] = []
    wave = 0
    while len(found) < count:
        size = sizes[min(wave, len(sizes) - 1)]
        wave += 1
        found += [wave] * size
    return found[:count]


def judged(item: Item, seen: Seen | None, *, began_at: datetime, wait: timedelta, now: datetime) -> Item:
    """What has become of an applied item by now."""
    if item.state != APPLIED:
        return item
    if seen is None:
        return replace(item, state=FAILED, reason=GONE)
    if seen.generation != item.generation:
        return replace(item, state=FAILED, reason=REPLACED)
    if seen.state in {"connected", "off"}:
        return replace(item, state=CONNECTED, reason=None)
    if seen.state == "failed":
        return replace(item, state=FAILED, reason=seen.reason)
    if now - began_at >= wait:
        why = seen.reason or (
            "The charge point is not connected here." if seen.state == "pending" else "No answer yet."
        )
        return replace(item, state=FAILED, reason=f"Not connected within {wait.total_seconds():g} s. {why}")
    return item


def advance(
    items: Sequence[Item],
    seen: Mapping[int, Seen],
    *,
    wave: int,
    began_at: datetime | None,
    most_failures: int,
    wait: timedelta,
    now: datetime,
) -> Progress:
    """What happens next in a running roll-out whose wave `wave` (0: none yet) began at `began_at`."""
    current = [
        judged(item, seen.get(item.charge_point_key), began_at=began_at or now, wait=wait, now=now) for item in items
    ]
    changed = tuple(new for old, new in zip(items, current, strict=True) if new != old)
    failures = sum(item.state == FAILED for item in current)
    if failures > most_failures:
        return Progress(STOPPED, f"{failures} failed, {most_failures} were allowed.", wave, changed)
    if any(item.state == APPLIED for item in current):
        return Progress(RUNNING, None, wave, changed)
    waiting = [item for item in current if item.state == WAITING]
    if not waiting:
        return Progress(COMPLETED, None, wave, changed)
    following = min(item.wave for item in waiting)
    return Progress(RUNNING, None, following, changed, tuple(item for item in waiting if item.wave == following))
