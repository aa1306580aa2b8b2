"""REST of diagnostics: the reference's route for installers, the same for the organisation. Unknowns are null."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Installer, Manager, Viewer
from sliproad.features.commissioning.diagnostics_service import DiagnosticsService, Report
from sliproad.foundation.web import Timestamp

ChargePointId = Annotated[str, Path(max_length=64, examples=["CP-SITE42-001"])]
RefreshFlag = Annotated[bool, Query(description="Ask the charge point anew, and wait a moment for its answer.")]


class FirmwareDiagnostics(BaseModel):
    version: str | None = Field(examples=["3.8.2"])
    vendor: str | None = Field(examples=["ABB"])
    last_updated: Timestamp | None
    """When this version was installed by us."""


class OcppDiagnostics(BaseModel):
    version: str | None = Field(examples=["1.6"])
    supported_features: list[str] | None = Field(examples=[["Core", "FirmwareManagement", "RemoteTrigger"]])


class NetworkDiagnostics(BaseModel):
    interface: str | None = Field(examples=["ethernet"])
    ip_address: str | None = Field(examples=["192.168.1.101"])
    """In the charge point's own network."""
    signal_strength: float | None
    dns_resolution_ok: bool | None
    ntp_synced: bool | None
    iccid: str | None


class HardwareDiagnostics(BaseModel):
    connectors: int | None = Field(examples=[2])
    connectors_registered: int
    """What the installer said."""
    meter_type: str | None = Field(examples=["MID certified"])
    rcd_present: bool | None
    vendor: str | None
    model: str | None
    serial_number: str | None
    meter_serial_number: str | None


class RoundTripDiagnostics(BaseModel):
    """Of our calls in the last hour."""

    count: int
    median_ms: float | None
    p95_ms: float | None
    maximum_ms: float | None
    latest_ms: float | None


class ConnectionDiagnostics(BaseModel):
    connected: bool
    connected_at: Timestamp | None
    remote_address: str | None
    """As we see it."""
    security_profile: int | None
    clock_skew_seconds: float | None
    """The charge point's clock minus ours."""
    reconnects_last_hour: int
    round_trips: RoundTripDiagnostics


class RefreshDiagnostics(BaseModel):
    """Whether and how the charge point was last asked."""

    status: Literal["never", "running", "completed", "failed"]
    requested_at: Timestamp | None
    finished_at: Timestamp | None
    detail: str | None


class DiagnosticsAnswer(BaseModel):
    charge_point_id: str = Field(examples=["CP-SITE42-001"])
    collected_at: Timestamp | None
    """When the charge point last told this; before it was ever asked, its boot."""
    firmware: FirmwareDiagnostics
    ocpp: OcppDiagnostics
    network: NetworkDiagnostics
    hardware: HardwareDiagnostics
    configuration_readonly_keys: list[str] | None = Field(examples=[["ChargePointVendor", "ChargePointModel"]])
    connection: ConnectionDiagnostics
    refresh: RefreshDiagnostics


def diagnostics_answer(report: Report) -> DiagnosticsAnswer:
    """The reference's shape, with what it has not."""
    parts = asdict(report.diagnostics)
    parts["hardware"]["connectors_registered"] = report.connectors_registered
    return DiagnosticsAnswer.model_validate(
        {
            "charge_point_id": report.charge_point_id,
            "collected_at": report.collected_at,
            "refresh": asdict(report.refresh),
            **parts,
        }
    )


def router(service: DiagnosticsService) -> APIRouter:
    """The routes of diagnostics."""
    api = APIRouter(prefix="/api/v1", tags=["commissioning"])

    @api.get("/installer/commissioning/{charge_point_id}/diagnostics")
    async def read(actor: Installer, charge_point_id: ChargePointId, refresh: RefreshFlag = False) -> DiagnosticsAnswer:
        """Hardware and firmware information as the charge point reported it. What it has not told is null."""
        return diagnostics_answer(await service.read(actor, charge_point_id, refresh=refresh))

    @api.post("/installer/commissioning/{charge_point_id}/diagnostics/refresh", status_code=202)
    async def refresh(actor: Installer, charge_point_id: ChargePointId) -> DiagnosticsAnswer:
        """Ask the charge point anew. Read the diagnostics until `refresh.status` is no more `running`."""
        return diagnostics_answer(await service.read(actor, charge_point_id, refresh=True))

    @api.get("/cpo/charge-points/{charge_point_id}/diagnostics")
    async def read_as_organization(actor: Viewer, charge_point_id: ChargePointId) -> DiagnosticsAnswer:
        """The organisation's view of the same."""
        return diagnostics_answer(await service.read(actor, charge_point_id))

    @api.post("/cpo/charge-points/{charge_point_id}/diagnostics/refresh", status_code=202)
    async def refresh_as_organization(actor: Manager, charge_point_id: ChargePointId) -> DiagnosticsAnswer:
        """Ask the charge point anew. Read the diagnostics until `refresh.status` is no more `running`."""
        return diagnostics_answer(await service.read(actor, charge_point_id, refresh=True))

    return api
