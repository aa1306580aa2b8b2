"""What pages call the steps of a session, what each is about, and what a person does while it waits or when it fails. Pure.

What a step found is its own sentence (`sentences`); here is what stands around it. `session_view` puts both together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sliproad.features.commissioning.sentences import SENTENCES, told
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked


@dataclass(frozen=True, slots=True)
class StepWords:
    """`advice` helps where the step's own sentence says what happened and no more."""

    title: str
    about: str
    advice: str


STEP_WORDS: Mapping[str, StepWords] = {
    "connectivity": StepWords(
        marked("Connection"),
        marked("Is it really connected: with the right OCPP version, and reported for work?"),
        marked("Look at the connection page: it says what is wrong, and what to do."),
    ),
    "heartbeat": StepWords(
        marked("Sign of life"),
        marked("Does it show that it is alive, by a heartbeat on this connection?"),
        marked("Check its network, restart it, and start again."),
    ),
    "firmware_update": StepWords(
        marked("Firmware update"),
        marked("Is its firmware new enough? If not, it is updated now. That takes some minutes."),
        marked("Leave the charger switched on, and start again. If it fails twice, ask the operator."),
    ),
    "firmware_version": StepWords(
        marked("Firmware version"),
        marked("Which firmware runs in it?"),
        marked("Check the firmware in the charger's own menu, and start again."),
    ),
    "configuration": StepWords(
        marked("Settings"),
        marked("Its settings are read, what differs from the template is written, and everything is read back."),
        marked("Look into the logs to see which setting it refused, and start again."),
    ),
    "connector_test": StepWords(
        marked("Connectors"),
        marked("Does every connector report its status?"),
        marked("Check the cabling of the connectors, and start again."),
    ),
    "meter_calibration": StepWords(
        marked("Meter"),
        marked("Can its meter be believed? Its readings are asked for twice and checked."),
        marked("Check the meter and its wiring, and start again."),
    ),
    "test_transaction": StepWords(
        marked("Test charge"),
        marked("Does it charge, count and stop? Have a vehicle ready."),
        marked("Check that the vehicle is plugged in and ready to charge, and start again."),
    ),
}
Urgency = Literal["now", "stay"]

CALLS: Mapping[str, tuple[Urgency, str, str]] = {
    "the test transaction: plug in the vehicle at connector %(connector)s now": (
        "now", marked("Plug in the vehicle now"), marked("At connector %(connector)s. The test charge begins by itself."),
    ),
    "the vehicle: plug it in at connector %(connector)s now": (
        "now", marked("Plug in the vehicle now"), marked("At connector %(connector)s. The test charge begins by itself."),
    ),
    "a free connector (now: %(statuses)s)": (
        "now", marked("Free a connector now"), marked("No connector is free for the test charge: %(statuses)s."),
    ),
    "the charge point to connect again": (
        "now",
        marked("The charger is away"),
        marked("Check its power and its network: cable, SIM card, signal. The session goes on by itself once it is back."),
    ),
    "the vehicle to draw energy (%(energy)s Wh so far)": (
        "stay", marked("Leave the vehicle plugged in"), marked("It is charging: %(energy)s Wh so far."),
    ),
    "the end of the test transaction": (
        "stay", marked("Leave the vehicle plugged in"), marked("The test charge is being stopped."),
    ),
    "the end of an earlier test at connector %(connector)s": (
        "stay", marked("Leave the vehicle plugged in"), marked("An earlier test charge is being stopped; then the new one begins."),
    ),
    "the test transaction to begin at connector %(connector)s": (
        "now",
        marked("Is the vehicle plugged in?"),
        marked("At connector %(connector)s: plug it in now; if it is in, leave it. The test charge begins by itself."),
    ),
    "the charge point to restart": (
        "stay", marked("The charger restarts"), marked("Nothing to do: it comes back by itself. Leave it switched on."),
    ),
    "firmware %(version)s to be installed: %(what)s": (
        "stay", marked("Leave the charger switched on"), marked("It gets firmware %(version)s. That takes some minutes."),
    ),
}  # fmt: skip
"""By what a session waits for: what somebody at the charger does. `now`: nothing goes on without them; `stay`: they let it be."""


@dataclass(frozen=True, slots=True)
class Call:
    """What to do now, in the reader's language."""

    urgency: Urgency
    title: str
    text: str


def words_of(step: str) -> StepWords:
    """A step's words in the reader's language."""
    found = STEP_WORDS.get(step)
    if found is None:
        return StepWords(step.replace("_", " ").capitalize(), "", "")
    return StepWords(_(found.title), _(found.about), _(found.advice))


def call_of(waiting_for: str | None) -> Call | None:
    """What a session that waits for this asks of whoever stands there; None where it waits for nobody."""
    found = None if waiting_for is None else SENTENCES.values(waiting_for)
    if found is None or found[0] not in CALLS:
        return None
    urgency, title, text = CALLS[found[0]]
    return Call(urgency, _(title), _(text) % found[1])


def waiting(waiting_for: str | None) -> str:
    """`Waiting for a Heartbeat.`; empty where it waits for nothing."""
    return f"{told(f'Waiting for {waiting_for}')}." if waiting_for else ""
