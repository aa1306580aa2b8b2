"""Who decides about a token where a charge point has an operator: we, they, both, either; and that it costs little when they are silent."""

import asyncio
from typing import Any

import orjson
import pytest

from operator_server import OperatorServer
from sliproad.simulator import VirtualCharger
from sliproad.simulator.sessions import ChargingRefusedError

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


async def charge(virtual: VirtualCharger, token: str) -> None:
    """A driver comes, is told yes or no, and goes."""
    await virtual.start_charging(1, token)
    await virtual.stop_charging(1)
    await virtual.unplug(1)


def statuses(relayed: Any, charge_point_id: str) -> dict[str, tuple[str, list[str]]]:
    """Token -> what was answered to its start, and what is odd about it."""
    return {
        row["id_token"]: (row["authorization_status"], row["flags"]) for row in relayed.transactions(charge_point_id)
    }


@VERSIONS
async def test_a_token_that_the_operator_accepts_may_charge(served_site, relayed, operator, version):
    operator.manners.accepts = lambda token: token == "THEIRS"
    async with served_site.charger(version, free_vend=True) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        for token in ("THEIRS", "NOBODYS"):
            await charge(virtual, token)
        await virtual.wait_until_delivered()
        await relayed.delivered(cp)
        found = statuses(relayed, cp)
        assert found["THEIRS"][0] == "Accepted"
        assert "token_not_accepted" not in found["THEIRS"][1]
        assert found["NOBODYS"][0] == "Blocked"
        answers = said_of_tokens(relayed, served_site, cp)
        assert answers["THEIRS"] == "Accepted"
        assert answers["NOBODYS"] == "Blocked"


def said_of_tokens(relayed: Any, _site: Any, cp: str) -> dict[str, str]:
    """What the operator was asked by an Authorize of ours, and said."""
    found = {}
    for row in relayed.messages(cp, action="Authorize"):
        asked, answer = orjson.loads(row["payload"]), orjson.loads(row["answer"])
        token = asked.get("idTag") or asked["idToken"]["idToken"]
        found[token] = (answer.get("idTagInfo") or answer["idTokenInfo"])["status"]
    return found


@VERSIONS
async def test_a_driver_at_the_charge_point_waits_for_the_operators_word(served_site, relayed, operator, version):
    operator.manners.accepts = lambda token: token == "THEIRS"
    async with served_site.charger(version) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        with pytest.raises(ChargingRefusedError):
            await virtual.start_charging(1, "NOBODYS")
        await virtual.unplug(1)
        await charge(virtual, "THEIRS")
        await virtual.wait_until_delivered()
        assert [row["authorization_status"] for row in relayed.transactions(cp)] == ["Accepted"]
        asked = [orjson.dumps(each.payload) for each in operator.of(cp, "Authorize")]
        assert len([each for each in asked if b"THEIRS" in each]) == 1, "the start is not asked about again"


@pytest.mark.parametrize("decision", ["ours", "both"])
async def test_where_we_decide_too_their_word_alone_is_not_enough(served_site, relayed, operator, decision):
    async with served_site.charger("1.6", free_vend=True) as (cp, virtual):
        relayed.apply(cp, operator, decision=decision)
        await relayed.state(cp, "connected")
        await charge(virtual, "THEIRS")
        await virtual.wait_until_delivered()
        await relayed.delivered(cp)
        assert statuses(relayed, cp)["THEIRS"][0] == "Invalid"


@VERSIONS
async def test_commissioning_passes_whoever_decides(served_site, relayed, operator, version):
    operator.manners.accepts = lambda _token: False
    async with served_site.worker(), served_site.charger(version) as (cp, _virtual):
        relayed.apply(cp, operator, decision="theirs")
        await relayed.state(cp, "connected")
        assert (await served_site.start(cp)).status_code == 202
        assert (await served_site.ended(cp))["result"] == "passed"


@VERSIONS
async def test_a_server_that_is_silent_costs_a_charge_point_five_seconds_once(served_site, relayed, operator, version):
    async with served_site.charger(version, free_vend=True) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        await operator.heard(cp, "StatusNotification")
        operator.manners.hangs = True
        for number in range(4):
            await charge(virtual, f"DRIVER{number}")
        async with asyncio.timeout(15):  # four sessions; five seconds for the first token, nothing for the others
            await virtual.wait_until_delivered()
        assert {status for status, _ in statuses(relayed, cp).values()} == {"Invalid"}
        assert relayed.messages(cp, state="waiting")
        operator.manners.hangs = False
        await operator.changed()
        await relayed.delivered(cp)


async def test_what_was_accepted_lately_is_not_asked_again(served_site, relayed, operator: OperatorServer):
    async with served_site.charger("2.1", free_vend=True) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        for _ in range(3):
            await charge(virtual, "REGULAR")
        await virtual.wait_until_delivered()
        await relayed.delivered(cp)
        assert {row["authorization_status"] for row in relayed.transactions(cp)} == {"Accepted"}
        asked = [each for each in operator.of(cp, "Authorize") if each.payload["idToken"]["idToken"] == "REGULAR"]
        assert len(asked) <= 1
