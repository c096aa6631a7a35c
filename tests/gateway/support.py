"""What the realtime tests share: async tests, users with a token, and events written where the system writes them."""

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec
from uuid import uuid4

from tests.gateway.clients import SSE, Closed, Message, Stream
from tests.system import System
from wallet_db.connect import Pool, pool

P = ParamSpec("P")

TEST_S = 45.0
OVERFULL_EVENTS = 60
BESIDE_THE_STREAM = frozenset({"heartbeat", "auth.expiring", "auth.renewed", "admin.live"})
"""Messages that are no events."""
OVERFULL_BYTES = 80_000


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Let pytest run an async test: in a loop of its own, within TEST_S."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def within_its_time() -> None:
            async with asyncio.timeout(TEST_S):
                await test(*args, **kwargs)

        asyncio.run(within_its_time())

    return run


@dataclass(frozen=True)
class User:
    """Somebody with a token, and a way to make events happen to them."""

    id: str
    token: str
    db: Pool

    async def append(self, count: int = 1, payload: str = "{}") -> None:
        """So many events, each in a transaction of its own as far as its reader can tell: one seq after another."""
        await self.db.execute(
            "select append_event($1::text::uuid, 'test', $2::text::jsonb) from generate_series(1, $3)",
            self.id,
            payload,
            count,
        )


@contextmanager
def own_gateway(system: System, **environment: str) -> Iterator[str]:
    """The URL of a gateway with settings of its own, stopped in the end: each holds connections of the one server."""
    url = system.start_gateway(**environment)
    gateway = system.processes[-1]
    yield url
    gateway.stop()


@asynccontextmanager
async def new_user(system: System) -> AsyncIterator[User]:
    """A user with an empty wallet and no events."""
    async with pool(system.database_url, "test", connections_max=2) as db:
        user_id = str(uuid4())
        await db.execute("insert into users (id) values ($1::text::uuid)", user_id)
        yield User(user_id, system.token(user_id), db)


async def ready(stream: Stream) -> Message:
    """The first message of a stream."""
    message = await stream.next()
    assert message["type"] == "ready"
    return message


async def events(stream: Stream, count: int) -> list[Message]:
    """The next so many events; what is said between them does not matter."""
    found: list[Message] = []
    while len(found) < count:
        message = await stream.next()
        if message["type"] not in BESIDE_THE_STREAM:
            found.append(message)
    return found


async def end_of(stream: Stream) -> int:
    """The code it is closed with; what is said before does not matter."""
    try:
        while True:
            await stream.next()
    except Closed as end:
        return end.code


def seqs(messages: list[Message]) -> list[int]:
    return [message["seq"] for message in messages]


async def overfill(user: User, url: str) -> None:
    """OVERFULL_EVENTS of OVERFULL_BYTES each: more than the gateway and the sockets hold for who does not read.

    They come one by one, so that somebody who does read is never behind; returns when another stream has had them.
    """
    async with SSE.connect(url, user.token, None) as stream:
        await ready(stream)
        for seq in range(1, OVERFULL_EVENTS + 1):
            await user.append(1, json.dumps({"text": "x" * OVERFULL_BYTES}))
            assert seqs(await events(stream, 1)) == [seq]
