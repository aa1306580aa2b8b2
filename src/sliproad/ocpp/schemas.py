"""The official JSON schemas of every OCPP version, read unmodified from the installed `ocpp` package.

Only `validation` reads them. 1.6 names a request file after its action, 2.x adds `Request`; 2.1 has one message that is
neither request nor response, `NotifyPeriodicEventStream`, which travels as SEND.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import orjson

from sliproad.ocpp.versions import OcppVersion

_FOLDERS = {OcppVersion.V16: "v16", OcppVersion.V201: "v201", OcppVersion.V21: "v21"}


@dataclass(frozen=True, slots=True)
class OfficialSchemas:
    """The schemas of one version by action."""

    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)
    sends: dict[str, dict[str, Any]] = field(default_factory=dict)


def read_official_schemas(version: OcppVersion) -> OfficialSchemas:
    """Read all schema files of `version`."""
    found = OfficialSchemas()
    folder = resources.files("ocpp").joinpath(_FOLDERS[version], "schemas")
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = file.name.removesuffix(".json")
        schema = orjson.loads(file.read_text(encoding="utf-8-sig"))
        if name.endswith("Response"):
            found.responses[name.removesuffix("Response")] = schema
        elif name.endswith("Request"):
            found.requests[name.removesuffix("Request")] = schema
        elif version.is_2x:
            found.sends[name] = schema
        else:
            found.requests[name] = schema
    return found
