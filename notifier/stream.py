"""One user's stream in memory: what came, in whichever order, becomes seq 1, 2, 3 … without gap or double.

Pure: no loop, no clock. A stream begins unanchored, knowing no seq, and only keeps what comes; `anchor` says where the
user's history stands, and from there on events are released one by one. Invariant: the ring holds the newest released
messages, consecutive, ending with `head`. Both ring and pending are bounded; over the bound pending events are dropped,
since `seen` remembers that they exist and the rows hold them.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Generic, TypeAlias, TypeVar

from notifier.event import Event
from wallet_db.events import StreamPage

MessageT = TypeVar("MessageT")

Released: TypeAlias = Sequence[tuple[int, MessageT]]
"""(seq, message) in order, each following the one before."""


def continues(page: StreamPage, after: int) -> bool:
    """Whether the page, read for what comes after seq `after`, joins on to it.

    False: the stream never came that far, or what followed is no longer kept, or is not all there.
    """
    if page.head <= after or not page.events:
        return page.head == after
    return page.events[-1].seq == after + len(page.events)  # seqs rise, so they are one after another


class Stream(Generic[MessageT]):
    """Puts one user's events in order and remembers the last of them, each encoded once."""

    __slots__ = ("_encode", "_pending", "_pending_events_max", "_ring", "_ring_events_max", "head", "seen")

    def __init__(
        self, encode: Callable[[Event], MessageT], *, ring_events_max: int = 64, pending_events_max: int = 256
    ) -> None:
        self.head: int | None = None
        """seq of the newest event released; None: not anchored yet."""
        self.seen: int = 0
        """seq of the newest event known to exist, from whatever source."""
        self._encode = encode
        self._ring_events_max = ring_events_max
        self._pending_events_max = pending_events_max
        # Most users have nothing to remember most of the time.
        self._ring: deque[MessageT] | None = None
        self._pending: dict[int, Event] | None = None

    @property
    def behind(self) -> bool:
        """Events are known to exist that could not be released: rows must be read."""
        return self.head is not None and self.seen > self.head

    def anchor(self, head: int) -> Released[MessageT]:
        """Begin after seq `head`, read from the database while this stream was listening already."""
        self.note(head)
        if self.head is not None:
            return ()
        self.head = head
        if self._pending:
            self._pending = {seq: event for seq, event in self._pending.items() if seq > head}
        return self._release_pending()

    def note(self, seq: int) -> None:
        """The user's stream is known to have come to `seq`."""
        self.seen = max(self.seen, seq)

    def offer(self, event: Event) -> Released[MessageT]:
        """Take an event from the bus or from a row; returns what may be delivered now, often just that."""
        head, seq = self.head, event.seq
        if head is not None and seq <= head:
            return ()
        if seq > self.seen:
            self.seen = seq
        if event.is_hint:
            return ()
        if seq - 1 != head:
            self._keep(event)
            return ()
        released = self._release(event)
        return (released, *self._release_pending()) if self._pending else (released,)

    def reaches(self, after: int) -> bool:
        """Whether memory alone holds all that was released after seq `after`."""
        if self.head is None:
            return False
        return self.head - after <= (len(self._ring) if self._ring else 0)

    def since(self, after: int) -> Released[MessageT]:
        """What was released after seq `after`, which must be within reach."""
        if self.head is None or not self._ring or after >= self.head:
            return ()
        first = self.head - len(self._ring) + 1
        messages: Iterable[MessageT] = islice(self._ring, after + 1 - first, None)
        return tuple(enumerate(messages, start=after + 1))

    def _keep(self, event: Event) -> None:
        if self._pending is None:
            self._pending = {}
        elif len(self._pending) >= self._pending_events_max:
            self._pending.clear()
        self._pending[event.seq] = event

    def _release_pending(self) -> Released[MessageT]:
        released: list[tuple[int, MessageT]] = []
        if self._pending and self.head is not None:
            while (event := self._pending.pop(self.head + 1, None)) is not None:
                released.append(self._release(event))
        if not self._pending:
            self._pending = None
        return released

    def _release(self, event: Event) -> tuple[int, MessageT]:
        message = self._encode(event)
        if self._ring is None:
            self._ring = deque(maxlen=self._ring_events_max)
        self._ring.append(message)
        self.head = event.seq
        return event.seq, message
