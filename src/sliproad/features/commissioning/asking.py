"""One CALL to a charge point, whose every outcome is an `Answer`; and the order of a firmware update, which looks like one.

The runner makes them, visits of a template too.
"""

from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning.model import Answer, AnswerKind, Outgoing
from sliproad.features.firmware.updates_service import FirmwareUpdateService
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.errors import Conflict, InvalidInput, NotFound, Unprocessable, UpstreamUnavailable

OUTCOMES: dict[str, AnswerKind] = {"charge_point_busy": "not_connected", "connection_lost": "cut"}
"""What became of a CALL, by the code of `commands.service`."""


async def ask(commands: CommandService, charge_point_key: int, outgoing: Outgoing) -> Answer:
    """Make the CALL and wait for its end; raises nothing of what a charge point or its network can do."""
    try:
        answer = await commands.call(
            charge_point_key, outgoing.action, dict(outgoing.payload), timeout_seconds=outgoing.timeout_seconds
        )
    except Conflict:
        return Answer("not_connected")
    except UpstreamUnavailable as problem:
        return Answer(OUTCOMES.get(problem.code, "timeout"))
    except InvalidInput as refused:
        return Answer("error", code="NotSupported", description=refused.detail)
    if answer.payload is None:
        return Answer("error", code=answer.code or "", description=answer.description or "")
    return Answer("result", payload=answer.payload)


async def order_update(
    engine: Database, updates: FirmwareUpdateService, charge_point_key: int, firmware_id: str
) -> Answer:
    """Have the firmware room update a charge point. Asked again after a crash, it says that an update is under way."""
    try:
        async with engine.transaction(ENGINE) as session:
            update_id = await updates.begin(session, charge_point_key, firmware_id, requested_by="commissioning")
    except Conflict as refused:
        if refused.code == "not_connected":
            return Answer("not_connected")
        return Answer("error", code=refused.code, description=refused.detail)
    except (NotFound, Unprocessable) as refused:
        return Answer("error", code=refused.code, description=refused.detail)
    return Answer("result", payload={"updateId": update_id})
