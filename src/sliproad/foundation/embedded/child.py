"""One child process: started with a death signal, remembered in a pid file, stopped gently and then not gently."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
TAIL_LINES = 15


class StartError(Exception):
    """Why something did not start; said to the user as it is."""


class Child:
    """One process in its own session, so that Ctrl-C reaches only the parent, which then stops it in order."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        run_dir: Path,
        *,
        stop_by: signal.Signals = signal.SIGTERM,
        user: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        to_terminal: bool = False,
    ) -> None:
        """`user` are Popen's `user`, `group`, `extra_groups`; output goes to `run_dir/name.log` unless `to_terminal`."""
        self.name, self.stop_by = name, stop_by
        self.command = [str(part) for part in command]
        self.pid_file = run_dir / f"{name}.pid.json"
        self.log = run_dir / f"{name}.log"
        self.user = dict(user or {})
        self.environment = dict(environment) if environment is not None else None
        self.pass_fds = tuple(pass_fds)
        self.to_terminal = to_terminal
        stop_orphan(self.pid_file)
        self.process = self.spawn()

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the program (anew); from the main thread only, since PDEATHSIG fires when the starting *thread* ends."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("children are started from the main thread")
        parent = os.getpid()

        def in_child() -> None:  # runs after setuid, which would clear the death signal
            if LIBC:
                LIBC.prctl(PR_SET_PDEATHSIG, self.stop_by, 0, 0, 0)
                if os.getppid() != parent:  # died in between
                    os._exit(1)

        with contextlib.ExitStack() as closing:
            output = None if self.to_terminal else closing.enter_context(self.log.open("ab"))
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=None if self.to_terminal else "/",
                start_new_session=True,
                preexec_fn=in_child,  # noqa: PLW1509 (no threads are running yet)
                env=self.environment,
                pass_fds=self.pass_fds,
                **self.user,
            )
        identity = {"pid": process.pid, "created": psutil.Process(process.pid).create_time(), "by": int(self.stop_by)}
        partial = self.pid_file.with_suffix(".new")
        partial.write_text(json.dumps(identity))
        partial.replace(self.pid_file)  # whoever reads it finds one process or another, never half a file
        self.process = process
        return process

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def wait_until(self, ready: Callable[[], object], seconds: float = 30) -> None:
        """Wait until `ready()` is true.

        Raises:
            StartError: it ended or took too long; with the end of its log.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if self.has_ended() or time.monotonic() > deadline:
                tail = ""
                if self.log.exists():
                    tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
                self.stop()
                raise StartError(f"{self.name} did not start:\n{tail}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to stop, then insist; blocking."""
        stop_process(self.process, self.stop_by, self.process.wait)
        self.pid_file.unlink(missing_ok=True)


def stop_process(process: Any, first: signal.Signals, wait: Callable[[float], object]) -> None:
    """Send `first` and wait 15 s, then SIGQUIT 5 s, then SIGKILL."""
    for number, seconds in ((first, 15), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired, psutil.TimeoutExpired, psutil.NoSuchProcess):
            wait(seconds)
            return


def stop_orphan(pid_file: Path) -> None:
    """A pid alone may have been given to someone else since: pid and creation time together name one process."""
    try:
        left = json.loads(pid_file.read_text())
        process = psutil.Process(left["pid"])
        if abs(process.create_time() - left["created"]) < 0.05:
            stop_process(process, signal.Signals(left["by"]), process.wait)
    except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
        pass
    pid_file.unlink(missing_ok=True)
