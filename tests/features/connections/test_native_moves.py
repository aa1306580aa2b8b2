"""The native move over the operator's API: what is refused at once, who may confirm, and the sheet to print."""

import asyncio
import pathlib
import subprocess
from typing import Any

import pytest

from features.connections.conftest import Scene
from sliproad.features.accounts.model import OperatorScope
from workplace import Somebody

PASSWORD = "operators-password-1"


async def charge_point(scene: Scene, **more: Any) -> str:
    made = await scene.charge_point(more.pop("serial_number", "SN-1"), **more)
    return str(made["charge_point_id"])


async def post(scene: Scene, place: str, version: str) -> Any:
    return await scene.operator.post(
        f"{scene.base}/connections/{place}", json={"version": version, "delivery": "native"}
    )


@pytest.mark.parametrize(
    ("password", "words"),
    [(None, "needs a basicAuthPassword for native delivery"), ("short", "that an OCPP 1.6 charge point doesn't take")],
)
async def test_a_password_that_the_charge_point_would_not_take_is_refused_for_native_only(
    scene: Scene, password: str | None, words: str
) -> None:
    await charge_point(scene)
    version = await scene.store(basicAuthPassword=password)
    answer = await post(scene, "chargers/SN-1", version)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "version"
    assert words in answer.json()["detail"]
    [row] = (await post(scene, f"sites/{scene.site_id}", version)).json()["chargers"]
    assert row["state"] == "failed"
    assert words in row["reason"]
    [relayed] = await scene.apply("chargers/SN-1", version)
    assert relayed["state"] == "pending", "the relay sends it itself"


async def test_a_move_waits_for_the_charge_point(scene: Scene) -> None:
    await charge_point(scene)
    version = await scene.store(basicAuthPassword=PASSWORD)
    [row] = await scene.apply("chargers/SN-1", version, delivery="native")
    assert row["state"] == "pending"
    await scene.workplace.work()
    assert (await scene.state("SN-1"))["reason"] == "The move begins when the charge point connects here."
    unmoved = await scene.operator.post(f"{scene.base}/connections/chargers/SN-1/confirm")
    assert (unmoved.status_code, unmoved.json()["code"]) == (409, "not_moved")
    await scene.apply("chargers/SN-1", version)
    await scene.workplace.work()
    assert (await scene.state("SN-1"))["reason"] is None, "the relay is wanted now"
    answer = await scene.operator.post(f"{scene.base}/connections/chargers/SN-1/confirm")
    assert answer.json()["code"] == "not_moved"


async def test_nobody_else_confirms_or_prints(scene: Scene) -> None:
    await charge_point(scene)
    await scene.store(basicAuthPassword=PASSWORD)
    other = await scene.workplace.operator("Southern Lights")
    for operator_id in (scene.operator.id, other.id):
        base = f"/local-ocpp/v1/operators/{operator_id}/connections/chargers/SN-1"
        assert (await other.post(f"{base}/confirm")).status_code == 404
        assert (await other.get(f"{base}/settings-sheet")).status_code == 404


async def printed(scene: Scene, who: Somebody, tmp_path: pathlib.Path, query: str = "") -> str:
    answer = await who.get(f"{scene.base}/connections/chargers/SN-1/settings-sheet{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store"
    path = tmp_path / "sheet.pdf"
    path.write_bytes(answer.content)
    done = await asyncio.to_thread(
        subprocess.run, ["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\f") == 1, "one page"
    return done.stdout


async def test_the_sheet_has_what_is_to_be_entered(scene: Scene, tmp_path: pathlib.Path) -> None:
    await charge_point(scene)
    nothing = await scene.operator.get(f"{scene.base}/connections/chargers/SN-1/settings-sheet")
    assert nothing.status_code == 404
    await scene.store(basicAuthPassword=PASSWORD)
    text = await printed(scene, scene.operator, tmp_path)
    for part in (
        "wss://your-ocpp-server.com/ocpp",
        "SN-1",
        PASSWORD,
        "OCPP 1.6",
        "SHA-256",
        "Northern Lights",
        "MicroOcpp",
    ):
        assert part in text, part
    without = await scene.workplace.operator_key(scene.operator.id, OperatorScope.CONNECTIONS)
    blank = await printed(scene, without, tmp_path)
    assert PASSWORD not in blank
    assert "Password" in blank


async def test_the_sheet_for_the_way_back_is_ours(scene: Scene, tmp_path: pathlib.Path) -> None:
    charge_point_id = await charge_point(scene, ocpp_version="2.0.1")
    text = await printed(scene, scene.operator, tmp_path, "?to=platform")
    assert charge_point_id in text
    assert "/ocpp/2.0.1" in text
    assert "NetworkConfigurationPriority" in text
