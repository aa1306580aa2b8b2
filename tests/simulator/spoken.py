"""The same request in each OCPP version, so that a test can say what it wants once."""

from typing import Any

from simulator.csms import Csms

VERSIONS = ("1.6", "2.0.1", "2.1")
REGISTER = "Energy.Active.Import.Register"


class Spoken:
    """What a tester does to a charge point, put into the words of a version."""

    def __init__(self, csms: Csms, version: str) -> None:
        self.csms = csms
        self.is_16 = version == "1.6"
        self.remote_start_id = 4711

    async def trigger(self, message: str, number: int | None = None) -> str:
        where: dict[str, Any] = {}
        if number is not None:
            where = {"connectorId": number} if self.is_16 else {"evse": {"id": number, "connectorId": 1}}
        return str((await self.csms.call("TriggerMessage", {"requestedMessage": message} | where))["status"])

    async def remote_start(self, token: str = "SLP-TEST") -> str:
        if self.is_16:
            answer = await self.csms.call("RemoteStartTransaction", {"idTag": token, "connectorId": 1})
        else:
            id_token = {"idToken": token, "type": "Central"}
            answer = await self.csms.call(
                "RequestStartTransaction", {"idToken": id_token, "remoteStartId": self.remote_start_id, "evseId": 1}
            )
        return str(answer["status"])

    async def started(self) -> Any:
        """The transaction's id, once it has started."""
        if self.is_16:
            await self.csms.wait_for("StartTransaction")
            return len(self.csms.of("StartTransaction"))
        event = await self.csms.wait_for("TransactionEvent", eventType="Started")
        return event["transactionInfo"]["transactionId"]

    async def samples(self, count: int) -> list[int]:
        """The energy register in Wh in the first `count` periodic samples of the running transaction."""
        if self.is_16:
            await self.csms.wait_for("MeterValues", count)
            found = self.csms.of("MeterValues")
        else:
            await self.csms.wait_for("TransactionEvent", count, eventType="Updated")
            found = [event for event in self.csms.of("TransactionEvent") if event["eventType"] == "Updated"]
        return [register(payload) for payload in found]

    async def remote_stop(self, transaction_id: Any) -> str:
        action = "RemoteStopTransaction" if self.is_16 else "RequestStopTransaction"
        return str((await self.csms.call(action, {"transactionId": transaction_id}))["status"])

    async def stopped(self) -> int:
        """The register at the end of the transaction."""
        if self.is_16:
            return int((await self.csms.wait_for("StopTransaction"))["meterStop"])
        return register(await self.csms.wait_for("TransactionEvent", eventType="Ended"))

    async def write(self, key: str, variable: tuple[str, str], value: str) -> str:
        if self.is_16:
            return str((await self.csms.call("ChangeConfiguration", {"key": key, "value": value}))["status"])
        component, name = variable
        item = {"component": {"name": component}, "variable": {"name": name}, "attributeValue": value}
        answer = await self.csms.call("SetVariables", {"setVariableData": [item]})
        return str(answer["setVariableResult"][0]["attributeStatus"])

    async def read(self, key: str, variable: tuple[str, str]) -> str:
        if self.is_16:
            return str((await self.csms.call("GetConfiguration", {"key": [key]}))["configurationKey"][0]["value"])
        component, name = variable
        item = {"component": {"name": component}, "variable": {"name": name}}
        answer = await self.csms.call("GetVariables", {"getVariableData": [item]})
        return str(answer["getVariableResult"][0]["attributeValue"])

    async def reset(self) -> str:
        return str((await self.csms.call("Reset", {"type": "Hard" if self.is_16 else "Immediate"}))["status"])

    @property
    def transaction_actions(self) -> set[str]:
        return {"StartTransaction", "MeterValues", "StopTransaction"} if self.is_16 else {"TransactionEvent"}


def register(payload: dict[str, Any]) -> int:
    """The energy register in a message's meter values."""
    for value in payload["meterValue"][0]["sampledValue"]:
        if value["measurand"] == REGISTER:
            return int(value["value"])
    raise AssertionError("no energy register in these meter values")
