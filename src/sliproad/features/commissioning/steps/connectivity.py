"""Is it really connected? An authenticated socket on the registered version, and an accepted BootNotification (OCPP B01).

A charge point that reconnected without a BootNotification counts by its last one. `workflow` waits for a lost socket.
"""

from sliproad.features.commissioning.model import Finish, Move, Situation, WaitUntil

BOOT_REFUSED = {
    "Pending": "answered Pending, so that it may not charge yet",
    "Rejected": "answered Rejected",
}


def advance(situation: Situation) -> Move:
    """The next move of this step."""
    facts = situation.facts
    if facts.protocol_version != facts.version:
        return Finish(
            "failed",
            f"The charge point speaks OCPP {facts.protocol_version}, but it is registered with OCPP {facts.version}. "
            f"Set it to OCPP {facts.version}, or register it with OCPP {facts.protocol_version}.",
        )
    if facts.boot_status == "Accepted" and facts.boot_epoch is not None:
        now = facts.boot_epoch == facts.epoch
        boot = (
            "BootNotification accepted" if now else "back after a lost connection, its last BootNotification accepted"
        )
        return Finish("passed", f"WebSocket connected successfully over OCPP {facts.protocol_version}, {boot}")
    if situation.now < situation.deadline:
        return WaitUntil(situation.deadline, "a BootNotification", situation.state)
    if refused := BOOT_REFUSED.get(facts.boot_status or ""):
        return Finish(
            "failed",
            f"The charge point is connected, but its BootNotification is {refused}: that is its boot policy here. "
            "Ask the operator to set the boot policy to accepted, then restart the charge point.",
        )
    return Finish(
        "failed",
        "The charge point is connected, but has sent no BootNotification. Restart it; if that does not help, check that "
        "its OCPP mode is on.",
    )
