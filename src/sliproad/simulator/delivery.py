"""Delivers the ledger's transaction messages to the CSMS, in order, until each is acknowledged. Run by `connection`.

OCPP 1.6 §4.1 and §9.1 (TransactionMessageAttempts), OCPP 2.x E04 and E13: while offline they wait; a CALLERROR is
retried ever later and given up after the configured attempts; an unanswered one is sent again, the same, on the next
connection.
"""

import asyncio

from sliproad.simulator.dialect import Message
from sliproad.simulator.ledger_book import LedgerMessage
from sliproad.simulator.sessions import Sessions
from sliproad.simulator.station import CallRefusedError, Line, Station


async def deliver(station: Station, sessions: Sessions, line: Line) -> None:
    """Work the queue off for as long as the connection lives.

    Raises:
        ConnectionLostError: the connection ended with a message on its way.
    """
    while True:
        station.queue_grew.clear()
        queued = station.ledger.book.next_pending()
        if queued is None:
            station.events.publish("queue_empty")
            await station.queue_grew.wait()
            continue
        await _deliver(station, sessions, line, queued)


async def _deliver(station: Station, sessions: Sessions, line: Line, queued: LedgerMessage) -> None:
    payload = station.dialect.completed(queued, station.ledger.book)
    station.ledger.record_sending(queued.message_id)
    await station.ledger.sync()
    try:
        answer = await line.request(Message(queued.action, payload), queued.message_id)
    except CallRefusedError as error:
        options = station.dialect.options()
        given_up = queued.refusals + 1 >= options.delivery_attempts
        station.ledger.record_refusal(queued.message_id, str(error), given_up=given_up)
        station.events.publish("message_refused", action=queued.action, given_up=given_up)
        if not given_up:
            await asyncio.sleep(options.delivery_retry_seconds * queued.refusals)
        return
    sessions.note_answer(queued, answer)
    station.ledger.acknowledge(queued.message_id, answer)
    station.events.publish("message_acknowledged", action=queued.action, answer=answer)
