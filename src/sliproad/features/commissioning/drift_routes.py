"""REST of drift: a charge point's settings as last read, their age, and how they compare with a template."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from sliproad.features.accounts.guards import Viewer
from sliproad.features.commissioning import templates_answers as answers
from sliproad.features.commissioning.drift import KeyStatus
from sliproad.features.commissioning.drift_service import Drift, DriftService, name_of
from sliproad.foundation.web import Timestamp


class KnownAnswer(BaseModel):
    key: str
    value: str | None
    """Null: the charge point does not show it."""
    read_only: bool | None
    """Null: it did not say."""
    read_at: Timestamp
    age_seconds: int


class DriftAnswer(BaseModel):
    template_id: str
    version: int
    has_drifted: bool
    """Whether a key that was read differs from the template."""
    summary: dict[KeyStatus, int]
    keys: list[answers.ComparisonAnswer]


class ConfigurationAnswer(BaseModel):
    charge_point_id: str
    ocpp_version: str
    keys: list[KnownAnswer]
    total: int
    comparison: DriftAnswer | None


def configuration_answer(drift: Drift) -> ConfigurationAnswer:
    """What is known, and the comparison where one was asked for."""
    known = [
        KnownAnswer(
            key=name_of(one),
            value=one.value,
            read_only=None if one.mutability is None else one.mutability == "ReadOnly",
            read_at=one.received_at,
            age_seconds=max(0, round((drift.now - one.received_at).total_seconds())),
        )
        for one in drift.variables
    ]
    comparison = None
    if drift.template is not None:
        comparison = DriftAnswer(
            template_id=drift.template.template_id,
            version=drift.template.version,
            has_drifted=any(one.status in {"would_change", "read_only"} for one in drift.comparison),
            summary=answers.summary(drift.comparison),
            keys=[answers.comparison_answer(one) for one in drift.comparison],
        )
    return ConfigurationAnswer(
        charge_point_id=drift.charge_point_id,
        ocpp_version=drift.ocpp_version,
        keys=known,
        total=len(known),
        comparison=comparison,
    )


def router(service: DriftService) -> APIRouter:
    """The route of drift."""
    api = APIRouter(prefix="/api/v1/cpo", tags=["templates"])

    @api.get("/charge-points/{charge_point_id}/configuration")
    async def configuration(
        actor: Viewer,
        charge_point_id: Annotated[str, Path(max_length=64)],
        compare: Annotated[str | None, Query(max_length=64, description="A template to compare with: `tpl_…`.")] = None,
        refresh: Annotated[bool, Query(description="Read everything anew first.")] = False,
    ) -> ConfigurationAnswer:
        """A charge point's settings as last read, with their age; with `compare`, how they differ from a template."""
        return configuration_answer(
            await service.configuration(actor, charge_point_id, template_id=compare, refresh=refresh)
        )

    return api
