"""`/ocpi/…`: the edge where HTTP becomes OCPI and back (OCPI 2.2.1 §4-§7). Whatever goes wrong leaves in OCPI's envelope.

One route takes every path, since OCPI's answers to unknown paths and methods are OCPI too.
"""

from collections.abc import Mapping
from urllib.parse import unquote
from uuid import uuid4

import orjson
import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.features.roaming.admission import Admission
from sliproad.features.roaming.asking import Ask, Told
from sliproad.features.roaming.hub import Hub
from sliproad.features.roaming.model import Caller, Identity
from sliproad.features.roaming.quick_start import QuickStart
from sliproad.features.roaming.registration import Registration
from sliproad.foundation.clock import Clock
from sliproad.foundation.errors import DomainError, TooMany
from sliproad.ocpi.envelope import envelope, read_json
from sliproad.ocpi.modules import METHODS, VERSION, Interface, ModuleId
from sliproad.ocpi.status_codes import MethodNotAllowed, NotKnown, OcpiError, StatusCode

log = structlog.get_logger()
LONGEST_ID = 255


class OcpiEdge:
    def __init__(
        self,
        clock: Clock,
        *,
        admission: Admission,
        registration: Registration,
        hub: Hub,
        identity: Identity,
        quick_start: QuickStart,
    ) -> None:
        self.clock, self.admission, self.registration = clock, admission, registration
        self.hub, self.identity, self.quick_start = hub, identity, quick_start

    async def answer(self, request: Request) -> Response:
        """The OCPI answer to an HTTP request."""
        ids = {
            "X-Request-ID": _id(request.headers.get("x-request-id")),
            "X-Correlation-ID": _id(request.headers.get("x-correlation-id")),
        }
        try:
            caller = await self.admission.admit(request.headers.get("authorization"))
            request.state.actor = f"ocpi:{caller.connection.connection_id}"
            await self.hub.presence.heard(caller.connection)
            told = await self._told(request, caller, ids["X-Correlation-ID"])
        except OcpiError as error:
            return self._refusal(error, ids)
        except TooMany as error:
            refused = OcpiError(StatusCode.CLIENT_ERROR, error.detail, http_status=429)
            return self._refusal(refused, {**ids, "Retry-After": str(error.retry_after_seconds)})
        except DomainError as error:
            return self._refusal(OcpiError(StatusCode.SERVER_ERROR, error.detail), ids)
        except Exception as error:  # the partner gets an OCPI answer, the log the rest
            log.exception("ocpi_request_failed", error=type(error).__name__)
            sentence = "Something went wrong on the hub's side; quote the X-Request-ID when you report it."
            return self._refusal(OcpiError(StatusCode.SERVER_ERROR, sentence, http_status=500), ids)
        body = told.relayed or orjson.dumps(envelope(self.clock.now(), told.data, message=told.message))
        return _response(told.http_status, body, {**told.headers, **ids})

    async def _told(self, request: Request, caller: Caller, correlation_id: str) -> Told:
        raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
        path = raw.decode("ascii").partition("?")[0].removeprefix("/ocpi/")
        match [unquote(segment) for segment in path.rstrip("/").split("/")]:
            case ["versions"]:
                _require_method(request, "GET")
                return Told([{"version": VERSION, "url": self.identity.version_url}])
            case ["2.2.1"]:
                _require_method(request, "GET")
                return Told({"version": VERSION, "endpoints": endpoints(self.identity)})
            case ["2.2.1", "credentials"]:
                return await self._credentials(request, caller)
            case ["2.2", "credentials"]:
                return await self.quick_start.credentials(caller, request.method, await request.body())
            case ["2.2", "locations" | "tariffs" | "cdrs" as module, *segments]:
                ask = await _ask(request, caller, ["receiver", module, *segments], correlation_id)
                return await self.quick_start.answer(ask)
            case ["2.2.1", _, _, *_] as whole:
                return await self.hub.answer(await _ask(request, caller, whole[1:], correlation_id))
            case _:
                raise NotKnown("There is nothing at this address.")

    async def _credentials(self, request: Request, caller: Caller) -> Told:
        _require_method(request, "GET", "POST", "PUT", "DELETE")
        match request.method:
            case "GET":
                return Told(self.registration.our_credentials(caller.token))
            case "DELETE":
                await self.registration.unregister(caller)
                return Told()
            case "POST":
                return Told(await self.registration.register(caller, read_json(await request.body())))
            case _:
                return Told(await self.registration.update(caller, read_json(await request.body())))

    def _refusal(self, error: OcpiError, headers: Mapping[str, str]) -> Response:
        body = orjson.dumps(envelope(self.clock.now(), code=error.code, message=error.message))
        more = {}
        if error.http_status == 401:
            more["WWW-Authenticate"] = "Token"
        if isinstance(error, MethodNotAllowed) and error.allowed:
            more["Allow"] = ", ".join(error.allowed)
        return _response(error.http_status, body, {**headers, **more})


def endpoints(identity: Identity) -> list[dict[str, str]]:
    """The version's details (§6.2): both roles of every module the hub carries, and its own two."""
    listed = [(ModuleId.CREDENTIALS, Interface.RECEIVER), *METHODS]
    return [
        {"identifier": module.value, "role": interface.value, "url": identity.endpoint_url(module, interface)}
        for module, interface in listed
    ]


async def _ask(request: Request, caller: Caller, path: list[str], correlation_id: str) -> Ask:
    """The request to a functional module, whose path is its interface, its name, and what follows.

    Raises:
        NotKnown: there is no such interface or module.
    """
    interface, module, *segments = path
    if interface not in {"sender", "receiver"} or module not in set(ModuleId):
        raise NotKnown("There is nothing at this address.")
    return Ask(
        caller,
        request.method,
        ModuleId(module),
        Interface(interface.upper()),
        tuple(segments),
        dict(request.query_params),
        request.url.query,
        dict(request.headers),
        await request.body(),
        correlation_id,
    )


def _require_method(request: Request, *allowed: str) -> None:
    if request.method not in allowed:
        raise MethodNotAllowed(f"There is no {request.method} here.", allowed)


def _id(given: str | None) -> str:
    """An id to echo: theirs where it can stand in a header, else a new one."""
    is_sound = given is not None and 0 < len(given) <= LONGEST_ID and given.isascii() and given.isprintable()
    return given if given is not None and is_sound else str(uuid4())


def _response(status: int, body: bytes, headers: Mapping[str, str]) -> Response:
    return Response(body, status, {**headers, "Cache-Control": "no-store"}, "application/json")


def router(edge: OcpiEdge) -> APIRouter:
    """The one route."""
    api = APIRouter(include_in_schema=False)

    @api.api_route("/ocpi/{place:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def ocpi(request: Request) -> Response:
        return await edge.answer(request)

    return api
