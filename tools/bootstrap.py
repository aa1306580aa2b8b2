"""Brings .venv to what the lock files say. Standard library only; does nothing when nothing changed.

bootstrap.py run|dev|lock      PIP_*/UV_* settings of the machine (mirrors, caches, certificates) are respected.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".stamps.json"


def runs(*command) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def working_uv() -> str | None:
    """A version manager may leave a `uv` on PATH that only prints an error, so it is tried and not just looked up."""
    found = None if os.environ.get("SLIPROAD_NO_UV") else shutil.which("uv")
    return found if found and runs(found, "--version") else None


UV = working_uv()


def main() -> None:
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(ROOT))
    import hatch_build

    goal, *options = sys.argv[1:] or ["run"]
    os.chdir(ROOT)
    with one_at_a_time():
        if goal == "lock":
            lock("--upgrade" in options)
        if VENV.exists() and not runs(VENV_PYTHON, "-c", ""):
            shutil.rmtree(VENV)  # the Python it was made from is gone
        stage("venv", str(ROOT), make_venv)  # a moved checkout needs a new one: it holds absolute paths
        stage(
            "run",
            content("requirements.lock", "requirements-build.lock"),
            lambda: install("requirements.lock", "requirements-build.lock"),
        )
        if goal == "lock":
            call(VENV_PYTHON, "hatch_build.py", "--lock")
        if not hatch_build.is_current():  # before the project, so that a failure is told without pip's wrapping
            print("sliproad: front end ...", file=sys.stderr, flush=True)
            call(VENV_PYTHON, "hatch_build.py")
        stage("project", content("pyproject.toml", "hatch_build.py"), install_project)
        if goal in ("dev", "lock"):
            stage("dev", content("requirements-dev.lock"), lambda: install("requirements-dev.lock"))


@contextlib.contextmanager
def one_at_a_time():
    """Two terminals may call make at once on a fresh checkout; the kernel drops this lock when a process dies."""
    with open(".bootstrap.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def stage(name: str, fingerprint: str, work) -> None:
    fingerprint = hashlib.sha256(fingerprint.encode()).hexdigest()
    stamps = json.loads(STAMPS.read_text()) if STAMPS.exists() else {}
    if stamps.get(name) == fingerprint:
        return
    print(f"sliproad: {name} ...", file=sys.stderr, flush=True)
    work()
    stamps = json.loads(STAMPS.read_text()) if STAMPS.exists() else {}  # a new .venv forgets the other stages
    temporary = STAMPS.with_suffix(".new")
    temporary.write_text(json.dumps(stamps | {name: fingerprint}))
    temporary.replace(STAMPS)


def make_venv() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    python = sys._base_executable  # not sys.executable: the caller may have some venv activated, even this one
    if UV:
        call(UV, "venv", "--quiet", "--no-project", "--no-python-downloads", "--python", python, VENV)
    else:
        call(python, "-m", "venv", VENV)  # Debian says itself when its python3-venv is missing


def install(*locks: str) -> None:
    """Wheels only: building an sdist would fetch its build requirements, which no hash of ours covers."""
    options = ["--quiet", "--require-hashes", "--only-binary", ":all:", *(f"--requirement={name}" for name in locks)]
    if UV:
        call(UV, "pip", "install", "--compile-bytecode", "--python", VENV_PYTHON, *options)  # as pip does by itself
    else:
        call(VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", *options)


def install_project() -> None:
    """Without isolation: the build tools are already in .venv, from requirements-build.lock, checked by hash."""
    arguments = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", "."]
    if UV:
        call(UV, "pip", *arguments, "--python", VENV_PYTHON, "--reinstall-package", "sliproad")
    else:
        call(VENV_PYTHON, "-m", "pip", *arguments, "--disable-pip-version-check")


def lock(upgrade: bool) -> None:
    if not UV:
        raise SystemExit("make lock needs uv; installing from the locks does not.")
    build_tools = "\n".join(tomllib.loads(pathlib.Path("pyproject.toml").read_text())["build-system"]["requires"])
    common = ["--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
    common += ["--no-emit-find-links", "--no-annotate", "--custom-compile-command", "make lock"]
    common += ["--upgrade"] if upgrade else []
    call(UV, "pip", "compile", *common, "pyproject.toml", "-o", "requirements.lock")
    call(
        UV,
        "pip",
        "compile",
        *common,
        "-c",
        "requirements.lock",
        "-",
        "-o",
        "requirements-build.lock",
        input=build_tools,
    )
    constraints = ["-c", "requirements.lock", "-c", "requirements-build.lock"]
    call(UV, "pip", "compile", *common, *constraints, "--group", "dev", "-o", "requirements-dev.lock")


def content(*names: str) -> str:
    return "\0".join((ROOT / name).read_text() for name in names)


def call(*command, **options) -> None:
    environment = {
        k: v
        for k, v in os.environ.items()
        if k not in ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET")
    }
    done = subprocess.run([str(part) for part in command], text=True, env=environment, **options)
    if done.returncode:
        raise SystemExit(f"sliproad: this failed: {' '.join(str(part) for part in command)}")


if __name__ == "__main__":
    main()
