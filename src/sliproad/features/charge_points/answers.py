"""How charge points look in answers, to organisations and installers alike. The routes of both build these."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from sliproad.features.charge_points.attempts import ConnectionReport
from sliproad.features.charge_points.live_model import ConnectorStatus, LiveState
from sliproad.features.charge_points.model import Address, ChargePoint, Move
from sliproad.foundation.web import Timestamp

StatusWord = Literal["registered", "commissioning", "commissioning_failed", "commissioned"]


class LocationAnswer(BaseModel):
    latitude: float | None
    longitude: float | None
    description: str | None
    address: str | None


class ChargePointFacts(BaseModel):
    """What is registered."""

    charge_point_id: str = Field(examples=["cp_8h2k4m6n8p0q2r4s6t8v"])
    project_id: str
    site_id: str
    serial_number: str = Field(examples=["SN-ABX-20240501-007"])
    vendor: str = Field(examples=["Alpitronic"])
    model: str = Field(examples=["Alpitronic HYC300"])
    ocpp_version: str = Field(examples=["2.0.1"])
    connector_count: int
    max_power_kw: float | None
    location: LocationAnswer
    status: StatusWord
    commissioning_status: Literal["not_started", "in_progress", "failed", "completed"]
    commissioned_at: Timestamp | None
    ocpp_endpoint: str = Field(description="The full URL to enter in the charger.")
    ocpp_base_url: str = Field(description="For a charger that appends its identity to the URL itself.")
    ocpp_identity: str
    created_at: Timestamp


class ListedChargePointAnswer(ChargePointFacts):
    """A charge point as lists show it."""

    boot_policy: Literal["accepted", "pending", "rejected"]
    connected: bool
    last_seen_at: Timestamp | None
    firmware_version: str | None


class LiveAnswer(BaseModel):
    """What is so right now. `clock_skew_seconds` is the charge point's clock minus ours."""

    charge_point_id: str
    connected: bool
    protocol_version: str | None
    security_profile: int | None
    remote_address: str | None
    connected_path: str | None
    connected_at: Timestamp | None
    disconnected_at: Timestamp | None
    last_seen_at: Timestamp | None
    last_heartbeat_at: Timestamp | None
    boot_status: str | None
    booted_at: Timestamp | None
    boot_vendor: str | None
    boot_model: str | None
    boot_serial_number: str | None
    boot_reason: str | None
    firmware_version: str | None
    meter_type: str | None
    meter_serial_number: str | None
    iccid: str | None
    imsi: str | None
    clock_skew_seconds: float | None


class MoveAnswer(BaseModel):
    from_project_id: str
    to_project_id: str
    moved_at: Timestamp
    moved_by: str


class ConnectorAnswer(BaseModel):
    """1.6: `evse_id` equals `connector_id`; connector 0 is the charge point itself."""

    evse_id: int
    connector_id: int
    status: str = Field(examples=["Available"])
    error_code: str | None
    info: str | None
    vendor_error_code: str | None
    status_at: Timestamp
    received_at: Timestamp


class AttemptAnswer(BaseModel):
    """An attempt to connect. `certain` is false where it may have been another charge point, such as one mistyped."""

    at: Timestamp
    outcome: str = Field(examples=["wrong_password"])
    message: str
    identity: str | None
    path: str
    remote_address: str
    certain: bool
    details: dict[str, Any]


class DiagnosisAnswer(BaseModel):
    """What is wrong now, and what to do. `certain` is false where it is only supposed that the attempt was this one's."""

    code: str = Field(examples=["wrong_password"])
    message: str
    certain: bool


class AttemptList(BaseModel):
    """`diagnosis` says what to do now; `message` is its sentence."""

    charge_point_id: str
    diagnosis: DiagnosisAnswer
    message: str
    attempts: list[AttemptAnswer]
    total: int


def attempts_answer(charge_point_id: str, report: ConnectionReport) -> AttemptList:
    """What to do now, and the attempts, newest first."""
    found = [
        AttemptAnswer(
            at=each.at,
            outcome=each.outcome,
            message=each.advice,
            identity=each.identity,
            path=each.path,
            remote_address=each.remote_address,
            certain=each.is_certain,
            details=each.details,
        )
        for each in report.attempts
    ]
    diagnosis = report.diagnosis
    return AttemptList(
        charge_point_id=charge_point_id,
        diagnosis=DiagnosisAnswer(code=diagnosis.code, message=diagnosis.message, certain=diagnosis.is_certain),
        message=diagnosis.message,
        attempts=found,
        total=len(found),
    )


def facts_answer(charge_point: ChargePoint, address: Address) -> ChargePointFacts:
    """The registered facts."""
    return ChargePointFacts(**facts(charge_point, address))


def listed_answer(charge_point: ChargePoint, live: LiveState, address: Address) -> ListedChargePointAnswer:
    """The registered facts with the few live ones that a list shows."""
    return ListedChargePointAnswer.model_validate(
        {
            **facts(charge_point, address),
            "boot_policy": charge_point.boot_policy,
            "connected": live.connected,
            "last_seen_at": live.last_seen_at,
            "firmware_version": live.firmware_version,
        }
    )


def live_answer(charge_point_id: str, live: LiveState) -> LiveAnswer:
    """The whole live state."""
    names = LiveAnswer.model_fields.keys() - {"charge_point_id"}
    return LiveAnswer(charge_point_id=charge_point_id, **{name: getattr(live, name) for name in names})


def connector_answer(connector: ConnectorStatus) -> ConnectorAnswer:
    """A connector's last report."""
    return ConnectorAnswer(**{name: getattr(connector, name) for name in ConnectorAnswer.model_fields})


def move_answer(move: Move) -> MoveAnswer:
    """One earlier place."""
    return MoveAnswer(**{name: getattr(move, name) for name in MoveAnswer.model_fields})


def facts(charge_point: ChargePoint, address: Address) -> dict[str, Any]:
    """The values of `ChargePointFacts`, by name."""
    location = charge_point.location
    own = (
        "charge_point_id",
        "project_id",
        "site_id",
        "serial_number",
        "vendor",
        "model",
        "ocpp_version",
        "connector_count",
        "status",
        "commissioning_status",
        "commissioned_at",
        "created_at",
    )
    return {
        **{name: getattr(charge_point, name) for name in own},
        "max_power_kw": number(charge_point.max_power_kw),
        "location": LocationAnswer(
            latitude=number(location.latitude),
            longitude=number(location.longitude),
            description=location.description,
            address=location.address,
        ),
        "ocpp_endpoint": address.endpoint,
        "ocpp_base_url": address.base_url,
        "ocpp_identity": address.identity,
    }


def number(value: Any) -> float | None:
    """A Decimal as a JSON number."""
    return None if value is None else float(value)
