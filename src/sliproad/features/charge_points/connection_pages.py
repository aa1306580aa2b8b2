"""The connection doctor as a page shows it: one headline, how far the charge point gets, and its attempts to connect.

Pages of whoever may see a charge point build a `ConnectionView` from the doctor's report, and draw it with `templates/connection.html`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from sliproad.features.charge_points.attempts import ConnectionAttempt, ConnectionReport
from sliproad.features.charge_points.live_model import LiveState
from sliproad.features.charge_points.sentences import told
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked

TEMPLATES = Path(__file__).parent / "templates"
NEWEST = 20
"""So many are shown; the newest ones say what is wrong now."""

RUNGS = (
    ("network", marked("It reaches us")),
    ("transport", marked("It speaks OCPP over WebSocket")),
    ("address", marked("Server address and identity")),
    ("password", marked("Password")),
    ("version", marked("OCPP version")),
    ("boot", marked("It reports for work")),
)
"""What has to be right, in the order in which a gateway looks at it (`gateway.admission`)."""

RUNG_OF: Mapping[str, str] = {
    "nothing_arrived": "network",
    "nothing_sent": "network",
    "plain_http": "transport",
    "tls_on_plain_port": "transport",
    "tls_failed": "transport",
    "not_websocket": "transport",
    "unreadable_request": "transport",
    "unknown_path": "address",
    "unknown_identity": "address",
    "wrong_suffix": "address",
    "missing_credentials": "password",
    "unreadable_credentials": "password",
    "wrong_user": "password",
    "wrong_password": "password",
    "too_many_attempts": "password",
    "no_common_subprotocol": "version",
    "silent": "boot",
    "no_boot": "boot",
    "boot_pending": "boot",
    "boot_rejected": "boot",
    "boot_loop": "boot",
}
"""Which rung a diagnosis says is the trouble."""

TITLES: Mapping[str, str] = {
    "accepted": marked("Connected"),
    "connected": marked("Connected"),
    "other_version": marked("Connected, with another OCPP version"),
    "clock_wrong": marked("Connected, but its clock is wrong"),
    "disconnected": marked("It was connected and left"),
    "nothing_arrived": marked("Waiting for the charger"),
    "nothing_sent": marked("A connection without a word"),
    "plain_http": marked("Not encrypted"),
    "tls_on_plain_port": marked("Encrypted, on the port for plain connections"),
    "tls_failed": marked("Encryption failed"),
    "not_websocket": marked("Not a WebSocket"),
    "unreadable_request": marked("Not a web request"),
    "unknown_path": marked("Wrong server address"),
    "unknown_identity": marked("Unknown identity"),
    "wrong_suffix": marked("Something stands behind the identity"),
    "missing_credentials": marked("No password was sent"),
    "unreadable_credentials": marked("The password can't be read"),
    "wrong_user": marked("Wrong user name"),
    "wrong_password": marked("Wrong password"),
    "too_many_attempts": marked("Too many wrong attempts"),
    "no_common_subprotocol": marked("Wrong OCPP version"),
    "server_error": marked("A fault of ours"),
    "silent": marked("Connected, but silent"),
    "no_boot": marked("Connected, but it has not reported"),
    "boot_pending": marked("Connected; the operator lets it wait"),
    "boot_rejected": marked("Connected; the operator does not let it in"),
    "boot_loop": marked("It restarts again and again"),
    "two_charge_points": marked("Two chargers with one identity"),
    "replaced_again_and_again": marked("Connections replace each other"),
}
OTHER_TITLE = marked("The attempt was refused")


@dataclass(frozen=True, slots=True)
class Rung:
    """One thing that has to be right; `state` as `ui.stepper` takes it."""

    title: str
    state: str


@dataclass(frozen=True, slots=True)
class AttemptEntry:
    """An attempt as `ui.timeline` takes it, with what arrived; `times` alike in a row, the first of them `since`."""

    at: datetime
    title: str
    text: str
    tone: str
    arrived: str
    is_certain: bool
    since: datetime
    times: int


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """What there is to see of a connection: `tone` is good, bad, warning or waiting."""

    code: str
    tone: str
    title: str
    message: str
    is_certain: bool
    rungs: Sequence[Rung]
    attempts: Sequence[AttemptEntry]
    live: LiveState

    @property
    def is_connected(self) -> bool:
        return self.live.connected


def connection_word(live: LiveState) -> str:
    """The state of a connection as `ui.status` knows it."""
    if live.connected:
        return "connected"
    return "never_connected" if live.connected_at is None else "disconnected"


def view_of(live: LiveState, report: ConnectionReport) -> ConnectionView:
    """The doctor's report for a page, in the reader's language."""
    diagnosis = report.diagnosis
    return ConnectionView(
        code=diagnosis.code,
        tone=_tone(diagnosis.code, live),
        title=title_of(diagnosis.code),
        message=_beyond(title_of(diagnosis.code), told(diagnosis.message)),
        is_certain=diagnosis.is_certain,
        rungs=rungs(diagnosis.code, live),
        attempts=[_entry(list(alike)) for _what, alike in groupby(report.attempts, _arrived)][:NEWEST],
        live=live,
    )


def title_of(code: str) -> str:
    """A diagnosis or an attempt's outcome in a few words."""
    return _(TITLES.get(code, OTHER_TITLE))


def rungs(code: str, live: LiveState) -> list[Rung]:
    """How far the charge point gets: all before the trouble is right, nothing behind it is known."""
    if live.connected:
        trouble = "boot" if code in RUNG_OF else None
        boot = "failed" if trouble else "passed" if live.boot_status == "Accepted" else "in_progress"
        return [Rung(_(title), boot if name == "boot" else "passed") for name, title in RUNGS]
    names = [name for name, _title in RUNGS]
    at = names.index(RUNG_OF.get(code, "network"))
    here = "in_progress" if code == "nothing_arrived" else "failed"
    states = ["passed"] * at + [here] + ["waiting"] * (len(names) - at - 1)
    return [Rung(_(title), state) for (_name, title), state in zip(RUNGS, states, strict=True)]


def _tone(code: str, live: LiveState) -> str:
    if code == "nothing_arrived":
        return "waiting"
    if live.connected:
        return "good" if code == "connected" else "warning"
    return "waiting" if code == "connected" else "bad"


def _arrived(attempt: ConnectionAttempt) -> tuple[str, str, str, str]:
    """By what attempts are alike: a charger tries the same again and again."""
    return attempt.outcome, attempt.advice, attempt.path, attempt.remote_address


def _entry(alike: Sequence[ConnectionAttempt]) -> AttemptEntry:
    newest = alike[0]
    title = title_of(newest.outcome)
    return AttemptEntry(
        at=newest.at,
        title=title,
        text=_beyond(title, told(newest.advice)),
        tone="good" if newest.outcome == "accepted" else "bad" if newest.is_certain else "warning",
        arrived=f"{newest.path} · {newest.remote_address}",
        is_certain=newest.is_certain,
        since=alike[-1].at,
        times=len(alike),
    )


def _beyond(title: str, text: str) -> str:
    """What a sentence says beyond its title."""
    return text.removeprefix(f"{title}.").strip()
