"""What commissioning asks of a later room: the OCPP frames of a session, for its logs. Wiring gives it `frame_log`'s service."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sliproad.foundation.database import Session


class Frame(Protocol):
    """One OCPP frame, secrets taken out. `duration_ms`, with an answer: since our CALL."""

    @property
    def id(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def direction(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def message_id(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def payload(self) -> Any: ...
    @property
    def answer_kind(self) -> str | None: ...
    @property
    def error_code(self) -> str | None: ...
    @property
    def duration_ms(self) -> float | None: ...


class Frames(Protocol):
    """Reads frames inside the caller's transaction."""

    async def frames(
        self,
        session: Session,
        charge_point_key: int,
        *,
        since: datetime,
        until: datetime | None,
        errors: bool | None,
        after: tuple[datetime, int] | None,
        limit: int,
    ) -> Sequence[Frame]:
        """Those from `since` to `until`, oldest first, after (at, id); `errors`: only what went wrong, or only the rest."""
        ...

    async def count_frames(
        self, session: Session, charge_point_key: int, *, since: datetime, until: datetime | None, errors: bool | None
    ) -> int:
        """How many those are in all."""
        ...

    async def frames_as_committed(
        self, session: Session, charge_point_key: int, *, since: datetime, after: tuple[int, int], limit: int
    ) -> Sequence[tuple[int, Frame]]:
        """(transaction, frame), after this (transaction, id), in an order into which nothing is put later."""
        ...
