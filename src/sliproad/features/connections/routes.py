"""`/local-ocpp/v1/operators/{operatorId}/…`: OPER's six endpoints as they stand there, and what belongs to them.

A serial number in a path may also be a charge point's id.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from sliproad.features.accounts.guards import Operator
from sliproad.features.accounts.model import OperatorActor
from sliproad.features.connections.answers import (
    AppliedAnswer,
    ApplyBody,
    ChangesAnswer,
    ChargerDetailsAnswer,
    ChargerDetailsBody,
    DefaultDetailsBody,
    DetailsAnswer,
    SiteStatesAnswer,
    StateAnswer,
    StoredAnswer,
    VersionsAnswer,
    change_answer,
    charger_details_answer,
    details_answer,
    state_answer,
    version_answer,
    warning_answers,
)
from sliproad.features.connections.applying import ConnectionApplying
from sliproad.features.connections.versions import ConnectionVersions
from sliproad.foundation.errors import NotFound
from sliproad.foundation.web import PageQuery

PREFIX = "/local-ocpp/v1/operators/{operator_id}"
SerialNumber = Annotated[str, Path(max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
VersionQuery = Annotated[str | None, Query(max_length=100, description="The newest where none is given.")]


async def own_operator(actor: Operator, operator_id: str) -> OperatorActor:
    """The operator of the path, if it is whoever asks: another one is an absent one (contract §1)."""
    if actor.operator_id != operator_id:
        raise NotFound("There is no such operator.")
    return actor


Own = Annotated[OperatorActor, Depends(own_operator)]


def router(versions: ConnectionVersions, applying: ConnectionApplying) -> APIRouter:
    """OPER's paths."""
    api = APIRouter(prefix=PREFIX, tags=["operator connections"])
    _add_details(api, versions)
    _add_connections(api, applying)
    _add_history(api, versions)
    return api


def _add_details(api: APIRouter, versions: ConnectionVersions) -> None:
    @api.post("/connection-details", status_code=201)
    async def store_default(actor: Own, body: DefaultDetailsBody) -> StoredAnswer:
        """Store the operator's default connection details, to be applied to chargers or sites. Each request makes a version."""
        version, warnings = await versions.store(actor, body.version())
        return StoredAnswer(version=version.version_id, warnings=warning_answers(warnings))

    @api.get("/connection-details")
    async def read_default(actor: Own, version: VersionQuery = None) -> DetailsAnswer:
        """The operator's default connection details: the newest, or the version asked for."""
        found = await versions.read(actor, None, version)
        return details_answer(found, versions.password_of(actor, found))

    @api.post("/connection-details/{serial_number}", status_code=201)
    async def store_for_charger(actor: Own, serial_number: SerialNumber, body: ChargerDetailsBody) -> StoredAnswer:
        """Store connection details for a single charger, which need not be there yet."""
        version, warnings = await versions.store(actor, body.version(serial_number))
        return StoredAnswer(version=version.version_id, warnings=warning_answers(warnings))

    @api.get("/connection-details/{serial_number}")
    async def read_for_charger(
        actor: Own, serial_number: SerialNumber, version: VersionQuery = None
    ) -> ChargerDetailsAnswer:
        """What is stored for a single charger: the newest, or the version asked for."""
        found = await versions.read(actor, serial_number, version)
        return charger_details_answer(found, versions.password_of(actor, found))


def _add_connections(api: APIRouter, applying: ConnectionApplying) -> None:
    @api.post("/connections/chargers/{serial_number}", status_code=202)
    async def apply_to_charger(actor: Own, serial_number: SerialNumber, body: ApplyBody) -> AppliedAnswer:
        """Apply a version to a charger. What becomes of it is read with GET."""
        state = await applying.apply_to_charger(
            actor, serial_number, body.version, body.off_policy, native=body.delivery == "native"
        )
        return AppliedAnswer(version=body.version, chargers=[state_answer(state)])

    @api.get("/connections/chargers/{serial_number}")
    async def state_of_charger(actor: Own, serial_number: SerialNumber) -> StateAnswer:
        """How a charger's connection to your server is."""
        return state_answer(await applying.state_of_charger(actor, serial_number))

    @api.post("/connections/sites/{site_id}", status_code=202)
    async def apply_to_site(actor: Own, site_id: str, body: ApplyBody) -> AppliedAnswer:
        """Apply an operator-level version to every charger of a site, all at once."""
        states = await applying.apply_to_site(
            actor, site_id, body.version, body.off_policy, native=body.delivery == "native"
        )
        return AppliedAnswer(version=body.version, chargers=[state_answer(state) for state in states])

    @api.get("/connections/sites/{site_id}")
    async def states_of_site(actor: Own, site_id: str, page: PageQuery) -> SiteStatesAnswer:
        """How the connections of a site's chargers are."""
        states, counts, next_cursor = await applying.states_of_site(actor, site_id, page)
        return SiteStatesAnswer(
            site_id=site_id,
            total=sum(counts.values()),
            states=dict(counts),
            chargers=[state_answer(state) for state in states],
            next_cursor=next_cursor,
        )


def _add_history(api: APIRouter, versions: ConnectionVersions) -> None:
    serial_number_query = Query(alias="serialNumber", max_length=100, description="Of this charger alone.")

    @api.get("/versions")
    async def list_versions(
        actor: Own, page: PageQuery, serial_number: Annotated[str | None, serial_number_query] = None
    ) -> VersionsAnswer:
        """Every version that you stored, newest first."""
        found, total, next_cursor = await versions.page(actor, serial_number, page)
        answers = [version_answer(version, versions.password_of(actor, version)) for version in found]
        return VersionsAnswer(versions=answers, total=total, next_cursor=next_cursor)

    @api.get("/changes")
    async def list_changes(
        actor: Own, page: PageQuery, serial_number: Annotated[str | None, serial_number_query] = None
    ) -> ChangesAnswer:
        """Who changed what about your connections, newest first."""
        found, next_cursor = await versions.changes(actor, serial_number, page)
        return ChangesAnswer(changes=[change_answer(change) for change in found], next_cursor=next_cursor)
