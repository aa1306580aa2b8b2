"""A charge point's variables and the reports that bring them (pure). Commissioning and diagnostics speak these words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Variable:
    """One attribute of a variable, as last reported. 1.6 configuration keys: `component` is empty, `variable` the key."""

    component: str
    component_instance: str
    evse_id: int
    connector_id: int
    variable: str
    variable_instance: str
    attribute: str
    value: str | None
    mutability: str | None
    characteristics: dict[str, Any] | None
    request_id: int | None
    reported_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What has come of a report that we asked for under `request_id`."""

    request_id: int
    part_count: int
    variable_count: int
    is_complete: bool
    """The last part and all before it have come."""
    generated_at: datetime
    received_at: datetime
    """When its newest part came."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A value that was read outside a report: GetConfiguration of 1.6, GetVariables of 2.x."""

    variable: str
    value: str | None
    component: str = ""
    component_instance: str = ""
    evse_id: int = 0
    connector_id: int = 0
    variable_instance: str = ""
    attribute: str = "Actual"
    mutability: str | None = None
