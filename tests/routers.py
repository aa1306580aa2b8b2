"""Routers built once per process: FastAPI's analysis of the routes costs more than most tests. `workplace` and sites take theirs here.

Each test makes its own parts. A router that is kept holds stand-ins, pointed at the parts of the test that uses it.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from fastapi import APIRouter

Build = Callable[..., APIRouter]
OURS = "sliproad."


class Part:
    """Stands for a part that each test makes anew."""

    def __init__(self) -> None:
        self.made: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made, name)

    def __getitem__(self, key: Any) -> Any:
        return self.made[key]


class Routers:
    """`with Routers() as routers: routers.of(site_routes.router, sites, ownership)`; nobody else gets these until the block ends."""

    idle: dict[tuple[Any, ...], list[tuple[list[Part], APIRouter]]] = {}  # noqa: RUF012 (one store for the process)

    def __init__(self) -> None:
        self._taken: list[tuple[tuple[Any, ...], list[Part], APIRouter]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key, parts, router in self._taken:
            for part in parts:
                part.made = None
            self.idle.setdefault(key, []).append((parts, router))

    def of(self, build: Build, *made: Any, **constants: Any) -> APIRouter:
        """What `build(*made, **constants)` gives; `made` are parts of ours or dicts of them, constants are plain values."""
        for one in made:
            assert isinstance(one, dict) or type(one).__module__.startswith(OURS), (
                f"{build} takes more than parts of ours"
            )
        key = (build, tuple(constants.items()))
        idle = self.idle.get(key)
        parts, router = idle.pop() if idle else ([Part() for _ in made], None)
        for part, one in zip(parts, made, strict=True):
            part.made = one
        router = router or build(*parts, **constants)
        self._taken.append((key, parts, router))
        return router
