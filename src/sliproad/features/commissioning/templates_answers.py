"""Templates as REST shows and takes them: what one GET answers may be sent back by a POST, but for ids, versions and times.

`templates_routes` and `drift_routes` use these models. Keys are listed by OCPP version; version 2.1 without a list of its own takes
that of 2.0.1.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from sliproad.features.commissioning.drift import KeyComparison, KeyStatus
from sliproad.features.commissioning.templates import FirmwareExpectation, Setting, Template, Variable
from sliproad.features.commissioning.templates_rules import LONGEST_VALUE, Draft, StepName
from sliproad.features.commissioning.templates_service import Kept, Offered, Trial
from sliproad.foundation.web import Label, RequestModel, Text, Timestamp
from sliproad.ocpp.secret_settings import shown

OcppName = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=r"^[^\x00-\x1f\x7f]+$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Energy = Annotated[int, Field(ge=1, le=100_000, examples=[50])]
Seconds = Annotated[float, Field(ge=10, le=7200)]
FirmwareVersion = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
Value16 = Annotated[str, Field(max_length=LONGEST_VALUE["1.6"])]
Value201 = Annotated[str, Field(max_length=LONGEST_VALUE["2.0.1"])]
Value21 = Annotated[str, Field(max_length=LONGEST_VALUE["2.1"])]


class KeyRequest(RequestModel):
    """A configuration key of OCPP 1.6."""

    key: Annotated[OcppName, Field(examples=["MeterValueSampleInterval"])]
    value: Annotated[Value16, Field(examples=["60"])]
    reason: Reason = ""
    required: bool = True
    """Whether a charge point that refuses it fails; one that does not know it never does."""

    def setting(self, version: str) -> Setting:  # noqa: ARG002 (every list's entries are asked alike)
        return Setting(
            self.value, self.reason, key=self.key, required=self.required, set_by_boot=self.key == "HeartbeatInterval"
        )


class VariableRequest(RequestModel):
    """A variable of the device model, OCPP 2.0.1."""

    component: Annotated[OcppName, Field(examples=["SampledDataCtrlr"])]
    variable: Annotated[OcppName, Field(examples=["TxUpdatedInterval"])]
    instance: OcppName | None = None
    value: Annotated[Value201, Field(examples=["60"])]
    reason: Reason = ""
    required: bool = True

    def setting(self, version: str) -> Setting:
        place = Variable(self.component, self.variable, self.instance)
        by_boot = place.label == "OCPPCommCtrlr.HeartbeatInterval"
        only = None if version == "2.x" else version
        return Setting(
            self.value, self.reason, variable=place, required=self.required, set_by_boot=by_boot, version=only
        )


class VariableRequest21(VariableRequest):
    """A variable of the device model, OCPP 2.1."""

    value: Annotated[Value21, Field(examples=["60"])]


class ConfigurationRequest(RequestModel):
    """What to set, by OCPP version."""

    v16: Annotated[list[KeyRequest], Field(alias="1.6", max_length=200, default_factory=list)]
    v201: Annotated[list[VariableRequest], Field(alias="2.0.1", max_length=200, default_factory=list)]
    v21: Annotated[list[VariableRequest21] | None, Field(alias="2.1", max_length=200)] = None
    """Without it, OCPP 2.1 takes the list of 2.0.1."""

    def settings(self) -> Iterator[Setting]:
        """All of them."""
        yield from (one.setting("1.6") for one in self.v16)
        yield from (one.setting("2.x" if self.v21 is None else "2.0.1") for one in self.v201)
        yield from (one.setting("2.1") for one in self.v21 or ())


class FirmwareRequest(RequestModel):
    """Which firmware the template is meant for."""

    minimum: FirmwareVersion | None = None
    maximum: FirmwareVersion | None = None
    on_mismatch: Literal["fail", "warn"] = "warn"
    update_to: Annotated[str | None, Field(max_length=64)] = None
    """Firmware of your library (`fw_…`) that an older charge point is given before it is configured."""


class TemplateRequest(RequestModel):
    """A template, or its next version."""

    name: Annotated[Text, Field(examples=["Car park, AC 22 kW"])]
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""
    compatible_models: Annotated[list[Label], Field(max_length=100, examples=[["ABB Terra AC*"]], default_factory=list)]
    """Models, with or without vendor; `*` and `?` stand for any letters and any one letter."""
    steps: Annotated[list[StepName], Field(min_length=1, max_length=10)]
    time_limits_seconds: Annotated[dict[str, Seconds], Field(default_factory=dict)]
    minimum_energy_wh: Energy = 10
    """What the test transaction must deliver at least."""
    availability_round_trip: bool = False
    """The connector test takes each free connector out of service and back."""
    faulted_connector: Literal["warn", "fail"] = "warn"
    configuration_reject: Literal["fail", "continue"] = "fail"
    """What a required key that is refused means: the step fails, or goes on and lists it."""
    configuration: Annotated[
        ConfigurationRequest, Field(default_factory=lambda: ConfigurationRequest.model_validate({}))
    ]
    firmware: FirmwareRequest | None = None

    def draft(self) -> Draft:
        """What it says, in the words of `templates_rules`."""
        firmware = self.firmware
        return Draft(
            name=self.name,
            description=self.description,
            compatible_models=tuple(self.compatible_models),
            steps=tuple(self.steps),
            settings=tuple(self.configuration.settings()),
            minimum_energy_wh=self.minimum_energy_wh,
            time_limits_seconds=self.time_limits_seconds,
            configuration_reject=self.configuration_reject,
            availability_round_trip=self.availability_round_trip,
            faulted_connector=self.faulted_connector,
            firmware=None if firmware is None else FirmwareExpectation(**firmware.model_dump()),
        )


class KeyAnswer(BaseModel):
    key: str
    value: str
    reason: str
    required: bool


class VariableAnswer(BaseModel):
    component: str
    variable: str
    instance: str | None
    value: str
    reason: str
    required: bool


class ConfigurationAnswer(BaseModel):
    v16: list[KeyAnswer] = Field(alias="1.6")
    v201: list[VariableAnswer] = Field(alias="2.0.1")
    v21: list[VariableAnswer] = Field(alias="2.1")


class FirmwareAnswer(BaseModel):
    minimum: str | None
    maximum: str | None
    on_mismatch: Literal["fail", "warn"]
    update_to: str | None


class TemplateAnswer(BaseModel):
    """A template; the first six are the reference's."""

    template_id: str
    name: str
    description: str
    compatible_models: list[str]
    steps: list[str]
    created_at: Timestamp
    version: int
    is_shipped: bool
    """It comes with the product; clone it to change it."""
    time_limits_seconds: dict[str, float]
    minimum_energy_wh: int
    availability_round_trip: bool
    faulted_connector: Literal["warn", "fail"]
    configuration_reject: Literal["fail", "continue"]
    configuration: ConfigurationAnswer
    firmware: FirmwareAnswer | None


class OfferedAnswer(TemplateAnswer):
    is_default: bool | None
    """Whether a start without `template_id` takes it; null unless a charge point was named."""
    is_compatible: bool | None
    """Whether it names the charge point's model: advice, not a gate."""


class OfferedList(BaseModel):
    templates: list[OfferedAnswer]
    total: int


class KeptAnswer(TemplateAnswer):
    newest_version: int
    version_created_at: Timestamp
    created_by: str | None
    archived_at: Timestamp | None


class KeptList(BaseModel):
    templates: list[KeptAnswer]
    total: int
    next_cursor: str | None


class VersionList(BaseModel):
    versions: list[KeptAnswer]
    total: int


class ComparisonAnswer(BaseModel):
    key: str
    """The configuration key, or component and variable: `SampledDataCtrlr.TxUpdatedInterval`."""
    wanted: str
    found: str | None
    status: KeyStatus
    required: bool
    reason: str
    read_at: Timestamp | None


class TrialAnswer(BaseModel):
    charge_point_id: str
    ocpp_version: str
    template_id: str
    version: int
    read_at: Timestamp
    summary: dict[KeyStatus, int]
    keys: list[ComparisonAnswer]


def _fields(template: Template) -> dict[str, object]:
    firmware = template.firmware
    return {
        "template_id": template.template_id,
        "name": template.name,
        "description": template.description,
        "compatible_models": list(template.compatible_models),
        "steps": list(template.steps),
        "created_at": template.created_at,
        "version": template.version,
        "is_shipped": template.is_shipped,
        "time_limits_seconds": {**template.time_limits_seconds},
        "minimum_energy_wh": template.minimum_energy_wh,
        "availability_round_trip": template.availability_round_trip,
        "faulted_connector": template.faulted_connector,
        "configuration_reject": template.configuration_reject,
        "configuration": {
            "1.6": [_key(one) for one in template.settings_for("1.6")],
            "2.0.1": [_variable(one) for one in template.settings_for("2.0.1")],
            "2.1": [_variable(one) for one in template.settings_for("2.1")],
        },
        "firmware": None
        if firmware is None
        else FirmwareAnswer(
            minimum=firmware.minimum,
            maximum=firmware.maximum,
            on_mismatch=firmware.on_mismatch,
            update_to=firmware.update_to,
        ),
    }


def _key(setting: Setting) -> KeyAnswer:
    key = setting.key or ""
    return KeyAnswer(key=key, value=shown(key, setting.value) or "", reason=setting.reason, required=setting.required)


def _variable(setting: Setting) -> VariableAnswer:
    assert setting.variable is not None
    return VariableAnswer(
        **setting.variable._asdict(),
        value=shown(setting.variable.label, setting.value) or "",
        reason=setting.reason,
        required=setting.required,
    )


def offered_answer(offered: Offered) -> OfferedAnswer:
    """A template as installers see it."""
    return OfferedAnswer.model_validate(
        _fields(offered.template) | {"is_default": offered.is_default, "is_compatible": offered.is_compatible}
    )


def kept_answer(kept: Kept) -> KeptAnswer:
    """A template as its organisation sees it."""
    more = {
        "newest_version": kept.newest_version,
        "version_created_at": kept.version_created_at,
        "created_by": kept.created_by,
        "archived_at": kept.archived_at,
    }
    return KeptAnswer.model_validate(_fields(kept.template) | more)


def comparison_answer(one: KeyComparison) -> ComparisonAnswer:
    """One key of a comparison."""
    return ComparisonAnswer(
        key=one.key,
        wanted=one.wanted,
        found=one.found,
        status=one.status,
        required=one.required,
        reason=one.reason,
        read_at=one.read_at,
    )


def summary(keys: list[KeyComparison]) -> dict[KeyStatus, int]:
    """How many keys of each status."""
    statuses: tuple[KeyStatus, ...] = ("equal", "would_change", "unsupported", "read_only", "unknown")
    return {status: sum(one.status == status for one in keys) for status in statuses}


def trial_answer(trial: Trial) -> TrialAnswer:
    """A dry run."""
    return TrialAnswer(
        charge_point_id=trial.charge_point.charge_point_id,
        ocpp_version=trial.ocpp_version,
        template_id=trial.template.template_id,
        version=trial.template.version,
        read_at=trial.read_at,
        summary=summary(trial.keys),
        keys=[comparison_answer(one) for one in trial.keys],
    )
