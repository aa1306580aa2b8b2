"""One charge point's relay: a second connection, to its operator's server, for as long as the charge point's socket is open.

It dials, boots, replays the connectors' statuses, and then sends what waits, one CALL at a time; it comes back after every failure, later
and later. Nothing in here is awaited by the charge point's own path, but for the operator's word on a token (contract §5).
"""

import asyncio
import contextlib
from random import random
from time import monotonic, time

import structlog

from sliproad.foundation.inbound import Outcome
from sliproad.gateway.relay_authorization import Authorization
from sliproad.gateway.relay_commands import Commands
from sliproad.gateway.relay_delivery import Delivery, error_words
from sliproad.gateway.relay_dialling import dial
from sliproad.gateway.relay_hearing import Hearing
from sliproad.gateway.relay_line import Line
from sliproad.gateway.relay_ports import RelayFailed, Target
from sliproad.gateway.relay_queue import Durable, LiveMessage
from sliproad.gateway.relay_session import RelaySession
from sliproad.ocpp.frames import Call, Payload, Send

log = structlog.get_logger()
BOOT, HEARTBEAT, STATUS = "BootNotification", "Heartbeat", "StatusNotification"
PAGE_ROWS = 50
DRAIN_SECONDS = 600.0
NOT_DRAINED = "The connection was switched off before the server took it."
OTHERS = "The charge point has another operator now."


class Relay:
    """See the module. `start` once; `close` when the charge point's socket or the settings go."""

    __slots__ = ("_commands", "_delivery", "_dialling", "_drain_until", "_hearing", "_heartbeat", "_task", "line")

    def __init__(self, line: Line, dialling: asyncio.Semaphore) -> None:
        """`dialling` limits how many relays of this process open a connection to one operator at once."""
        self.line = line
        self._dialling = dialling
        self._heartbeat = 0.0
        self._drain_until = monotonic() + DRAIN_SECONDS
        authorization = Authorization(line)
        self._hearing = Hearing(line, authorization)
        self._delivery = Delivery(line, authorization)
        self._commands = Commands(line, authorization, self._delivery)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    def heard(self, call: Call, payload: Payload, outcome: Outcome, raw: bytes, at: float) -> Outcome | None:
        """The charge point said something that a handler took (`relay_hearing`)."""
        return self._hearing.heard(call, payload, outcome, raw, at)

    def sent(self, send: Send, payload: Payload, at: float) -> None:
        """The charge point said something that nobody answers (2.1)."""
        self._hearing.sent(send, payload, at)

    def drain(self, target: Target) -> None:
        """Take no more; deliver what waits, where it was meant to go, and end."""
        self.line.target, self.line.is_draining = target, True
        self._drain_until = monotonic() + DRAIN_SECONDS
        self.line.wake.set()

    def close(self) -> asyncio.Task[None] | None:
        """End at once; what waits as a row goes on waiting. Gives the task that ends."""
        if self._task is not None:
            self._task.cancel()
        if self.line.session is not None:
            self.line.session.close()
        return self._task

    async def _run(self) -> None:
        line, failures = self.line, 0
        line.submit(line.ports.records.dropped(line.peer.key, line.target, OTHERS, of_others=True))
        while not await self._is_over():
            line.tell_state_unless_failed("connecting")
            began = monotonic()
            try:
                await self._connected()
                continue
            except RelayFailed as failed:
                failures = self._failed(failed, failures, began)
            except Exception:
                log.exception("relay_failed", key=line.peer.key)
                failures = self._failed(RelayFailed("internal"), failures, began)
            finally:
                self._disconnect()
            await self._rest(line.ports.rules.reconnect_pause(max(failures, 1), random()))  # noqa: S311 - jitter
        line.tell_state("off")
        if line.exchange.relay is self:
            line.exchange.relay = None

    async def _is_over(self) -> bool:
        """Whether it was switched off and nothing waits any more."""
        line = self.line
        if not line.is_draining:
            return False
        rows = await line.asked(lambda: line.ports.records.waiting(line.peer.key, line.target, 1))
        if rows and monotonic() < self._drain_until:
            return False
        if rows:
            line.submit(line.ports.records.dropped(line.peer.key, line.target, NOT_DRAINED, of_others=False))
        return True

    async def _connected(self) -> None:
        """One connection, from dialling to its end.

        Raises:
            RelayFailed: why it ended; it returns only when nothing is left to drain.
        """
        line, context = self.line, self.line.exchange.context
        session = RelaySession(
            line.version,
            f"l{line.peer.epoch}x{int(time())}",
            most_bytes=context.max_message_bytes,
            handle_call=self._commands.handle,
            wake=line.wake,
        )
        async with self._dialling:
            await dial(line.settings, line.version, line.ports.guard, session, context.max_message_bytes)
        line.session = session
        await self._boot(session)
        await self._send_on(session)

    async def _boot(self, session: RelaySession) -> None:
        """BootNotification until it is accepted (1.6 §4.2; 2.x B01-B03), then every connector's status.

        Where the charge point boots while the connection is up it says these itself.
        """
        line, rules = self.line, self.line.ports.rules
        is_again, session.is_ready = session.is_booted, False
        while True:
            line.wake.clear()
            said, statuses = line.boot, list[Payload]()
            boot = said or {}
            if not is_again or said is None:
                replay = await line.asked(lambda: line.ports.records.replay(line.peer, said, is_new=line.boot_is_new))  # noqa: B023
                boot, statuses = replay.boot, list(replay.statuses)
            answered = await self._delivery.tell(session, LiveMessage(BOOT, boot, "", time()))
            assert answered is not None
            line.boot_is_new = line.boot is not said
            if answered.payload is None:
                raise RelayFailed("boot_refused", detail=error_words(answered))
            status, interval = answered.payload["status"], answered.payload["interval"]
            if status == "Accepted":
                break
            if status == "Rejected":
                line.tell_state("failed", rules.sentence("boot_rejected", {}))
            else:
                line.tell_state("connecting", rules.boot_pending)
            await session.pause(rules.boot_again_seconds(interval))
        self._heartbeat = rules.heartbeat_seconds(interval)
        session.is_ready = session.is_booted = True
        line.tell_state("connected")
        await self._tell_statuses(session, statuses)

    async def _tell_statuses(self, session: RelaySession, statuses: list[Payload]) -> None:
        """What connectors said last, but for those of which something newer waits."""
        newer = self.line.queue.places
        for payload in statuses:
            if self.line.ports.rules.place(payload) not in newer:
                await self._delivery.tell(session, LiveMessage(STATUS, payload, "", time()))

    async def _send_on(self, session: RelaySession) -> None:
        """Send what waits, and Heartbeats while nothing does, until nothing is left to drain."""
        line, queue = self.line, self.line.queue
        while True:
            line.wake.clear()
            session.check()
            if line.boot_is_new:
                await self._boot(session)
            message = queue.next()
            if message is not None:
                await self._delivery.deliver(session, message)
            elif queue.behind:
                await self._read_page()
            elif line.is_draining:
                return
            elif not await self._woken():
                await session.call(HEARTBEAT, {})

    async def _woken(self) -> bool:
        """Wait for something to send, or the end of the connection; False when it is time for a Heartbeat."""
        try:
            async with asyncio.timeout(self._heartbeat):
                await self.line.wake.wait()
        except TimeoutError:
            return False
        return True

    async def _read_page(self) -> None:
        line = self.line
        line.queue.begin_page()
        rows = await line.asked(lambda: line.ports.records.waiting(line.peer.key, line.target, PAGE_ROWS))
        page = [Durable(row.seq, row.action, row.payload.encode(), None, row.attempts) for row in rows]
        line.queue.push_page(page, is_last=len(page) < PAGE_ROWS)

    def _failed(self, failed: RelayFailed, failures: int, began: float) -> int:
        """Tell why; gives how many failures in a row that makes."""
        line = self.line
        reason = line.ports.rules.sentence(failed.kind, failed.details)
        log.info("relay_failed", key=line.peer.key, kind=failed.kind)
        if line.session is not None and line.session.is_booted:
            line.tell_state("connecting", reason)
            return 1 if monotonic() - began > self._heartbeat else failures + 1
        line.tell_state("failed", reason)
        return failures + 1

    def _disconnect(self) -> None:
        session, self.line.session = self.line.session, None
        self.line.queue.disconnected()
        if session is not None:
            session.close()

    async def _rest(self, seconds: float) -> None:
        """Wait before the next attempt; being switched off ends the waiting."""
        line, deadline = self.line, monotonic() + seconds
        was_draining = line.is_draining
        while line.is_draining == was_draining and (left := deadline - monotonic()) > 0:
            line.wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await line.wake.wait()
