"""`POST …/charge-points/bulk`: up to 500 charge points at once, as JSON, as a CSV file, or as a form that holds one.

2xx means that something was registered; each row says what became of it, and registered ones show their password this once.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Installer, Manager
from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.projects import bulk_sheet
from sliproad.features.projects.bulk import BulkRegistrationService, Outcome
from sliproad.features.projects.bulk_orders import BODY, CSV, Order, order_of
from sliproad.features.projects.registration_routes import address_of
from sliproad.foundation.web.problems import MEDIA_TYPE, WrongField, problem_response

LARGER_BODIES = {r"/api/v1/(installer|cpo)/charge-points/bulk$": 1024 * 1024}
"""Where a form or a sheet is taken in place of JSON, and how many bytes of it: about 2 KiB a row."""
ProjectParameter = Annotated[
    str | None, Query(max_length=200, description="For CSV: the project. In JSON it stands in the body.")
]
AllOrNothingParameter = Annotated[bool, Query(description="For CSV. In JSON it stands in the body.")]


class BulkResult(BaseModel):
    """What became of a row. A JSON list counts from 1, a CSV file as spreadsheets do: its header is row 1."""

    row: int
    status: Literal["registered", "failed"]
    code: str | None = Field(examples=["serial_number_exists"])
    detail: str | None
    errors: list[WrongField]
    charge_point_id: str | None
    serial_number: str | None
    vendor: str | None
    ocpp_endpoint: str | None
    ocpp_base_url: str | None
    ocpp_identity: str | None
    provisioning_password: str | None


class BulkAnswer(BaseModel):
    """Each `provisioning_password` is shown this once."""

    project_id: str
    all_or_nothing: bool
    total: int
    registered: int
    failed: int
    results: list[BulkResult]


def router(bulk: BulkRegistrationService) -> APIRouter:
    """The same for installers and organisations."""
    api = APIRouter(prefix="/api/v1")

    async def take(
        request: Request, actor: InstallerActor | OrganizationActor, project_id: str | None, all_or_nothing: bool
    ) -> Response:
        order = await order_of(request, project_id, all_or_nothing)
        outcomes = await bulk.register(
            actor,
            order.project_id,
            order.candidates,
            all_or_nothing=order.all_or_nothing,
            installer_address=address_of(request),
        )
        return answer(request, order, outcomes)

    @api.post("/installer/charge-points/bulk", tags=["Installer"], **DOCUMENTED)
    async def register_as_installer(
        request: Request,
        actor: Installer,
        project_id: ProjectParameter = None,
        all_or_nothing: AllOrNothingParameter = False,
    ) -> Response:
        """Register up to 500 charge points in one of your projects, from JSON or CSV."""
        return await take(request, actor, project_id, all_or_nothing)

    @api.post("/cpo/charge-points/bulk", tags=["Charge points"], **DOCUMENTED)
    async def register_as_organization(
        request: Request,
        actor: Manager,
        project_id: ProjectParameter = None,
        all_or_nothing: AllOrNothingParameter = False,
    ) -> Response:
        """Register up to 500 charge points in one of the organisation's projects, from JSON or CSV."""
        return await take(request, actor, project_id, all_or_nothing)

    return api


def result(outcome: Outcome) -> BulkResult:
    """A row of the answer."""
    charge_point, address = outcome.charge_point, outcome.address
    named = outcome.candidate.new.charge_point_id if outcome.candidate.new else None
    return BulkResult(
        row=outcome.candidate.row,
        status="failed" if outcome.code else "registered",
        code=outcome.code,
        detail=outcome.detail,
        errors=[WrongField(field=each.field, message=each.message) for each in outcome.errors],
        charge_point_id=charge_point.charge_point_id if charge_point else named,
        serial_number=outcome.candidate.serial_number,
        vendor=outcome.candidate.vendor,
        ocpp_endpoint=address.endpoint if address else None,
        ocpp_base_url=address.base_url if address else None,
        ocpp_identity=address.identity if address else None,
        provisioning_password=outcome.password,
    )


def answer(request: Request, order: Order, outcomes: Sequence[Outcome]) -> Response:
    """201 where something was registered, else 422 `nothing_registered`, with the same results; as CSV where that is asked for."""
    results = [result(outcome) for outcome in outcomes]
    registered = sum(each.status == "registered" for each in results)
    status = 201 if registered else 422
    if CSV in request.headers.get("accept", ""):
        rows = [[*each.model_dump(exclude={"errors"}).values(), _errors_text(each.errors)] for each in results]
        header = [*(name for name in BulkResult.model_fields if name != "errors"), "errors"]
        return Response(bulk_sheet.write(order.dialect, header, rows), status, media_type=f"{CSV}; charset=utf-8")
    body = BulkAnswer(
        project_id=order.project_id,
        all_or_nothing=order.all_or_nothing,
        total=len(results),
        registered=registered,
        failed=len(results) - registered,
        results=results,
    ).model_dump()
    if registered:
        return Response(orjson.dumps(body), status, media_type="application/json")
    failed = sum(each.code != "not_registered" for each in results)
    sentence = f"Nothing was registered: {failed} of {len(results)} rows failed. See results for each."
    problem = problem_response(request.scope, status, "nothing_registered", sentence)
    return Response(orjson.dumps(orjson.loads(problem.body) | body), status, media_type=MEDIA_TYPE)


def _errors_text(errors: Sequence[WrongField]) -> str:
    return "; ".join(f"{each.field} {each.message}" for each in errors)


DOCUMENTED: dict[str, Any] = {
    "status_code": 201,
    "response_model": None,
    "responses": {
        201: {"model": BulkAnswer, "description": "Something was registered", "content": {CSV: {}}},
        422: {
            "description": "`nothing_registered`: a problem with the same `results`",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}, CSV: {}},
        },
    },
    "openapi_extra": {"requestBody": BODY},
}
