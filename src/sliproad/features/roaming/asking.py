"""A request to a functional module, and the hub's answer, without HTTP: `ocpi_routes` makes one and sends the other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from sliproad.features.roaming.model import Caller
from sliproad.ocpi.envelope import read_object
from sliproad.ocpi.modules import Interface, ModuleId


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked; names of headers in lower case, `segments` what follows the endpoint's URL."""

    caller: Caller
    method: str
    module: ModuleId
    interface: Interface
    segments: tuple[str, ...]
    query: Mapping[str, str]
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    correlation_id: str

    @property
    def suffix(self) -> str:
        """What follows the endpoint's URL, as it is written in one: `/NL/ABC/LOC1`, or nothing."""
        return "".join(f"/{quote(segment, safe='')}" for segment in self.segments)

    def json(self) -> dict[str, Any]:
        """The body as an object. Raises OcpiError, see `read_object`."""
        return read_object(self.body)


@dataclass(frozen=True, slots=True)
class Told:
    """The hub's answer: `data` to be wrapped, or `relayed`, the receiver's own body as it came."""

    data: Any = None
    message: str | None = None
    http_status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    relayed: bytes | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver took what was relayed: a status code of success (§5.1)."""
        if self.relayed is None or not 200 <= self.http_status < 300:
            return False
        code = read_object(self.relayed).get("status_code")
        return isinstance(code, int) and 1000 <= code < 2000
