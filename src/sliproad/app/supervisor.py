"""`sliproad serve`: starts PostgreSQL and NATS when none are given, then the roles as processes of their own, and keeps all alive.

A process that dies is started anew; addresses never change: the HTTP socket and the OCPP port are held here. SIGTERM stops the
roles (which drain), then NATS, then PostgreSQL, within 10 s.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Self

import structlog
from pydantic import SecretStr

from sliproad.foundation.database.migrations import migrate
from sliproad.foundation.embedded import Child, Embedded, StartError
from sliproad.foundation.settings import Settings
from sliproad.foundation.telemetry import SHARED_FIGURES

log = structlog.get_logger()
ROLES = ("web", "worker", "gateway")
STATE_FILE = "sliproad.json"
LOOK_SECONDS = 0.1
STOP_SECONDS = 8.0
SLOWEST_START_SECONDS = 60.0
MOST_WORKERS_UNASKED = 4
"""Where the settings say nothing, there is a worker for each core, up to so many: each has a dozen connections to PostgreSQL."""
MOST_WEB_UNASKED = 4
"""The same for web processes, one for every two cores."""


class Supervisor:
    """One installation on one machine, as a context: inside it, everything runs and is ready."""

    def __init__(self, settings: Settings, roles: Sequence[str] = ROLES, *, quiet: bool = False) -> None:
        self.settings = settings
        self.roles = tuple(roles)
        self.quiet = quiet
        self.children: list[Child] = []
        self.embedded: Embedded | None = None
        self._closing = contextlib.ExitStack()
        self._stopping = False
        self._figures = ""
        self._restarts: dict[str, list[float]] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            self._start_servers(undo)
            self._hold_addresses(undo)
            migrate(self.settings.database_url or "")
            self._figures = undo.enter_context(tempfile.TemporaryDirectory(prefix="sliproad-figures-"))
            undo.callback(self._stop_children)
            for name, role in self._planned():
                self.children.append(self._start(name, role))
            self._write_state(undo)
            self.wait_until_ready()
            self._closing = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._closing.close()

    def watch(self) -> None:
        """One look at everything: start anew what has died. Call it often."""
        if self._stopping:
            return
        if self.embedded:
            self.embedded.revive()
        for child in self.children:
            if child.has_ended() and self._may_restart(child):
                log.warning("process_died", name=child.name, code=child.process.returncode)
                child.spawn()

    def run(self) -> None:
        """Keep everything alive until SIGTERM or SIGINT."""
        ending = False

        def end(_number: int, _frame: FrameType | None) -> None:
            nonlocal ending
            ending = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        while not ending:
            self.watch()
            time.sleep(LOOK_SECONDS)

    def wait_until_ready(self) -> None:
        """Wait until `/readyz` says yes (every part), or with only some roles here until web is alive; reviving meanwhile.

        Raises:
            StartError: it did not within a minute, with the end of the log that tells why.
        """
        if "web" not in self.roles:
            return
        deadline = time.monotonic() + SLOWEST_START_SECONDS
        web = next(child for child in self.children if child.name == "web")
        question = "readyz" if set(self.roles) == set(ROLES) else "healthz"  # other parts may be on other machines
        while not says_yes(self.http_url, question):
            self.watch()
            if time.monotonic() > deadline:
                web.wait_until(lambda: False, 0)
            time.sleep(LOOK_SECONDS)

    def _may_restart(self, child: Child) -> bool:
        """At once the first times, then at most once a second, so that a broken installation doesn't spin."""
        now = time.monotonic()
        recent = [at for at in self._restarts.get(child.name, []) if now - at < 10]
        if len(recent) > 3 and now - recent[-1] < 1:
            return False
        self._restarts[child.name] = [*recent, now]
        return True

    def _start_servers(self, undo: contextlib.ExitStack) -> None:
        given = self.settings
        if given.database_url is not None and given.secret_key is None:
            raise StartError(
                "With SLIPROAD_DATABASE_URL give SLIPROAD_SECRET_KEY too, the same to every process: a key of this"
                " machine's own would not open what others stored."
            )
        if given.is_embedded and self.roles != ROLES and given.database_url is not None:
            raise StartError("A role by itself needs SLIPROAD_NATS_URL too, the same for every process.")
        if given.is_embedded:
            self.embedded = undo.enter_context(
                Embedded(given.data_dir, postgres=given.database_url is None, nats=given.nats_url is None)
            )
        given.data_dir.mkdir(parents=True, exist_ok=True)
        self.settings = given.model_copy(
            update={
                "data_dir": given.data_dir.resolve(),
                "database_url": given.database_url or (self.embedded.database_url if self.embedded else None),
                "nats_url": given.nats_url or (self.embedded.nats_url if self.embedded else None),
                "secret_key": given.secret_key or SecretStr(kept_secret(given.data_dir)),
            }
        )

    def _hold_addresses(self, undo: contextlib.ExitStack) -> None:
        """Bind here what must outlive a role's process: connections to HTTP wait in the socket while `web` starts anew."""
        given = self.settings
        http_port, ocpp_port = given.http_port, given.ocpp_port
        if "web" in self.roles:
            self.http_socket = undo.enter_context(
                contextlib.closing(socket.create_server((given.http_host, given.http_port), backlog=1024))
            )
            http_port = self.http_socket.getsockname()[1]
        if "gateway" in self.roles:
            held = undo.enter_context(contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)))
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind((given.ocpp_host, given.ocpp_port))
            ocpp_port = held.getsockname()[1]
        scheme = "wss" if given.ocpp_tls_cert else "ws"
        self.http_url = f"http://{given.http_host}:{http_port}"
        self.settings = given.model_copy(
            update={
                "http_port": http_port,
                "ocpp_port": ocpp_port,
                "public_url": given.public_url or f"http://{reachable(given.http_host)}:{http_port}",
                "ocpp_public_url": given.ocpp_public_url or f"{scheme}://{reachable(given.ocpp_host)}:{ocpp_port}",
            }
        )

    def _planned(self) -> Iterator[tuple[str, str]]:
        for role in self.roles:
            if role == "gateway":
                yield from ((f"gateway-{number}", role) for number in range(1, self.settings.gateways + 1))
            elif role == "worker":
                count = self.settings.workers or min(os.cpu_count() or 1, MOST_WORKERS_UNASKED)
                yield role, role
                yield from ((f"worker-{number}", role) for number in range(2, count + 1))
            else:
                yield role, role
                yield from ((f"web-{number}", role) for number in range(2, self.web_processes + 1))

    @property
    def web_processes(self) -> int:
        """How many share the HTTP socket: whoever is free takes the next connection."""
        return self.settings.web_processes or max(1, min((os.cpu_count() or 1) // 2, MOST_WEB_UNASKED))

    def _start(self, name: str, role: str) -> Child:
        command = [sys.executable, "-m", "sliproad", "serve", "--role", role]
        passed: tuple[int, ...] = ()
        if role == "web":
            passed = (self.http_socket.fileno(),)
            command += ["--http-fd", str(passed[0])]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SLIPROAD_")}
        environment |= self.settings.as_environment() | {"SLIPROAD_IS_CHILD": "1"}
        if role == "web" and self.web_processes > 1:
            environment[SHARED_FIGURES] = self._figures
        return Child(
            name,
            command,
            self.settings.data_dir,
            environment=environment,
            pass_fds=passed,
            to_terminal=not self.quiet,
        )

    def _write_state(self, undo: contextlib.ExitStack) -> None:
        """Where `sliproad admin` and `doctor` find the running installation; only its owner may read it."""
        state = self.settings.data_dir / STATE_FILE
        content = {
            "pid": os.getpid(),
            "http_url": self.http_url,
            "public_url": self.settings.public_url,
            "ocpp_public_url": self.settings.ocpp_public_url,
            "database_url": self.settings.database_url,
            "nats_url": self.settings.nats_url,
            "processes": {child.name: str(child.pid_file) for child in self.children},
        }
        with open(state, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
            json.dump(content, handle)
        undo.callback(lambda: state.unlink(missing_ok=True))

    def _stop_children(self) -> None:
        """All at once, so that the slowest decides how long it takes; who does not end in time is killed."""
        self._stopping = True
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children:
            while not child.has_ended() and time.monotonic() < deadline:
                time.sleep(0.02)
            if not child.has_ended():
                log.warning("process_killed", name=child.name)
                child.process.kill()
                child.process.wait(5)
            child.pid_file.unlink(missing_ok=True)


def kept_secret(data_dir: Path) -> str:
    """The secret of an embedded installation: made once, in a file that only its owner reads."""
    place = data_dir / "secret_key"
    data_dir.mkdir(parents=True, exist_ok=True)
    with (
        contextlib.suppress(FileExistsError),
        open(place, "x", opener=lambda p, flags: os.open(p, flags, 0o600)) as handle,
    ):
        handle.write(secrets.token_urlsafe(48))
    return place.read_text().strip()


def reachable(host: str) -> str:
    """A host that a browser can be sent to."""
    return "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104


def says_yes(http_url: str, question: str) -> bool:
    """What `/readyz` (every part works) or `/healthz` (web is alive) answers."""
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{http_url}/{question}", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def read_state(data_dir: Path) -> dict[str, str] | None:
    """The running installation's state, or None when none runs on `data_dir`."""
    try:
        state: dict[str, str] = json.loads((data_dir / STATE_FILE).read_text())
        os.kill(int(state["pid"]), 0)
    except (OSError, ValueError, KeyError):
        return None
    return state
