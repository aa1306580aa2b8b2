"""Which firmware runs in it? From its last BootNotification, or asked for (1.6: another boot message; 2.x: GetVariables B06).

In 2.x a BootNotification can't be triggered once one was accepted (F06.FR.17).
"""

from sliproad.features.commissioning.model import Finish, Move, Note, SendCall, Situation, WaitUntil
from sliproad.features.commissioning.steps import reading, triggers
from sliproad.features.commissioning.templates import Template, Variable

FIRMWARE = Variable("ChargingStation", "FirmwareVersion")


def advance(situation: Situation) -> Move:
    """The next move of this step."""
    facts, answer = situation.facts, situation.answer
    version = facts.firmware_version
    if answer is not None and version is None:
        version = next((found.value for found in reading.found(answer.payload).values()), None)
    if version:
        return _judged(version, situation.template)
    if not situation.state.get("asked"):
        state = {"asked": True}
        if facts.is_16:
            return SendCall(triggers.ACTION, triggers.trigger(facts, "BootNotification"), state)
        return SendCall(reading.action(facts), reading.payload([FIRMWARE]), state)
    if _may_still_come(situation) and situation.now < situation.deadline:
        return WaitUntil(situation.deadline, "the firmware version", {"asked": True, "promised": True})
    return Finish("skipped", "Skipped: the charge point tells no firmware version, neither at its boot nor when asked")


def _judged(version: str, template: Template) -> Finish:
    """Recorded; and held against the range that the template expects."""
    recorded, expected = f"Firmware version {version} recorded", template.firmware
    if expected is None:
        return Finish("passed", recorded, value=version)
    evidence = {"version": version, "expected": expected.words()}
    place = expected.verdict(version)
    if place == "within":
        return Finish("passed", f"{recorded}, as expected: {expected.words()}", value=version, evidence=evidence)
    how = "older" if place == "below" else "newer"
    if expected.on_mismatch == "fail":
        cure = "Update the firmware" if place == "below" else "Choose a template that fits this firmware"
        detail = f"Firmware version {version} is {how} than template {template.name} expects ({expected.words()}). {cure} and start again."
        return Finish("failed", detail, value=version, evidence=evidence)
    warning = f"it is {how} than template {template.name} expects ({expected.words()})"
    return Finish(
        "passed",
        f"{recorded}; {warning}",
        value=version,
        evidence=evidence,
        notes=(Note("warn", f"{recorded}; {warning}"),),
    )


def _may_still_come(situation: Situation) -> bool:
    """In 1.6, a BootNotification was promised."""
    promised = situation.answer is not None and triggers.verdict(situation.answer) == "accepted"
    return situation.facts.is_16 and (promised or bool(situation.state.get("promised")))
