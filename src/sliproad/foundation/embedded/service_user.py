"""Whom the embedded PostgreSQL runs as. It refuses to run as root: then an existing unprivileged user is taken; none is created."""

import os
import pwd
import shutil
from pathlib import Path
from typing import Any

from sliproad.foundation.embedded.child import StartError

SHELTER = Path("/var/lib/sliproad")
"""Where root keeps copies that the unprivileged user can reach, when the checkout or data lie below a closed folder."""


class ServiceUser:
    """The user of a child: ourselves, or as root somebody unprivileged."""

    def __init__(self) -> None:
        self.entry: pwd.struct_passwd | None = None
        if os.geteuid() == 0:
            known = {entry.pw_name: entry for entry in pwd.getpwall()}
            self.entry = known.get("sliproad") or known.get("postgres") or known.get("nobody")
            if self.entry is None:
                raise StartError("Running as root needs an unprivileged user (sliproad, postgres or nobody).")

    def options(self) -> dict[str, Any]:
        """Popen's arguments for running as this user."""
        return {"user": self.entry.pw_uid, "group": self.entry.pw_gid, "extra_groups": []} if self.entry else {}

    def environment(self) -> dict[str, str]:
        """Our environment without what would change PostgreSQL's behaviour."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
        return kept | {"LC_ALL": "C"}

    def own(self, folder: Path) -> Path:
        """Make `folder` and give it to this user alone."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.entry:
            os.chown(folder, self.entry.pw_uid, self.entry.pw_gid)
        return folder

    def reaches(self, path: Path) -> bool:
        """Whether every folder above `path` may be entered by this user."""
        parents = [folder for folder in path.resolve().parents if folder.exists()]
        return self.entry is None or all(folder.stat().st_mode & 0o001 for folder in parents)


def copied(package: Path, target: Path, program_folder: str) -> Path:
    """Copy a wheel's programs to `target`: they find their libraries by relative path, in the folder beside; both move together."""
    if not target.exists():
        fresh = opened(target.with_name(f"{target.name}.{os.getpid()}"))
        for part in (f"{package.name}/{program_folder}", f"{package.name}.libs"):
            shutil.copytree(package.parent / part, fresh / part, symlinks=True)
        for path in fresh.rglob("*"):
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)  # whatever the umask was at installation
        fresh.rename(target)
    return target / package.name


def opened(folder: Path) -> Path:
    """Make `folder`, enterable by all whatever the umask says."""
    for each in (folder.parent, folder):
        each.mkdir(exist_ok=True)
        each.chmod(0o755)
    return folder
