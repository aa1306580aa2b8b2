"""`/api/v1/cpo/charge-points/{id}/commands`: any OCPP call of the charge point's version, and plain verbs for the common ones.

The answer is the charge point's own response. A call is checked against the official schema before it is sent.
"""

import secrets
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import Field

from sliproad.features.accounts.guards import Manager
from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commands import verbs
from sliproad.features.commands.service import CallAnswer, CommandService
from sliproad.features.commands.verbs import Call, Place
from sliproad.foundation.errors import UpstreamUnavailable
from sliproad.foundation.web import RequestModel, Text
from sliproad.ocpp.our_numbers import OURS_BELOW
from sliproad.ocpp.versions import OcppVersion

EvseId = Annotated[int | None, Field(ge=0, le=1000)]
Timeout = Annotated[
    float, Query(ge=1, le=120, description="How long to wait for the charge point's answer, in seconds.")
]


class PlaceRequest(RequestModel):
    """Where: OCPP 1.6 has connectors only; 2.x has EVSEs with connectors."""

    evse_id: EvseId = None
    connector_id: EvseId = None

    @property
    def place(self) -> Place:
        return Place(self.evse_id, self.connector_id)


class RemoteStartRequest(PlaceRequest):
    id_token: Annotated[str, Field(min_length=1, max_length=255, examples=["04A2B3C4D5E680"])]
    id_token_type: Annotated[str, Field(max_length=20, description="OCPP 2.x only.")] = "Central"  # noqa: S105 (a kind of token)


class RemoteStopRequest(RequestModel):
    transaction_id: Annotated[str | int, Field(examples=["4711"])]


class ResetRequest(RequestModel):
    type: Literal["soft", "hard"] = "soft"
    evse_id: EvseId = None


class AvailabilityRequest(PlaceRequest):
    operative: bool


class TriggerRequest(PlaceRequest):
    message: Text = Field(examples=["StatusNotification"])


class ReadConfigurationRequest(RequestModel):
    keys: Annotated[list[Text], Field(max_length=200, examples=[["HeartbeatInterval"]])] = Field(default_factory=list)


class WriteConfigurationRequest(RequestModel):
    key: Text
    value: Annotated[str, Field(max_length=2500)]


class NothingRequest(RequestModel):
    """No fields."""


class Caller:
    """Finds the charge point, makes the call, gives the answer: what all routes here have in common."""

    def __init__(self, registry: RegistryService, commands: CommandService) -> None:
        self.registry = registry
        self.commands = commands

    async def send(
        self,
        actor: OrganizationActor,
        charge_point_id: str,
        action: str,
        payload: dict[str, Any],
        timeout_seconds: float,
    ) -> dict[str, Any]:
        """One OCPP call as it is."""
        key = await self.registry.key_of(actor, charge_point_id)
        return response(await self.commands.call(key, action, payload, timeout_seconds=timeout_seconds))

    async def do(
        self,
        actor: OrganizationActor,
        charge_point_id: str,
        encode: Callable[[OcppVersion], Call],
        timeout_seconds: float,
    ) -> dict[str, Any]:
        """A verb, in the words of the version that the charge point is connected with."""
        key = await self.registry.key_of(actor, charge_point_id)
        action, payload = encode(await self.commands.version(key))
        return response(await self.commands.call(key, action, payload, timeout_seconds=timeout_seconds))


def response(answer: CallAnswer) -> dict[str, Any]:
    """The charge point's response.

    Raises:
        UpstreamUnavailable: `charge_point_error`, it answered with a CALLERROR.
    """
    if answer.payload is None:
        detail = f"The charge point answered with the error {answer.code}: {answer.description or 'no description'}"
        raise UpstreamUnavailable(detail, code="charge_point_error")
    return answer.payload


def router(registry: RegistryService, commands: CommandService) -> APIRouter:
    """The routes of commands."""
    api = APIRouter(prefix="/api/v1/cpo/charge-points/{charge_point_id}/commands", tags=["Commands"])
    caller = Caller(registry, commands)
    _add_transaction_verbs(api, caller)
    _add_device_verbs(api, caller)
    _add_configuration_verbs(api, caller)

    @api.post("/{action}")
    async def call(
        actor: Manager,
        charge_point_id: str,
        action: str,
        payload: Annotated[dict[str, Any] | None, Body()] = None,
        timeout_seconds: Timeout = 30,
    ) -> dict[str, Any]:
        """Any OCPP call of the charge point's version (`GetConfiguration`, `SetChargingProfile`, …); the body is its payload."""
        return await caller.send(actor, charge_point_id, action, payload or {}, timeout_seconds)

    return api


def _add_transaction_verbs(api: APIRouter, caller: Caller) -> None:
    @api.post("/remote-start")
    async def remote_start(
        actor: Manager, charge_point_id: str, body: RemoteStartRequest, timeout_seconds: Timeout = 30
    ) -> dict[str, Any]:
        """Ask it to start a transaction for a token. `Accepted` means that it will try."""
        remote_start_id = secrets.randbelow(OURS_BELOW - 1) + 1

        def encode(version: OcppVersion) -> Call:
            return verbs.remote_start(version, body.id_token, body.id_token_type, body.place, remote_start_id)

        return await caller.do(actor, charge_point_id, encode, timeout_seconds)

    @api.post("/remote-stop")
    async def remote_stop(
        actor: Manager, charge_point_id: str, body: RemoteStopRequest, timeout_seconds: Timeout = 30
    ) -> dict[str, Any]:
        """Ask it to stop a transaction."""

        def encode(version: OcppVersion) -> Call:
            return verbs.remote_stop(version, str(body.transaction_id))

        return await caller.do(actor, charge_point_id, encode, timeout_seconds)

    @api.post("/unlock")
    async def unlock(
        actor: Manager, charge_point_id: str, body: PlaceRequest, timeout_seconds: Timeout = 30
    ) -> dict[str, Any]:
        """Unlock a connector."""
        return await caller.do(
            actor, charge_point_id, lambda version: verbs.unlock(version, body.place), timeout_seconds
        )


def _add_device_verbs(api: APIRouter, caller: Caller) -> None:
    @api.post("/reset")
    async def reset(
        actor: Manager, charge_point_id: str, body: ResetRequest | None = None, timeout_seconds: Timeout = 30
    ) -> dict[str, Any]:
        """Restart it: `soft` after its transactions where it can, `hard` at once."""
        asked = body or ResetRequest()

        def encode(version: OcppVersion) -> Call:
            return verbs.reset(version, asked.type, asked.evse_id)

        return await caller.do(actor, charge_point_id, encode, timeout_seconds)

    @api.post("/availability")
    async def availability(
        actor: Manager, charge_point_id: str, body: AvailabilityRequest, timeout_seconds: Timeout = 30
    ) -> dict[str, Any]:
        """Put it, or one EVSE or connector, into or out of service."""

        def encode(version: OcppVersion) -> Call:
            return verbs.availability(version, body.operative, body.place)

        return await caller.do(actor, charge_point_id, encode, timeout_seconds)

    @api.post("/trigger")
    async def trigger(
        actor: Manager, charge_point_id: str, body: TriggerRequest, timeout_seconds: Timeout = 30
    ) -> dict[str, Any]:
        """Ask it to send a message now."""

        def encode(version: OcppVersion) -> Call:
            return verbs.trigger(version, body.message, body.place)

        return await caller.do(actor, charge_point_id, encode, timeout_seconds)

    @api.post("/clear-cache")
    async def clear_cache(
        actor: Manager, charge_point_id: str, _body: NothingRequest | None = None, timeout_seconds: Timeout = 30
    ) -> dict[str, Any]:
        """Make it forget the tokens it remembers."""
        return await caller.send(actor, charge_point_id, "ClearCache", {}, timeout_seconds)


def _add_configuration_verbs(api: APIRouter, caller: Caller) -> None:
    @api.post("/get-configuration")
    async def get_configuration(
        actor: Manager, charge_point_id: str, body: ReadConfigurationRequest, timeout_seconds: Timeout = 30
    ) -> dict[str, Any]:
        """Read configuration keys (1.6), or variables as `Component.Variable` (2.x)."""
        return await caller.do(
            actor, charge_point_id, lambda version: verbs.read_configuration(version, body.keys), timeout_seconds
        )

    @api.post("/set-configuration")
    async def set_configuration(
        actor: Manager, charge_point_id: str, body: WriteConfigurationRequest, timeout_seconds: Timeout = 30
    ) -> dict[str, Any]:
        """Write a configuration key (1.6), or a variable as `Component.Variable` (2.x)."""

        def encode(version: OcppVersion) -> Call:
            return verbs.write_configuration(version, body.key, body.value)

        return await caller.do(actor, charge_point_id, encode, timeout_seconds)
