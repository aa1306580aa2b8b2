"""`/api/v1/installer/charge-points`: an installer registers charge points (GUIDE step 4) and corrects them until the handover."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Installer
from sliproad.features.charge_points.answers import (
    AttemptList,
    ChargePointFacts,
    ListedChargePointAnswer,
    StatusWord,
    attempts_answer,
    facts,
    listed_answer,
)
from sliproad.features.charge_points.attempts import AttemptService
from sliproad.features.charge_points.model import Location, NewChargePoint, Selection
from sliproad.features.charge_points.service import ListedChargePoint
from sliproad.features.projects.registration import Registered, RegistrationService
from sliproad.foundation.web import Label, PageQuery, RequestModel, Text, Timestamp, unset

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Power = Annotated[float, Field(ge=0.001, le=10_000, description="kW")]
Connectors = Annotated[int, Field(ge=1, le=100)]
OcppVersionWord = Literal["1.6", "2.0.1", "2.1"]


class LocationRequest(RequestModel):
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    description: Text | None = None
    address: Text | None = None


class RegistrationRequest(RequestModel):
    project_id: Text
    serial_number: Label = Field(examples=["SN-ABX-20240501-007"])
    model: Label = Field(examples=["Alpitronic HYC300"])
    vendor: Label = Field(examples=["Alpitronic"])
    ocpp_version: OcppVersionWord = "1.6"
    max_power_kw: Power | None = None
    connector_count: Connectors = 1
    location: LocationRequest | None = None
    charge_point_id: Text | None = Field(
        default=None, description="Your own id, which is also the OCPP identity; one is made when you give none."
    )


class ChargePointCorrection(RequestModel):
    serial_number: Label = unset()
    model: Label = unset()
    vendor: Label = unset()
    ocpp_version: OcppVersionWord = unset()
    max_power_kw: Power | None = unset()
    connector_count: Connectors = unset()
    location: LocationRequest = unset()


class RegisteredAnswer(ChargePointFacts):
    """`provisioning_password` is shown this once: enter it as the OCPP Basic Auth password."""

    status: StatusWord = Field(examples=["registered"])
    provisioning_password: str


class PasswordAnswer(BaseModel):
    """`provisioning_password` is shown this once; the old one opens nothing any more."""

    charge_point_id: str
    ocpp_endpoint: str
    ocpp_base_url: str
    ocpp_identity: str
    provisioning_password: str
    rotated_at: Timestamp


class ChargePointList(BaseModel):
    charge_points: list[ListedChargePointAnswer]
    total: int
    next_cursor: str | None


def router(registration: RegistrationService, attempts: AttemptService) -> APIRouter:
    """The installer's routes of charge points."""
    api = APIRouter(prefix="/api/v1/installer/charge-points", tags=["Installer"])

    def listed(found: ListedChargePoint) -> ListedChargePointAnswer:
        return listed_answer(found.charge_point, found.live, registration.registry.address(found.charge_point))

    @api.post("", status_code=201)
    async def register(request: Request, actor: Installer, body: RegistrationRequest) -> RegisteredAnswer:
        """Register a charge point in one of your projects. The password is shown this once."""
        return registered_answer(await registration.register(actor, new_charge_point(body), address_of(request)))

    @api.get("")
    async def list_charge_points(
        actor: Installer,
        page: PageQuery,
        project_id: Annotated[str | None, Query()] = None,
        status: Annotated[StatusWord | None, Query()] = None,
    ) -> ChargePointList:
        """The charge points of your projects, newest first."""
        found = await registration.page(actor, Selection(project_id=project_id, status=status), page)
        return ChargePointList(
            charge_points=[listed(each) for each in found.items], total=found.total, next_cursor=found.next_cursor
        )

    @api.get("/{charge_point_id}")
    async def read_charge_point(actor: Installer, charge_point_id: str) -> ListedChargePointAnswer:
        """One charge point."""
        return listed(await registration.get(actor, charge_point_id))

    @api.patch("/{charge_point_id}")
    async def correct_charge_point(
        actor: Installer, charge_point_id: str, body: ChargePointCorrection
    ) -> ListedChargePointAnswer:
        """Correct what was registered, until the handover."""
        return listed(await registration.change(actor, charge_point_id, corrections(body)))

    @api.delete("/{charge_point_id}", status_code=204)
    async def remove_charge_point(actor: Installer, charge_point_id: str) -> None:
        """Take a charge point out of its project, until the handover."""
        await registration.remove(actor, charge_point_id)

    @api.post("/{charge_point_id}/rotate-password")
    async def rotate_password(actor: Installer, charge_point_id: str) -> PasswordAnswer:
        """A new password to enter in the charger."""
        found = await registration.rotate_password(actor, charge_point_id)
        return PasswordAnswer(
            charge_point_id=found.charge_point.charge_point_id,
            ocpp_endpoint=found.address.endpoint,
            ocpp_base_url=found.address.base_url,
            ocpp_identity=found.address.identity,
            provisioning_password=found.password,
            rotated_at=registration.clock.now(),
        )

    @api.get("/{charge_point_id}/connection-attempts")
    async def list_connection_attempts(request: Request, actor: Installer, charge_point_id: str) -> AttemptList:
        """What is wrong with its connection and what to do now; its attempts to connect, newest first."""
        address = address_of(request)
        charge_point = await registration.for_attempts(actor, charge_point_id, address)
        return attempts_answer(charge_point_id, await attempts.report(charge_point, asked_from=[address]))

    return api


def registered_answer(found: Registered) -> RegisteredAnswer:
    """GUIDE's keys, and the rest of contract §3."""
    return RegisteredAnswer(**facts(found.charge_point, found.address), provisioning_password=found.password)


def new_charge_point(body: RegistrationRequest) -> NewChargePoint:
    """The body in the words of the domain."""
    place = body.location or LocationRequest()
    return NewChargePoint(
        project_id=body.project_id,
        serial_number=body.serial_number,
        vendor=body.vendor,
        model=body.model,
        ocpp_version=body.ocpp_version,
        connector_count=body.connector_count,
        max_power_kw=decimal(body.max_power_kw, 3),
        location=Location(decimal(place.latitude, 7), decimal(place.longitude, 7), place.description, place.address),
        charge_point_id=body.charge_point_id,
    )


def corrections(body: ChargePointCorrection) -> dict[str, Any]:
    """Only what was given, in the words of the domain."""
    changes = body.model_dump(exclude_unset=True)
    if "max_power_kw" in changes:
        changes["max_power_kw"] = decimal(changes["max_power_kw"], 3)
    for axis in ("latitude", "longitude"):
        if axis in changes.get("location", {}):
            changes["location"][axis] = decimal(changes["location"][axis], 7)
    return changes


def decimal(number: float | None, places: int) -> Decimal | None:
    """A JSON number as a Decimal; seven places of a degree are a centimetre."""
    return None if number is None else round(Decimal(str(number)), places)


def address_of(request: Request) -> str:
    """From which address the installer asks."""
    return request.client.host if request.client else ""
