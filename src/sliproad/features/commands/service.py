"""Call a charge point and await its answer: over the bus, to the gateway that holds its socket.

Commissioning, the command routes and rotation call it. Nothing is stored here: a caller that must survive a crash persists
before and after (house §4).
"""

from dataclasses import dataclass
from typing import Any

from sliproad.features.charge_points.presence import Whereabouts, whereabouts
from sliproad.foundation.bus import Bus, NoAnswer, NoResponder
from sliproad.foundation.database import Database
from sliproad.foundation.errors import Conflict, FieldError, InvalidInput, UpstreamUnavailable
from sliproad.ocpp.actions import sent_by_csms
from sliproad.ocpp.errors import CallRefused
from sliproad.ocpp.validation import validate_call
from sliproad.ocpp.versions import OcppVersion

BUS_GRACE_SECONDS = 2.0
DEFAULT_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What the charge point answered: `payload`, or the error `code` and `description` when it refused the CALL itself."""

    payload: dict[str, Any] | None = None
    code: str | None = None
    description: str | None = None

    @property
    def status(self) -> str | None:
        """The answer's `status`, where it has one (`Accepted`, `Rejected` …)."""
        return None if self.payload is None else self.payload.get("status")


class CommandService:
    """One per process; any number of calls at once. Those to one charge point queue on its socket."""

    def __init__(self, database: Database, bus: Bus) -> None:
        """`database` speaks as role `engine`: the caller has checked whose charge point it is."""
        self.database = database
        self.bus = bus

    async def call(
        self,
        charge_point_key: int,
        action: str,
        payload: dict[str, Any],
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> CallAnswer:
        """Send one OCPP CALL; `payload` is checked against the official schema of the version on the socket first.

        Raises:
            InvalidInput: the version has no such CALL of ours, or the payload is not valid for it.
            Conflict: `not_connected`, at once; nothing was sent.
            UpstreamUnavailable: `charge_point_timeout`; `connection_lost` (it was sent, but the socket went before the answer
                came: whether the charge point acted is unknown); `charge_point_busy` (nothing was sent).
        """
        place = await self._locate(charge_point_key)
        check_call(OcppVersion(place.protocol_version), action, payload)
        request = {
            "key": charge_point_key,
            "epoch": place.epoch,
            "action": action,
            "payload": payload,
            "timeout": timeout_seconds,
        }
        try:
            answer = await self.bus.request(
                f"gateway.{place.gateway_id}.call", request, timeout_seconds=timeout_seconds + BUS_GRACE_SECONDS
            )
        except NoResponder:
            raise _not_connected() from None
        except NoAnswer:
            raise _no_answer() from None
        return _read(answer)

    async def version(self, charge_point_key: int) -> OcppVersion:
        """The OCPP version agreed on its present socket.

        Raises:
            Conflict: `not_connected`.
        """
        return OcppVersion((await self._locate(charge_point_key)).protocol_version)

    async def watch(self, charge_point_key: int, seconds: float) -> None:
        """For `seconds` from now have everything this charge point says told on `live.{key}` after its commit."""
        await self.bus.publish("watch", {"key": charge_point_key, "seconds": seconds})

    async def _locate(self, charge_point_key: int) -> Whereabouts:
        place = await whereabouts(self.database, charge_point_key)
        if place is None:
            raise _not_connected()
        return place


def check_call(version: OcppVersion, action: str, payload: dict[str, Any]) -> None:
    """Refuse a CALL that the version does not have, that is not ours to send, or whose payload is not valid.

    Raises:
        InvalidInput: naming the action or the field.
    """
    if not sent_by_csms(version, action):
        raise InvalidInput.field("action", f"{action} is sent by charge points, not to them.")
    try:
        validate_call(version, action, payload)
    except CallRefused as refusal:
        if refusal.code == "NotImplemented":
            raise InvalidInput.field("action", f"OCPP {version} has no call {action}.") from None
        place, _, complaint = refusal.description.partition(": ")
        errors = (FieldError(place.replace("/", "."), complaint or refusal.description),)
        raise InvalidInput(f"{action}: {refusal.description}", errors) from None


def _read(answer: dict[str, Any]) -> CallAnswer:
    """The bridge's answer (`gateway.command_bridge`)."""
    match answer["outcome"]:
        case "result":
            return CallAnswer(payload=answer["payload"])
        case "error":
            return CallAnswer(code=answer["code"], description=answer["description"])
        case "timeout":
            raise _no_answer()
        case "lost":
            raise UpstreamUnavailable(
                "The connection to the charge point was lost before it answered; it may have acted all the same.",
                code="connection_lost",
            )
        case "busy":
            raise UpstreamUnavailable("Too many calls wait for this charge point already.", code="charge_point_busy")
        case _:
            raise _not_connected()


def _not_connected() -> Conflict:
    return Conflict("The charge point is not connected.", code="not_connected")


def _no_answer() -> UpstreamUnavailable:
    return UpstreamUnavailable("The charge point did not answer in time.", code="charge_point_timeout")
