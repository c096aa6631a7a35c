"""From the outbox to the bus, one look at a time: what is new and what was missing, in order of seq for each user.

On a bus within the same database (`Bus.channel`) looking and sending are one statement, and the events themselves never
come here. Otherwise, and while there are old gaps or somebody traces, it reads, then publishes. `skip` looks without
sending, for what its writers have sent themselves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeAlias

import asyncpg
import structlog

from notifier.bus import BusUnavailable
from notifier.event import Event
from notifier.metrics import BUS_ERRORS, IDS_FORGOTTEN, LAG_S, PUBLISHED, observe_lag
from notifier.missing import Ranges, Unread
from notifier.operations import count_operations, operations_of
from notifier.outbox import Look, Session, free_queue, look_at_outbox, read_outbox, take_horizon
from notifier.retry import Backoff
from notifier.traced import publishing
from wallet_db.tracing import is_tracing

log = structlog.get_logger(__name__)

Publish: TypeAlias = Callable[[Sequence[Event]], Awaitable[None]]
"""`Bus.publish`."""

SIGN_OF_LIFE_S = 1.0
"""While a bus takes its time the database is told that often that nobody hangs; less than `HUNG_S`."""
OLD_READ_SHARE_MAX = 0.1
"""Reading old gaps takes at most this part of the time."""


@dataclass(slots=True)
class Relay:
    """One leader's place in the outbox. Raises `DATABASE_FAULTS`, never what a bus raises."""

    session: Session
    unread: Unread
    publish: Publish
    channel: str | None
    """Where a NOTIFY reaches whom `publish` reaches."""
    _: KW_ONLY
    events_max: int
    """In one look."""
    old_read_s: float
    """Between two looks at the missing ids that are old; longer if they are so many that it takes long."""
    _old_due_s: float = field(default=0.0, init=False)
    _forgotten: int = field(default=0, init=False)
    _caught_up: bool = field(default=False, init=False)
    """What was there before it led has been sent: what comes now is new."""

    async def send(self, *, include_old: bool = False, with_bells: bool = False) -> Look:
        """Look, and publish what is found. with_bells: as `look_at_outbox`, where that is how it looks."""
        if self.channel is not None and not self.unread.has_old and not is_tracing():
            look = await self._send_within(self.channel, with_bells=with_bells)
            await self._note(look)
            if look.age_s is not None and self._caught_up:
                LAG_S.observe(look.age_s)
        else:
            look = await self._read_and_publish(include_old=include_old)
        self._caught_up = self._caught_up or look.complete
        self._tell_forgotten(look.xmin)
        return look

    async def skip(self) -> Look:
        """Look, and leave it at that: all that is found now was sent by its writers."""
        look = await self._look(self.unread.ranges(), None, with_bells=True)
        await self._note(look)
        if self.unread.has_old and self._old_is_due:
            began_s = _now_s()
            old = await self._look(self.unread.old_ranges(), None)
            self._old_read(began_s)
            self.unread.note_old(old.ids, old.xmin, complete=old.complete)
        # Given up or not, whoever comes late rings.
        self._forgotten = self.unread.forgotten
        return look

    async def _send_within(self, channel: str, *, with_bells: bool) -> Look:
        """However long it takes: to let go now would have writers ring into a queue that is full."""
        backoff = Backoff()
        while True:
            try:
                look = await self._look(self.unread.ranges(), channel, with_bells=with_bells)
            except asyncpg.ProgramLimitExceededError as error:
                BUS_ERRORS.inc()
                if backoff.is_first:
                    log.warning("follower.bus_lost", error=str(error))
                await self._with_signs_of_life(asyncio.sleep(backoff.next_s()))
                await free_queue(self.session)
            else:
                if not backoff.is_first:
                    log.info("follower.bus_back")
                return look

    async def _look(self, ranges: Ranges, channel: str | None, *, with_bells: bool = False) -> Look:
        look = await look_at_outbox(
            self.session, ranges, channel=channel, events_max=self.events_max, with_bells=with_bells
        )
        PUBLISHED.inc(len(look.ids))
        count_operations(look.operations)
        return look

    async def _note(self, look: Look) -> None:
        if self.unread.note(look.ids, look.xmin, complete=look.complete):
            self.unread.bound(await take_horizon(self.session))

    async def _read_and_publish(self, *, include_old: bool) -> Look:
        unread = self.unread
        read = await read_outbox(
            self.session, unread.ranges(), events_max=self.events_max, with_previous=unread.has_old
        )
        overtakes = any(previous is not None and unread.is_old(previous) for previous in read.previous_ids)
        await self._note(read.look)
        if unread.has_old and (include_old or overtakes or self._old_is_due):
            # Before what was just read: one of these may be the event before one of those.
            await self._publish_old()
        await self._publish_all(read.events)
        if read.events and self._caught_up:
            observe_lag(read.events)
        return read.look

    @property
    def _old_is_due(self) -> bool:
        return _now_s() >= self._old_due_s

    def _old_read(self, began_s: float) -> None:
        now_s = _now_s()
        self._old_due_s = now_s + max(self.old_read_s, (now_s - began_s) / OLD_READ_SHARE_MAX)

    async def _publish_old(self) -> None:
        while True:
            began_s = _now_s()
            read = await read_outbox(self.session, self.unread.old_ranges(), events_max=self.events_max)
            self._old_read(began_s)
            self.unread.note_old(read.look.ids, read.look.xmin, complete=read.look.complete)
            await self._publish_all(read.events)
            if read.look.complete:
                return

    async def _publish_all(self, events: Sequence[Event]) -> None:
        """However long it takes: reading goes on afterwards, at the same place."""
        if events:
            await self._with_signs_of_life(self._publish_until_taken(events))

    async def _with_signs_of_life(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for what asks nothing of the session, which may take longer than the server lets a leader be silent."""
        task = asyncio.create_task(work)
        try:
            while not task.done():
                done, _ = await asyncio.wait({task}, timeout=SIGN_OF_LIFE_S)
                if not done:
                    await self.session.execute("select")
        except BaseException:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        await task

    async def _publish_until_taken(self, events: Sequence[Event]) -> None:
        backoff = Backoff()
        while True:
            try:
                with publishing(events):
                    await self.publish(events)
            except BusUnavailable as error:
                BUS_ERRORS.inc()
                if backoff.is_first:
                    log.warning("follower.bus_lost", error=str(error))
                await asyncio.sleep(backoff.next_s())
            else:
                PUBLISHED.inc(len(events))
                count_operations(operations_of(events))
                if not backoff.is_first:
                    log.info("follower.bus_back")
                return

    def _tell_forgotten(self, xmin: int) -> None:
        if self.unread.forgotten > self._forgotten:
            IDS_FORGOTTEN.inc(self.unread.forgotten - self._forgotten)
            log.error("follower.ids_forgotten", ids=self.unread.forgotten - self._forgotten, xmin=xmin)
            self._forgotten = self.unread.forgotten


def _now_s() -> float:
    return asyncio.get_running_loop().time()
