"""Runs a document's request as it stands there, with the real curl, and reads the answer."""

import asyncio
import json
import re
from typing import Any

HOST = "https://api.dynamo-csms.com"


class Answer:
    """Status, headers and body of what curl got."""

    def __init__(self, raw: str) -> None:
        head, _, self.text = raw.replace("\r\n", "\n").partition("\n\n")
        lines = head.splitlines()
        self.status = int(lines[0].split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}

    def json(self) -> Any:
        return json.loads(self.text)


async def curl(
    command: str, base_url: str, *, replace: dict[str, str] | None = None, shell: dict[str, str] | None = None
) -> Answer:
    """Run `command` in a shell.

    Nothing of it is changed but the host and what `replace` names (ids, tokens); `shell` sets variables such as `$TOKEN`.
    """
    text = command.replace(HOST, base_url)
    for old, new in (replace or {}).items():
        assert old in text, f"{old} is not in the document's request"
        text = text.replace(old, new)
    text = re.sub(r"^curl", "curl --silent --show-error --include --max-time 60", text.strip())
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", text, env={"PATH": "/usr/bin:/bin", "NO_PROXY": "*", **(shell or {})},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return Answer(out.decode())


def assert_shape(answer: Any, printed: Any, path: str = "answer") -> None:
    """Every key of the printed answer is there, with its type; lists by their first entry."""
    if isinstance(printed, dict):
        assert isinstance(answer, dict), f"{path} is {answer!r}, not an object"
        for key, value in printed.items():
            assert key in answer, f"{path}.{key} is missing"
            assert_shape(answer[key], value, f"{path}.{key}")
    elif isinstance(printed, list):
        assert isinstance(answer, list), f"{path} is {answer!r}, not a list"
        if printed:
            assert answer, f"{path} is empty"
            assert_shape(answer[0], printed[0], f"{path}[0]")
    elif printed is None:
        return
    elif isinstance(printed, bool) or not isinstance(printed, int | float):
        assert isinstance(answer, type(printed)), f"{path} is {answer!r}, not a {type(printed).__name__}"
    else:
        assert isinstance(answer, int | float), f"{path} is {answer!r}, not a number"
