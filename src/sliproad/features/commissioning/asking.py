"""One CALL to a charge point, whose every outcome is an `Answer`. The runner and visits of a template make them."""

from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning.model import Answer, Outgoing
from sliproad.foundation.errors import Conflict, InvalidInput, UpstreamUnavailable


async def ask(commands: CommandService, charge_point_key: int, outgoing: Outgoing) -> Answer:
    """Make the CALL and wait for its end; raises nothing of what a charge point or its network can do."""
    try:
        answer = await commands.call(
            charge_point_key, outgoing.action, dict(outgoing.payload), timeout_seconds=outgoing.timeout_seconds
        )
    except Conflict:
        # It may have been sent before the socket went: what must not be done twice is in doubt.
        return Answer("not_connected" if outgoing.repeatable else "cut")
    except UpstreamUnavailable as problem:
        return Answer("not_connected" if problem.code == "charge_point_busy" else "timeout")
    except InvalidInput as refused:
        return Answer("error", code="NotSupported", description=refused.detail)
    if answer.payload is None:
        return Answer("error", code=answer.code or "", description=answer.description or "")
    return Answer("result", payload=answer.payload)
