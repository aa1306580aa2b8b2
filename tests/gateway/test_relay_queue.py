"""The relay's queue in memory: order, bounds, falling behind and catching up; any order of events loses and repeats nothing."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from sliproad.gateway.relay_queue import MOST_KEPT, MOST_LIVE, Asking, Durable, LiveMessage, UpQueue


def durable(seq: int) -> Durable:
    return Durable(seq, "TransactionEvent", b"{}")


def live(name: str, place: tuple[int, int] | None = None) -> LiveMessage:
    return LiveMessage("StatusNotification" if place else "NotifyEvent", {}, name, 0.0, place=place)


def caught_up() -> UpQueue:
    queue = UpQueue()
    queue.begin_page()
    queue.push_page([], is_last=True)
    assert queue.is_empty
    return queue


def all_of(queue: UpQueue) -> list[object]:
    found = []
    while (message := queue.next()) is not None:
        found.append(message.seq if isinstance(message, Durable) else message.message_id)  # type: ignore[union-attr]
    return found


def test_live_messages_keep_their_place_among_transaction_messages():
    queue = caught_up()
    queue.push_live(live("before"))
    queue.push(durable(1))
    queue.push_live(live("between"))
    queue.push(durable(2))
    queue.push_live(live("after"))
    assert all_of(queue) == ["before", 1, "between", 2, "after"]


def test_a_connectors_status_takes_the_place_of_its_last_one():
    queue = caught_up()
    for number in range(1000):
        queue.push_live(live(f"one {number}", (1, 1)))
        queue.push_live(live(f"two {number}", (2, 1)))
    assert all_of(queue) == ["one 999", "two 999"]
    assert queue.overflowed == 0


def test_too_many_live_messages_lose_the_oldest_and_are_counted():
    queue = caught_up()
    for number in range(MOST_LIVE + 5):
        queue.push_live(live(str(number)))
    assert queue.overflowed == 5
    assert all_of(queue) == [str(number) for number in range(5, MOST_LIVE + 5)]


def test_statuses_go_at_once_while_the_rest_is_read_from_rows():
    queue = caught_up()
    for seq in range(1, MOST_KEPT + 2):
        queue.push(durable(seq))
    queue.push_live(live("now", (1, 1)))
    assert queue.behind
    message = queue.next()
    assert isinstance(message, LiveMessage)
    assert all_of(queue) == list(range(1, MOST_KEPT + 1))
    assert queue.behind


async def test_a_question_that_somebody_waits_for_goes_first():
    queue = caught_up()
    queue.push(durable(1))
    given_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    given_up.cancel()
    queue.asking.append(Asking({}, given_up))  # type: ignore[arg-type]
    asking = Asking({"idTag": "T"}, asyncio.get_running_loop().create_future())
    queue.asking.append(asking)
    assert queue.next() is asking
    assert all_of(queue) == [1]


async def test_whoever_asked_hears_that_the_connection_went():
    queue = caught_up()
    asking = Asking({}, asyncio.get_running_loop().create_future())
    queue.asking.append(asking)
    queue.push(durable(1))
    queue.disconnected()
    assert asking.answer.result() is None
    assert queue.next() is None
    assert queue.behind


@given(st.lists(st.sampled_from(["commit", "send", "read", "lose"]), max_size=600))
def test_whatever_happens_each_row_is_sent_in_order_and_none_is_left_out(events):
    """A model of `relay`: rows are committed, sent and marked, pages are read when nothing is here, connections are lost."""
    queue, rows, delivered = UpQueue(), list[int](), list[int]()

    def read() -> None:
        waiting = [seq for seq in rows if seq not in delivered]
        queue.begin_page()
        queue.push_page([durable(seq) for seq in waiting[:3]], is_last=len(waiting) < 3)

    def send() -> None:
        message = queue.next()
        if isinstance(message, Durable):
            delivered.append(message.seq)
        elif queue.behind:
            read()

    for event in events:
        if event == "commit":
            rows.append(len(rows) + 1)
            queue.push(durable(rows[-1]))
        elif event == "lose":
            queue.disconnected()
        else:
            send()
    while not queue.is_empty:
        send()
    assert delivered == rows


def test_a_row_that_is_committed_while_a_page_is_read_is_read_with_the_next():
    queue = UpQueue()
    queue.begin_page()
    queue.push(durable(7))  # committed after the page's snapshot
    queue.push_page([durable(5), durable(6)], is_last=True)
    assert all_of(queue) == [5, 6]
    assert queue.behind
