"""Words for people about connections: pages use them."""

from collections.abc import Mapping

from sliproad.features.connections.model import OFF, Version
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked
from sliproad.foundation.web.ui import moments

STATES: Mapping[str, tuple[str, str]] = {
    "connected": (marked("Connected"), "good"),
    "connecting": (marked("Connecting"), "busy"),
    "pending": (marked("To be connected"), "neutral"),
    "failed": (marked("Failed"), "bad"),
    "off": (marked("Off"), "neutral"),
}
"""State -> label and tone: in this order everywhere."""
CHANGES: Mapping[str, str] = {
    "version_stored": marked("Details stored"),
    "applied": marked("Applied"),
    "provisioned": marked("Applied to a new charge point"),
    "not_provisioned": marked("Not applied to a new charge point"),
    "switched_off": marked("Switched off"),
    "arrival_confirmed": marked("Arrival confirmed"),
    "operator_selected": marked("Site given"),
    "operator_cleared": marked("Site taken away"),
    "rollout_started": marked("Roll-out begun"),
    "rollout_paused": marked("Roll-out paused"),
    "rollout_resumed": marked("Roll-out resumed"),
    "rolled_back": marked("Rolled back"),
}
ITEM_STATES: Mapping[str, tuple[str, str]] = {
    "waiting": (marked("Waiting"), "neutral"),
    "applied": (marked("Connecting"), "busy"),
    "connected": (marked("Done"), "good"),
    "failed": (marked("Failed"), "bad"),
    "rolled_back": (marked("Rolled back"), "warning"),
}
ROLLOUT_STATES: Mapping[str, tuple[str, str]] = {
    "running": (marked("Running"), "busy"),
    "paused": (marked("Paused"), "warning"),
    "stopped": (marked("Stopped"), "bad"),
    "completed": (marked("Completed"), "good"),
    "rolled_back": (marked("Rolled back"), "warning"),
}


def said(words: Mapping[str, tuple[str, str]], state: str) -> tuple[str, str]:
    """(label, tone) of a state, in the reader's language."""
    label, tone = words[state]
    return _(label), tone


def states_in_order(counts: Mapping[str, int]) -> list[tuple[str, str, int]]:
    """(label, tone, how many) of every state that there is."""
    return [(_(label), tone, counts[state]) for state, (label, tone) in STATES.items() if counts.get(state)]


def change_label(change: str) -> str:
    """What an audit record tells, in the reader's language."""
    return _(CHANGES.get(change, change))


def label_of(version: Version) -> str:
    """A version in one line, for a choice."""
    made = moments.moment(version.created_at)
    if version.connectivity_mode == OFF:
        return _("Off, stored %(at)s") % {"at": made}
    return _("%(url)s, stored %(at)s") % {"url": version.url, "at": made}
