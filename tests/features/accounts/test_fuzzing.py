"""No request that the OpenAPI document describes, nor one that it forbids, gets a 500; every answer is as described (contract §1)."""

import asyncio
from typing import Any

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from features.accounts.conftest import World

EXAMPLES = 5
CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@pytest.mark.parametrize("mode", [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE])
async def test_no_request_gets_a_500_and_every_answer_is_as_described(
    world: World, mode: schemathesis.GenerationMode
) -> None:
    tokens = {
        "installer": (await world.an_installer())[1],
        "organisation": (await world.an_organization())["access_token"],
    }
    document = (await world.get("/openapi.json")).json()
    server = uvicorn.Server(uvicorn.Config(world.app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        tried = await asyncio.to_thread(_try_all, document, mode, address, tokens)
    finally:
        server.should_exit = True
        await running
    assert tried > 100


def _try_all(document: dict, mode: schemathesis.GenerationMode, address: str, tokens: dict[str, str]) -> int:
    tried = 0
    with requests.Session() as session:
        session.trust_env = False
        for found in schemathesis.openapi.from_dict(document).get_all_operations():
            operation = found.ok()
            if not operation.path.endswith(
                ("/logout", "/change-password")
            ):  # they end the session that the others need
                token = tokens["installer" if "/installer/" in operation.path else "organisation"]
                tried += _try(
                    operation,
                    mode,
                    {"session": session, "base_url": address, "headers": {"Authorization": f"Bearer {token}"}},
                )
    return tried


def _try(operation: schemathesis.APIOperation, mode: schemathesis.GenerationMode, call: dict[str, Any]) -> int:
    """Some requests of one operation; how many."""
    tried = 0

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: schemathesis.Case) -> None:
        nonlocal tried
        tried += 1
        case.call_and_validate(checks=CHECKS, **call)

    try:
        attempt()
    except Unsatisfiable:
        return 0  # nothing about this operation can be wrong
    return tried
