"""What the CSMS may ask of an OCPP 2.0.1 or 2.1 charge point, and what this one does about it."""

from typing import Any

from ocpp.v21.enums import Action as Action21
from ocpp.v201.enums import Action as Action201

from ocpp import v21, v201
from sliproad.simulator.connectors import Connector, IdToken, StopReason
from sliproad.simulator.device_model import Payload
from sliproad.simulator.dialect import Message
from sliproad.simulator.faults import Fault
from sliproad.simulator.link import answers
from sliproad.simulator.link_2x_device_model import DeviceModelLink
from sliproad.simulator.service_visits import Firmware, send_log, update_firmware


class Link2x(DeviceModelLink):
    """Charging, availability, triggers, local lists, firmware and logs of OCPP 2.x."""

    # -- charging -----------------------------------------------------------------------------------------------------

    @answers("RequestStartTransaction")
    def on_request_start(
        self,
        id_token: Payload,
        remote_start_id: int,
        evse_id: int | None = None,
        charging_profile: Payload | None = None,
        **_: Any,
    ) -> Any:
        """F01, F02."""
        connector = self.sessions.reserve(evse_id)
        if connector is None:
            return self._call_result.RequestStartTransaction(status="Rejected")
        if charging_profile is not None:
            self.station.profiles[charging_profile["id"]] = charging_profile | {"evse_id": connector.number}
        token = IdToken(id_token["id_token"], id_token["type"])
        self.afterwards(lambda: self.sessions.start_remotely(connector, token, remote_start_id))
        return self._call_result.RequestStartTransaction(status="Accepted")

    @answers("RequestStopTransaction")
    def on_request_stop(self, transaction_id: str, **_: Any) -> Any:
        """F03."""
        connector = self.sessions.find(transaction_id)
        if connector is None:
            return self._call_result.RequestStopTransaction(status="Rejected")
        self.afterwards(lambda: self._end(connector, StopReason.REMOTE))
        return self._call_result.RequestStopTransaction(status="Accepted")

    async def _end(self, connector: Connector, reason: StopReason) -> None:
        self.sessions.end(connector, reason)

    @answers("GetTransactionStatus")
    def on_get_transaction_status(self, transaction_id: str | None = None, **_: Any) -> Any:
        """E14."""
        pending = self.station.ledger.book.pending
        if transaction_id is None:
            return self._call_result.GetTransactionStatus(messages_in_queue=bool(pending))
        return self._call_result.GetTransactionStatus(
            ongoing_indicator=self.sessions.find(transaction_id) is not None,
            messages_in_queue=any(queued.transaction == transaction_id for queued in pending),
        )

    @answers("UnlockConnector")
    def on_unlock_connector(self, evse_id: int, connector_id: int, **_: Any) -> Any:
        """F05."""
        connector = self.station.connectors.get(evse_id)
        if connector is None or connector_id != 1:
            return self._call_result.UnlockConnector(status="UnknownConnector")
        busy = connector.transaction is not None
        return self._call_result.UnlockConnector(status="OngoingAuthorizedTransaction" if busy else "Unlocked")

    @answers("ChangeAvailability")
    def on_change_availability(self, operational_status: str, evse: Payload | None = None, **_: Any) -> Any:
        """G03, G04."""
        number = 0 if evse is None else evse["id"]
        if number not in range(len(self.station.connectors) + 1):
            return self._call_result.ChangeAvailability(status="Rejected")
        at_once = self.sessions.set_operative(number, operative=operational_status == "Operative")
        return self._call_result.ChangeAvailability(status="Accepted" if at_once else "Scheduled")

    @answers("Reset")
    def on_reset(self, type: str, evse_id: int | None = None, **_: Any) -> Any:  # noqa: A002 - the wire's name
        """B11, B12: OnIdle waits for running transactions, Immediate ends them, 2.1's ImmediateAndResume keeps them."""
        if evse_id is not None:
            return self._call_result.Reset(status="Rejected")  # EVSEs of this charger have no life of their own
        busy = any(connector.transaction for connector in self.station.connectors.values())
        if type == "OnIdle":
            self.afterwards(self._reset_when_idle)
            return self._call_result.Reset(status="Scheduled" if busy else "Accepted")
        self.afterwards(self._reset_now if type == "Immediate" else self._reset_and_resume)
        return self._call_result.Reset(status="Accepted")

    async def _reset_now(self) -> None:
        self.sessions.end_all(StopReason.HARD_RESET)
        self.station.reboot("RemoteReset")

    async def _reset_and_resume(self) -> None:
        self.station.reboot("RemoteReset")

    async def _reset_when_idle(self) -> None:
        scheduled = False
        while any(connector.transaction for connector in self.station.connectors.values()):
            scheduled = True
            await self.station.events.expect("transaction_stopped")
        self.station.reboot("ScheduledReset" if scheduled else "RemoteReset")

    # -- smart charging and local lists: accepted and remembered -----------------------------------------------------

    @answers("SetChargingProfile")
    def on_set_charging_profile(self, evse_id: int, charging_profile: Payload, **_: Any) -> Any:
        """K01."""
        self.station.profiles[charging_profile["id"]] = charging_profile | {"evse_id": evse_id}
        return self._call_result.SetChargingProfile(status="Accepted")

    @answers("ClearChargingProfile")
    def on_clear_charging_profile(
        self, charging_profile_id: int | None = None, charging_profile_criteria: Payload | None = None, **_: Any
    ) -> Any:
        """K10."""
        criteria = charging_profile_criteria or {}
        wanted = {
            "id": charging_profile_id,
            "evse_id": criteria.get("evse_id"),
            "charging_profile_purpose": criteria.get("charging_profile_purpose"),
            "stack_level": criteria.get("stack_level"),
        }
        cleared = self.station.clear_profiles({key: value for key, value in wanted.items() if value is not None})
        return self._call_result.ClearChargingProfile(status="Accepted" if cleared else "Unknown")

    @answers("SendLocalList")
    def on_send_local_list(
        self, version_number: int, update_type: str, local_authorization_list: list[Payload] | None = None, **_: Any
    ) -> Any:
        """D01."""
        entries = {
            entry["id_token"]["id_token"]: entry["id_token_info"]["status"] if "id_token_info" in entry else None
            for entry in local_authorization_list or []
        }
        status = self.station.take_local_list(version_number, entries, full=update_type == "Full")
        return self._call_result.SendLocalList(status=status)

    @answers("GetLocalListVersion")
    def on_get_local_list_version(self, **_: Any) -> Any:
        """D02."""
        return self._call_result.GetLocalListVersion(version_number=self.station.local_list_version)

    @answers("ClearCache")
    def on_clear_cache(self, **_: Any) -> Any:
        """C11."""
        return self._call_result.ClearCache(status="Accepted")

    @answers("DataTransfer")
    def on_data_transfer(self, vendor_id: str, data: Any = None, **_: Any) -> Any:
        """P01: only our own vendor's messages are known, and they are echoed."""
        known = vendor_id == self.station.settings.vendor
        status = "Accepted" if known else "UnknownVendorId"
        return self._call_result.DataTransfer(status=status, data=data if known else None)

    # -- triggers -----------------------------------------------------------------------------------------------------

    @answers("TriggerMessage")
    def on_trigger_message(self, requested_message: str, evse: Payload | None = None, **_: Any) -> Any:
        """F06: the answer first, then the message."""
        if evse is not None and evse["id"] not in self.station.connectors:
            return self._call_result.TriggerMessage(status="Rejected")
        if requested_message == "BootNotification":
            return self._call_result.TriggerMessage(status=self._trigger_boot())
        if requested_message == "TransactionEvent":
            return self._call_result.TriggerMessage(status=self._trigger_transaction_event(evse))
        messages = self._triggered(requested_message, evse)
        if messages is None:
            return self._call_result.TriggerMessage(status="NotImplemented")
        silent = requested_message == "Heartbeat" and self.station.settings.has(Fault.NEVER_SENDS_HEARTBEATS)
        if not messages and not silent:
            return self._call_result.TriggerMessage(status="Rejected")
        self.afterwards(lambda: self.tell(*messages))
        return self._call_result.TriggerMessage(status="Accepted")

    def _trigger_boot(self) -> str:
        """F06.FR.17: never once accepted."""
        if self.station.boot_status == "Accepted":
            return "Rejected"

        async def boot() -> None:
            self.station.boot_now.set()

        self.afterwards(boot)
        return "Accepted"

    def _trigger_transaction_event(self, evse: Payload | None) -> str:
        chosen = [
            connector
            for connector in self.station.connectors.values()
            if connector.transaction is not None and (evse is None or evse["id"] == connector.number)
        ]
        if not chosen:
            return "Rejected"

        async def sample() -> None:
            for connector in chosen:
                if connector.transaction is not None:
                    self.sessions.sample(connector, "Trigger", "Trigger")

        self.afterwards(sample)
        return "Accepted"

    def _triggered(self, requested: str, evse: Payload | None) -> list[Message] | None:
        """The messages to send; none if what was asked for does not exist here; None for a message we do not have."""
        station, dialect = self.station, self.dialect
        match requested:
            case "Heartbeat":
                return [] if station.settings.has(Fault.NEVER_SENDS_HEARTBEATS) else [dialect.heartbeat()]
            case "StatusNotification" if evse is None or evse.get("connector_id") != 1:
                return []  # F06.FR.12: both numbers are needed
            case "StatusNotification":
                assert evse is not None
                return [dialect.status(evse["id"], dialect.reported_status(station.connectors[evse["id"]]))]
            case "MeterValues":
                chosen = [c for c in station.connectors.values() if evse is None or evse["id"] == c.number]
                return [found for connector in chosen if (found := self._meter_values(connector)) is not None]
            case "FirmwareStatusNotification":
                return [dialect.firmware_status("Idle", None)]
            case "LogStatusNotification":
                return [dialect.log_status("Idle", None)]
            case _:
                return None

    def _meter_values(self, connector: Connector) -> Message | None:
        self.station.tick(connector)
        return self.dialect.meter_values(connector, connector.meter.reading(), "Trigger")

    # -- firmware and logs --------------------------------------------------------------------------------------------

    @answers("UpdateFirmware")
    def on_update_firmware(self, request_id: int, firmware: Payload, **_: Any) -> Any:
        """L01, L02. The file is fetched; the virtual firmware's version is read from its name."""
        wanted = Firmware(
            firmware["location"],
            firmware["retrieve_date_time"],
            firmware.get("signature"),
            firmware.get("signing_certificate"),
        )
        self.afterwards(lambda: update_firmware(self.station, wanted, request_id))
        return self._call_result.UpdateFirmware(status="Accepted")

    @answers("GetLog")
    def on_get_log(self, request_id: int, log: Payload, **_: Any) -> Any:
        """N01."""
        name = f"{request_id}.log"
        self.afterwards(lambda: send_log(self.station, log["remote_location"], request_id, name))
        return self._call_result.GetLog(status="Accepted", filename=name)


class Link201(Link2x, v201.ChargePoint):  # type: ignore[misc]
    """OCPP 2.0.1."""

    known_actions = frozenset(action.value for action in Action201)


class Link21(Link2x, v21.ChargePoint):  # type: ignore[misc]
    """OCPP 2.1. The package checks unknown 2.1 actions against nothing; `Link` does it."""

    known_actions = frozenset(action.value for action in Action21)
