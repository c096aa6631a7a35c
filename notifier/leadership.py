"""A leader's day: how it stays awake, falls asleep and is woken.

    awake ──quiet, or few events──► falling asleep ──► asleep
      ▲ ▲─────────new events─────────────┘                │
      └──────bell; or too many bells; or slow sweep───────┘

Awake it holds the lock AWAKE and polls every few milliseconds; writers who see the lock ring no bell. To fall asleep it
gives the lock back, takes a horizon, and reads on until the xmin of a read has reached it: whoever saw the lock has
ended by then, and everybody after rings.

A bell carries its event. On a bus within the same database it so reaches all who listen at once, in one step: then the
follower sleeps while bells are few, and glances now and then to see whether they are (`notifier.bells`). For any other
bus it sleeps only while nothing comes at all, and the bell wakes it.
"""

import asyncio
from dataclasses import dataclass, field

from notifier.bells import Bells
from notifier.metrics import ASLEEP, RINGS
from notifier.outbox import AWAKE, Look, Session, read_epoch, take_horizon, try_lock, try_share, unlock, unshare
from notifier.relay import Relay
from notifier.tempo import Tempo

DRAIN_PAUSE_MAX_S = 0.05
PING_TIMEOUT_S = 5.0


class HistoryRewritten(ConnectionError):
    """A backup was restored: ids may have begun anew below the one read last. Ends a leadership like a lost session."""


@dataclass(slots=True)
class Leadership:
    """One leader's time, from taking the lock to losing a connection; raises `DATABASE_FAULTS` to end it."""

    relay: Relay
    listening: Session
    """Hears the bell."""
    bell: asyncio.Event
    """Set by it, and when a session ends."""
    asleep: asyncio.Event
    tempo: Tempo
    epoch: str
    _bells: Bells = field(default_factory=Bells, init=False)
    _holds_awake: bool = field(default=False, init=False)
    _history_due_s: float = field(default=0.0, init=False)

    async def run(self) -> None:
        """Until a connection is lost, or cancelled."""
        while True:
            await self._stay_awake()
            if await self._fall_asleep():
                self.asleep.set()
                ASLEEP.set(1)
                try:
                    await (self._sleep() if self.relay.channel is None else self._doze())
                finally:
                    self.asleep.clear()
                    ASLEEP.set(0)

    async def _stay_awake(self) -> None:
        """Poll as long as so much comes that bells would be too many."""
        relay, now_s = self.relay, asyncio.get_running_loop().time
        since_s, events = now_s(), 0
        while True:
            await self._check_history()
            # A writer that looks at this moment holds the lock for an instant; the next round gets it.
            self._holds_awake = self._holds_awake or await try_lock(relay.session, AWAKE)
            began_s = now_s()
            look = await relay.send()
            read_s = now_s() - began_s
            events += len(look.ids)
            if (elapsed_s := now_s() - since_s) >= self.tempo.idle_s:
                if look.complete and self._are_few(events, elapsed_s):
                    return
                since_s, events = now_s(), 0
            if look.complete:
                await asyncio.sleep(self.tempo.pause_s(len(look.ids), read_s))

    def _are_few(self, events: int, elapsed_s: float) -> bool:
        return not events if self.relay.channel is None else self._bells.would_be_few(events, elapsed_s)

    async def _fall_asleep(self) -> bool:
        """Let writers ring, and wait for those who may not have; False: there is reason to be awake again."""
        session, now_s = self.relay.session, asyncio.get_running_loop().time
        self.bell.clear()
        self._check_listening()
        self._history_due_s = 0.0
        if self._holds_awake:
            await unlock(session, AWAKE)
            self._holds_awake = False
        horizon = await take_horizon(session)
        pause_s, since_s, events = self.tempo.poll_s, now_s(), 0
        while True:
            await self._check_history()
            look = await self.relay.send(with_bells=True)
            if self._is_called(look):
                return False
            # The one that is waited for may take hours, and meanwhile all who ring are sent for as well.
            events += len(look.ids)
            if (elapsed_s := now_s() - since_s) >= self.tempo.glance_s:
                if self._bells.are_too_many(events, elapsed_s, look.waiting, look.queue_used):
                    return False
                since_s, events = now_s(), 0
            if not look.complete:
                continue
            if look.xmin >= horizon:
                break
            await self._wait(pause_s)
            pause_s = min(pause_s * 1.5, DRAIN_PAUSE_MAX_S)
        return not self._is_called(await self.relay.send(include_old=True))

    def _is_called(self, look: Look) -> bool:
        """Whether there is anything to do at all, where that is reason enough to be awake."""
        return self.relay.channel is None and (bool(look.ids) or self.bell.is_set())

    async def _sleep(self) -> None:
        """Return when there may be something to read."""
        while not await self._wait(self.tempo.sweep_s):
            await self.listening.execute("select 1", timeout=PING_TIMEOUT_S)
            await self._check_history()
            if (await self.relay.send(include_old=True)).ids:
                return
        self._check_listening()

    async def _doze(self) -> None:
        """Return when writers ring too often: what they ring for is told by that alone."""
        session = self.relay.session
        # Whoever held the lock meanwhile would have them believe that somebody is looking.
        if not await try_share(session, AWAKE):
            return
        now_s = asyncio.get_running_loop().time
        glanced_s, pause_s = now_s(), self.tempo.glance_s
        while True:
            await asyncio.sleep(pause_s)
            await self._check_history()
            look = await self.relay.skip()
            events = len(look.ids)
            while not look.complete:
                look = await self.relay.skip()
                events += len(look.ids)
            RINGS.inc(events)
            elapsed_s, glanced_s = now_s() - glanced_s, now_s()
            if self._bells.are_too_many(events, elapsed_s, look.waiting, look.queue_used):
                break
            pause_s = self.tempo.glance_s if events else min(pause_s * 1.5, self.tempo.glance_s_max)
        await unshare(session, AWAKE)

    def _check_listening(self) -> None:
        if self.listening.is_closed():
            raise ConnectionError("the server ended the listening connection")

    async def _check_history(self) -> None:
        """Now and then."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._history_due_s:
            return
        self._history_due_s = now_s + self.tempo.sweep_s
        if await read_epoch(self.relay.session) != self.epoch:
            raise HistoryRewritten("the epoch has changed: where to read on is to be found anew")

    async def _wait(self, longest_s: float) -> bool:
        """Wait for the bell; whether it rang."""
        try:
            async with asyncio.timeout(longest_s):
                await self.bell.wait()
        except TimeoutError:
            return False
        return True
