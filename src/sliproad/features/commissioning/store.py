"""SQL of commissioning: sessions, steps, logs. A session is its rows and nothing else; `service` calls it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.features.commissioning import templates_definition
from sliproad.features.commissioning.model import Answer, Note, Outgoing, Session, Step, StepStatus
from sliproad.features.commissioning.templates import Template
from sliproad.foundation.database import Row, visible_to

ACTIVE_STATUSES = ("running", "paused")
ACTIVE = text("status in ('running', 'paused')")


class CommissioningSessionRow(Row):
    """One run through a template. At most one active session per charge point, whatever the concurrency."""

    __tablename__ = "commissioning_sessions"
    __table_args__ = (
        Index("commissioning_sessions_active_key", "charge_point_key", unique=True, postgresql_where=ACTIVE),
        Index("commissioning_sessions_charge_point_key_started_at_idx", "charge_point_key", "started_at"),
        Index("commissioning_sessions_wake_at_idx", "wake_at", postgresql_where=text("status = 'running'")),
        {"info": visible_to("organization", "charge_point"), "postgresql_with": {"fillfactor": 70}},
    )

    session_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"))
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"))
    charge_point_key: Mapped[int] = mapped_column(BigInteger, ForeignKey("charge_points.key"))
    charge_point_id: Mapped[str]
    template_id: Mapped[str]
    template_version: Mapped[int]
    template: Mapped[dict[str, Any]]
    """The version it began with, whatever becomes of the template; `template_of` reads it."""
    status: Mapped[str]
    """`running`, `paused`, `completed`, `stopped`, `failed`."""
    result: Mapped[str | None]
    """`passed` or `failed` once the session has ended by itself."""
    notes: Mapped[str | None]
    options: Mapped[dict[str, Any]]
    """What the start asked for, by the request's own field names."""
    test_token: Mapped[str]
    """The token that this session's test transaction charges with."""
    started_by: Mapped[str]
    """The installer's id."""
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    """Since when it is paused; null while it is not."""
    stopped_at: Mapped[datetime | None]
    """When a person ended it."""
    commissioned_at: Mapped[datetime | None]
    """When the charge point went live because of this session: at completion, or later by hand."""
    epoch_at_start: Mapped[int] = mapped_column(BigInteger)
    """The connection that the charge point had at the start."""
    turn: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Goes up by one with every transition; an answer to a CALL of an earlier turn is void."""
    outgoing: Mapped[dict[str, Any] | None]
    """The CALL that is to be sent or is in flight."""
    in_flight_until: Mapped[datetime | None]
    """Until when the process that made the CALL in flight is taken to be alive; it prolongs this while it waits."""
    wake_at: Mapped[datetime | None]
    """When to look at the session again, if nothing wakes it earlier."""
    waiting_for: Mapped[str | None]


class CommissioningStepRow(Row):
    __tablename__ = "commissioning_steps"
    __table_args__ = ({"info": visible_to("organization", "charge_point"), "postgresql_with": {"fillfactor": 70}},)

    session_id: Mapped[str] = mapped_column(
        ForeignKey("commissioning_sessions.session_id", ondelete="cascade"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organization_id: Mapped[str]
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    shown_as: Mapped[list[Any]]
    """Where a reader sees it: `step`, `check`, or both."""
    status: Mapped[str] = mapped_column(server_default="pending")
    """`pending`, `running`, `passed`, `failed`, `skipped`."""
    state: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What the step remembers between its transitions."""
    time_limit_seconds: Mapped[float]
    held_seconds: Mapped[float] = mapped_column(server_default=text("0"))
    """How long its time has stood still."""
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    duration_ms: Mapped[int | None]
    detail: Mapped[str | None]
    value: Mapped[str | None]
    evidence: Mapped[dict[str, Any] | None]


class CommissioningLogRow(Row):
    """What happened in a session, for people; frames themselves are in the frame log."""

    __tablename__ = "commissioning_logs"
    __table_args__ = (
        Index("commissioning_logs_session_id_log_id_idx", "session_id", "log_id"),
        {"info": visible_to("organization", "charge_point")},
    )

    log_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("commissioning_sessions.session_id", ondelete="cascade"))
    organization_id: Mapped[str]
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    level: Mapped[str]
    """`debug`, `info`, `warn`, `error`."""
    step: Mapped[str | None]
    message: Mapped[str]


Rows = tuple[CommissioningSessionRow, list[CommissioningStepRow]]


async def insert_session(session: AsyncSession, values: Mapping[str, Any], begun: Session) -> Rows | None:
    """A new session with its steps; None where the charge point has an active one (of any number at once, one wins)."""
    statement = (
        insert(CommissioningSessionRow)
        .values(**values, status=begun.status, wake_at=begun.wake_at, result=None)
        .on_conflict_do_nothing(index_elements=["charge_point_key"], index_where=ACTIVE)
        .returning(CommissioningSessionRow)
    )
    if (row := await session.scalar(statement)) is None:
        return None
    owner = {name: values[name] for name in ("session_id", "organization_id", "charge_point_key")}
    steps = [
        CommissioningStepRow(
            **owner, position=position, shown_as=list(step.shown_as), **step_columns(step), name=step.name
        )
        for position, step in enumerate(begun.steps)
    ]
    session.add_all(steps)
    return row, steps


async def lock_session(session: AsyncSession, session_id: str) -> Rows | None:
    """A session and its steps, held until the transaction ends."""
    statement = (
        select(CommissioningSessionRow).where(CommissioningSessionRow.session_id == session_id).with_for_update()
    )
    row = await session.scalar(statement)
    return None if row is None else (row, await _steps(session, [session_id]))


async def replace_steps(session: AsyncSession, rows: Rows, position: int | None, steps: Sequence[Step]) -> None:
    """Put the steps from `position` on in place of the session's own; `rows` is of no use afterwards."""
    if position is None:
        return
    row, of = rows[0], CommissioningStepRow
    await session.execute(delete(of).where(of.session_id == row.session_id, of.position >= position))
    owner = {name: getattr(row, name) for name in ("session_id", "organization_id", "charge_point_key")}
    session.add_all(
        CommissioningStepRow(**owner, position=at, shown_as=list(step.shown_as), **step_columns(step), name=step.name)
        for at, step in enumerate(steps)
        if at >= position
    )
    await session.flush()


async def lock_active(session: AsyncSession, charge_point_key: int) -> Rows | None:
    """The running or paused session of a charge point and its steps, held until the transaction ends."""
    statement = (
        select(CommissioningSessionRow)
        .where(
            CommissioningSessionRow.charge_point_key == charge_point_key,
            CommissioningSessionRow.status.in_(ACTIVE_STATUSES),
        )
        .with_for_update()
    )
    row = await session.scalar(statement)
    return None if row is None else (row, await _steps(session, [row.session_id]))


async def find_session(session: AsyncSession, charge_point_key: int, session_id: str) -> Rows | None:
    """A charge point's session by its id."""
    row = await session.get(CommissioningSessionRow, session_id)
    if row is None or row.charge_point_key != charge_point_key:
        return None
    return row, await _steps(session, [session_id])


async def session_page(
    session: AsyncSession, charge_point_key: int, after: tuple[datetime, str] | None, limit: int
) -> list[Rows]:
    """A charge point's sessions, the newest first, from after (started_at, session_id)."""
    row = CommissioningSessionRow
    statement = (
        select(row)
        .where(row.charge_point_key == charge_point_key)
        .order_by(row.started_at.desc(), row.session_id.desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(row.started_at, row.session_id) < tuple_(*after))
    rows = (await session.scalars(statement)).all()
    steps: dict[str, list[CommissioningStepRow]] = {one.session_id: [] for one in rows}
    for step in await _steps(session, list(steps)):
        steps[step.session_id].append(step)
    return [(one, steps[one.session_id]) for one in rows]


async def count_sessions(session: AsyncSession, charge_point_key: int) -> int:
    """How often a charge point was commissioned."""
    row = CommissioningSessionRow
    statement = select(func.count()).select_from(row).where(row.charge_point_key == charge_point_key)
    return await session.scalar(statement) or 0


async def latest_session(session: AsyncSession, charge_point_key: int) -> Rows | None:
    """The active, else the newest session of a charge point."""
    statement = (
        select(CommissioningSessionRow)
        .where(CommissioningSessionRow.charge_point_key == charge_point_key)
        .order_by(CommissioningSessionRow.status.in_(ACTIVE_STATUSES).desc(), CommissioningSessionRow.started_at.desc())
        .limit(1)
    )
    row = await session.scalar(statement)
    return None if row is None else (row, await _steps(session, [row.session_id]))


async def latest_sessions(session: AsyncSession, charge_point_keys: Sequence[int]) -> list[Rows]:
    """The newest session of each of these charge points."""
    statement = (
        select(CommissioningSessionRow)
        .ext(distinct_on(CommissioningSessionRow.charge_point_key))
        .where(CommissioningSessionRow.charge_point_key.in_(charge_point_keys))
        .order_by(CommissioningSessionRow.charge_point_key, CommissioningSessionRow.started_at.desc())
    )
    rows = (await session.scalars(statement)).all()
    steps: dict[str, list[CommissioningStepRow]] = {row.session_id: [] for row in rows}
    for step in await _steps(session, list(steps)):
        steps[step.session_id].append(step)
    return [(row, steps[row.session_id]) for row in rows]


async def prolong(session: AsyncSession, session_id: str, turn: int, until: datetime) -> bool:
    """Say that the maker of this turn's CALL is alive; False where the session has gone on without it."""
    statement = (
        update(CommissioningSessionRow)
        .where(
            CommissioningSessionRow.session_id == session_id,
            CommissioningSessionRow.turn == turn,
            CommissioningSessionRow.status.in_(ACTIVE_STATUSES),
        )
        .values(in_flight_until=until, wake_at=until)
        .returning(CommissioningSessionRow.turn)
    )
    return await session.scalar(statement) is not None


async def insert_logs(
    session: AsyncSession, row: CommissioningSessionRow, at: datetime, step: str | None, notes: Sequence[Note]
) -> None:
    """Lines of the session's log."""
    owner = {"session_id": row.session_id, "organization_id": row.organization_id}
    session.add_all(
        CommissioningLogRow(
            **owner, charge_point_key=row.charge_point_key, at=at, level=note.level, step=step, message=note.message
        )
        for note in notes
    )


async def _steps(session: AsyncSession, session_ids: Sequence[str]) -> list[CommissioningStepRow]:
    statement = (
        select(CommissioningStepRow)
        .where(CommissioningStepRow.session_id.in_(session_ids))
        .order_by(CommissioningStepRow.session_id, CommissioningStepRow.position)
    )
    return list(await session.scalars(statement))


def template_of(row: CommissioningSessionRow) -> Template:
    """The template that the session goes by."""
    return templates_definition.template_of(row.template)


def session_of(rows: Rows, template: Template) -> Session:
    """The session that rows hold."""
    return session_from(rows[0], tuple(_step_of(step) for step in rows[1]), template)


def session_from(row: Any, steps: tuple[Step, ...], template: Template) -> Session:
    """The session in the columns of a row, whatever kind of row it is."""
    return Session(
        session_id=row.session_id,
        status=row.status,
        result=row.result,
        steps=steps,
        template=template,
        test_token=row.test_token,
        started_at=row.started_at,
        completed_at=row.completed_at,
        outgoing=None if row.outgoing is None else _outgoing_of(row.outgoing),
        wake_at=row.wake_at,
        waiting_for=row.waiting_for,
        paused_at=row.paused_at,
        stopped_at=row.stopped_at,
    )


def _outgoing_of(kept: Mapping[str, Any]) -> Outgoing:
    answer = kept["answer"]
    return Outgoing(**{**kept, "answer": None if answer is None else Answer(**answer)})


def keep(rows: Rows, after: Session, *, same_turn: bool = False) -> None:
    """Put a session's new state into its rows; they reach the database when the transaction ends.

    A new turn voids the answer to a CALL in flight; `same_turn` lets it count.
    """
    row, steps = rows
    row.status, row.result, row.completed_at = after.status, after.result, after.completed_at
    row.paused_at, row.stopped_at, row.test_token = after.paused_at, after.stopped_at, after.test_token
    row.outgoing = None if after.outgoing is None else asdict(after.outgoing)
    row.wake_at, row.waiting_for = after.wake_at, after.waiting_for
    row.turn += not same_turn
    for step_row, step in zip(steps, after.steps, strict=True):
        for column, value in step_columns(step).items():
            if getattr(step_row, column) != value:
                setattr(step_row, column, value)


def _step_of(row: CommissioningStepRow) -> Step:
    return Step(
        name=row.name,
        shown_as=tuple(row.shown_as),
        time_limit_seconds=row.time_limit_seconds,
        status=cast("StepStatus", row.status),
        state=row.state,
        started_at=row.started_at,
        finished_at=row.finished_at,
        duration_ms=row.duration_ms,
        detail=row.detail,
        value=row.value,
        evidence=row.evidence,
        held_seconds=row.held_seconds,
    )


def step_columns(step: Step) -> dict[str, Any]:
    """What of a step its row holds and changes."""
    return {
        "status": step.status,
        "state": dict(step.state),
        "time_limit_seconds": step.time_limit_seconds,
        "held_seconds": step.held_seconds,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
        "duration_ms": step.duration_ms,
        "detail": step.detail,
        "value": step.value,
        "evidence": None if step.evidence is None else dict(step.evidence),
    }
