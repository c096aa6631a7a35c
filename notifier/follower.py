"""The follower: reads the outbox as it grows and publishes each committed event, each user's in order of seq.

    standing by ──lock LEADER──► awake ──quiet──► falling asleep ──► asleep
         ▲                         ▲ ▲───new events───┘                │
         └── connection lost ──────┘ └────────bell, or slow sweep──────┘

Awake it holds the lock AWAKE and polls every few milliseconds; writers who see the lock ring no bell. To fall asleep it
gives the lock back, takes a horizon, and reads on until the xmin of a read has reached it: whoever saw the lock has
ended by then. Ids that are missing are read again until it is certain that they never come (`notifier.missing`), so a
transaction left open delays nobody else.

Publishing may repeat: a new leader begins some events back, because its predecessor may have read what it did not
publish any more. It may also skip, if a transaction was open since before that point: hubs find both by seq.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TypeAlias

import structlog

from notifier.bus import Bus, BusUnavailable
from notifier.event import Event
from notifier.metrics import (
    ASLEEP,
    BUS_ERRORS,
    CONNECTIONS_LOST,
    IDS_FORGOTTEN,
    LEADING,
    PUBLISHED,
    RINGS,
    observe_lag,
)
from notifier.missing import Unread
from notifier.operations import count_operations
from notifier.outbox import (
    AWAKE,
    DOORBELL,
    LEADER,
    Read,
    Session,
    open_session,
    read_epoch,
    read_outbox,
    starting_id,
    take_horizon,
    try_lock,
    unlock,
)
from notifier.retry import DATABASE_FAULTS, Backoff
from notifier.traced import publishing
from wallet_db.roles import NOTIFIER

log = structlog.get_logger(__name__)

Publish: TypeAlias = Callable[[Sequence[Event]], Awaitable[None]]
"""`Bus.publish`."""

OLD_READ_SHARE_MAX = 0.1
"""Reading old gaps takes at most this part of the time."""
FEW_EVENTS = 10
READ_SHARE_MAX = 1 / 3
"""Reading and publishing what is new, too, unless there is more than one batch: in a flood, fewer and larger reads
leave the processors to the writers, and cost an event some milliseconds at most."""
DRAIN_PAUSE_MAX_S = 0.05
PAUSE_MAX_S = 0.01
PING_TIMEOUT_S = 5.0


class HistoryRewritten(ConnectionError):
    """A backup was restored: ids may have begun anew below the one read last. Ends a leadership like a lost session."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """How often the follower looks, and how much it takes at once."""

    poll_s: float = 0.003
    """Between two reads while awake,"""
    eager_s: float = 0.001
    """and after one that found a few events, for it would have found them sooner."""
    idle_s: float = 0.25
    """Without a new event for so long, it falls asleep."""
    sweep_s: float = 5.0
    """Asleep, it looks that often without being called. Only a safety net."""
    standby_s: float = 1.0
    """Between two attempts to become the leader."""
    batch_events_max: int = 1000
    recent_ids_max: int = 1000
    """So many missing ids are part of every read."""
    old_read_s: float = 0.5
    """Between two reads of the missing ids that are older; longer if they are so many that reading takes long."""
    lookback_events_min: int = 2000
    """A new leader begins at least so many ids back,"""
    lookback_s: float = 15.0
    """and as far as events are younger than this: longer than it takes to notice that a machine has vanished,"""
    lookback_events_max: int = 20_000
    """but not further than this."""


class Follower:
    """Follows the outbox of the database at `url` whenever no other follower does."""

    def __init__(self, url: str, publish: Publish, tempo: Tempo | None = None, role: str = NOTIFIER) -> None:
        self.connected = asyncio.Event()
        """Set while it stands by or leads: it could ask the database which of the two."""
        self.leading = asyncio.Event()
        """Set while this follower is the one that publishes."""
        self.asleep = asyncio.Event()
        """Set while it waits for the bell."""
        self._url = url
        self._publish = publish
        self._tempo = tempo or Tempo()
        self._role = role
        self._backoff = Backoff()

    async def run(self) -> None:
        """Stand by, lead, and after a lost connection begin again; until cancelled."""
        while True:
            try:
                async with open_session(self._url, "follower", self._role) as reading:
                    await self._stand_by(reading)
                    async with open_session(self._url, "follower-bell", self._role) as listening:
                        await self._lead(reading, listening)
            except DATABASE_FAULTS as error:
                CONNECTIONS_LOST.inc()
                if self._backoff.is_first:
                    log.warning("follower.database_lost", error=str(error) or type(error).__name__)
            finally:
                self.connected.clear()
                self.leading.clear()
                LEADING.set(0)
            await asyncio.sleep(self._backoff.next_s())

    async def _stand_by(self, reading: Session) -> None:
        """Return as the leader."""
        waiting = False
        while not await try_lock(reading, LEADER):
            self._backoff.reset()
            self.connected.set()
            if not waiting:
                log.info("follower.stands_by")
                waiting = True
            await asyncio.sleep(self._tempo.standby_s * random.uniform(0.75, 1.25))  # noqa: S311 - spreads load

    async def _lead(self, reading: Session, listening: Session) -> None:
        tempo = self._tempo
        bell = asyncio.Event()
        for session in (reading, listening):
            session.add_termination_listener(lambda _session: bell.set())

        def rings(*_: object) -> None:
            RINGS.inc()
            bell.set()

        await listening.add_listener(DOORBELL, rings)
        epoch = await read_epoch(reading)
        last = await starting_id(
            reading,
            events_min=tempo.lookback_events_min,
            age_s=tempo.lookback_s,
            events_max=tempo.lookback_events_max,
        )
        log.info("follower.leads", after=last)
        leadership = _Leadership(
            reading,
            listening,
            bell,
            unread=Unread(last, recent_ids_max=tempo.recent_ids_max),
            publish=self._publish,
            asleep=self.asleep,
            tempo=tempo,
            epoch=epoch,
        )
        self.connected.set()
        self.leading.set()
        LEADING.set(1)
        await leadership.read()
        self._backoff.reset()
        while True:
            await leadership.stay_awake()
            if await leadership.fall_asleep():
                await leadership.sleep()


@dataclass(slots=True)
class _Leadership:
    """One leader's time, from taking the lock to losing a connection; raises `DATABASE_FAULTS` to end it."""

    _reading: Session
    _listening: Session
    _bell: asyncio.Event
    _: KW_ONLY
    unread: Unread
    publish: Publish
    asleep: asyncio.Event
    tempo: Tempo
    epoch: str
    _holds_awake: bool = False
    _old_due_s: float = 0.0
    _forgotten: int = 0
    _caught_up: bool = False
    """What was there before it led has been read: what comes now is new."""

    async def stay_awake(self) -> None:
        """Poll until nothing has come for a while."""
        now_s = asyncio.get_running_loop().time
        quiet_since_s = now_s()
        while now_s() - quiet_since_s < self.tempo.idle_s:
            # A writer that looks at this moment holds the lock for an instant; the next round gets it.
            self._holds_awake = self._holds_awake or await try_lock(self._reading, AWAKE)
            began_s = now_s()
            read = await self.read()
            read_s = now_s() - began_s
            if read.events:
                quiet_since_s = now_s()
            if read.complete:
                await asyncio.sleep(self._pause_s(len(read.events), read_s))

    def _pause_s(self, events: int, read_s: float) -> float:
        """After a read of so many events that took so long: short while they come, long when none or very many do."""
        if events <= FEW_EVENTS:
            return min(self.tempo.eager_s, self.tempo.poll_s) if events else self.tempo.poll_s
        return max(self.tempo.poll_s, min(read_s / READ_SHARE_MAX - read_s, PAUSE_MAX_S))

    async def fall_asleep(self) -> bool:
        """Let writers ring, and wait for those who may not have; False: something came meanwhile."""
        self._bell.clear()
        self._check_listening()
        await self._check_history()
        if self._holds_awake:
            await unlock(self._reading, AWAKE)
            self._holds_awake = False
        horizon = await take_horizon(self._reading)
        pause_s = self.tempo.poll_s
        while True:
            read = await self.read()
            if read.events or self._bell.is_set():
                return False
            if read.xmin >= horizon:
                break
            # Whoever is waited for is rare and slow; everybody else rings.
            await self._wait(pause_s)
            pause_s = min(pause_s * 1.5, DRAIN_PAUSE_MAX_S)
        read = await self.read(include_old=True)
        return not read.events and not self._bell.is_set()

    async def sleep(self) -> None:
        """Return when there may be something to read."""
        self.asleep.set()
        ASLEEP.set(1)
        try:
            while not await self._wait(self.tempo.sweep_s):
                await self._listening.execute("select 1", timeout=PING_TIMEOUT_S)
                await self._check_history()
                if (await self.read(include_old=True)).events:
                    return
        finally:
            self.asleep.clear()
            ASLEEP.set(0)
        self._check_listening()

    def _check_listening(self) -> None:
        if self._listening.is_closed():
            raise ConnectionError("the server ended the listening connection")

    async def _check_history(self) -> None:
        if await read_epoch(self._reading) != self.epoch:
            raise HistoryRewritten("the epoch has changed: where to read on is to be found anew")

    async def _wait(self, longest_s: float) -> bool:
        """Wait for the bell; whether it rang."""
        try:
            async with asyncio.timeout(longest_s):
                await self._bell.wait()
        except TimeoutError:
            return False
        return True

    async def read(self, *, include_old: bool = False) -> Read:
        """One look at what is new and what was missing, and publish what it found."""
        unread = self.unread
        read = await read_outbox(
            self._reading, unread.ranges(), events_max=self.tempo.batch_events_max, with_previous=unread.has_old
        )
        overtakes = any(previous is not None and unread.is_old(previous) for previous in read.previous_ids)
        if unread.note(read.ids, read.xmin, complete=read.complete):
            unread.bound(await take_horizon(self._reading))
        if unread.has_old and (include_old or overtakes or asyncio.get_running_loop().time() >= self._old_due_s):
            # Before what was just read: one of these may be the event before one of those.
            await self._read_old()
        await self._publish_all(read.events)
        if read.events and self._caught_up:
            observe_lag(read.events)
        self._caught_up = self._caught_up or read.complete
        if unread.forgotten > self._forgotten:
            IDS_FORGOTTEN.inc(unread.forgotten - self._forgotten)
            log.error("follower.ids_forgotten", ids=unread.forgotten - self._forgotten, xmin=read.xmin)
            self._forgotten = unread.forgotten
        return read

    async def _read_old(self) -> None:
        now_s = asyncio.get_running_loop().time
        while True:
            began_s = now_s()
            read = await read_outbox(self._reading, self.unread.old_ranges(), events_max=self.tempo.batch_events_max)
            self._old_due_s = now_s() + max(self.tempo.old_read_s, (now_s() - began_s) / OLD_READ_SHARE_MAX)
            self.unread.note_old(read.ids, read.xmin, complete=read.complete)
            await self._publish_all(read.events)
            if read.complete:
                return

    async def _publish_all(self, events: Sequence[Event]) -> None:
        """However long it takes: reading goes on afterwards, at the same place."""
        if not events:
            return
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
                count_operations(events)
                if not backoff.is_first:
                    log.info("follower.bus_back")
                return


async def follow(url: str, bus: Bus, tempo: Tempo | None = None, role: str = NOTIFIER) -> None:
    """Follow the outbox and publish on the bus, until cancelled. For whoever runs a follower within its own process."""
    await Follower(url, bus.publish, tempo, role).run()
