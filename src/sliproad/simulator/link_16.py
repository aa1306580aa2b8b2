"""What the CSMS may ask of an OCPP 1.6 charge point, and what this one does about it."""

import re
from typing import Any, cast

from ocpp.exceptions import PropertyConstraintViolationError
from ocpp.v16 import call_result
from ocpp.v16.enums import Action

from ocpp import v16
from sliproad.simulator.configuration_16 import MAX_KEYS_PER_REQUEST, Configuration
from sliproad.simulator.connectors import Connector, IdToken, StopReason
from sliproad.simulator.dialect import Message
from sliproad.simulator.dialect_16 import Dialect16
from sliproad.simulator.faults import Fault
from sliproad.simulator.link import Link, answers
from sliproad.simulator.networks import install, installed
from sliproad.simulator.service_visits import Firmware, send_log, update_firmware

Payload = dict[str, Any]


class Link16(Link, v16.ChargePoint):  # type: ignore[misc]
    """Core, FirmwareManagement, LocalAuthListManagement, SmartCharging and RemoteTrigger profiles."""

    known_actions = frozenset(action.value for action in Action)
    malformed_code = "FormationViolation"

    @property
    def configuration(self) -> Configuration:
        """The charger's keys."""
        return self._dialect.configuration

    @property
    def _dialect(self) -> Dialect16:
        return cast("Dialect16", self.station.dialect)

    # -- configuration ------------------------------------------------------------------------------------------------

    @answers("GetConfiguration")
    def on_get_configuration(self, key: list[str] | None = None) -> Any:
        """OCPP 1.6 §5.8."""
        if self.station.settings.has(Fault.DROPS_SOCKET_ON_GET_CONFIGURATION) and len(key or []) != 1:
            self.abort()  # the answer below finds no socket
        if key and len(key) > MAX_KEYS_PER_REQUEST:
            raise PropertyConstraintViolationError(f"at most {MAX_KEYS_PER_REQUEST} keys")
        described = {name: self.configuration.describe(name) for name in key or self.configuration.names()}
        return call_result.GetConfiguration(
            configuration_key=[found for found in described.values() if found is not None],
            unknown_key=[name for name, found in described.items() if found is None],
        )

    @answers("ChangeConfiguration")
    def on_change_configuration(self, key: str, value: str) -> Any:
        """OCPP 1.6 §5.3. Writes survive reboots; a new password is used from the next connection on."""
        settings = self.station.settings
        rejected = settings.rejected_keys is None or key in settings.rejected_keys
        if settings.has(Fault.REJECTS_KEYS) and rejected:
            return call_result.ChangeConfiguration(status="Rejected")
        status = self.configuration.write(key, value)
        if status in {"Accepted", "RebootRequired"}:
            if key == "AuthorizationKey":
                self.station.ledger.remember("password", value)
                self.afterwards(self._reconnect)
            else:
                self.station.ledger.remember(f"key:{key}", value)
            self.station.options_changed()
            if settings.has(Fault.REBOOTS_ON_CHANGE):
                self.afterwards(self._reboot)
        self.station.events.publish("setting_written", key=key, status=status)
        return call_result.ChangeConfiguration(status=status)

    async def _reconnect(self) -> None:
        self.end("new password")

    async def _boot(self) -> None:
        self.station.boot_now.set()

    async def _reboot(self) -> None:
        self.station.reboot("LocalReset")

    # -- charging -----------------------------------------------------------------------------------------------------

    @answers("RemoteStartTransaction")
    def on_remote_start(
        self, id_tag: str, connector_id: int | None = None, charging_profile: Payload | None = None
    ) -> Any:
        """OCPP 1.6 §5.11."""
        connector = self.sessions.reserve(connector_id)
        if connector is None:
            return call_result.RemoteStartTransaction(status="Rejected")
        if charging_profile is not None:
            self.station.profiles[charging_profile["charging_profile_id"]] = charging_profile
        self.afterwards(lambda: self.sessions.start_remotely(connector, IdToken(id_tag), None))
        return call_result.RemoteStartTransaction(status="Accepted")

    @answers("RemoteStopTransaction")
    def on_remote_stop(self, transaction_id: int) -> Any:
        """OCPP 1.6 §5.12."""
        connector = self.sessions.find(str(transaction_id))
        if connector is None:
            return call_result.RemoteStopTransaction(status="Rejected")
        self.afterwards(lambda: self._end(connector, StopReason.REMOTE))
        return call_result.RemoteStopTransaction(status="Accepted")

    async def _end(self, connector: Connector, reason: StopReason) -> None:
        self.sessions.end(connector, reason)

    @answers("UnlockConnector")
    def on_unlock_connector(self, connector_id: int) -> Any:
        """OCPP 1.6 §5.18: a running transaction is ended first."""
        connector = self.station.connectors.get(connector_id)
        if connector is None:
            return call_result.UnlockConnector(status="NotSupported")
        self.sessions.end(connector, StopReason.UNLOCK_COMMAND)
        return call_result.UnlockConnector(status="Unlocked")

    @answers("ChangeAvailability")
    def on_change_availability(self, connector_id: int, type: str) -> Any:  # noqa: A002 - the wire's name
        """OCPP 1.6 §5.2."""
        if connector_id not in range(len(self.station.connectors) + 1):
            return call_result.ChangeAvailability(status="Rejected")
        at_once = self.sessions.set_operative(connector_id, operative=type == "Operative")
        return call_result.ChangeAvailability(status="Accepted" if at_once else "Scheduled")

    @answers("Reset")
    def on_reset(self, type: str) -> Any:  # noqa: A002 - the wire's name
        """OCPP 1.6 §5.14: transactions are ended, then the charge point boots again."""
        reason = StopReason.HARD_RESET if type == "Hard" else StopReason.SOFT_RESET

        async def reset() -> None:
            self.sessions.end_all(reason)
            self.station.reboot("RemoteReset")

        self.afterwards(reset)
        return call_result.Reset(status="Accepted")

    # -- smart charging and local lists: accepted and remembered -----------------------------------------------------

    @answers("SetChargingProfile")
    def on_set_charging_profile(self, connector_id: int, cs_charging_profiles: Payload) -> Any:
        """OCPP 1.6 §5.16."""
        self.station.profiles[cs_charging_profiles["charging_profile_id"]] = cs_charging_profiles | {
            "connector_id": connector_id
        }
        return call_result.SetChargingProfile(status="Accepted")

    @answers("ClearChargingProfile")
    def on_clear_charging_profile(
        self,
        id: int | None = None,  # noqa: A002 - the wire's name
        connector_id: int | None = None,
        charging_profile_purpose: str | None = None,
        stack_level: int | None = None,
    ) -> Any:
        """OCPP 1.6 §5.5."""
        wanted = {
            "charging_profile_id": id,
            "connector_id": connector_id,
            "charging_profile_purpose": charging_profile_purpose,
            "stack_level": stack_level,
        }
        cleared = self.station.clear_profiles({key: value for key, value in wanted.items() if value is not None})
        return call_result.ClearChargingProfile(status="Accepted" if cleared else "Unknown")

    @answers("GetCompositeSchedule")
    def on_get_composite_schedule(self, **_: Any) -> Any:
        """OCPP 1.6 §5.7: this charger does not compute one."""
        return call_result.GetCompositeSchedule(status="Rejected")

    @answers("SendLocalList")
    def on_send_local_list(
        self, list_version: int, update_type: str, local_authorization_list: list[Payload] | None = None
    ) -> Any:
        """OCPP 1.6 §5.15."""
        entries = {
            entry["id_tag"]: entry["id_tag_info"]["status"] if "id_tag_info" in entry else None
            for entry in local_authorization_list or []
        }
        status = self.station.take_local_list(list_version, entries, full=update_type == "Full")
        return call_result.SendLocalList(status=status)

    @answers("GetLocalListVersion")
    def on_get_local_list_version(self) -> Any:
        """OCPP 1.6 §5.10."""
        return call_result.GetLocalListVersion(list_version=self.station.local_list_version)

    @answers("ClearCache")
    def on_clear_cache(self) -> Any:
        """OCPP 1.6 §5.4."""
        return call_result.ClearCache(status="Accepted")

    @answers("DataTransfer")
    def on_data_transfer(self, vendor_id: str, message_id: str | None = None, data: str | None = None) -> Any:
        """OCPP 1.6 §5.6: only our own vendor's messages are known, and they are echoed."""
        del message_id
        known = vendor_id == self.station.settings.vendor
        return call_result.DataTransfer(status="Accepted" if known else "UnknownVendorId", data=data if known else None)

    # -- triggers -----------------------------------------------------------------------------------------------------

    @answers("TriggerMessage")
    def on_trigger_message(self, requested_message: str, connector_id: int | None = None) -> Any:
        """OCPP 1.6 §5.17: the answer first, then the message."""
        status = self._trigger(requested_message, connector_id)
        return call_result.TriggerMessage(status=status)

    @answers("ExtendedTriggerMessage")
    def on_extended_trigger_message(self, requested_message: str, connector_id: int | None = None) -> Any:
        """OCPP 1.6 security whitepaper §5.8."""
        status = self._trigger(requested_message, connector_id)
        return call_result.ExtendedTriggerMessage(status=status)

    def _trigger(self, requested: str, number: int | None) -> str:
        if number is not None and number not in self._dialect.status_numbers():
            return "Rejected"
        if requested == "BootNotification":
            self.afterwards(self._boot)
            return "Accepted"
        messages = self._triggered(requested, number)
        if messages is None:
            return "NotImplemented"
        self.afterwards(lambda: self.tell(*messages))
        return "Accepted"

    def _triggered(self, requested: str, number: int | None) -> list[Message] | None:
        station, dialect = self.station, self._dialect
        match requested:
            case "Heartbeat":
                return [] if station.settings.has(Fault.NEVER_SENDS_HEARTBEATS) else [dialect.heartbeat()]
            case "StatusNotification":
                numbers = dialect.status_numbers() if number is None else [number]
                return [self._status(one) for one in numbers]
            case "MeterValues":
                chosen = [c for c in station.connectors.values() if number in {None, 0, c.number}]
                return [found for connector in chosen if (found := self._meter_values(connector)) is not None]
            case "FirmwareStatusNotification":
                return [dialect.firmware_status("Idle", None)]
            case "DiagnosticsStatusNotification":
                return [dialect.log_status("Idle", None)]
            case _:
                return None

    def _status(self, number: int) -> Message:
        return self._dialect.status(number, self._dialect.reported_status(self.station.connectors.get(number)))

    def _meter_values(self, connector: Connector) -> Message | None:
        self.station.tick(connector)
        return self._dialect.meter_values(connector, connector.meter.reading(), "Trigger")

    # -- certificates -------------------------------------------------------------------------------------------------

    @answers("InstallCertificate")
    def on_install_certificate(self, certificate_type: str, certificate: str) -> Any:
        """OCPP 1.6 security whitepaper §5.15, for the central system's root alone."""
        takes = certificate_type == "CentralSystemRootCertificate" and install(self.station, certificate)
        return call_result.InstallCertificate(status="Accepted" if takes else "Rejected")

    @answers("GetInstalledCertificateIds")
    def on_get_installed_certificate_ids(self, certificate_type: str) -> Any:
        """OCPP 1.6 security whitepaper §5.14."""
        found = installed(self.station) if certificate_type == "CentralSystemRootCertificate" else []
        if not found:
            return call_result.GetInstalledCertificateIds(status="NotFound")
        return call_result.GetInstalledCertificateIds(status="Accepted", certificate_hash_data=found)

    # -- firmware and logs --------------------------------------------------------------------------------------------

    @answers("UpdateFirmware")
    def on_update_firmware(self, location: str, retrieve_date: str, **_: Any) -> Any:
        """OCPP 1.6 §5.19. The file is fetched; the virtual firmware's version is read from its name."""
        firmware = Firmware(location, retrieve_date)
        self.afterwards(lambda: update_firmware(self.station, firmware, None))
        return call_result.UpdateFirmware()

    @answers("SignedUpdateFirmware")
    def on_signed_update_firmware(self, request_id: int, firmware: Payload, **_: Any) -> Any:
        """OCPP 1.6 security whitepaper §5.17."""
        wanted = Firmware(
            firmware["location"],
            firmware["retrieve_date_time"],
            firmware["signature"],
            firmware["signing_certificate"],
        )
        self.afterwards(lambda: update_firmware(self.station, wanted, request_id))
        return call_result.SignedUpdateFirmware(status="Accepted")

    @answers("GetDiagnostics")
    def on_get_diagnostics(self, location: str, **_: Any) -> Any:
        """OCPP 1.6 §5.9."""
        name = f"{re.sub('[^A-Za-z0-9]', '-', self.station.settings.serial_number)}.log"
        self.afterwards(lambda: send_log(self.station, location, None, name))
        return call_result.GetDiagnostics(file_name=name)

    @answers("GetLog")
    def on_get_log(self, request_id: int, log: Payload, **_: Any) -> Any:
        """OCPP 1.6 security whitepaper §5.9."""
        name = f"{request_id}.log"
        self.afterwards(lambda: send_log(self.station, log["remote_location"], request_id, name))
        return call_result.GetLog(status="Accepted", filename=name)
