"""`sliproad` as its users meet it: serve, a second serve, doctor, admin, the end (contract §8)."""

import json
import os
import pathlib
import re
import signal
import time
import urllib.request

import pytest

from installation import Installation, installation

pytestmark = pytest.mark.xdist_group("serve")


def test_serve_from_start_to_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    with installation() as sliproad:
        with urllib.request.urlopen(f"{sliproad.http_url}/readyz") as answer:
            parts = json.load(answer)["parts"]
        assert parts == dict.fromkeys(("database", "schema", "bus", "gateway", "worker"), "ready")

        second = sliproad.run("serve", "--http", "0", "--ocpp", "0")
        assert second.returncode == 1
        assert "Another Sliproad is running" in second.stderr

        examined = sliproad.run("doctor")
        assert "NATS answers." in examined.stdout
        assert "1 gateways are alive." in examined.stdout
        assert "SLIPROAD_PUBLIC_URL is plain http" in examined.stdout
        assert examined.returncode == 1, "plain http and ws are findings"

        made = sliproad.create_organization("running@serve.example")
        assert set(made) >= {"organization_id", "api_key"}
        again = sliproad.run(
            "admin",
            "create-organization",
            "--name",
            "X",
            "--email",
            "running@serve.example",
            "--password",
            "0123456789",
        )
        assert (again.returncode, again.stderr.strip()) == (1, "There is a user with this e-mail already.")

        began = time.monotonic()
        assert sliproad.stop() == 0
        assert time.monotonic() - began < 20
        assert "Address already in use" not in sliproad.log_path.read_text()
        assert not (sliproad.data_dir / "sliproad.json").exists()

        at_rest = sliproad.create_organization("at-rest@serve.example")
        assert at_rest["api_key"] != made["api_key"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"secret_key": "change-me"}, "secret_key"),
        ({"http_port": "99999"}, "http_port"),
        ({"public_url": "sliproad.example"}, "public_url"),
    ],
)
def test_wrong_settings_are_named(tmp_path: pathlib.Path, settings: dict[str, str], says: str) -> None:
    done = Installation(tmp_path, **settings).run("doctor")
    assert done.returncode == 1
    assert "These settings can't be used:" in done.stderr
    assert says in done.stderr


def test_doctor_says_when_nothing_runs(tmp_path: pathlib.Path) -> None:
    done = Installation(tmp_path).run("doctor")
    assert done.returncode == 1
    assert "No Sliproad is running on" in done.stdout


def test_a_shared_database_needs_the_shared_secret(tmp_path: pathlib.Path) -> None:
    shared = {"database_url": "postgresql://somebody@127.0.0.1:1/sliproad"}
    done = Installation(tmp_path, **shared).run("serve", "--role", "gateway")
    assert done.returncode == 1
    assert "give SLIPROAD_SECRET_KEY too" in done.stderr
    done = Installation(tmp_path, **shared, secret_key="q" * 20 + "Zx81_vN0-kT4pW7y").run("serve", "--role", "gateway")
    assert done.returncode == 1
    assert "needs SLIPROAD_NATS_URL too" in done.stderr


def test_web_processes_share_the_port_and_their_figures() -> None:
    """Whichever answers tells the figures of all; one that dies takes nobody's answer with it."""
    with installation("--web-processes", "2", "--workers", "1") as running:
        for _ in range(20):
            assert asked(running, "/healthz") == '{"status":"alive"}'
        counted = [health_requests(running) for _ in range(10)]
        assert counted == sorted(counted), "of all processes, each time"
        assert counted[0] >= 20
        os.kill(running.pid_of("web-2"), signal.SIGKILL)
        assert asked(running, "/healthz") == '{"status":"alive"}'
        assert health_requests(running) > counted[-1], "what the dead one had counted is still counted"


def asked(running: Installation, path: str) -> str:
    """The answer to a GET on a connection of its own."""
    with urllib.request.urlopen(f"{running.http_url}{path}", timeout=20) as answer:
        return answer.read().decode()


def health_requests(running: Installation) -> float:
    """How many requests for `/healthz` have been counted."""
    line = re.search(
        r'^sliproad_http_requests_total{.*route="/healthz".*} (\S+)$', asked(running, "/metrics"), re.MULTILINE
    )
    assert line
    return float(line[1])
