"""Reading, writing and reporting variables over OCPP 2.x (B05–B08): the half of `link_2x` about settings."""

import json
from typing import Any, cast

from ocpp.exceptions import OccurrenceConstraintViolationError

from sliproad.simulator.device_model import DeviceModel, Payload, Variable
from sliproad.simulator.dialect import message
from sliproad.simulator.dialect_2x import PROFILE, Dialect2x
from sliproad.simulator.faults import Fault
from sliproad.simulator.link import Link, answers
from sliproad.simulator.networks import install, installed
from sliproad.simulator.variables import ITEMS_PER_MESSAGE

REPORT_PART = 10
NETWORK_SLOTS = 4


class DeviceModelLink(Link):
    """GetVariables, SetVariables, GetBaseReport and GetReport."""

    @property
    def dialect(self) -> Dialect2x:
        """The charger's way of speaking."""
        return cast("Dialect2x", self.station.dialect)

    @property
    def model(self) -> DeviceModel:
        """The charger's variables."""
        return self.dialect.model

    @answers("GetVariables")
    def on_get_variables(self, get_variable_data: list[Payload], **_: Any) -> Any:
        """B06; B06.FR.16: more items than announced are refused."""
        self._refuse_too_many(get_variable_data)
        self._drop_if_asked_for_much(get_variable_data)
        return self._call_result.GetVariables(get_variable_result=[self._read(item) for item in get_variable_data])

    def _read(self, item: Payload) -> Payload:
        found, status = self.model.find(item["component"], item["variable"], item.get("attribute_type"))
        if found is not None and found.write_only:
            status = "Rejected"
        result = {"attribute_status": status, "component": item["component"], "variable": item["variable"]}
        if "attribute_type" in item:
            result["attribute_type"] = item["attribute_type"]
        if found is not None and status == "Accepted":
            result["attribute_value"] = found.read()
        return result

    @answers("SetVariables")
    def on_set_variables(self, set_variable_data: list[Payload], **_: Any) -> Any:
        """B05. Writes survive reboots; a new password is used from the next connection on (A01)."""
        self._refuse_too_many(set_variable_data)
        results = [self._write(item) for item in set_variable_data]
        self.station.options_changed()
        written = any(result["attribute_status"] in {"Accepted", "RebootRequired"} for result in results)
        if written and self.station.settings.has(Fault.REBOOTS_ON_CHANGE):
            self.afterwards(self._reboot)
        return self._call_result.SetVariables(set_variable_result=results)

    def _write(self, item: Payload) -> Payload:
        settings = self.station.settings
        found, status = self.model.find(item["component"], item["variable"], item.get("attribute_type"))
        if found is not None:
            rejected = settings.rejected_keys is None or found.name in settings.rejected_keys
            refuses = settings.has(Fault.REJECTS_KEYS) and rejected
            status = "Rejected" if refuses else self.model.write(found, item["attribute_value"])
            if status in {"Accepted", "RebootRequired"}:
                self._remember(found, item["attribute_value"])
            self.station.events.publish("setting_written", key=found.path, status=status)
        result = {"attribute_status": status, "component": item["component"], "variable": item["variable"]}
        return result | ({"attribute_type": item["attribute_type"]} if "attribute_type" in item else {})

    def _remember(self, variable: Variable, value: str) -> None:
        if variable.name == "BasicAuthPassword":
            variable.value = ""
            self.station.ledger.remember("password", value)
            self.afterwards(self._reconnect)
        else:
            self.station.ledger.remember(f"variable:{variable.path}", value)

    @answers("SetNetworkProfile")
    def on_set_network_profile(self, configuration_slot: int, connection_data: Payload, **_: Any) -> Any:
        """B09: never the slot in use, never less secure than now, and TLS only with a root certificate to check it by."""
        profile, url = connection_data["security_profile"], connection_data["ocpp_csms_url"]
        present = int(self.model.value("SecurityCtrlr", "SecurityProfile"))
        needs_root = url.startswith("wss") and not installed(self.station)
        if str(configuration_slot) == self.station.active_slot or profile < present or needs_root:
            return self._call_result.SetNetworkProfile(status="Rejected")
        if configuration_slot not in range(1, NETWORK_SLOTS):
            return self._call_result.SetNetworkProfile(status="Rejected")
        self.station.ledger.remember(f"{PROFILE}{configuration_slot}", json.dumps(connection_data))
        self.station.events.publish("network_profile_set", slot=configuration_slot, url=url)
        return self._call_result.SetNetworkProfile(status="Accepted")

    @answers("InstallCertificate")
    def on_install_certificate(self, certificate_type: str, certificate: str, **_: Any) -> Any:
        """M05, for the CSMS's root alone."""
        takes = certificate_type == "CSMSRootCertificate" and install(self.station, certificate)
        return self._call_result.InstallCertificate(status="Accepted" if takes else "Rejected")

    @answers("GetInstalledCertificateIds")
    def on_get_installed_certificate_ids(self, certificate_type: list[str] | None = None, **_: Any) -> Any:
        """M03."""
        kind = "CSMSRootCertificate"
        found = installed(self.station) if certificate_type is None or kind in certificate_type else []
        if not found:
            return self._call_result.GetInstalledCertificateIds(status="NotFound")
        chain = [{"certificate_type": kind, "certificate_hash_data": each} for each in found]
        return self._call_result.GetInstalledCertificateIds(status="Accepted", certificate_hash_data_chain=chain)

    @answers("GetBaseReport")
    def on_get_base_report(self, request_id: int, report_base: str, **_: Any) -> Any:
        """B07: the answer first, then the report in parts."""
        if self.station.settings.has(Fault.DROPS_SOCKET_ON_GET_CONFIGURATION):
            self.abort()
        chosen = self.model.inventory(report_base)
        self.afterwards(lambda: self._report(request_id, chosen))
        return self._call_result.GetBaseReport(status="Accepted")

    @answers("GetReport")
    def on_get_report(
        self,
        request_id: int,
        component_variable: list[Payload] | None = None,
        component_criteria: list[str] | None = None,
        **_: Any,
    ) -> Any:
        """B08 for named components and variables; the criteria are not supported."""
        if component_criteria:
            return self._call_result.GetReport(status="NotSupported")
        self._refuse_too_many(component_variable or [])
        wanted = [
            (item["component"]["name"].lower(), item.get("variable", {}).get("name", "").lower())
            for item in component_variable or []
        ]
        chosen = [
            variable
            for variable in self.model.variables.values()
            if any(
                component == variable.component.lower() and name in {"", variable.name.lower()}
                for component, name in wanted
            )
        ]
        if not chosen:
            return self._call_result.GetReport(status="EmptyResultSet")
        self.afterwards(lambda: self._report(request_id, chosen))
        return self._call_result.GetReport(status="Accepted")

    async def _report(self, request_id: int, variables: list[Variable]) -> None:
        parts = [variables[start : start + REPORT_PART] for start in range(0, len(variables), REPORT_PART)]
        generated_at = self.station.clock.stamp()
        for number, part in enumerate(parts):
            report = self._call.NotifyReport(
                request_id=request_id,
                generated_at=generated_at,
                seq_no=number,
                tbc=number + 1 < len(parts),
                report_data=[variable.report() for variable in part],
            )
            await self.tell(message(report))

    def _refuse_too_many(self, items: list[Payload]) -> None:
        if len(items) > ITEMS_PER_MESSAGE:
            raise OccurrenceConstraintViolationError(f"at most {ITEMS_PER_MESSAGE} items")

    def _drop_if_asked_for_much(self, items: list[Payload]) -> None:
        if self.station.settings.has(Fault.DROPS_SOCKET_ON_GET_CONFIGURATION) and len(items) > 1:
            self.abort()

    async def _reconnect(self) -> None:
        self.end("new password")

    async def _reboot(self) -> None:
        self.station.reboot("LocalReset")
