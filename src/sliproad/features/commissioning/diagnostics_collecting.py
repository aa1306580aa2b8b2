"""Asks a charge point for what its diagnostics show, and keeps the answers in the device model. `diagnostics_jobs` run it.

A charge point is asked for everything at once; one that drops its socket at that is waited for, remembered, and asked key by key
from then on. Whatever was answered until it failed is kept.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning import diagnostics_store, diagnostics_wire
from sliproad.features.device_model.model import ReadBack
from sliproad.features.device_model.service import DeviceModelService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.errors import Conflict, InvalidInput, UpstreamUnavailable
from sliproad.ocpp.our_numbers import OURS_BELOW

CALL_SECONDS = 20.0
RETURN_SECONDS = 60.0
REPORT_SECONDS = 60.0
LOOK_SECONDS = 0.2
WHOLE_SECONDS = 240.0
MOST_FAILURES = 3
"""Of single reads, one after the other, before it is given up."""
NO_ANSWER = "The charge point did not answer in time. Check its connection and ask again."
GONE = "The charge point lost its connection while it was asked and did not come back. Ask again when it is connected."

Item = TypeVar("Item")


class Failed(Exception):
    """Nothing more is to be had; says why in a sentence."""


class Dropped(Exception):
    """The socket went instead of an answer."""


class DiagnosticsCollector:
    """One per worker process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        live: LiveService,
        commands: CommandService,
        device_model: DeviceModelService,
    ) -> None:
        """`database` speaks as role `engine`."""
        self.database = database
        self.clock = clock
        self.live = live
        self.commands = commands
        self.device_model = device_model

    async def collect(self, charge_point_key: int) -> None:
        """Run the collection that was begun for this charge point; nothing where it has ended. May run again."""
        async with self.database.transaction(ENGINE) as session:
            row = await diagnostics_store.find_collection(session, charge_point_key)
            if row is None or row.status != "running":
                return
            live = await self.live.live(session, charge_point_key)
            asking = _Asking(self, charge_point_key, row.organization_id, one_by_one=row.reads_one_by_one)
        detail: str | None = None
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                await (asking.read_16() if live.protocol_version in {None, "1.6"} else asking.read_2x())
        except Failed as failure:
            detail = str(failure)
        except Dropped:
            detail = GONE
        except TimeoutError:
            detail = NO_ANSWER
        async with self.database.transaction(ENGINE) as session:
            row = await diagnostics_store.find_collection(session, charge_point_key, lock=True)
            assert row is not None
            now = self.clock.now()
            row.status, row.detail, row.finished_at = "completed" if detail is None else "failed", detail, now
            row.reads_one_by_one = asking.one_by_one
            row.request_id = asking.request_id or row.request_id
            if asking.has_read:
                row.collected_at = now


class _Asking:
    """One run: what it has found out so far about how this charge point can be asked."""

    def __init__(self, parts: DiagnosticsCollector, key: int, organization_id: str, *, one_by_one: bool) -> None:
        self.parts = parts
        self.key = key
        self.organization_id = organization_id
        self.one_by_one = one_by_one
        self.has_read = False
        self.request_id: int | None = None

    async def read_16(self) -> None:
        """All keys at once; else in chunks; else key by key."""
        if not self.one_by_one and (answer := await self._at_once("GetConfiguration", diagnostics_wire.all_keys())):
            await self._keep(diagnostics_wire.keys_told(answer))
            return
        names = list(diagnostics_wire.KEYS_16)
        async with self.parts.database.transaction(ENGINE) as session:
            known = await self.parts.device_model.variables(session, self.key, component="")
        names += [one.variable for one in known if one.variable not in diagnostics_wire.KEYS_16]
        limit = next((one.value for one in known if one.variable == "GetConfigurationMaxKeys"), None)
        chunk = int(limit) if limit and limit.isdecimal() and int(limit) else diagnostics_wire.KEYS_PER_READ

        async def read(some: Sequence[str]) -> None:
            answer = await self._ask("GetConfiguration", diagnostics_wire.some_keys(some))
            await self._keep([] if answer is None else diagnostics_wire.keys_told(answer))

        await self._in_chunks(names, chunk, read)

    async def read_2x(self) -> None:
        """The full report; else the variables that diagnostics show, in chunks; else one by one."""
        if not self.one_by_one:
            request_id = secrets.randbelow(OURS_BELOW - 1) + 1
            answer = await self._at_once("GetBaseReport", diagnostics_wire.base_report(request_id))
            if answer is not None and answer["status"] == "Accepted" and await self._reported(request_id):
                self.request_id, self.has_read = request_id, True
                return

        async def read(some: Sequence[tuple[str, str]]) -> None:
            answer = await self._ask("GetVariables", diagnostics_wire.some_variables(some))
            await self._keep([] if answer is None else diagnostics_wire.variables_told(answer))

        await self._in_chunks(diagnostics_wire.VARIABLES_2X, diagnostics_wire.VARIABLES_PER_READ, read)

    async def _at_once(self, action: str, payload: dict[str, Any]) -> Mapping[str, Any] | None:
        """The answer to a request for everything; None where it has to be asked in parts."""
        was_there = await self._is_connected()
        try:
            return await self._ask(action, payload)
        except Dropped:
            await self._returned()
            if not was_there:
                return await self._at_once(action, payload)
            self.one_by_one = True
        except UpstreamUnavailable:
            pass  # too much at once, perhaps
        return None

    async def _in_chunks(
        self, items: Sequence[Item], chunk: int, read: Callable[[Sequence[Item]], Awaitable[None]]
    ) -> None:
        """Read all of them; one whose reading fails is passed over, and after a few in a row it is given up.

        A lost socket says little about what was asked: it may have been lost before, without anybody knowing yet. So whatever
        was asked then is asked once more.
        """
        failures, position, lost_at = 0, 0, -1
        while position < len(items):
            size = 1 if self.one_by_one else chunk
            try:
                await read(items[position : position + size])
                failures = 0
            except Dropped:
                await self._returned()
                if not self.one_by_one or lost_at != position:  # the same again, but singly
                    self.one_by_one, lost_at = True, position
                    continue
                failures += 1
            except UpstreamUnavailable:
                failures += 1
            if failures >= MOST_FAILURES:
                raise Failed(NO_ANSWER)
            position += size
        if not self.has_read:
            raise Failed("The charge point told none of its settings when it was asked.")

    async def _ask(self, action: str, payload: dict[str, Any]) -> Mapping[str, Any] | None:
        """The answer's payload; None where the charge point refused the CALL.

        Raises:
            Dropped: it is not connected any more.
            UpstreamUnavailable: no answer in time.
        """
        try:
            answer = await self.parts.commands.call(self.key, action, payload, timeout_seconds=CALL_SECONDS)
        except Conflict:
            raise Dropped from None
        except InvalidInput:
            return None
        return answer.payload

    async def _keep(self, values: Sequence[ReadBack]) -> None:
        if values:
            async with self.parts.database.transaction(ENGINE) as session:
                await self.parts.device_model.keep_read_back(session, self.key, self.organization_id, values)
            self.has_read = True

    async def _reported(self, request_id: int) -> bool:
        """Whether the report has come, whole or, when time is up, in part."""
        deadline = asyncio.get_running_loop().time() + REPORT_SECONDS
        while True:
            async with self.parts.database.transaction(ENGINE) as session:
                report = await self.parts.device_model.reported(session, self.key, request_id)
            if report is not None and report.is_complete:
                return True
            if asyncio.get_running_loop().time() > deadline:
                return report is not None
            await asyncio.sleep(LOOK_SECONDS)

    async def _returned(self) -> None:
        """Return when the charge point is connected again.

        Raises:
            Failed: it stays away.
        """
        deadline = asyncio.get_running_loop().time() + RETURN_SECONDS
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if await self._is_connected():
                return
            if asyncio.get_running_loop().time() > deadline:
                raise Failed(GONE)

    async def _is_connected(self) -> bool:
        async with self.parts.database.transaction(ENGINE) as session:
            return (await self.parts.live.live(session, self.key)).connected
