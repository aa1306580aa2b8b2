"""Runs a page of the documentation as its reader would: every `sh` block, in order, in one shell, with the real curl.

What the page prints below a block is compared with what came: JSON by keys and types (`curl.assert_shape`), text word by word,
where `…` stands for anything. A block with `…` in it is for the reader to fill in, and not run.
"""

import asyncio
import json
import pathlib
import re
from dataclasses import dataclass

from acceptance.curl import assert_shape

DOCS = pathlib.Path(__file__).parents[2] / "docs"
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "8<---- block"
SECONDS = 180
BEFORE = """set -eu -o pipefail
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
curl() { case "$*" in */api/*|*/local-ocpp/*) command curl --fail-with-body "$@" ;; *) command curl "$@" ;; esac; }
"""
"""Whatever a page asks the API for is answered with a 2xx."""


@dataclass(frozen=True)
class Block:
    """A request of a page, and what the page prints as its answer."""

    command: str
    printed: str | None
    language: str | None


def blocks(page: str) -> list[Block]:
    """The `sh` blocks that can be run as they stand, each with the `json` or `text` block that follows it at once."""
    text = (DOCS / page).read_text()
    found = list(FENCED.finditer(text))
    made = []
    for block, after in zip(found, [*found[1:], None], strict=True):
        if block[1] != "sh" or "…" in block[2]:
            continue
        is_answer = after is not None and after[1] in {"json", "text"} and not text[block.end() : after.start()].strip()
        made.append(Block(block[2], *((after[2], after[1]) if after and is_answer else (None, None))))
    return made


async def play(
    page: str, folder: pathlib.Path, variables: dict[str, str], prelude: str, replace: dict[str, str]
) -> list[tuple[Block, str]]:
    """Run a page's blocks in `folder`; each with what it printed. `prelude` is run before the first; `replace` names what is changed.

    Raises:
        AssertionError: a command failed.
    """
    steps = blocks(page)
    script = "\n".join(f"printf '\\n{MARK} {number}\\n'\n{step.command}" for number, step in enumerate(steps))
    for old, new in replace.items():
        script = script.replace(old, new)
    log = folder / "page.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", f"{BEFORE}\n{prelude}\n{script}",
            env={"PATH": "/usr/bin:/bin", "NO_PROXY": "*", **variables}, cwd=folder,
            stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            code = await process.wait()
    except TimeoutError:
        process.terminate()
        code = await process.wait()
    answers = re.split(rf"^{MARK} \d+\n", log.read_text(), flags=re.MULTILINE)[1:]
    assert code == 0, f"{page}, exit {code} in block {len(answers)}:\n{steps[len(answers) - 1].command}\n{answers[-1]}"
    return list(zip(steps, answers, strict=True))


def compare(block: Block, answer: str) -> None:
    """What came is what the page shows.

    Raises:
        AssertionError: it is not.
    """
    if block.printed is None:
        return
    if block.language == "json":
        assert_shape(json.loads(answer.strip().splitlines()[-1]), json.loads(block.printed))
        return
    pattern = ".*".join(re.escape(part) for part in " ".join(block.printed.split()).split("…"))
    assert re.fullmatch(pattern, " ".join(answer.split())), f"{block.command}\nprinted: {block.printed}\ncame: {answer}"
