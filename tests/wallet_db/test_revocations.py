"""Revocations as rows: one a user and one a token, read once and never missed, forgotten in time."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.wallet_db.support import run
from wallet_db.connect import Pool, connect, pool
from wallet_db.errors import InvalidArgument, refusals
from wallet_db.revocations import (
    BEGINNING,
    CHANNEL,
    forget_revocations,
    read_revocations,
    revoke_token,
    revoke_user,
)
from wallet_db.roles import GATEWAY


def test_once_more_is_later_and_no_second_row(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = uuid4()
        first = await revoke_user(db, user)
        second = await revoke_user(db, user)
        assert second.at > first.at
        token = await revoke_token(db, "t")
        await revoke_token(db, "t")
        found, _ = await read_revocations(db)
        assert {row[:2] for row in found} == {(user, None), (None, "t")}
        assert {row.at for row in found} >= {second.at}
        assert await db.fetchval("select count(*) from revocations") == 2
        assert token.at > second.at
        # And not earlier, if a clock was wrong.
        earlier = await db.fetchval("select revoke_tokens($1, p_now => now() - interval '1 hour')", user)
        assert earlier.timestamp() == second.at

    run(database_url, scenario)


def test_reader_reads_on_and_misses_nobody_who_commits_late(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        async with db.acquire() as late, db.acquire() as reader:
            transaction = late.transaction()
            await transaction.start()
            await revoke_token(late, "late")
            await revoke_token(reader, "early")
            found, horizon = await read_revocations(reader)
            assert [row.token_id for row in found] == ["early"]
            await transaction.commit()
            found, horizon = await read_revocations(reader, horizon)
            assert "late" in {row.token_id for row in found}
            found, horizon = await read_revocations(reader, horizon)
            assert found == []  # nothing is read for ever
            await revoke_token(reader, "early")
            found, _ = await read_revocations(reader, horizon)
            assert [row.token_id for row in found] == ["early"]

    run(database_url, scenario)


def test_they_are_forgotten_when_no_token_can_be_left(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for minutes in (5, 15):
            await db.execute(
                "select revoke_tokens(null, $1, p_now => now() - $2::interval)",
                str(minutes),
                timedelta(minutes=minutes),
            )
        async with pool(database_url, "test", role=GATEWAY, connections_max=1) as gateway:
            assert await forget_revocations(gateway, timedelta(minutes=10)) == 1
            assert [row.token_id for row in (await read_revocations(gateway, BEGINNING))[0]] == ["5"]
            with pytest.raises(InvalidArgument), refusals():
                await forget_revocations(gateway, timedelta(0))

    run(database_url, scenario)


@pytest.mark.parametrize(
    "arguments", ["", "null, null", "gen_random_uuid(), 'both'", "null, ''", "null, repeat('x', 201)"]
)
def test_revoking_nothing_in_particular_is_refused(database_url: str, arguments: str) -> None:
    async def scenario(db: Pool) -> None:
        with pytest.raises(InvalidArgument), refusals():
            await db.execute(f"select revoke_tokens({arguments})")
        assert await db.fetchval("select count(*) from revocations") == 0

    run(database_url, scenario)


def test_listeners_are_told_at_the_commit(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        heard = asyncio.Event()
        listener = await connect(database_url, "test", role=GATEWAY)
        try:
            await listener.add_listener(CHANNEL, lambda *_: heard.set())
            async with db.acquire() as connection, connection.transaction():
                await revoke_token(connection, "t", "ann")
                await listener.execute("select 1")
                assert not heard.is_set()
            async with asyncio.timeout(5):
                await heard.wait()
        finally:
            await listener.close()
        assert (await db.fetchval("select actor from revocations")).endswith(":ann")

    run(database_url, scenario)
