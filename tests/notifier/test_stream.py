from hypothesis import given
from hypothesis import strategies as st

from notifier.event import Event
from notifier.stream import Stream, continues
from wallet_db.events import StoredEvent, StreamPage


def event(seq: int, *, payload: str = "{}") -> Event:
    return Event("u", seq, "test", "now", payload)


def stream(head: int | None = 0, *, ring: int = 4, pending: int = 8) -> Stream[str]:
    made: Stream[str] = Stream(lambda event: f"m{event.seq}", ring_events_max=ring, pending_events_max=pending)
    if head is not None:
        made.anchor(head)
    return made


def page(head: int, *seqs: int) -> StreamPage:
    return StreamPage(head, tuple(StoredEvent("u", seq, "test", "now", "{}") for seq in seqs))


def test_the_next_event_is_released_at_once_and_a_double_never() -> None:
    s = stream(41)
    assert list(s.offer(event(42))) == [(42, "m42")]
    assert list(s.offer(event(42))) == []
    assert list(s.offer(event(7))) == []
    assert not s.behind


def test_what_comes_too_early_waits_for_what_is_missing() -> None:
    s = stream()
    assert list(s.offer(event(3))) == []
    assert list(s.offer(event(2))) == []
    assert s.behind
    assert list(s.offer(event(1))) == [(1, "m1"), (2, "m2"), (3, "m3")]
    assert not s.behind


def test_before_it_is_anchored_a_stream_keeps_and_releases_nothing() -> None:
    s = stream(None)
    for seq in (4, 5, 6):
        assert list(s.offer(event(seq))) == []
    assert not s.behind
    assert not s.reaches(6)
    assert list(s.anchor(5)) == [(6, "m6")]
    assert list(s.anchor(1)) == []
    assert s.head == 6


def test_a_hint_says_only_that_there_is_something_to_read() -> None:
    s = stream()
    assert list(s.offer(event(1, payload=""))) == []
    assert s.behind
    assert list(s.offer(event(1))) == [(1, "m1")]
    assert not s.behind


def test_too_many_pending_are_dropped_and_not_forgotten() -> None:
    s = stream(pending=3)
    for seq in range(2, 20):
        s.offer(event(seq))
    assert s.offer(event(1))[0] == (1, "m1")
    assert s.behind
    for seq in range(2, 20):
        s.offer(event(seq))
    assert s.head == 19
    assert not s.behind


def test_the_ring_reaches_back_as_far_as_it_says() -> None:
    s = stream(10, ring=3)
    for seq in range(11, 16):
        s.offer(event(seq))
    assert list(s.since(12)) == [(13, "m13"), (14, "m14"), (15, "m15")]
    assert list(s.since(14)) == [(15, "m15")]
    assert list(s.since(15)) == list(s.since(99)) == []
    assert [after for after in range(10, 18) if s.reaches(after)] == [12, 13, 14, 15, 16, 17]


@given(st.permutations(range(1, 13)), st.lists(st.integers(1, 12), max_size=12), st.integers(0, 12))
def test_any_order_with_doubles_comes_out_in_order(order: list[int], doubles: list[int], anchored_after: int) -> None:
    s = stream(None, pending=100)
    released: list[tuple[int, str]] = []
    for index, seq in enumerate([*order, *doubles]):
        if index == anchored_after:
            released += s.anchor(0)
        released += s.offer(event(seq))
    released += s.anchor(0)
    assert released == [(seq, f"m{seq}") for seq in range(1, 13)]
    assert not s.behind


def test_a_page_continues_a_stream_or_does_not() -> None:
    assert continues(page(5), 5)
    assert continues(page(5, 4, 5), 3)
    assert not continues(page(5, 5), 3), "what followed is no longer kept"
    assert not continues(page(5), 3)
    assert not continues(page(2), 3), "the stream never came that far"
