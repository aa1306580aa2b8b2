"""Asks the operator whether a token may charge, where its word counts; remembers what it accepted (contract §5).

A silent server costs a charge point five seconds once: while an answer is outstanding for that long, nobody asks again.
"""

import asyncio
from time import monotonic

from sliproad.gateway.relay_line import Line
from sliproad.gateway.relay_queue import Asking
from sliproad.ocpp.frames import Payload

ASK_SECONDS = 5.0
ACCEPTED = "Accepted"
INFO = {False: "idTagInfo", True: "idTokenInfo"}
"""By whether it is 2.x: where an answer says whether a token may charge."""


class Authorization:
    """See the module. One per relay."""

    __slots__ = ("_info", "_line")

    def __init__(self, line: Line) -> None:
        self._line = line
        self._info = INFO[line.version.is_2x]

    def said(self, answer: Payload) -> Payload | None:
        """What our answer says of its token."""
        info = answer.get(self._info)
        return info if isinstance(info, dict) else None

    def is_settled(self, token: str, ours: Payload) -> bool:
        """Whether the operator's word makes no difference."""
        return self._line.ports.rules.is_settled(self._decision, token, ours["status"])

    def remembered(self, token: str) -> Payload | None:
        """What the operator accepted lately."""
        return self._line.ports.tokens.find(self._line.peer.key, token)

    def decided(self, answer: Payload, theirs: Payload | None) -> Payload:
        """Our answer with the word that counts."""
        return answer | {self._info: self._line.ports.rules.decided(self._decision, answer[self._info], theirs)}

    def accepted(self, token: str, info: Payload) -> None:
        """The operator accepted a token, or starts a transaction with it."""
        if info.get("status") == ACCEPTED:
            self._line.ports.tokens.remember(self._line.peer.key, token, info)

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody who answers."""
        session = self._line.session
        if session is None or not session.is_ready:
            return False
        return session.waits_since is None or monotonic() - session.waits_since < ASK_SECONDS

    async def ask(self, token: str, authorize: Payload) -> Payload | None:
        """What the operator says of the token; None when nothing comes in time."""
        if not self.can_ask:
            return None
        asking = Asking(authorize, asyncio.get_running_loop().create_future())
        self._line.queue.asking.append(asking)
        self._line.wake.set()
        try:
            async with asyncio.timeout(ASK_SECONDS):
                answer = await asking.answer
        except TimeoutError:
            return None
        info = None if answer is None else self.said(answer)
        if info is not None:
            self.accepted(token, info)
        return info

    @property
    def _decision(self) -> str:
        return self._line.settings.authorization_decision
