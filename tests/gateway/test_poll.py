"""Long-poll: how much one answer holds and costs, and what a client that goes away leaves behind."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.auth import Authenticator, Session
from gateway.errors import ApiError
from gateway.http import HANDOVER, HttpProtocol
from gateway.realtime.cursor import write_cursor
from gateway.realtime.messages import Message, event_message
from gateway.realtime.poll import EVENTS_MAX, Poll, PollEndpoint, PollIsFull
from gateway.realtime.realtime import GOODBYE_S, Realtime
from gateway.settings import GatewaySettings
from gateway.users import Users
from notifier.event import Event
from notifier.hub import Hub
from tests.gateway.clients import Transport
from tests.gateway.support import User, events, in_a_loop, new_user, ready, seqs
from tests.system import JWT_SECRET, System
from wallet_db.events import StreamPage, read_epoch, read_heads, read_streams


@in_a_loop
async def test_answer_is_bounded_and_the_next_goes_on(system: System) -> None:
    count = 2 * EVENTS_MAX + 300
    async with new_user(system) as user, httpx.AsyncClient(base_url=system.url, timeout=30) as client:
        headers = {"authorization": f"Bearer {user.token}"}
        first = (await client.get("/realtime/poll", headers=headers)).json()["cursor"]
        await user.append(count)

        async def poll_to_the_end() -> tuple[list[dict[str, Any]], list[int]]:
            cursor, found, sizes = first, list[dict[str, Any]](), list[int]()
            while len(found) < count:
                answer = (
                    await client.get("/realtime/poll", params={"cursor": cursor, "wait": 5}, headers=headers)
                ).json()
                assert answer["resumed"] is True
                assert answer["cursor"] == answer["events"][-1]["cursor"]
                cursor = answer["cursor"]
                sizes.append(len(answer["events"]))
                found += answer["events"]
            return found, sizes

        # While they come an answer holds what has come; once all are there, as much as it may.
        coming, _ = await poll_to_the_end()
        again, sizes = await poll_to_the_end()
    assert seqs(coming) == seqs(again) == list(range(1, count + 1))
    assert sizes == [EVENTS_MAX, EVENTS_MAX, 300]


class InProcess:
    """The realtime side without a process around it, so that what it asks the database for can be seen."""

    def __init__(self, user: User, epoch: str) -> None:
        self.rows = 0
        """Of events, read so far."""
        self.swept: asyncio.Queue[Sequence[str]] = asyncio.Queue()
        """Users whose streams the hub keeps, at each sweep."""
        self.rewritten_to: str | None = None
        """Once anything of a stream is read, sweeps find history rewritten, by this name."""
        self._user = user
        self.hub: Hub[Message] = Hub(
            lambda event: event_message(event, self.hub.epoch),
            self._read_streams,
            self._read_heads,
            epoch,
            linger_s=0,
            sweep_s=0.05,
        )
        settings = GatewaySettings(jwt_secret=JWT_SECRET, _env_file=None)  # type: ignore[call-arg,arg-type]
        authenticator = Authenticator(JWT_SECRET)
        self.realtime = Realtime(settings, authenticator, user.db, self.hub, Users(user.db))

    async def _read_streams(self, positions: Sequence[tuple[str, int]], *, events_max: int) -> dict[str, StreamPage]:
        while self.rewritten_to not in (None, self.hub.epoch):
            self.hub.sweep_soon()
            await self.swept.get()
        pages = await read_streams(self._user.db, positions, events_max=events_max)
        self.rows += sum(len(page.events) for page in pages.values())
        return pages

    async def _read_heads(self, users: Sequence[str]) -> tuple[str, dict[str, int]]:
        epoch, heads = await read_heads(self._user.db, users)
        self.swept.put_nowait(list(users))
        return self.rewritten_to or epoch, heads

    async def swept_users(self, *, until: bool) -> None:
        """Return at a sweep in which the user is known (`until`), or is not."""
        while (self._user.id in await self.swept.get()) is not until:
            pass


@asynccontextmanager
async def in_process(user: User) -> AsyncIterator[InProcess]:
    gateway = InProcess(user, await read_epoch(user.db))
    running = asyncio.create_task(gateway.hub.run())
    try:
        yield gateway
    finally:
        running.cancel()
        await asyncio.wait({running})


async def nothing(*_: object) -> Any:
    """No client is there to hear or to be heard."""


@in_a_loop
async def test_no_more_is_read_than_is_answered(system: System) -> None:
    async with new_user(system) as user, in_process(user) as gateway:
        session = Session(UUID(user.id), "user", time.time() + 60)
        await user.append(3 * EVENTS_MAX)
        start = write_cursor(gateway.hub.epoch, user.id, 0)
        poll = Poll(gateway.realtime, {"type": "http", "extensions": {HANDOVER: None}}, nothing, nothing)
        with pytest.raises(PollIsFull):
            await gateway.realtime.open(session, start, poll)
        assert len(poll.events) == gateway.rows == EVENTS_MAX
        await gateway.swept_users(until=False)
        await user.append()
        gateway.hub.receive([Event(user.id, 1, "test", "", "{}")])
        assert len(poll.events) == EVENTS_MAX


@in_a_loop
async def test_history_rewritten_while_a_stream_opens_is_told_apart(system: System) -> None:
    """Neither a place in the old history as a cursor of the new one, nor a snapshot for a cursor that looks valid."""
    async with new_user(system) as user, in_process(user) as gateway:
        session = Session(UUID(user.id), "user", time.time() + 60)
        await user.append(3)
        before = gateway.hub.epoch
        gateway.rewritten_to = "0" * 8
        poll = Poll(gateway.realtime, {"type": "http", "extensions": {HANDOVER: None}}, nothing, nothing)
        with pytest.raises(ApiError, match="history was rewritten") as refusal:
            await gateway.realtime.open(session, write_cursor(before, user.id, 1), poll)
        assert refusal.value.code == "UNAVAILABLE"
        assert gateway.hub.epoch == gateway.rewritten_to != before


@in_a_loop
async def test_client_that_goes_away_leaves_nothing_behind(system: System) -> None:
    async with new_user(system) as user, in_process(user) as gateway:
        await user.append()
        cursor = write_cursor(gateway.hub.epoch, user.id, 1)
        config = uvicorn.Config(PollEndpoint(), http=HttpProtocol, ws="none", lifespan="off", log_config=None)
        config.load()
        state = {"realtime": gateway.realtime}
        server = await asyncio.get_running_loop().create_server(
            lambda: HttpProtocol(config=config, server_state=ServerState(), app_state=state), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(
            f"GET /realtime/poll?cursor={cursor}&wait=40 HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {user.token}\r\n\r\n".encode()
        )
        await gateway.swept_users(until=True)
        writer.close()
        await gateway.swept_users(until=False)  # nobody listens: the stream is forgotten
        began = time.monotonic()
        await gateway.realtime.leave()  # and nobody is waited for
        assert time.monotonic() - began < GOODBYE_S / 2
        assert await reader.read() == b""
        server.close()


@in_a_loop
async def test_user_unknown_to_a_restored_database_begins_anew(system: System, transport: Transport) -> None:
    """The gateway knows of a row that is not there any more, as after a backup from before the user came."""
    async with new_user(system) as user:
        async with transport.connect(system.url, user.token, None) as stream:
            await ready(stream)
            await user.append(3)
            cursor = (await events(stream, 3))[-1]["cursor"]
        async with user.db.acquire() as connection, connection.transaction():
            await connection.execute("set local session_replication_role = replica")  # users are kept, otherwise
            await connection.execute("delete from events where user_id = $1::text::uuid", user.id)
            await connection.execute("delete from users where id = $1::text::uuid", user.id)
            await connection.execute("select new_epoch()")
        while True:  # until the gateway has heard of the new epoch, the cursor may still be good
            async with transport.connect(system.url, user.token, cursor) as stream:
                again = await ready(stream)
            if again["resumed"] is False and again["cursor"].split("-")[0] != cursor.split("-")[0]:
                break
        assert again["snapshot"]["wallet"] == {"balance": "0.00", "frozen": "0.00", "available": "0.00"}
        assert again["cursor"].endswith("-0")
        async with transport.connect(system.url, user.token, again["cursor"]) as stream:
            await ready(stream)
            await user.append(1, json.dumps({"n": "anew"}))
            [event] = await events(stream, 1)
            assert (event["seq"], event["data"]) == (1, {"n": "anew"})
