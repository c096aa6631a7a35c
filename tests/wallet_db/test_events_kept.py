"""Events go when they are old: the oldest first, so that what is left of a stream is its end, and nothing younger."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.wallet_db.support import apply_sms, call, new_user, pending_order, run
from wallet_db.check import check
from wallet_db.connect import Pool, pool
from wallet_db.errors import InvalidArgument
from wallet_db.events import read_snapshots, read_streams, record_receipt
from wallet_db.periodic import forget_events
from wallet_db.roles import POLLERS

KEPT = timedelta(days=7)
LATER = datetime.now(UTC) + timedelta(days=8)
"""When all that a test has written is too old."""
EVERYTHING = 1_000_000


async def append(db: Pool, user: UUID, count: int) -> None:
    await db.execute("select append_event($1, 'test', '{}') from generate_series(1, $2)", user, count)


async def make_old(db: Pool, user: UUID, *seqs: int) -> None:
    """As if their transactions had begun eight days ago."""
    await db.execute(
        "update events set at = now() - interval '8 days' where user_id = $1 and seq = any ($2)", user, list(seqs)
    )


async def seqs(db: Pool, user: UUID) -> list[int]:
    return [seq for (seq,) in await db.fetch("select seq from events where user_id = $1 order by seq", user)]


async def forget(db: Pool, limit: int = EVERYTHING, now: datetime = LATER, after: int = 0) -> tuple[int, int]:
    row = await db.fetchrow("select * from forget_events($1, $2, $3, $4)", KEPT, limit, after, now)
    assert row is not None
    return row["forgotten"], row["last_id"]


def test_only_what_is_too_old_goes(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        alice, bob = await new_user(db, "0.00"), await new_user(db, "0.00")
        for user in (alice, bob):
            await append(db, user, 5)
        await make_old(db, alice, 1, 2, 3)
        async with pool(database_url, "pollers", role=POLLERS) as connections:
            forgotten, after = await forget_events(connections, 1_000, kept=KEPT, after=0)
            assert forgotten == 3
            assert await forget_events(connections, 1_000, kept=KEPT, after=after) == (0, after)
            assert await forget_events(connections, 1_000, kept=KEPT, after=0) == (0, after)
        assert (await seqs(db, alice), await seqs(db, bob)) == ([4, 5], [1, 2, 3, 4, 5])
        assert (await check(database_url)).is_clean

    run(database_url, scenario)


def test_an_old_event_behind_a_young_one_waits_for_it(database_url: str) -> None:
    """A transaction that was open for long: its event has the higher id, and the older time. No gap comes of it."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db, "0.00")
        await append(db, user, 4)
        await make_old(db, user, 1, 3)
        assert (await forget(db, now=datetime.now(UTC)))[0] == 1
        assert await seqs(db, user) == [2, 3, 4]
        assert (await check(database_url)).is_clean
        await make_old(db, user, 2)
        assert (await forget(db, now=datetime.now(UTC)))[0] == 2
        assert await seqs(db, user) == [4]

    run(database_url, scenario)


def test_batches_go_on_where_the_one_before_ended(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "0.00")
        await append(db, user, 25)
        after = 0
        for left in (15, 5, 0):
            forgotten, after = await forget(db, 10, after=after)
            assert forgotten == (10 if left else 5)
            assert await seqs(db, user) == list(range(26 - left, 26))
        assert await forget(db, 10, after=after) == (0, after)

    run(database_url, scenario)


def test_several_at_once_remove_each_event_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        users = [await new_user(db, "0.00") for _ in range(3)]
        for user in users:
            await append(db, user, 100)
        removed = await asyncio.gather(*(forget(db, 70) for _ in range(8)), *(append(db, user, 9) for user in users))
        assert sum(each[0] for each in removed if each) + sum([len(await seqs(db, user)) for user in users]) == 327
        assert (await check(database_url)).is_clean
        await forget(db)
        assert [await seqs(db, user) for user in users] == [[], [], []]

    run(database_url, scenario, connections_max=11)


def test_the_next_seq_follows_the_last_though_it_is_gone(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await forget(db)
        assert (await read_snapshots(db, [str(user)]))[str(user)].seq == 1
        page = (await read_streams(db, [(str(user), 0)], events_max=10))[str(user)]
        assert (page.head, page.events) == (1, ())
        assert (await check(database_url)).is_clean
        await append(db, user, 2)
        assert await seqs(db, user) == [2, 3]
        assert (await check(database_url)).is_clean

    run(database_url, scenario)


def test_a_receipt_outlives_its_event_and_says_what_was_shown(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await pending_order(db, user)
        await apply_sms(db, activation)
        shown = {
            row["type"]: row["seq"]
            for row in await db.fetch("select type, max(seq) as seq from events where user_id = $1 group by 1", user)
        }
        for seq in shown.values():
            assert await record_receipt(db, str(user), seq, "ws")
        await forget(db)
        kept = {row["type"]: row for row in await db.fetch("select * from receipts where user_id = $1", user)}
        assert {type_: row["seq"] for type_, row in kept.items()} == shown
        assert {type_: row["order_id"] for type_, row in kept.items()} == {
            "sms.received": activation,
            "activation.created": activation,
            "activation.updated": activation,
            "balance.changed": None,
        }
        assert not await record_receipt(db, str(user), 1, "ws"), "of an event that is gone"

    run(database_url, scenario)


@pytest.mark.parametrize("kept", [None, timedelta(0), timedelta(days=-1), timedelta(hours=23)])
def test_less_than_a_day_is_refused(database_url: str, kept: timedelta | None) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        with pytest.raises(InvalidArgument):
            await call(db, "forget_events", p_kept=kept, p_now=LATER)
        assert await seqs(db, user) == [1]

    run(database_url, scenario)


def test_what_is_removed_is_found_without_a_look_at_the_rest(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "0.00")
        await db.execute("update users set event_seq = 20000 where id = $1", user)
        await db.execute(
            "insert into events (user_id, seq, type, payload)"
            " select $1, n, 'test', '{}' from generate_series(1, 20000) n",
            user,
        )
        await db.execute("analyze events")
        scans = "select seq_scan, idx_tup_fetch from pg_stat_xact_user_tables where relname = 'events'"
        async with db.acquire() as connection, connection.transaction():
            await connection.fetch("select * from forget_events($1, 100, 0, $2)", KEPT, LATER)
            row = await connection.fetchrow(scans)
        assert row is not None
        assert row["seq_scan"] == 0
        assert 100 <= row["idx_tup_fetch"] <= 300

    run(database_url, scenario)
