"""What a busy 1.6 fleet says, as frames: every one is new (its id, its time), so that no answer comes from a memory of repetitions.

Of twenty messages ten are MeterValues, four Heartbeats, three StatusNotifications, and one each BootNotification,
StartTransaction and StopTransaction. The transaction id of the answer to Start goes into the MeterValues and the Stop.
"""

import re
from datetime import UTC, datetime, timedelta

_SAMPLES = ",".join(
    f'{{"value":"{value}","context":"Sample.Periodic","format":"Raw","measurand":"{measurand}","location":"Outlet",'
    f'"unit":"{unit}"{phase}}}'
    for value, measurand, unit, phase in (
        ("1284567.3", "Energy.Active.Import.Register", "Wh", ""),
        ("10890.5", "Power.Active.Import", "W", ""),
        ("15.8", "Current.Import", "A", ',"phase":"L1"'),
        ("231.4", "Voltage", "V", ',"phase":"L1-N"'),
    )
)
_PAYLOADS = {
    "Heartbeat": "{}",
    "StatusNotification": '{"connectorId":1,"errorCode":"NoError","status":"Charging","timestamp":"<time>"}',
    "MeterValues": '{"connectorId":1,"transactionId":<transaction>,"meterValue":[{"timestamp":"<time>","sampledValue":['
    + _SAMPLES
    + "]}]}",
    "BootNotification": '{"chargePointVendor":"ACME","chargePointModel":"AC22-DUO","chargePointSerialNumber":"SN0012345678",'
    '"firmwareVersion":"3.14.159","iccid":"8931080019033218011","imsi":"204080012345678"}',
    "StartTransaction": '{"connectorId":1,"idTag":"04A1B2C3D4E5F6","meterStart":1284000,"timestamp":"<time>"}',
    "StopTransaction": '{"transactionId":<transaction>,"idTag":"04A1B2C3D4E5F6","meterStop":1301234,"timestamp":"<time>",'
    '"reason":"EVDisconnected"}',
}
CYCLE = (
    "StartTransaction", "MeterValues", "Heartbeat", "MeterValues", "StatusNotification", "MeterValues", "MeterValues",
    "Heartbeat", "MeterValues", "MeterValues", "StatusNotification", "Heartbeat", "MeterValues", "MeterValues",
    "BootNotification", "MeterValues", "StatusNotification", "Heartbeat", "MeterValues", "StopTransaction",
)  # fmt: skip
_PLACE = {"<id>": "%(id)s", "<time>": "%(time)s", "<transaction>": "%(transaction)d"}
_TRANSACTION = re.compile(rb'"transactionId": ?(\d+)')


def template(action: str) -> bytes:
    """`[2,id,action,payload]` with places for id, time and transaction."""
    text = f'[2,"<id>","{action}",{_PAYLOADS[action]}]'.replace("%", "%%")
    for name, place in _PLACE.items():
        text = text.replace(name, place)
    return text.encode()


_TEMPLATES = [template(action) for action in CYCLE]
_EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
_TIMES = [
    (_EPOCH + timedelta(milliseconds=137 * number)).isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
    for number in range(200_000)
]


class Speech:
    """The messages of one charge point, one after another."""

    __slots__ = ("_prefix", "_spoken", "transaction")

    def __init__(self, number: int) -> None:
        self._prefix = b"7c9e6679-7425-40de-%06x" % number
        self._spoken = 0
        self.transaction = 1

    def next(self) -> bytes:
        spoken = self._spoken
        self._spoken = spoken + 1
        return _TEMPLATES[spoken % 20] % {
            b"id": b"%b-%06x" % (self._prefix, spoken),
            b"time": _TIMES[spoken % 200_000],
            b"transaction": self.transaction,
        }

    def heard(self, answer: bytes) -> None:
        """Take the transaction id out of the answer to a StartTransaction."""
        if self._spoken % 20 == 1 and (found := _TRANSACTION.search(answer)):
            self.transaction = int(found[1])
