"""One socket of a charge point: frames in, limits, pings, its row's epoch, its end.

`listener` makes one for each request that was admitted; picows calls it. Messages go to `exchange` as soon as the commit that
raised the epoch is done; until then they wait here. RFC 6455 §5.4, §5.5, §7.4.
"""

from time import monotonic, time
from typing import TYPE_CHECKING, Any

from picows import WSCloseCode, WSMsgType

from sliproad.foundation.inbound import Peer, Write
from sliproad.gateway.commit_group import Rows
from sliproad.gateway.exchange import Exchange
from sliproad.gateway.listener import AcceptedListener
from sliproad.gateway.ports import Opened, Verified

if TYPE_CHECKING:
    from sliproad.gateway.context import Context
    from sliproad.gateway.roster import Roster

TEXT = WSMsgType.TEXT
CONTINUATION = WSMsgType.CONTINUATION
MOST_FRAGMENTS = 256
MOST_EARLY_MESSAGES = 16
MOST_UNANSWERED_PINGS = 2
CLOSE_GRACE_SECONDS = 1.0
REPLACED = b"a newer connection of this charge point"


class Connection(AcceptedListener):
    """See the module. Not slotted into its parts, so that an idle one stays small (performance.md P4)."""

    __slots__ = (
        "context",
        "credential_id",
        "early",
        "exchange",
        "fragments",
        "is_closing",
        "is_superseded",
        "next_ping_at",
        "opened",
        "peer",
        "reading_held",
        "roster",
        "transport",
        "unanswered_pings",
        "verified",
    )

    def __init__(
        self, context: "Context", roster: "Roster", peer: Peer, opened: Opened, verified: Verified | None
    ) -> None:
        self.context = context
        self.roster = roster
        self.peer = peer
        self.opened = opened
        self.verified = verified
        self.credential_id = verified.credential_id if verified else None
        self.transport: Any = None
        self.exchange: Exchange | None = None
        self.early: list[bytes] | None = []
        self.fragments: list[bytes] | None = None
        self.is_closing = False
        self.is_superseded = False
        self.reading_held = False
        self.unanswered_pings = 0
        self.next_ping_at = monotonic() + context.ping_seconds

    def on_ws_connected(self, transport: Any) -> None:
        """The 101 is out: this is now the newest socket of its charge point, here at once, elsewhere after the commit."""
        self.transport = transport
        self.roster.joined(self)
        self.context.group.submit(Opening(self))

    def on_ws_frame(self, transport: Any, frame: Any) -> None:  # noqa: ARG002
        self.unanswered_pings = 0
        if self.is_closing and frame.msg_type is not WSMsgType.CLOSE:
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.close(WSCloseCode.PROTOCOL_ERROR, b"no extension was negotiated")
            return
        if frame.msg_type is TEXT and frame.fin and self.fragments is None:
            exchange = self.exchange
            if exchange is not None:
                exchange.receive(frame.get_payload_as_bytes())
            else:
                self._keep_early(frame.get_payload_as_bytes())
        else:
            self._rarer_frame(frame)

    def on_ws_disconnected(self, transport: Any) -> None:  # noqa: ARG002
        self.roster.left(self)
        if self.exchange is not None:
            self.exchange.close()
            self._submit_closed()

    def on_protocol_error(self) -> None:
        """A close frame is out already (1002, 1009): read no more of what comes, so that it costs no memory."""
        self._end_soon()
        self.reading_held = True
        self.transport.underlying_transport.pause_reading()

    def pause_writing(self) -> None:
        """The charge point does not read its answers: don't read its questions."""
        self.transport.underlying_transport.pause_reading()

    def resume_writing(self) -> None:
        if not self.reading_held:
            self.transport.underlying_transport.resume_reading()

    def hold_reading(self) -> None:
        """Too much waits for the database: read no more of this socket until there is room."""
        if not self.reading_held:
            self.reading_held = True
            self.transport.underlying_transport.pause_reading()
            self.context.group.when_room(self._go_on_reading)

    def send(self, data: bytes) -> None:
        """Send one text message; nothing when the socket is gone."""
        self.transport.send(TEXT, data)

    def close(self, code: WSCloseCode, reason: bytes) -> None:
        """Send a close frame and give the peer a moment to answer it (RFC 6455 §7.1.1)."""
        if not self.is_closing:
            self.transport.send_close(code, reason)
            self._end_soon()

    def supersede(self) -> None:
        """A newer socket of this charge point has won."""
        self.is_superseded = True
        self.close(WSCloseCode.OK, REPLACED)
        if self.exchange is not None and self.context.relays is not None:
            self.context.relays.closed(self.exchange)

    def tick(self, now: float) -> None:
        """Once a second: ping when it is time, end a socket that does not answer, release CALLs held for a silent reconnect."""
        exchange = self.exchange
        if exchange is not None and exchange.calls.release_at is not None and now >= exchange.calls.release_at:
            exchange.calls.release()
        if now < self.next_ping_at:
            return
        self.next_ping_at = now + self.context.ping_seconds
        if self.reading_held:
            return
        if self.unanswered_pings >= MOST_UNANSWERED_PINGS:
            self.transport.send_close(WSCloseCode.GOING_AWAY, b"no answer to pings")
            self.transport.underlying_transport.abort()
            return
        self.unanswered_pings += 1
        self.transport.send_ping()

    def opened_with(self, epoch: int, *, was_booted: bool) -> None:
        """The row knows this socket: handle what came meanwhile."""
        peer = self.peer
        peer.epoch, peer.is_booted = epoch, was_booted
        self.exchange = exchange = Exchange(self.context, self, peer)
        early, self.early = self.early, None
        if self.transport.is_disconnected:
            self._submit_closed()
            return
        self.context.tell("gateway.opened", {"key": peer.key, "epoch": epoch})
        if self.context.relays is not None:
            self.context.relays.opened(exchange)
        for data in early or ():
            exchange.receive(data)

    def _submit_closed(self) -> None:
        if not self.is_superseded:
            self.context.group.submit(Closing(self.peer.key, self.context.presence.closed(self.peer, time())))

    def _keep_early(self, data: bytes) -> None:
        if self.early is None or len(self.early) >= MOST_EARLY_MESSAGES:
            self.close(WSCloseCode.TRY_AGAIN_LATER, b"too many messages before the connection was recorded")
        else:
            self.early.append(data)

    def _rarer_frame(self, frame: Any) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.CLOSE:
            if not self.is_closing:
                self.transport.send_close(WSCloseCode.OK, b"")
            self.transport.disconnect()
        elif kind is WSMsgType.BINARY:
            self.close(WSCloseCode.UNSUPPORTED_DATA, b"OCPP-J is text")
        elif kind is TEXT:
            if self.fragments is not None:
                self.close(WSCloseCode.PROTOCOL_ERROR, b"a message within a message")
            else:
                self.fragments = [frame.get_payload_as_bytes()]
        elif kind is CONTINUATION:
            self._continue(frame)

    def _continue(self, frame: Any) -> None:
        fragments = self.fragments
        if fragments is None:
            self.close(WSCloseCode.PROTOCOL_ERROR, b"nothing to continue")
            return
        fragments.append(frame.get_payload_as_bytes())
        size = sum(map(len, fragments))
        if size > self.context.max_message_bytes or len(fragments) > MOST_FRAGMENTS:
            self.fragments = None
            self.close(WSCloseCode.MESSAGE_TOO_BIG, b"")
        elif frame.fin:
            self.fragments = None
            data = b"".join(fragments)
            if self.exchange is not None:
                self.exchange.receive(data)
            else:
                self._keep_early(data)

    def _end_soon(self) -> None:
        self.is_closing = True
        self.context.later(CLOSE_GRACE_SECONDS, self.transport.underlying_transport.abort)

    def _go_on_reading(self) -> None:
        if not self.transport.is_disconnected and not self.is_closing:
            self.reading_held = False
            self.transport.underlying_transport.resume_reading()


class Opening:
    """The rows of a new socket on their way: its epoch comes back."""

    __slots__ = ("_connection", "key", "writes")

    def __init__(self, connection: Connection) -> None:
        context, peer = connection.context, connection.peer
        self._connection = connection
        self.key = peer.key
        writes = context.presence.opened(peer, connection.opened)
        known = context.identities.by_key(peer.key)
        if known is not None and connection.verified is not None:
            writes += context.identities.used(known, connection.verified)
        self.writes: tuple[Write, ...] = writes

    def committed(self, rows: Rows) -> None:
        row = rows[0]
        if row:
            self._connection.opened_with(row[0], was_booted=row[1])
        else:
            self._connection.close(WSCloseCode.POLICY_VIOLATION, b"this charge point was removed")

    def refused(self, error: Exception) -> None:  # noqa: ARG002 - logged by the group
        self._connection.close(WSCloseCode.TRY_AGAIN_LATER, b"")


class Closing:
    """The rows of a socket that is gone; nobody waits for them."""

    __slots__ = ("key", "writes")

    def __init__(self, key: int, writes: tuple[Write, ...]) -> None:
        self.key = key
        self.writes = writes

    def committed(self, rows: Rows) -> None:
        pass

    def refused(self, error: Exception) -> None:
        pass
