"""`make coverage`: every branch of the pure parts is covered by their own tests, without a pragma (style: pure in the middle).

Each part is measured by the tests that mirror it, and by no others, so that a rule is held where it is looked for.
"""

import pathlib
import subprocess
import sys
import tempfile

PARTS = {
    "sliproad/ocpp": ("tests/ocpp", "src/sliproad/ocpp/*.py"),
    "sliproad/ocpi": ("tests/ocpi", "src/sliproad/ocpi/**/*.py"),
    "the relay's rules": (
        "tests/features/connections/test_relay_rules.py",
        "src/sliproad/features/connections/relay_model/*.py",
    ),
    "the course of native moves": (
        "tests/features/connections/test_native_move_rules.py",
        "src/sliproad/features/connections/move_model/*.py",
    ),
    "commissioning workflow": ("tests/features/commissioning", "src/sliproad/features/commissioning/workflow.py"),
}
RUN = [sys.executable, "-m", "coverage"]


def main() -> None:
    if pragmas := excluded():
        sys.exit("\n".join(["No branch of a pure part may be left out:", *pragmas]))
    wrong = [name for name, (tests, include) in PARTS.items() if not is_covered(name, tests, include)]
    sys.exit(f"Not every branch is covered: {', '.join(wrong)}" if wrong else 0)


def excluded() -> list[str]:
    """Places in a pure part that tell coverage to look away."""
    files = [path for _tests, include in PARTS.values() for path in sorted(pathlib.Path().glob(include))]
    return [
        f"{path}:{number}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "pragma:" in line
    ]


def is_covered(name: str, tests: str, include: str) -> bool:
    """Run a part's tests in one process and report; False when a test fails or a branch was not taken."""
    with tempfile.TemporaryDirectory(prefix="sliproad-coverage-") as folder:
        data = [f"--data-file={folder}/coverage"]
        measured = subprocess.run([*RUN, "run", *data, "--branch", "-m", "pytest", "-n", "0", "-q", tests], check=False)
        if measured.returncode:
            print(f"{name}: its tests fail", file=sys.stderr)
            return False
        subprocess.run([*RUN, "combine", "-q", *data, folder], check=False)
        print(f"{name}:", flush=True)
        report = [*RUN, "report", *data, f"--include={include}", "--fail-under=100", "--precision=2", "--show-missing"]
        return subprocess.run([*report, "--skip-covered"], check=False).returncode == 0


if __name__ == "__main__":
    main()
