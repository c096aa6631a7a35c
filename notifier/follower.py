"""The follower: brings each committed event of the outbox to the bus, each user's in order of seq.

    standing by ──lock LEADER──► leading (`notifier.leadership`)
         ▲                          │
         └────connection lost───────┘

A leader that hangs loses its connection as well: the server ends the session that has been silent for too long, the
locks go to another, and writers ring meanwhile.

Ids that are missing are read again until it is certain that they never come (`notifier.missing`), so a transaction left
open delays nobody else.

Publishing may repeat: a new leader begins some events back, because its predecessor may have read what it did not
publish any more. It may also skip, if a transaction was open since before that point: hubs find both by seq.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import structlog

from notifier.bus import Bus
from notifier.leadership import Leadership
from notifier.metrics import CONNECTIONS_LOST, LEADING, RINGS
from notifier.missing import Unread
from notifier.outbox import (
    BARE_BELL,
    DOORBELL,
    HUNG_S,
    LEADER,
    Session,
    end_if_silent,
    open_session,
    read_epoch,
    starting_id,
    try_lock,
)
from notifier.relay import Publish, Relay
from notifier.retry import DATABASE_FAULTS, Backoff
from notifier.tempo import Tempo
from wallet_db.roles import NOTIFIER

log = structlog.get_logger(__name__)


class Follower:
    """Follows the outbox of the database at `url` whenever no other follower does.

    channel: where a NOTIFY of that database reaches whom `publish` would reach; None: it goes another way.
    """

    def __init__(
        self,
        url: str,
        publish: Publish,
        tempo: Tempo | None = None,
        role: str = NOTIFIER,
        *,
        channel: str | None = None,
    ) -> None:
        self.connected = asyncio.Event()
        """Set while it stands by or leads: it could ask the database which of the two."""
        self.leading = asyncio.Event()
        """Set while this follower is the one that publishes."""
        self.asleep = asyncio.Event()
        """Set while writers ring."""
        self._url = url
        self._publish = publish
        self._tempo = tempo or Tempo()
        self._role = role
        self._channel = channel
        self._backoff = Backoff()

    async def run(self) -> None:
        """Stand by, lead, and after a lost connection begin again; until cancelled."""
        while True:
            try:
                async with open_session(self._url, "follower", self._role) as reading:
                    await self._stand_by(reading)
                    async with self._listening(reading) as listening:
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
        """Return as the leader. Meanwhile it may be silent for as long as it likes: nothing is held."""
        waiting = False
        while not await try_lock(reading, LEADER):
            self._backoff.reset()
            self.connected.set()
            if not waiting:
                log.info("follower.stands_by")
                waiting = True
            await asyncio.sleep(self._tempo.standby_s * random.uniform(0.75, 1.25))  # noqa: S311 - spreads load

    @contextlib.asynccontextmanager
    async def _listening(self, reading: Session) -> AsyncIterator[Session]:
        """Where to hear the bell: a session of its own, for one within a transaction hears nothing."""
        if self._channel is not None:  # it rings for those who listen there
            yield reading
            return
        async with open_session(self._url, "follower-bell", self._role) as session:
            yield session

    async def _lead(self, reading: Session, listening: Session) -> None:
        tempo = self._tempo
        await end_if_silent(reading, HUNG_S + tempo.silence_s_max(dozes=self._channel is not None))
        bell = asyncio.Event()
        for session in {reading, listening}:
            session.add_termination_listener(lambda _session: bell.set())

        def rings(*_: object) -> None:
            RINGS.inc()
            bell.set()

        if self._channel is None:
            await try_lock(reading, BARE_BELL)  # given back with the lead, however that ends
            await listening.add_listener(DOORBELL, rings)
        epoch = await read_epoch(reading)
        last = await starting_id(
            reading,
            events_min=tempo.lookback_events_min,
            age_s=tempo.lookback_s,
            events_max=tempo.lookback_events_max,
        )
        log.info("follower.leads", after=last)
        relay = Relay(
            reading,
            Unread(last, recent_ids_max=tempo.recent_ids_max),
            self._publish,
            self._channel,
            events_max=tempo.batch_events_max,
            old_read_s=tempo.old_read_s,
        )
        self.connected.set()
        self.leading.set()
        LEADING.set(1)
        await relay.send()
        self._backoff.reset()
        await Leadership(relay, listening, bell, self.asleep, tempo, epoch).run()


async def follow(url: str, bus: Bus, tempo: Tempo | None = None, role: str = NOTIFIER) -> None:
    """Follow the outbox and publish on the bus, until cancelled. For whoever runs a follower within its own process."""
    await Follower(url, bus.publish, tempo, role, channel=bus.channel).run()
