"""The connection doctor: from what is known of a charge point's connections to the one thing to do now.

Pure: facts in, one `Diagnosis` out. `attempts` gathers the facts; the connection-attempts routes show it on top. What happens over
several connections (two chargers with one identity, a boot loop) goes before what the newest attempt says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sliproad.features.charge_points.attempts_sentences import Meant, sentence

WINDOW = timedelta(minutes=5)
"""What is looked at for boot loops and for two chargers with one identity."""
SETTLED = timedelta(minutes=2)
"""A connection that has lasted so long ends both."""
SILENT_AFTER = timedelta(seconds=30)
LOOPING_BOOTS = 3
RIVAL_TURNS = 3
"""How often two must have taken turns."""
RIVALS = 2
CLOCK_SECONDS = 60.0
UNSET_CLOCK_SECONDS = 365 * 86400.0
STRONG_FOR = timedelta(minutes=15)
NOTHING_ARRIVED = (
    "Nothing has ever arrived from this charge point. Check the host name, ws or wss, and that the site's network lets it"
    " reach our port (usually outbound 443)."
)


@dataclass(frozen=True, slots=True)
class AttemptFact:
    """One attempt. `is_strong`: known to be this charge point's, or nearly spelling it; else only from a likely address."""

    at: datetime
    outcome: str
    details: Mapping[str, Any]
    identity: str | None
    remote_address: str
    is_certain: bool
    is_strong: bool


@dataclass(frozen=True, slots=True)
class BootFact:
    """One BootNotification."""

    at: datetime
    serial_number: str | None


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """All that is known; attempts are the newest first, boots the oldest first and of the last five minutes.

    `has_spoken`: whether any message came on the present connection; None where that is not known.
    """

    meant: Meant
    now: datetime
    attempts: Sequence[AttemptFact] = ()
    boots: Sequence[BootFact] = ()
    connected: bool = False
    connected_at: datetime | None = None
    disconnected_at: datetime | None = None
    boot_status: str | None = None
    clock_skew_seconds: float | None = None
    has_spoken: bool | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong, as a word and as a sentence that says what to do; `is_certain` False where we only suppose whose it was."""

    code: str
    message: str
    is_certain: bool = True


def diagnose(facts: ConnectionFacts) -> Diagnosis:
    """The one thing to do now."""
    found = _two_chargers(facts) or _refused_by_policy(facts) or _boot_loop(facts)
    if found is not None:
        return found
    return _of_connection(facts) if facts.connected else _of_attempts(facts)


def _two_chargers(facts: ConnectionFacts) -> Diagnosis | None:
    """Sockets of one identity that throw each other out: addresses or serial numbers take turns, or open sockets are replaced."""
    accepted = [each for each in reversed(facts.attempts) if _is_recent_accept(each, facts.now)]
    if len(accepted) <= RIVAL_TURNS or facts.now - accepted[-1].at > SETTLED:
        return None
    addresses = [each.remote_address for each in accepted]
    serials = [each.serial_number for each in facts.boots if each.serial_number]
    replaced = sum("replaces" in each.details for each in accepted)
    if not (_takes_turns(addresses) or _takes_turns(serials) or replaced >= RIVAL_TURNS):
        return None
    every = max(1, round((accepted[-1].at - accepted[0].at).total_seconds() / (len(accepted) - 1)))
    if len(set(addresses)) == 1 and len(set(serials)) < RIVALS:
        return Diagnosis(
            "replaced_again_and_again",
            f"Connections with this identity replace each other every {every} s, all from {addresses[0]}: two chargers behind one"
            " address have the same charge point id, or one charger opens a second connection. Give each charger its own id.",
        )
    told = [f"from {' and '.join(sorted(set(addresses)))}"]
    if len(set(serials)) >= RIVALS:
        told.append(f"with the serial numbers {' and '.join(sorted(set(serials)))}")
    return Diagnosis(
        "two_charge_points",
        f"Two chargers use this identity and throw each other out, every {every} s: connections come"
        f" {', '.join(told)}. Give each charger its own charge point id; the one that should be here has the serial number"
        f" {facts.meant.serial_number}.",
    )


def _refused_by_policy(facts: ConnectionFacts) -> Diagnosis | None:
    if not facts.connected or facts.boot_status not in {"Pending", "Rejected"}:
        return None
    return Diagnosis(
        f"boot_{facts.boot_status.lower()}",
        f"It is connected, but its BootNotification is answered {facts.boot_status}: that is its boot policy. The operator sets"
        " boot_policy to accepted to let it go on.",
    )


def _boot_loop(facts: ConnectionFacts) -> Diagnosis | None:
    """A boot counts once per connection: one that is asked for or repeated on an open socket is no restart."""
    opened = sorted(each.at for each in facts.attempts if _is_recent_accept(each, facts.now))
    boots = sorted(each.at for each in facts.boots if facts.now - each.at <= WINDOW)
    ends = [*opened[1:], facts.now + WINDOW]
    restarts = sum(any(start <= at < end for at in boots) for start, end in zip(opened, ends, strict=False))
    if restarts < LOOPING_BOOTS or facts.now - opened[-1] > SETTLED:
        return None
    return Diagnosis(
        "boot_loop",
        f"The charger has restarted {restarts} times in five minutes. It is most often its power supply or firmware: look at its own"
        " log or display, and update its firmware.",
    )


def _of_connection(facts: ConnectionFacts) -> Diagnosis:
    since = facts.now - (facts.connected_at or facts.now)
    if facts.has_spoken is False and since >= SILENT_AFTER:
        return Diagnosis(
            "silent",
            f"The charger is connected, but has not sent any message for {_span(since)}. Restart it; if it stays silent, check that"
            " OCPP is switched on in it and update its firmware.",
        )
    if facts.boot_status is None and since >= SILENT_AFTER:
        return Diagnosis(
            "no_boot",
            f"The charger has been connected for {_span(since)}, but has never sent a BootNotification. Restart it.",
        )
    skew = facts.clock_skew_seconds
    if skew is not None and abs(skew) >= CLOCK_SECONDS:
        return Diagnosis("clock_wrong", f"The charger is connected, but {_clock(skew)}")
    newest = next((each for each in facts.attempts if each.outcome == "accepted" and each.is_certain), None)
    message = sentence("accepted", newest.details if newest else {}, None, facts.meant)
    is_other = newest is not None and "registered_version" in newest.details
    return Diagnosis("other_version" if is_other else "connected", message)


def _of_attempts(facts: ConnectionFacts) -> Diagnosis:
    if not facts.attempts:
        if facts.disconnected_at is None:
            return Diagnosis("nothing_arrived", NOTHING_ARRIVED)
        return _gone(facts)
    strong = next((each for each in facts.attempts if each.is_strong and facts.now - each.at <= STRONG_FOR), None)
    newest = strong or facts.attempts[0]
    if newest.outcome == "accepted":
        return _gone(facts) if facts.disconnected_at is not None else Diagnosis("connected", _told(newest, facts))
    message = _told(newest, facts)
    if not newest.is_strong:
        message = f"From an address of this charge point or of yours: {message}"
    return Diagnosis(newest.outcome, message, newest.is_certain)


def _gone(facts: ConnectionFacts) -> Diagnosis:
    assert facts.disconnected_at is not None
    stayed = ""
    if facts.connected_at is not None and facts.disconnected_at >= facts.connected_at:
        stayed = f" after {_span(facts.disconnected_at - facts.connected_at)}"
    return Diagnosis(
        "disconnected",
        f"It was connected and left{stayed}, {_span(facts.now - facts.disconnected_at)} ago; nothing has arrived since. Check its"
        " power and its network.",
    )


def _told(attempt: AttemptFact, facts: ConnectionFacts) -> str:
    return sentence(attempt.outcome, attempt.details, attempt.identity, facts.meant)


def _is_recent_accept(attempt: AttemptFact, now: datetime) -> bool:
    return attempt.outcome == "accepted" and attempt.is_certain and now - attempt.at <= WINDOW


def _takes_turns(values: Sequence[str]) -> bool:
    """Whether values come back after others did: A B A B, and not A A B B."""
    changes = sum(before != after for before, after in pairwise(values))
    return changes >= RIVAL_TURNS and len(set(values)) <= changes


def _clock(skew: float) -> str:
    advice = "Set its time source (NTP or Heartbeat), or its certificates and bills will be wrong."
    if skew <= -UNSET_CLOCK_SECONDS:
        return f"its clock is not set: it is {round(-skew / 86400 / 365.25)} years behind. {advice}"
    minutes = round(abs(skew) / 60)
    unit = "minute" if minutes == 1 else "minutes"
    return f"its clock is {minutes} {unit} {'ahead' if skew > 0 else 'behind'}. {advice}"


def _span(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
