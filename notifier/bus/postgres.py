"""A bus over the database everybody has anyway: batches as NOTIFY payloads.

Publishing has a session of its own with `synchronous_commit = off`: a NOTIFY commits under a lock of the whole server,
and must not wait for the disk while it holds it. Listening has one of its own too, because a session within a
transaction hears nothing. A listener asks its server for a sign of life now and then: a connection cut silently looks
the same as silence.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import structlog

from notifier.bus.contract import BusUnavailable, Receive
from notifier.bus.hearing import Hearing
from notifier.event import Event, encode_batch
from notifier.retry import DATABASE_FAULTS, Backoff
from wallet_db.connect import connect
from wallet_db.roles import NOTIFIER

if TYPE_CHECKING:
    import asyncpg

log = structlog.get_logger(__name__)

CHANNEL = "onesms_events"
"""Where writers ring for a follower that sleeps, too: a bell is a batch of one event."""
PUBLISH_TIMEOUT_S = 5.0
PING_INTERVAL_S = 10.0
PING_TIMEOUT_S = 5.0


class PostgresBus:
    """NOTIFY and LISTEN on one channel of the database at `url`, acting as `role` there: neither needs a grant."""

    channel: ClassVar[str | None] = CHANNEL

    def __init__(self, url: str, role: str = NOTIFIER) -> None:
        self._url = url
        self._role = role
        self._publisher: asyncpg.Connection[asyncpg.Record] | None = None
        self._publishing = asyncio.Lock()

    async def open(self) -> None:
        """Connect for publishing. Raises `BusUnavailable`."""
        async with self._publishing:
            try:
                await self._open_publisher()
            except DATABASE_FAULTS as error:
                raise BusUnavailable(f"no session to publish in: {error}") from error

    async def publish(self, events: Sequence[Event]) -> None:
        """Send the events, in their order, all or none. Raises `BusUnavailable`."""
        batches = encode_batch(events)
        if not batches:
            return
        async with self._publishing:
            try:
                publisher = await self._open_publisher()
                await publisher.execute(
                    "select pg_notify($1, batch) from unnest($2::text[]) as batch",
                    CHANNEL,
                    batches,
                    timeout=PUBLISH_TIMEOUT_S,
                )
            except DATABASE_FAULTS as error:
                await self.close()
                raise BusUnavailable(f"{len(events)} events not published: {error}") from error

    async def listen(
        self,
        receive: Receive,
        on_ready: Callable[[], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        """Call `receive` with each batch, until cancelled; reconnects by itself."""
        backoff = Backoff()
        while True:
            try:
                await self._listen_once(receive, on_ready, backoff)
            except DATABASE_FAULTS as error:
                if backoff.is_first:
                    log.warning("bus.lost", bus="postgres", error=str(error) or type(error).__name__)
                if on_lost is not None:
                    on_lost()
            await asyncio.sleep(backoff.next_s())

    async def close(self) -> None:
        """Close the publishing session."""
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.terminate()

    async def _open_publisher(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._publisher is None:
            self._publisher = await connect(self._url, "bus-publish", role=self._role)
            await self._publisher.execute("set synchronous_commit = off")
        return self._publisher

    async def _listen_once(self, receive: Receive, on_ready: Callable[[], None] | None, backoff: Backoff) -> None:
        hearing = Hearing(receive, "postgres")

        def hear(_connection: Any, _pid: int, _channel: str, text: object) -> None:
            hearing.hear(str(text))

        connection = await connect(self._url, "bus-listen", role=self._role)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        try:
            await connection.add_listener(CHANNEL, hear)
            log.info("bus.listening", bus="postgres")
            backoff.reset()
            if on_ready is not None:
                on_ready()
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PING_INTERVAL_S):
                        await lost.wait()
                if not lost.is_set():
                    await connection.execute("select 1", timeout=PING_TIMEOUT_S)
            raise ConnectionError("the server ended the connection")
        finally:
            connection.terminate()
