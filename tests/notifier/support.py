"""What the notifier's tests share: users and events on a real database, and collectors that signal what has come."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from notifier.event import Event
from notifier.follower import Follower
from notifier.hub import Hub
from notifier.tempo import Tempo
from wallet_db.connect import pool
from wallet_db.events import StreamPage, read_epoch, read_heads, read_streams

DEADLINE_S = 20.0
NEVER_S = 3600.0
ALWAYS_AWAKE = Tempo(idle_s=NEVER_S)


class Signal:
    """Lets a test wait until something it can ask about has become true."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def change(self) -> None:
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


class Collector(Signal):
    """Receives from a bus."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []

    def receive(self, events: Sequence[Event]) -> None:
        self.events += events
        self.change()

    async def publish(self, events: Sequence[Event]) -> None:
        self.receive(events)

    def seqs(self, user_id: str) -> list[int]:
        return [event.seq for event in self.events if event.user_id == user_id]

    async def until_seq(self, user_id: str, seq: int) -> None:
        await self.until(lambda: seq in self.seqs(user_id))


class Recorder(Signal):
    """A subscriber whose messages are the events' types."""

    def __init__(self) -> None:
        super().__init__()
        self.seqs: list[int] = []
        self.messages: list[str] = []
        self.resets = 0
        self.drains = 0
        self.on_deliver: Callable[[int], None] = lambda _seq: None
        self.on_drain: Callable[[], Coroutine[Any, Any, None]] | None = None

    def deliver(self, seq: int, message: str) -> None:
        self.seqs.append(seq)
        self.messages.append(message)
        self.change()
        self.on_deliver(seq)

    async def drain(self) -> None:
        self.drains += 1
        if self.on_drain is not None:
            await self.on_drain()

    def reset(self) -> None:
        self.resets += 1
        self.change()

    async def until_seq(self, seq: int) -> None:
        await self.until(lambda: seq in self.seqs)

    async def until_reset(self) -> None:
        await self.until(lambda: self.resets > 0)


@asynccontextmanager
async def running(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run them beside the test; a failure of one of them is the test's."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def session(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        connection.terminate()


async def execute(url: str, statement: str) -> None:
    async with session(url) as connection:
        await connection.execute(statement)


async def create_users(url: str, count: int) -> list[str]:
    async with session(url) as connection:
        rows = await connection.fetch(
            "insert into users (balance) select 0 from generate_series(1, $1) returning id::text", count
        )
    return [row[0] for row in rows]


async def append(connection: Any, user_id: str, kind: str = "test", payload: str = "{}") -> int:
    """One event by a transaction of its own, unless the connection is within one."""
    seq: int = await connection.fetchval("select append_event($1::text::uuid, $2, $3)", user_id, kind, payload)
    return seq


class Bench:
    """A running hub on a real database, whose queries are counted; the test is its bus."""

    def __init__(self, hub: Hub[str], rows: Any, url: str) -> None:
        self.hub = hub
        self.rows = rows
        """The pool."""
        self.url = url
        self.failures = 0
        """So many of the next reads fail."""
        self.queries: list[int] = []
        """For each read of streams, how many users it was for."""

    async def events(self, user_id: str) -> dict[int, Event]:
        """The user's rows by seq, as the bus would bring them."""
        page = (await read_streams(self.rows, [(user_id, 0)], events_max=10_000))[user_id]
        return {stored.seq: Event(*stored) for stored in page.events}

    async def append(self, user_id: str, count: int = 1) -> None:
        await self.rows.execute(
            "select append_event($1::text::uuid, 'test', '{}') from generate_series(1, $2)", user_id, count
        )


@asynccontextmanager
async def running_hub(url: str, **options: Any) -> AsyncIterator[Bench]:
    """A hub that has swept once, and sweeps again only when told to, unless `sweep_s` says otherwise."""
    async with pool(url, "test") as rows:

        async def count_and_read(positions: Sequence[tuple[str, int]], *, events_max: int) -> dict[str, StreamPage]:
            if bench.failures:
                bench.failures -= 1
                raise ConnectionResetError("on purpose")
            bench.queries.append(len(positions))
            return await read_streams(rows, positions, events_max=events_max)

        swept = asyncio.Event()

        async def note_and_read(users: Sequence[str]) -> tuple[str, dict[str, int]]:
            heads = await read_heads(rows, users)
            swept.set()
            return heads

        epoch = await read_epoch(rows)
        hub: Hub[str] = Hub(
            lambda event: event.type, count_and_read, note_and_read, epoch, **{"sweep_s": NEVER_S, **options}
        )
        bench = Bench(hub, rows, url)
        async with running(hub.run()):
            await signalled(swept)
            yield bench


async def live(bench: Bench, user: str, position: int = 0) -> Recorder:
    """A subscriber that has just read a snapshot at `position`, and is live."""
    recorder = Recorder()
    await bench.hub.attach(user, recorder).start(position, read_now=True)
    return recorder


@asynccontextmanager
async def following(url: str, tempo: Tempo = ALWAYS_AWAKE) -> AsyncIterator[tuple[Follower, Collector]]:
    collector = Collector()
    follower = Follower(url, collector.publish, tempo)
    async with running(follower.run()):
        await signalled(follower.leading)
        yield follower, collector


async def signalled(event: asyncio.Event) -> None:
    async with asyncio.timeout(DEADLINE_S):
        await event.wait()


async def terminate(connection: Any, name: str) -> int:
    """End the server's side of the connections of that name; how many there were."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            ended: int = await connection.fetchval(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where application_name = $1 and datname = current_database()",
                name,
            )
            if ended:
                return ended
