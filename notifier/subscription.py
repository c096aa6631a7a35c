"""A user's subscribers: each is attached, replays what it missed, and is then live.

    attach ──► (resume) ──► start: memory or pages of rows, awaiting the subscriber between pages ──► live ──► detach

From `attach` on the channel's stream records what the bus brings, so whatever is read from the database later joins on
to it. The step from replay to live has no await in it: nothing can come between. Invariant: a subscriber is given its
seqs one after another, each once. Live delivery is a loop over callbacks: no task and no queue for a subscriber.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Generic, Protocol, TypeVar

import structlog

from notifier.event import Event
from notifier.hub_metrics import HEALED
from notifier.reader import StreamReader
from notifier.stream import MessageT, Released, Stream, continues
from wallet_db.events import StreamPage

log = structlog.get_logger(__name__)

DeliveredT_contra = TypeVar("DeliveredT_contra", contravariant=True)


class Subscriber(Protocol[DeliveredT_contra]):
    """Whoever wants a user's events: a transport's connection."""

    def deliver(self, seq: int, message: DeliveredT_contra) -> None:
        """Take the next event; the one before was seq - 1. Must not wait. Raising detaches the subscriber."""

    async def drain(self) -> None:
        """Return when more may be delivered. Awaited between the pages of a replay."""

    def reset(self) -> None:
        """This stream cannot be continued: history was rewritten, or is no longer kept. Start anew, with a snapshot."""


class Channel(Generic[MessageT]):
    """One user: the stream, and who listens to it."""

    __slots__ = (
        "__weakref__",
        "_encode",
        "_ended",
        "_healing",
        "_live",
        "_reader",
        "idle_since_s",
        "stream",
        "subscriptions",
        "user_id",
    )

    def __init__(
        self, user_id: str, encode: Callable[[Event], MessageT], reader: StreamReader, *, ring_events_max: int
    ) -> None:
        self.user_id = user_id
        self.stream: Stream[MessageT] = Stream(encode, ring_events_max=ring_events_max)
        self.subscriptions: list[Subscription[MessageT]] = []
        self.idle_since_s: float | None = None
        """When the hub first saw it without subscriptions."""
        self._live: list[Subscription[MessageT]] = []
        self._encode = encode
        self._reader = reader
        self._healing = False
        self._ended = False

    @property
    def usable(self) -> bool:
        """Whether a new subscriber may join: with nobody there, nobody has read what the bus lost."""
        return not self._ended and (bool(self.subscriptions) or not self.stream.behind)

    def receive(self, event: Event) -> Released[MessageT]:
        """Take an event from the bus; returns what is to be delivered before this call's caller lets go."""
        stream = self.stream
        released = self._offer(event)
        if stream.seen != stream.head:
            self.heal()
        return released

    def anchor(self, head: int) -> None:
        """Give the stream its position, read from the database after the channel began to listen."""
        self.deliver(self.stream.anchor(head))
        self.heal()

    async def read(self, after: int) -> StreamPage | None:
        """A page of rows after seq `after`. None: there is no such user."""
        page = await self._reader.request(self.user_id, after)
        if page is not None:
            self.anchor(page.head)
        return page

    def encode(self, page: StreamPage) -> Released[MessageT]:
        """The page's events as messages."""
        return [(stored.seq, self._encode(Event(*stored))) for stored in page.events]

    def heal(self) -> None:
        """Read what is known to be missing, unless nobody would get it or that is going on already."""
        head = self.stream.head
        if head is None or not self.stream.behind or self._healing or not self.subscriptions:
            return
        self._healing = True
        answer = self._reader.request(self.user_id, head)
        answer.add_done_callback(partial(self._healed, head, self.stream.seen))

    def go_live(self, subscription: "Subscription[MessageT]") -> None:
        """From now on the subscription gets what the stream releases."""
        self._live.append(subscription)

    def remove(self, subscription: "Subscription[MessageT]") -> None:
        """The subscription ends; others, and a delivery under way, go on."""
        for group in (self.subscriptions, self._live):
            if subscription in group:
                group.remove(subscription)

    def reset(self) -> None:
        """Tell every subscriber that this stream cannot be continued, and end."""
        self._ended = True
        for subscription in tuple(self.subscriptions):
            subscription.reset()

    def deliver(self, released: Released[MessageT]) -> None:
        """Give what the stream has released to who is live."""
        if not self._live:
            return
        for seq, message in released:
            for subscription in tuple(self._live):
                subscription.push(seq, message)

    def _offer(self, event: Event) -> Released[MessageT]:
        try:
            return self.stream.offer(event)
        except Exception:
            # A defect in what encodes. It would meet the same event again; a snapshot is the way past it.
            log.exception("hub.encode_failed", user_id=self.user_id, seq=event.seq)
            self.reset()
            return ()

    def _healed(self, after: int, seen: int, answer: "asyncio.Future[StreamPage | None]") -> None:
        self._healing = False
        if answer.cancelled() or self._ended:
            return
        page = answer.result()
        if page is None or page.head < seen or not continues(page, after):
            # The rows know less than what was seen before they were read, or no longer reach back: another history.
            log.warning("hub.stream_reset", user_id=self.user_id, after=after, seen=seen)
            self.reset()
            return
        self.stream.note(page.head)
        HEALED.inc(len(page.events))
        for stored in page.events:
            self.deliver(self._offer(Event(*stored)))
        self.heal()


class Subscription(Generic[MessageT]):
    """One subscriber's place in one user's stream."""

    __slots__ = ("_channel", "_ended", "_page", "_subscriber", "position")

    def __init__(self, channel: Channel[MessageT], subscriber: Subscriber[MessageT]) -> None:
        self.position = 0
        """seq of the event delivered last, or of the place where `start` began."""
        self._channel = channel
        self._subscriber = subscriber
        self._page: StreamPage | None = None
        self._ended = False
        channel.subscriptions.append(self)

    @property
    def needs_rows(self) -> bool:
        """Whether `resume` had to read the database, for memory does not reach back that far."""
        return self._page is not None

    async def resume(self, after: int) -> bool:
        """Whether events after seq `after` can be delivered without a gap. Delivers nothing; keeps what it read.

        False: no such user, the stream never came that far, or what followed is no longer kept: send a snapshot.
        """
        if self._ended or after < 0:
            return False
        self.position = after
        head = self._channel.stream.head
        if head is not None and after <= head and self._channel.stream.reaches(after):
            return True
        self._page = await self._channel.read(after)
        return not self._ended and self._page is not None and continues(self._page, after)

    async def start(self, position: int, *, read_now: bool) -> None:
        """Deliver all that comes after seq `position`, then go live; returns when live, or detached meanwhile.

        `read_now`: the position was read from the database after `attach`, with a snapshot.
        """
        page = self._page if position == self.position else None
        self._page = None
        self.position = position
        if read_now and not self._ended:
            self._channel.anchor(position)
        while not self._ended:
            if self._channel.stream.reaches(self.position):
                for seq, message in self._channel.stream.since(self.position):
                    self.push(seq, message)
                if not self._ended:
                    self._channel.go_live(self)
                return
            page = page or await self._channel.read(self.position)
            if page is None or not continues(page, self.position):
                self.reset()
                return
            for seq, message in self._channel.encode(page):
                self.push(seq, message)
            page = None
            await self._subscriber.drain()

    def detach(self) -> None:
        """End: nothing is delivered after this. May be called again, and from within `deliver`."""
        self._ended = True
        self._page = None
        self._channel.remove(self)

    def push(self, seq: int, message: MessageT) -> None:
        """Deliver the event unless the subscriber has it already; a subscriber that raises is detached."""
        if self._ended or seq <= self.position:
            return
        self.position = seq
        try:
            self._subscriber.deliver(seq, message)
        except Exception:
            log.exception("hub.subscriber_failed", user_id=self._channel.user_id, seq=seq)
            self.detach()

    def reset(self) -> None:
        """Detach, and tell the subscriber to start anew."""
        if self._ended:
            return
        self.detach()
        try:
            self._subscriber.reset()
        except Exception:
            log.exception("hub.subscriber_failed", user_id=self._channel.user_id)
