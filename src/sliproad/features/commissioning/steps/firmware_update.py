"""Is its firmware new enough for the template? One below the expected range is given the firmware that the template names.

Only in sessions whose template names one. The step places an order (`ORDER`); the firmware room sends UpdateFirmware (1.6 §5.19,
2.x L01, L02) and follows it until a boot proves it, and the step tells how that went. Used through `steps`.
"""

from typing import Any

from sliproad.features.commissioning.model import Finish, Move, SendCall, Situation, WaitUntil

ORDER = "sliproad.UpdateFirmware"
"""Not a CALL: `asking` hands it to the firmware room."""
RUNNING_ALREADY = "firmware_update_running"


def advance(situation: Situation) -> Move:
    """The next move of this step."""
    expected, version = situation.template.firmware, situation.facts.firmware_version
    if not situation.state:
        if expected is None or expected.update_to is None or version is None or expected.verdict(version) != "below":
            runs = f"Firmware {version} runs" if version else "The charge point tells no firmware version"
            return Finish("passed", f"{runs}; nothing to update")
        state = {"from": version}
        return SendCall(ORDER, {"firmwareId": expected.update_to}, state, timeout_seconds=10)
    answer = situation.answer
    if answer is not None and answer.kind == "error" and answer.code != RUNNING_ALREADY:
        return Finish("failed", f"The firmware can't be updated: {answer.description}")
    return _follow(situation, dict(situation.state))


def _follow(situation: Situation, state: dict[str, Any]) -> Move:
    update = situation.facts.firmware_update
    if update is not None and update.state in {"installed", "failed"}:
        evidence = {"from": state["from"], "to": update.version, "update_id": update.update_id}
        if update.state == "installed":
            return Finish("passed", f"Firmware updated from {state['from']} to {update.version}", evidence=evidence)
        return Finish("failed", f"The firmware update to {update.version} failed. {update.detail}", evidence=evidence)
    if situation.now < situation.deadline:
        what = (
            f"firmware {update.version} to be installed: {update.state}" if update else "the firmware update to begin"
        )
        return WaitUntil(situation.deadline, what, state)
    told = f" {update.detail}" if update else ""
    return Finish("failed", f"The firmware update did not end in time.{told}")
