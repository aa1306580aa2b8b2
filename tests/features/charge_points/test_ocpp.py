"""Boot, heartbeat and status: OCPP 1.6 §4.2, §4.6, §4.9; 2.x B01-B03, G01, G02."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from inbound_wire import NOW, Installation, Wire
from sliproad.features.charge_points.live_service import LiveService
from sliproad.foundation.database import ENGINE, Database

BOOT_16 = {
    "chargePointVendor": "Volt",
    "chargePointModel": "AC22",
    "chargePointSerialNumber": "SN-1",
    "firmwareVersion": "1.2.3",
    "iccid": "893",
    "imsi": "204",
    "meterType": "MID",
    "meterSerialNumber": "M-9",
}
BOOT_2X = {
    "reason": "PowerUp",
    "chargingStation": {
        "model": "AC22",
        "vendorName": "Volt",
        "serialNumber": "SN-1",
        "firmwareVersion": "1.2.3",
        "modem": {"iccid": "893", "imsi": "204"},
    },
}


@pytest.fixture
def installation(database_url: str) -> Iterator[Installation]:
    found = Installation(database_url)
    yield found
    found.close()


def boot(wire: Wire, **changes: object) -> dict:
    return wire.say("BootNotification", (BOOT_16 if wire.peer.version == "1.6" else BOOT_2X) | changes)


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
class TestBoot:
    async def test_accepted_boot_is_recorded(self, installation: Installation, engine: Database, version: str) -> None:
        wire = installation.charge_point(version)
        assert boot(wire) == {"status": "Accepted", "currentTime": "2026-05-01T10:23:00.000Z", "interval": 30}
        async with engine.transaction(ENGINE) as session:
            live = await LiveService().live(session, wire.key)
        assert (live.boot_vendor, live.boot_model, live.boot_serial_number) == ("Volt", "AC22", "SN-1")
        assert (live.firmware_version, live.iccid, live.imsi) == ("1.2.3", "893", "204")
        assert (live.boot_status, live.boot_epoch, live.booted_at) == ("Accepted", 7, NOW)
        assert (live.meter_type, live.meter_serial_number) == (("MID", "M-9") if version == "1.6" else (None, None))
        assert wire.live[-1].event == "boot"

    @pytest.mark.parametrize("policy", ["pending", "rejected"])
    def test_policy_decides(self, installation: Installation, version: str, policy: str) -> None:
        """B02, B03: the charge point asks again after the interval."""
        wire = installation.charge_point(version, boot_policy=policy, commissioned=True)
        answer = boot(wire)
        assert (answer["status"], answer["interval"]) == (policy.capitalize(), 30)

    def test_interval_grows_once_commissioned(self, installation: Installation, version: str) -> None:
        assert boot(installation.charge_point(version, commissioned=True))["interval"] == 300

    def test_heartbeat_writes_nothing(self, installation: Installation, version: str) -> None:
        wire = installation.charge_point(version)
        message = wire.message("Heartbeat", {})
        assert message.outcome.writes == ()
        assert message.outcome.answer == b'{"currentTime":"2026-05-01T10:23:00.000Z"}'
        assert wire.live[-1].event == "heartbeat"


def status_16(connector: int, status: str, at: str | None = "2026-05-01T10:23:00Z", **more: object) -> dict:
    return {
        "connectorId": connector,
        "errorCode": "NoError",
        "status": status,
        **({"timestamp": at} if at else {}),
        **more,
    }


class TestStatus:
    """1.6 §4.9, 2.x G01."""

    async def test_connectors_of_16(self, installation: Installation, engine: Database) -> None:
        wire = installation.charge_point()
        wire.say("StatusNotification", status_16(0, "Available"))
        wire.say(
            "StatusNotification", status_16(1, "Faulted", errorCode="GroundFailure", info="wet", vendorErrorCode="E7")
        )
        async with engine.transaction(ENGINE) as session:
            whole, first = await LiveService().connectors(session, wire.key)
        assert (whole.evse_id, whole.connector_id, whole.status) == (0, 0, "Available")
        assert (first.evse_id, first.status, first.error_code) == (1, "Faulted", "GroundFailure")
        assert (first.info, first.vendor_error_code, first.status_at, first.report_count) == ("wet", "E7", NOW, 1)

    async def test_connectors_of_2x(self, installation: Installation, engine: Database) -> None:
        wire = installation.charge_point("2.0.1")
        at = "2026-05-01T12:23:00+02:00"
        wire.say("StatusNotification", {"timestamp": at, "connectorStatus": "Occupied", "evseId": 2, "connectorId": 1})
        async with engine.transaction(ENGINE) as session:
            (connector,) = await LiveService().connectors(session, wire.key)
        assert (connector.evse_id, connector.connector_id, connector.status) == (2, 1, "Occupied")
        assert connector.status_at == NOW

    def test_offline_report_is_no_live_status(self, installation: Installation) -> None:
        """A queue that is emptied late tells the past (ocpp.md "Messages")."""
        wire = installation.charge_point()
        wire.say("StatusNotification", status_16(1, "Charging"))
        wire.say("StatusNotification", status_16(1, "Available", "2026-05-01T08:00:00Z"), NOW + timedelta(minutes=1))
        found = installation.row("select * from connectors")
        assert (found["status"], found["report_count"], found["status_at"]) == ("Charging", 2, NOW)

    @pytest.mark.parametrize("wrong", ["1970-01-01T00:00:09Z", "2099-01-01T00:00:00Z", "0001-01-01T00:00:00Z"])
    def test_wrong_clock_does_not_freeze_the_status(self, installation: Installation, wrong: str) -> None:
        wire = installation.charge_point()
        wire.say("StatusNotification", status_16(1, "Available"))
        wire.say("StatusNotification", status_16(1, "Preparing", wrong), NOW + timedelta(seconds=1))
        assert installation.row("select status from connectors")["status"] == "Preparing"
        wire.say("StatusNotification", status_16(1, "Charging", "2026-05-01T10:23:02Z"), NOW + timedelta(seconds=2))
        assert installation.row("select status from connectors")["status"] == "Charging"

    def test_without_timestamp_it_is_now(self, installation: Installation) -> None:
        wire = installation.charge_point()
        wire.say("StatusNotification", status_16(1, "Available", None))
        assert installation.row("select * from connectors")["status_at"] == NOW

    def test_clock_skew_is_shown(self, installation: Installation) -> None:
        wire = installation.charge_point()
        wire.say("StatusNotification", status_16(1, "Available", "2026-05-01T10:21:00Z"))
        assert installation.row("select clock_skew_seconds from charge_point_live")["clock_skew_seconds"] == -120

    def test_many_reports_in_one_group(self, installation: Installation) -> None:
        wire = installation.charge_point()
        times = ["2026-05-01T10:22:58Z", "2026-05-01T10:23:00Z", "2026-05-01T10:22:59Z"]
        statuses = ["Available", "Charging", "Preparing"]
        installation.commit(
            [wire.message("StatusNotification", status_16(1, s, t)) for s, t in zip(statuses, times, strict=True)]
        )
        found = installation.row("select * from connectors")
        assert (found["status"], found["report_count"]) == ("Charging", 3)


class TestStatusEvents:
    """Contract §4: `charge_point.status_changed` and `.fault`, in the commit of the change."""

    def outbox(self, installation: Installation) -> list[tuple[str, str, str | None]]:
        rows = installation.rows("select name, data from outbox order by seq")
        return [(row["name"], row["data"]["status"], row["data"]["previous_status"]) for row in rows]

    def test_only_real_changes_are_told(self, installation: Installation) -> None:
        wire = installation.charge_point(subscribed=frozenset({"charge_point.status_changed"}))
        for status in ("Available", "Available", "Charging", "Charging"):
            wire.say("StatusNotification", status_16(1, status))
        wire.say("StatusNotification", status_16(1, "Available", "2026-05-01T08:00:00Z"))
        name = "charge_point.status_changed"
        assert self.outbox(installation) == [(name, "Available", None), (name, "Charging", "Available")]
        data = installation.rows("select data, charge_point_key from outbox order by seq")[1]
        assert data["data"] == {
            "charge_point_id": wire.peer.charge_point_id,
            "evse_id": 1,
            "connector_id": 1,
            "status": "Charging",
            "previous_status": "Available",
            "error_code": "NoError",
            "info": None,
            "vendor_error_code": None,
            "status_at": "2026-05-01T10:23:00Z",
        }

    def test_fault_is_an_event_of_its_own(self, installation: Installation) -> None:
        both = frozenset({"charge_point.status_changed", "charge_point.fault"})
        wire = installation.charge_point(subscribed=both)
        wire.say("StatusNotification", status_16(1, "Faulted"))
        wire.say("StatusNotification", status_16(1, "Faulted"))
        assert [name for name, *_ in self.outbox(installation)] == ["charge_point.status_changed", "charge_point.fault"]

    def test_nothing_is_stored_that_nobody_wants(self, installation: Installation) -> None:
        wire = installation.charge_point(subscribed=frozenset({"session.started"}))
        wire.say("StatusNotification", status_16(1, "Faulted"))
        assert self.outbox(installation) == []


def test_text_with_nul_is_kept_visible(installation: Installation) -> None:
    """U+0000 must not break the insert (house §3)."""
    wire = installation.charge_point()
    wire.say("StatusNotification", status_16(1, "Available", info='a\0b\\u0000"\0'))
    assert installation.row("select info from connectors")["info"] == 'a\\u0000b\\u0000"\\u0000'
    boot(wire, firmwareVersion="1\0")
    assert installation.row("select firmware_version from charge_point_live")["firmware_version"] == "1\\u0000"
    assert len(installation.rows("select payload::json from ocpp_messages")) == 2
