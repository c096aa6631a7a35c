"""Presence: users with a connection and an open order are noted for the pollers, nobody else, and not for long."""

import asyncio
from uuid import UUID, uuid4

import httpx

from gateway.realtime.presence import LASTS, tell_presence
from tests.gateway.api import ORDER
from tests.gateway.clients import Transport
from tests.gateway.support import in_a_loop, ready
from tests.system import System
from wallet_db.accounts import note_presence
from wallet_db.connect import Pool, pool


async def noted(db: Pool, user: UUID | str) -> float | None:
    """For how many more seconds the user counts as connected."""
    found: float | None = await db.fetchval(
        "select extract(epoch from until - now())::float8 from presence where user_id = $1::text::uuid", str(user)
    )
    return found


async def ordered(system: System, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=30) as client:
        answer = await client.post("/api/activations", json=ORDER)
        assert answer.status_code == 201, answer.text


@in_a_loop
async def test_a_connection_of_a_user_with_an_open_order_is_noted(system: System, transport: Transport) -> None:
    user_id, token = system.sign_in()
    other_id, other_token = system.sign_in()
    await ordered(system, token)
    async with (
        pool(system.database_url, "test", connections_max=1) as db,
        transport.connect(system.url, token, None) as stream,
        transport.connect(system.url, other_token, None) as other,
    ):
        await ready(stream)
        await ready(other)
        reading = [asyncio.create_task(each.next()) for each in (stream, other)]  # a long-poll waits while it is read
        async with asyncio.timeout(25):
            while (left_s := await noted(db, user_id)) is None:  # noqa: ASYNC110 - another process's row
                await asyncio.sleep(0.1)
        assert 0 < left_s <= LASTS.total_seconds()
        assert await noted(db, other_id) is None
        for task in reading:
            task.cancel()
        await asyncio.wait(reading)


@in_a_loop
async def test_who_has_left_wears_off_and_is_forgotten(system: System) -> None:
    user_id, token = system.sign_in()
    await ordered(system, token)
    async with pool(system.database_url, "test", connections_max=1) as db:
        assert await note_presence(db, [UUID(user_id), uuid4()], lasts=LASTS) == 1
        await db.execute("update presence set until = now() - interval '2 minutes'")
        await note_presence(db, [], lasts=LASTS)
        assert await noted(db, user_id) is None
        assert await note_presence(db, [UUID(user_id)] * 3, lasts=LASTS) == 1


@in_a_loop
async def test_two_gateways_tell_the_same_users_without_a_deadlock_and_the_longer_word_stands(system: System) -> None:
    signed_in = [system.sign_in() for _ in range(5)]
    for _, token in signed_in:
        await ordered(system, token)
    users = [UUID(user_id) for user_id, _ in signed_in]
    async with pool(system.database_url, "test", connections_max=8) as db:
        await asyncio.gather(
            *(note_presence(db, users[:: (-1) ** turn], lasts=LASTS * (turn + 1)) for turn in range(8))
        )
        left_s = await noted(db, users[0])
        assert left_s is not None
        assert left_s > 7 * LASTS.total_seconds()


@in_a_loop
async def test_it_goes_on_after_the_database_was_away(system: System) -> None:
    user_id, token = system.sign_in()
    await ordered(system, token)
    async with pool(system.database_url, "test", connections_max=2) as db:

        async def cut_off() -> None:
            await db.execute("select pg_terminate_backend(pg_backend_pid())")

        telling = asyncio.create_task(tell_presence(db, lambda: [UUID(user_id)], period_s=0.05))
        await asyncio.gather(cut_off(), cut_off(), return_exceptions=True)
        await db.execute("delete from presence where user_id = $1::text::uuid", user_id)
        async with asyncio.timeout(10):
            while await noted(db, user_id) is None:  # noqa: ASYNC110 - what the task writes
                await asyncio.sleep(0.02)
        assert not telling.done()
        telling.cancel()
