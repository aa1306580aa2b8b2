"""The product's words for a state, as people read them: label and tone, one place for all pages. `ui.status(word)` shows them."""

from collections.abc import Mapping

from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked

WORDS: Mapping[str, tuple[str, str]] = {
    # commissioning, steps, checklists
    "pending": (marked("Not started"), "neutral"),
    "not_started": (marked("Not started"), "neutral"),
    "waiting": (marked("Waiting"), "neutral"),
    "running": (marked("Running"), "busy"),
    "in_progress": (marked("In progress"), "busy"),
    "paused": (marked("Paused"), "warning"),
    "passed": (marked("Passed"), "good"),
    "completed": (marked("Completed"), "good"),
    "skipped": (marked("Skipped"), "neutral"),
    "warning": (marked("Warning"), "warning"),
    "failed": (marked("Failed"), "bad"),
    "stopped": (marked("Stopped"), "warning"),
    "cancelled": (marked("Cancelled"), "neutral"),
    # projects, handovers
    "draft": (marked("Draft"), "neutral"),
    "active": (marked("Active"), "good"),
    "invited": (marked("Invited"), "busy"),
    "ready_for_handover": (marked("Ready for handover"), "busy"),
    "handed_over": (marked("Handed over"), "good"),
    "open": (marked("Open"), "warning"),
    "acknowledged": (marked("Acknowledged"), "busy"),
    "resolved": (marked("Resolved"), "good"),
    "closed": (marked("Closed"), "neutral"),
    # charge points, connectors
    "registered": (marked("Registered"), "neutral"),
    "commissioning": (marked("Being commissioned"), "busy"),
    "commissioning_failed": (marked("Commissioning failed"), "bad"),
    "commissioned": (marked("Commissioned"), "good"),
    "online": (marked("Online"), "good"),
    "offline": (marked("Offline"), "bad"),
    "connected": (marked("Connected"), "good"),
    "disconnected": (marked("Disconnected"), "bad"),
    "never_connected": (marked("Never connected"), "neutral"),
    "available": (marked("Available"), "good"),
    "occupied": (marked("Occupied"), "busy"),
    "preparing": (marked("Preparing"), "busy"),
    "charging": (marked("Charging"), "busy"),
    "finishing": (marked("Finishing"), "busy"),
    "reserved": (marked("Reserved"), "warning"),
    "unavailable": (marked("Unavailable"), "warning"),
    "faulted": (marked("Faulted"), "bad"),
    # files on their way
    "requested": (marked("Requested"), "busy"),
    "uploading": (marked("Uploading"), "busy"),
    "uploaded": (marked("Arrived"), "good"),
    "downloading": (marked("Downloading"), "busy"),
    "downloaded": (marked("Downloaded"), "busy"),
    "installing": (marked("Installing"), "busy"),
    "installed": (marked("Installed"), "good"),
    # severities
    "low": (marked("Low"), "neutral"),
    "medium": (marked("Medium"), "warning"),
    "high": (marked("High"), "bad"),
    "critical": (marked("Critical"), "bad"),
}


def status_of(word: str) -> tuple[str, str]:
    """(label, tone) of a state; a word that is not in the table is shown as it is, without its underscores."""
    label, tone = WORDS.get(str(word).lower(), ("", "neutral"))
    return (_(label) if label else str(word).replace("_", " ").capitalize()), tone
