"""How long the relay waits and how often it tries: back-off with jitter, refused transaction messages, the operator's intervals."""

MOST_ATTEMPTS = 3
"""How often a transaction message goes out that the operator's server answers with a CALLERROR (1.6 TransactionMessageAttempts)."""
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 300.0
_REFUSED_PAUSES = (2.0, 10.0)
_DEFAULT_INTERVAL_SECONDS = 300
_SHORTEST_INTERVAL_SECONDS = 1
_LONGEST_INTERVAL_SECONDS = 86_400
_BOOT_AGAIN_SECONDS = (1, 3600)


def reconnect_pause(failures: int, chance: float) -> float:
    """Seconds until the next attempt to connect after so many failures in a row (1 or more); `chance` is between 0 and 1.

    Doubles from 1 s to 5 min; anywhere between half of that and the whole, so that a server that comes back is not stormed.
    """
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 20))
    return longest * (0.5 + 0.5 * chance)


def pause_after_refusal(attempts: int) -> float | None:
    """Seconds until a transaction message that was answered with a CALLERROR goes out again; None when that was the last time."""
    return _REFUSED_PAUSES[attempts - 1] if attempts < MOST_ATTEMPTS else None


def heartbeat_seconds(interval: int) -> int:
    """The operator's heartbeat interval, within reason; 0 leaves it to us (2.x B01.FR.05)."""
    if interval <= 0:
        return _DEFAULT_INTERVAL_SECONDS
    return min(max(interval, _SHORTEST_INTERVAL_SECONDS), _LONGEST_INTERVAL_SECONDS)


def boot_again_seconds(interval: int) -> int:
    """When to boot again after Pending or Rejected (1.6 §4.2.1, 2.x B02.FR.07, B03.FR.06)."""
    least, most = _BOOT_AGAIN_SECONDS
    return most // 60 if interval <= 0 else min(max(interval, least), most)
