"""The documentation says what the code does: every error code, setting and webhook event, no more and no less.

Internal links are checked by `mkdocs build --strict`, here as in `make docs`.
"""

import ast
import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from sliproad.features.webhooks.model import EVENTS
from sliproad.foundation import errors
from sliproad.foundation.settings import Settings, as_text
from sliproad.foundation.web import problems

HERE = pathlib.Path(__file__).parent.parent
DOCS = HERE / "docs"
SOURCE = HERE / "src" / "sliproad"
CODE = re.compile(r"[a-z]+(_[a-z]+)*")
ANSWERS_NO_CODE = {"error", "ocpp"}
"""`error` is what a DomainError is called that nobody raises."""
FROM_STATUS = {405: "method_not_allowed", 413: "content_too_large", 415: "unsupported_media_type"}


@cache
def sources() -> dict[pathlib.Path, str]:
    """Every module that may answer a request or send an event."""
    paths = (path for path in sorted(SOURCE.rglob("*.py")) if not {"simulator", "ocpp"} & set(path.parts))
    return {path: path.read_text() for path in paths}


def text_of(node: ast.AST | None) -> str | None:
    """The text of a literal that could be an error code."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
        return node.value
    return None


def codes_in(tree: ast.Module) -> Iterator[str]:
    """`code="…"` of a raised error, `code = "…"` of its class, the third argument of `problem_response`, tables of codes."""
    for node in ast.walk(tree):
        found: list[str | None] = []
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found += [text_of(keyword.value) for keyword in node.keywords if keyword.arg == "code"]
            if name == "problem_response" and len(node.args) > 2:
                found.append(text_of(node.args[2]))
        elif isinstance(node, ast.ClassDef):
            found += [
                text_of(line.value)
                for line in node.body
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code"
            ]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TAKEN":
            found += [text_of(entry.elts[0]) for entry in ast.walk(node.value) if isinstance(entry, ast.Tuple)]
        yield from (code for code in found if code)


def codes_of_the_code() -> set[str]:
    raised = {code for source in sources().values() for code in codes_in(ast.parse(source))}
    kinds = {kind.code for kind in problems.STATUS}
    return (raised | kinds | set(problems.CODE_OF_STATUS.values()) | set(FROM_STATUS.values())) - ANSWERS_NO_CODE


def rows_of(page: str) -> Iterator[list[str]]:
    """The cells of every table row whose first cell is code."""
    for line in (DOCS / page).read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `") and len(cells) > 2 and cells[0] != "`code`":
            yield [cells[0].strip("`"), *cells[1:]]


def test_every_error_code_is_documented_and_no_other() -> None:
    documented = [row[0] for row in rows_of("reference/errors.md")]
    assert sorted(documented) == sorted(codes_of_the_code())


@pytest.mark.parametrize("kind", problems.STATUS, ids=lambda kind: kind.__name__)
def test_a_kind_of_error_is_documented_with_its_status(kind: type[errors.DomainError]) -> None:
    documented = {row[0]: row[1] for row in rows_of("reference/errors.md")}
    assert documented[kind.code] == str(problems.STATUS[kind])


def default_of(name: str) -> str:
    """A setting's default as the table writes it."""
    default: Any = Settings.model_fields[name].default
    assert default is not PydanticUndefined
    if default in {None, ()}:
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{as_text(default)}`"


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {row[0]: row[1].partition(":")[0] for row in rows_of("reference/settings.md")}
    assert documented == {f"SLIPROAD_{name.upper()}": default_of(name) for name in Settings.model_fields}


def sent_somewhere(event: str) -> bool:
    """Whether any part but the list of subscribable events names it."""
    return any(
        f'"{event}"' in source or f"'{event}'" in source
        for path, source in sources().items()
        if "webhooks" not in path.parts
    )


@pytest.mark.parametrize("event", EVENTS)
def test_every_webhook_event_is_documented_with_its_payload(event: str) -> None:
    guide = (DOCS / "how-to" / "webhooks.md").read_text()
    headings = re.findall(r"^### `([a-z_.]+)`$", guide, re.MULTILINE)
    assert sorted(headings) == sorted(EVENTS)
    section = guide.partition(f"### `{event}`\n")[2].partition("\n### ")[0]
    payloads = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", section, re.DOTALL)]
    assert bool(payloads) == sent_somewhere(event)
    for payload in payloads:
        assert set(payload) == {"id", "event", "created_at", "organization_id", "data"}
        assert payload["event"] == event
        assert payload["data"]


def test_the_documentation_builds_and_its_links_lead_somewhere(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr


def test_examples_in_json_are_json() -> None:
    for page in sorted(DOCS.rglob("*.md")):
        for block in re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL):
            json.loads(block)
