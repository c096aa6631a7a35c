"""The hub: from the bus to the subscribers of this process, each user's events in order, without gap or double.

The bus's batches go through one stream per user with subscribers; a gap is read from the rows. A sweep compares the
streams with the rows now and then, for the bus may have lost a user's newest event and nothing would show it. If the
epoch has changed, history was rewritten, and every subscriber is told to start anew. A stream outlives its last
subscriber for a while: most who leave come back at once, and find what they missed in memory.

A hub belongs to one event loop. Nothing here knows tokens, cursors or sockets.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeAlias, TypeVar

import structlog

from notifier.event import Event
from notifier.hub_metrics import DeliverySample
from notifier.reader import USERS_PER_QUERY_MAX, ReadStreams, StreamReader
from notifier.retry import DATABASE_FAULTS, Backoff
from notifier.stream import MessageT
from notifier.subscription import Channel, Subscriber, Subscription
from notifier.traced import note_delivered
from notifier.watchers import Watchers
from wallet_db.tracing import is_tracing

__all__ = ["Hub", "ReadHeads", "ReadStreams", "Subscriber", "Subscription"]

log = structlog.get_logger(__name__)

ReadHeads: TypeAlias = Callable[[Sequence[str]], Awaitable[tuple[str, dict[str, int]]]]
"""`wallet_db.events.read_heads` bound to a pool: the epoch, and the users' newest seqs."""

ItemT = TypeVar("ItemT")


class Hub(Generic[MessageT]):
    """Fans events out. `encode` makes of an event what subscribers get, once for all of them. `epoch`: as it is now."""

    def __init__(
        self,
        encode: Callable[[Event], MessageT],
        read_streams: ReadStreams,
        read_heads: ReadHeads,
        epoch: str,
        *,
        page_events_max: int = 500,
        ring_events_max: int = 64,
        linger_s: float = 30.0,
        sweep_s: float = 5.0,
    ) -> None:
        self.epoch = epoch
        """The name of this history of events, as of the last sweep."""
        self._encode = encode
        self._read_heads = read_heads
        self._reader = StreamReader(read_streams, page_events_max=page_events_max)
        self._ring_events_max = ring_events_max
        self._linger_s = linger_s
        self._sweep_s = sweep_s
        self._channels: dict[str, Channel[MessageT]] = {}
        self._watchers = Watchers()
        self._sweep_wanted = asyncio.Event()
        self._sample = DeliverySample()

    def receive(self, events: Sequence[Event]) -> None:
        """Take a batch from the bus."""
        # First put all in order, then write all: each half runs in a warm cache, which the other would empty.
        released = [
            (channel, messages)
            for event in events
            if (channel := self._channels.get(event.user_id)) is not None and (messages := channel.receive(event))
        ]
        for channel, messages in released:
            channel.deliver(messages)
        if released and self._sample.is_due:
            self._sample.observe(event for event in events if event.user_id in self._channels)
        if released and is_tracing():
            note_delivered(event for event in events if event.user_id in self._channels)
        if self._watchers:
            for event in events:
                self._watchers.note(event.user_id, event.seq)

    def attach(self, user_id: str, subscriber: Subscriber[MessageT]) -> Subscription[MessageT]:
        """From now on nothing that the bus brings for this user is missed. Delivers nothing before `start`."""
        channel = self._channels.get(user_id)
        if channel is None or not channel.usable:
            channel = Channel(user_id, self._encode, self._reader, ring_events_max=self._ring_events_max)
            self._channels[user_id] = channel
        channel.idle_since_s = None
        return Subscription(channel, subscriber)

    def watch(self, user_id: str, wake: Callable[[], None], *, after: int | None = None) -> Callable[[], None]:
        """Call `wake` on any event of the user, without order or position; returns the function that ends it.

        With `after`, the seq the watcher knows of, the sweep wakes it too for what the bus has lost.
        """
        return self._watchers.add(user_id, wake, after)

    def sweep_soon(self) -> None:
        """Compare with the rows now: the bus has just been away. Give it to `Bus.listen` as `on_ready`."""
        self._sweep_wanted.set()

    async def run(self) -> None:
        """Read, sweep and forget, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reader.run())
            tasks.create_task(self._sweep_forever())

    async def _sweep_forever(self) -> None:
        backoff = Backoff(longest_s=self._sweep_s)
        while True:
            self._sweep_wanted.clear()
            try:
                await self._sweep()
            except DATABASE_FAULTS as error:
                if backoff.is_first:
                    log.warning("hub.sweep_failed", error=str(error) or type(error).__name__)
                await asyncio.sleep(backoff.next_s())
                continue
            if not backoff.is_first:
                log.info("hub.sweeps_again")
                backoff.reset()
            try:
                async with asyncio.timeout(self._sweep_s):
                    await self._sweep_wanted.wait()
            except TimeoutError:
                pass

    async def _sweep(self) -> None:
        """Heal the streams the rows have overtaken; forget those that nobody has asked for in a while."""
        self._evict()
        users = dict.fromkeys([*self._channels, *self._watchers.users()])
        for chunk in _chunks(users, USERS_PER_QUERY_MAX):
            # What was seen before the query must be in it.
            seen = [(channel, channel.stream.seen) for user in chunk if (channel := self._channels.get(user))]
            epoch, heads = await self._read_heads(chunk)
            if epoch != self.epoch:
                log.warning("hub.epoch_changed", before=self.epoch, epoch=epoch)
                self.epoch = epoch
                self._reset_all()
                return
            for user_id in chunk:
                self._watchers.note(user_id, heads.get(user_id, 0), from_bus=False)
            for channel, least in seen:
                self._compare(channel, heads.get(channel.user_id, 0), least)

    def _compare(self, channel: Channel[MessageT], head: int, seen: int) -> None:
        if channel.stream.head is None:
            return
        if head < seen:
            log.warning("hub.stream_reset", user_id=channel.user_id, head=head, seen=seen)
            channel.reset()
            return
        channel.stream.note(head)
        channel.heal()

    def _reset_all(self) -> None:
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            channel.reset()
        self._watchers.wake_all()

    def _evict(self) -> None:
        now_s = asyncio.get_running_loop().time()
        for channel in tuple(self._channels.values()):
            if channel.subscriptions:
                continue
            if channel.idle_since_s is None:
                channel.idle_since_s = now_s
            if now_s - channel.idle_since_s >= self._linger_s:
                del self._channels[channel.user_id]


def _chunks(items: Iterable[ItemT], size: int) -> Iterator[list[ItemT]]:
    """Lists of up to `size` items; one empty list for no items at all."""
    iterator = iter(items)
    chunk = list(islice(iterator, size))
    yield chunk
    while chunk := list(islice(iterator, size)):
        yield chunk
