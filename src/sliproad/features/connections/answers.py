"""How connections look over HTTP: OPER's bodies, key by key in camel case, with what we add to them."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from sliproad.features.connections.model import Change, ConnectionState, NewVersion, Version
from sliproad.foundation.errors import FieldError
from sliproad.foundation.web import RequestModel, Timestamp

CAMEL = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)
Mode = Literal["OcppOff", "DualProtocol"]
Decision = Literal["ours", "theirs", "both", "either"]
OffPolicy = Literal["drain", "drop"]
Delivery = Literal["relay", "native"]


class OperBody(RequestModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class OperAnswer(BaseModel):
    model_config = CAMEL


class ConnectionArgs(OperBody):
    url: str = Field(
        description="ws:// or wss://; the charge point's identity is appended.",
        examples=["wss://your-ocpp-server.com/ocpp"],
    )
    ca_certificate: str | None = Field(default=None, max_length=65536, description="PEM; required if url is wss.")
    ca_certificate_domain: str | None = Field(
        default=None,
        max_length=253,
        description="The URL's host; required if url is wss.",
        examples=["your-ocpp-server.com"],
    )


class ChargerDetailsBody(OperBody):
    """OPER's specific configuration for a single charger."""

    charge_point_id: str | None = Field(
        default=None, description="The identity at your server; the serial number by default."
    )
    basic_auth_password: str | None = Field(default=None, examples=["your-password"])
    websocket_connection_args: ConnectionArgs
    connectivity_mode: Mode
    authorization_decision: Decision = Field(
        default="either",
        description="Who decides whether a token may charge: `ours`, `theirs`, `both` must accept, or `either` may.",
    )

    def version(self, serial_number: str) -> NewVersion:
        return NewVersion(**self._facts(), serial_number=serial_number, charge_point_id=self.charge_point_id)

    def _facts(self) -> dict[str, Any]:
        arguments = self.websocket_connection_args
        return {
            "connectivity_mode": self.connectivity_mode,
            "url": arguments.url,
            "ca_certificate": arguments.ca_certificate or None,
            "ca_certificate_domain": arguments.ca_certificate_domain or None,
            "password": self.basic_auth_password,
            "authorization_decision": self.authorization_decision,
        }


class DefaultDetailsBody(OperBody):
    """OPER's default operator configuration."""

    basic_auth_password: str | None = Field(default=None, examples=["your-password"])
    websocket_connection_args: ConnectionArgs
    connectivity_mode: Mode
    apply_to_new_devices: bool = Field(
        default=False, description="Whether to apply it to charge points that come later."
    )
    authorization_decision: Decision = Field(default="either", description="As for a single charger.")

    def version(self) -> NewVersion:
        arguments = self.websocket_connection_args
        return NewVersion(
            connectivity_mode=self.connectivity_mode,
            url=arguments.url,
            ca_certificate=arguments.ca_certificate or None,
            ca_certificate_domain=arguments.ca_certificate_domain or None,
            password=self.basic_auth_password,
            apply_to_new_devices=self.apply_to_new_devices,
            authorization_decision=self.authorization_decision,
        )


class ApplyBody(OperBody):
    version: str = Field(min_length=1, max_length=100, examples=["ocv_01hx1a2b3c4d5e6f7g8h"])
    off_policy: OffPolicy = Field(
        default="drain",
        description="With an OcppOff version: whether messages that wait are delivered first (`drain`) or dropped.",
    )
    delivery: Delivery = Field(
        default="relay",
        description="`relay`: we hold a second connection in the charger's name. `native`: the charger itself is moved to your server.",
    )


class WarningAnswer(OperAnswer):
    field: str = Field(examples=["basicAuthPassword"])
    message: str


class StoredAnswer(OperAnswer):
    version: str = Field(examples=["ocv_01hx1a2b3c4d5e6f7g8h"])
    warnings: list[WarningAnswer] = Field(description="What some charge points or servers won't take.")


class ConnectionArgsAnswer(OperAnswer):
    url: str
    ca_certificate: str | None
    ca_certificate_domain: str | None


class DetailsAnswer(OperAnswer):
    """What is stored; `basicAuthPassword` is masked unless the key has the scope `connections:secrets`."""

    websocket_connection_args: ConnectionArgsAnswer
    connectivity_mode: Mode
    basic_auth_password: str | None
    apply_to_new_devices: bool
    authorization_decision: Decision
    version: str
    created_at: Timestamp


class ChargerDetailsAnswer(DetailsAnswer):
    charge_point_id: str
    serial_number: str


class VersionAnswer(DetailsAnswer):
    serial_number: str | None
    charge_point_id: str | None


class VersionsAnswer(OperAnswer):
    versions: list[VersionAnswer]
    total: int
    next_cursor: str | None


class StateAnswer(OperAnswer):
    """How a charge point's connection to your server is."""

    serial_number: str
    id: str = Field(description="The charge point's id at this platform; good wherever a serial number is.")
    charge_point_id: str | None = Field(description="Its identity at your server.")
    version: str | None
    state: str = Field(description="`pending`, `connecting`, `connected`, `failed` or `off`.", examples=["connected"])
    reason: str | None = Field(description="Why it failed or was switched off.")
    state_since: Timestamp | None
    connected_at: Timestamp | None


class AppliedAnswer(OperAnswer):
    version: str
    chargers: list[StateAnswer]


class SiteStatesAnswer(OperAnswer):
    site_id: str
    total: int
    states: dict[str, int] = Field(description="How many charge points of the site are in which state.")
    chargers: list[StateAnswer]
    next_cursor: str | None


class ChangeAnswer(OperAnswer):
    """Who changed what."""

    at: Timestamp
    actor: str
    change: str
    site_id: str | None
    serial_number: str | None
    id: str | None = Field(description="The charge point's id at this platform.")
    from_version: str | None
    to_version: str | None
    details: dict[str, Any]


class ChangesAnswer(OperAnswer):
    changes: list[ChangeAnswer]
    next_cursor: str | None


def warning_answers(warnings: Sequence[FieldError]) -> list[WarningAnswer]:
    return [WarningAnswer(field=warning.field, message=warning.message) for warning in warnings]


def _facts(version: Version, password: str | None) -> dict[str, Any]:
    return {
        "websocket_connection_args": ConnectionArgsAnswer(
            url=version.url,
            ca_certificate=version.ca_certificate,
            ca_certificate_domain=version.ca_certificate_domain,
        ),
        "connectivity_mode": version.connectivity_mode,
        "basic_auth_password": password,
        "apply_to_new_devices": version.apply_to_new_devices,
        "authorization_decision": version.authorization_decision,
        "version": version.version_id,
        "created_at": version.created_at,
    }


def details_answer(version: Version, password: str | None) -> DetailsAnswer:
    """An operator-level version; `password` as it may be shown."""
    return DetailsAnswer(**_facts(version, password))


def charger_details_answer(version: Version, password: str | None) -> ChargerDetailsAnswer:
    """A charger-level version; `password` as it may be shown."""
    serial_number = version.serial_number or ""
    return ChargerDetailsAnswer(
        **_facts(version, password), charge_point_id=version.identity_of(serial_number), serial_number=serial_number
    )


def version_answer(version: Version, password: str | None) -> VersionAnswer:
    """Any version in a list."""
    return VersionAnswer(
        **_facts(version, password), serial_number=version.serial_number, charge_point_id=version.charge_point_id
    )


def state_answer(state: ConnectionState) -> StateAnswer:
    return StateAnswer(
        serial_number=state.serial_number,
        id=state.charge_point_id,
        charge_point_id=state.identity,
        version=state.version_id,
        state=state.state,
        reason=state.reason,
        state_since=state.state_at,
        connected_at=state.connected_at,
    )


def change_answer(change: Change) -> ChangeAnswer:
    return ChangeAnswer(
        at=change.at,
        actor=change.actor,
        change=change.change,
        site_id=change.site_id,
        serial_number=change.serial_number,
        id=change.charge_point_id,
        from_version=change.from_version_id,
        to_version=change.to_version_id,
        details=change.details or {},
    )
