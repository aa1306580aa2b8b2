"""The device model of a virtual OCPP 2.x charge point: its variables and the rules for reading and writing them (B05–B08).

Components and variables are those of OCPP 2.0.1 Part 2 §2 (referenced components) as far as this charger has them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sliproad.simulator.value_rules import is_boolean

MAX_VALUE_LENGTH = {"2.0.1": 1000, "2.1": 2500}
Payload = dict[str, Any]


@dataclass
class Variable:
    """One variable. `accepts` is None for a read-only one; `live` shows something that changes by itself."""

    component: str
    name: str
    value: str
    accepts: Callable[[str], bool] | None = None
    data_type: str = "string"
    instance: str | None = None
    evse: int | None = None
    connector: int | None = None
    unit: str | None = None
    values_list: str | None = None
    max_limit: float | None = None
    write_only: bool = False
    needs_reboot: bool = False
    live: Callable[[], str] | None = None

    @property
    def path(self) -> str:
        """A name for it that is unique in a charge point, whatever the case of the letters."""
        parts = (self.component, self.evse, self.connector, self.name, self.instance)
        return "/".join("" if part is None else str(part) for part in parts).lower()

    @property
    def mutability(self) -> str:
        """MutabilityEnumType."""
        if self.write_only:
            return "WriteOnly"
        return "ReadOnly" if self.accepts is None else "ReadWrite"

    def read(self) -> str:
        """Its present value."""
        return self.value if self.live is None else self.live()

    def component_type(self) -> Payload:
        """The ComponentType that it belongs to."""
        if self.evse is None:
            return {"name": self.component}
        evse = {"id": self.evse} | ({} if self.connector is None else {"connector_id": self.connector})
        return {"name": self.component, "evse": evse}

    def variable_type(self) -> Payload:
        """Its VariableType."""
        return {"name": self.name} | ({} if self.instance is None else {"instance": self.instance})

    def report(self) -> Payload:
        """Its ReportDataType."""
        attribute: Payload = {"type": "Actual", "mutability": self.mutability, "persistent": True, "constant": False}
        if not self.write_only:
            attribute["value"] = self.read()
        return {
            "component": self.component_type(),
            "variable": self.variable_type(),
            "variable_attribute": [attribute],
            "variable_characteristics": {
                "data_type": self.data_type,
                "supports_monitoring": False,
                "unit": self.unit,
                "values_list": self.values_list,
                "max_limit": self.max_limit,
            },
        }


def requested_path(component: Payload, variable: Payload) -> str:
    """The path of what a GetVariables or SetVariables item names."""
    evse = component.get("evse") or {}
    parts = (component["name"], evse.get("id"), evse.get("connector_id"), variable["name"], variable.get("instance"))
    return "/".join("" if part is None else str(part) for part in parts).lower()


class DeviceModel:
    """The variables of one charge point: what they are, and what they will be after a reboot."""

    def __init__(self, version: str, variables: list[Variable], written: dict[str, str]) -> None:
        """`written` is what earlier writes left behind, by path."""
        self.variables = {variable.path: variable for variable in variables}
        self._max_length = MAX_VALUE_LENGTH[version]
        self._after_reboot: dict[str, str] = {}
        for path, value in written.items():
            if path in self.variables:
                self.variables[path].value = value

    def value(self, component: str, name: str, instance: str | None = None) -> str:
        """The present value of one of the charger's own settings."""
        return self.variables[Variable(component, name, "", instance=instance).path].read()

    def choose(self, component: str, name: str, value: str) -> None:
        """The charger sets a variable of its own accord."""
        self.variables[Variable(component, name, "").path].value = value

    def find(self, component: Payload, variable: Payload, attribute: str | None) -> tuple[Variable | None, str]:
        """The variable that a request names, or why there is none (GetVariableStatusEnumType)."""
        found = self.variables.get(requested_path(component, variable))
        if found is None:
            known = any(one.component.lower() == component["name"].lower() for one in self.variables.values())
            return None, "UnknownVariable" if known else "UnknownComponent"
        if (attribute or "Actual") != "Actual":
            return None, "NotSupportedAttributeType"
        return found, "Accepted"

    def write(self, variable: Variable, value: str) -> str:
        """Write a variable as SetVariables does; returns its SetVariableStatusEnumType."""
        if variable.accepts is None or len(value) > self._max_length or not variable.accepts(value):
            return "Rejected"
        value = value.lower() if variable.accepts is is_boolean else value
        if variable.needs_reboot:
            self._after_reboot[variable.path] = value
            return "RebootRequired"
        variable.value = value
        return "Accepted"

    def apply_reboot(self) -> None:
        """Let the values take effect that were waiting for a reboot."""
        for path, value in self._after_reboot.items():
            self.variables[path].value = value
        self._after_reboot.clear()

    def inventory(self, base: str) -> list[Variable]:
        """The variables of a ReportBaseEnumType: all, those that can be written, or the few that tell of the state."""
        chosen = list(self.variables.values())
        if base == "ConfigurationInventory":
            return [variable for variable in chosen if variable.accepts is not None]
        if base == "SummaryInventory":
            return [variable for variable in chosen if variable.name in {"AvailabilityState", "Available", "Problem"}]
        return chosen
