"""A whole Sliproad for tests of the whole: started as its users start it, on a folder of its own, ports picked by the system."""

import asyncio
import compileall
import contextlib
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil

import sliproad
from sliproad.app import administration
from sliproad.app.job_client import JobClient
from sliproad.foundation.settings import Settings

START_SECONDS = 180


@functools.cache
def compiled() -> tempfile.TemporaryDirectory[str]:
    """A copy of the package with its bytecode, as an installed one has it: dozens of processes would each compile all of it."""
    folder = tempfile.TemporaryDirectory(prefix="sliproad-compiled-", ignore_cleanup_errors=True)
    copy = shutil.copytree(pathlib.Path(sliproad.__file__).parent, pathlib.Path(folder.name, "sliproad"))
    compileall.compile_dir(copy, quiet=2)
    return folder


class Installation:
    """`sliproad serve` as a child process, and what a person at its terminal could do with it."""

    def __init__(self, data_dir: pathlib.Path, *options: str, **settings: str) -> None:
        self.data_dir = data_dir
        self.options = options
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("SLIPROAD_")}
        self.environment |= {
            "SLIPROAD_ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
            "SLIPROAD_LOG_LEVEL": "info",
            "SLIPROAD_COMMISSIONING_HEARTBEAT_SECONDS": "5",
            "SLIPROAD_WORKERS": "1",
        }
        self.environment |= {f"SLIPROAD_{name.upper()}": value for name, value in settings.items()}
        if sys.dont_write_bytecode:
            self.environment["PYTHONPATH"] = compiled().name
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log_path(self) -> pathlib.Path:
        return self.data_dir / "serve.log"

    def start(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        (self.data_dir / "sliproad.json").unlink(missing_ok=True)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sliproad", "serve", "--data-dir", str(self.data_dir), "--http", "0", "--ocpp", "0",
                 *self.options],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self.announced():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("it did not start:\n" + self.log_path.read_text()[-4000:])
            time.sleep(0.05)

    def announced(self) -> bool:
        return "Sliproad runs." in self.log_path.read_text(errors="replace")

    def stop(self) -> int | None:
        """SIGTERM; the exit code."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        return self.process.returncode

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.data_dir / "sliproad.json").read_text())

    @property
    def http_url(self) -> str:
        return self.state["http_url"]

    @property
    def ocpp_url(self) -> str:
        return self.state["ocpp_public_url"]

    @property
    def database_url(self) -> str:
        return self.state["database_url"]

    @property
    def mail_dir(self) -> pathlib.Path:
        return self.data_dir / "mail"

    def pid_of(self, name: str) -> int:
        """The process id of `gateway-1`, `web`, `worker`, `postgres` or `nats`, as it is now."""
        return json.loads((self.data_dir / f"{name}.pid.json").read_text())["pid"]

    async def kill(self, name: str) -> None:
        """`kill -9` one of `pid_of`'s, proof that it died of it, and another in its place (which may still be starting)."""
        pid = self.pid_of(name)
        victim = psutil.Process(pid)
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(psutil.NoSuchProcess):
            async with asyncio.timeout(60):
                while victim.is_running() and victim.status() != psutil.STATUS_ZOMBIE:
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            while self.pid_of(name) == pid:
                await asyncio.sleep(0.05)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A `sliproad` command on this installation."""
        return subprocess.run(
            [sys.executable, "-m", "sliproad", *arguments, "--data-dir", str(self.data_dir)],
            capture_output=True, text=True, env=self.environment, timeout=180, check=False,
        )  # fmt: skip

    def create_organization(self, email: str, name: str = "Riverside Charging") -> dict[str, str]:
        """`organization_id` and `api_key`."""
        done = self.run(
            "admin",
            "create-organization",
            "--name",
            name,
            "--email",
            email,
            "--password",
            "correct horse battery",
            "--json",
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def organization(self, email: str, name: str = "Riverside Charging") -> str:
        """The API key of a new organisation, made as `sliproad admin` makes it, but without starting Python for it."""
        act = administration.create_organization(name, email, "correct horse battery")
        with ThreadPoolExecutor(1) as beside:  # where no event loop runs
            key: str = beside.submit(administration.administer, Settings(data_dir=self.data_dir), act).result()[
                "api_key"
            ]
        return key

    async def at_work(self, charge_points: int) -> tuple[JobClient, str]:
        """An organisation and an installer who works on its project for so many charge points; and the project's id."""
        mark = uuid.uuid4().hex[:8]
        client = JobClient(self.http_url, self.mail_dir)
        client.api_key = self.organization(f"cpo-{mark}@installation.example")
        site = await client.cpo("POST", "cpo/sites", expect=201, body={"name": "S", "address": "A"})
        body = {"name": "P", "site_id": site["site_id"], "charge_points_expected": charge_points}
        project_id: str = (await client.cpo("POST", "cpo/projects", expect=201, body=body))["project_id"]
        await client.sign_up_installer(f"installer-{mark}@installation.example", "correct horse battery", "A", "B")
        path = f"cpo/projects/{project_id}/installers"
        await client.cpo("POST", path, expect=201, body={"installer_id": client.installer_id})
        return client, project_id


@contextlib.contextmanager
def installation(*options: str, **settings: str) -> Iterator[Installation]:
    """A running installation in a temporary folder that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="sliproad-system-", ignore_cleanup_errors=True) as folder:
        path = pathlib.Path(folder)
        path.chmod(0o711)
        running = Installation(path / "data", *options, **settings)
        running.start()
        try:
            yield running
        finally:
            running.stop()
