"""What the validator forgives a charge point, as flags on the frame.

A CALLERROR to a transaction message is data loss, so a detail that can be read all the same is no reason for one. The
handler sees by these flags what to record beside the message. `validation` sets them; features read them.
"""

from __future__ import annotations

from enum import IntFlag


class Lenience(IntFlag):
    """What was forgiven in a message of a charge point; repaired values are repaired in the payload itself."""

    NONE = 0
    TIMESTAMP = 1
    """A timestamp was not RFC 3339 (no zone: UTC, a space, no seconds …); it is RFC 3339 in the payload now."""
    INTEGER_WITH_FRACTION = 2
    """A whole number was written as `7.0`; it is an int in the payload now."""
    SAMPLE_AS_NUMBER = 4
    """1.6: a sampled value was a JSON number; it is its decimal text in the payload now."""
    SAMPLE_UNREADABLE = 8
    """1.6: a sampled value is no decimal number: keep its text, never compute with it (`samples.read_decimal`)."""
    NULL_FIELD = 16
    """An optional field was null in a transaction message; it is absent from the payload now."""
