"""seq under fire: writers on several connections, the same users, rollbacks; and snapshots taken meanwhile.

Each user's seq counts 1, 2, 3 … in commit order, and the state at a snapshot's seq is what replaying the events up to
that seq gives. The control draws positions from a sequence instead, and has the gap.
"""

import asyncio
import json
import random
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson

from tests.wallet_db.support import apply_sms, assert_books_balance, call, new_user, order, pending_order, run
from wallet_db.connect import Connection, Pool
from wallet_db.errors import WalletError
from wallet_db.events import read_snapshots

WRITERS = 8
WRITES = 25


class _RolledBack(Exception):
    pass


async def write(connection: Connection, user: UUID, dice: random.Random) -> None:
    """One change of the user's state: an order opened, ended in one of four ways, or money moved."""
    match dice.randrange(6):
        case 0:
            await order(connection, user)
        case 1:
            await apply_sms(connection, await pending_order(connection, user))
        case 2:
            activation = await order(connection, user)
            await call(connection, "request_cancel", p_user_id=user, p_activation_id=activation)
        case 3:
            activation = await pending_order(connection, user)
            await call(connection, "close_activation", p_activation_id=activation, p_status="timeout")
        case 4:
            transaction = uuid4().hex
            await call(
                connection, "atomic_deposit", p_user_id=user, p_amount=Decimal("1.25"), p_transaction_id=transaction
            )
        case _:
            await call(
                connection, "atomic_adjust", p_user_id=user, p_amount=Decimal(1), p_transaction_id=uuid4().hex,
                p_reason="test",
            )  # fmt: skip


async def write_much(db: Pool, users: list[UUID], seed: int, *, rollback_share: float = 0.2) -> None:
    """WRITES transactions on one connection, a share of them rolled back after the change was made."""
    dice = random.Random(seed)
    async with db.acquire() as connection:
        for _ in range(WRITES):
            try:
                async with connection.transaction():
                    await write(connection, dice.choice(users), dice)
                    if dice.random() < rollback_share:
                        raise _RolledBack
            except (_RolledBack, WalletError):
                continue  # refused for lack of funds now and then: that rolls back too


def test_seq_has_no_gap_whoever_writes_and_rolls_back(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        users = [await new_user(db, "40.00") for _ in range(3)]
        await asyncio.gather(*(write_much(db, users, seed) for seed in range(WRITERS)))
        heads = await db.fetch(
            "select u.event_seq, count(e.seq), min(e.seq), max(e.seq), array_agg(e.seq order by e.id) as in_id_order"
            "  from users u join events e on e.user_id = u.id group by u.id"
        )
        assert len(heads) == len(users)
        for head, count, lowest, highest, in_id_order in heads:
            assert (lowest, highest, count) == (1, head, head)
            assert in_id_order == sorted(in_id_order), "a user's ids follow their seqs"
        burnt = await db.fetchval("select max(id) - count(*) from events")
        assert burnt > 0, "nothing was rolled back, so nothing was tested"

    run(database_url, scenario, connections_max=WRITERS)


def test_control_a_position_from_a_sequence_has_gaps(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("create table naive_events (seq bigint generated always as identity, user_id uuid)")
        user = await new_user(db)
        insert = "insert into naive_events (user_id) values ($1)"
        await db.execute(insert, user)
        async with db.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(insert, user)
            await transaction.rollback()
        await db.execute(insert, user)
        rows = await db.fetch("select seq from naive_events order by seq")
        assert [seq for (seq,) in rows] == [1, 3]

    run(database_url, scenario)


def replay(events: list[asyncpg.Record], seq: int) -> dict[str, Any]:
    """The wallet and the orders that the events up to `seq` tell of."""
    state: dict[str, Any] = {"wallet": {"balance": "0.00", "frozen": "0.00", "available": "0.00"}, "activations": {}}
    for event in events[:seq]:
        payload = orjson.loads(event["payload"])
        if event["type"] == "balance.changed":
            state["wallet"] = {key: payload[key] for key in ("balance", "frozen", "available")}
        elif event["type"].startswith("activation."):
            state["activations"][payload["id"]] = payload
    return state


def test_a_snapshot_is_what_the_events_up_to_its_seq_tell(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "500.00")
        snapshots: dict[int, dict[str, Any]] = {}
        done = asyncio.Event()

        async def photograph() -> None:
            while not done.is_set():
                snapshot = (await read_snapshots(db, [str(user)]))[str(user)]
                snapshots[snapshot.seq] = json.loads(snapshot.state)

        async def write_all() -> None:
            try:
                await asyncio.gather(*(write_much(db, [user], 100 + seed) for seed in range(4)))
            finally:
                done.set()

        await asyncio.gather(photograph(), photograph(), write_all())
        assert len(snapshots) > 10, "too few moments were seen"
        events = await db.fetch("select type, payload from events where user_id = $1 order by seq", user)
        for seq, snapshot in snapshots.items():
            told = replay(events, seq)
            assert snapshot["wallet"] == told["wallet"]
            for activation in snapshot["activations"]:
                assert activation == told["activations"][activation["id"]]
            shown = {activation["id"] for activation in snapshot["activations"]}
            open_orders = {each["id"] for each in told["activations"].values() if each["closed_at"] is None}
            assert open_orders <= shown

    run(database_url, scenario, connections_max=6)


def test_two_writers_of_one_user_wait_for_one_another_and_of_two_users_do_not(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        alice, bob = await new_user(db), await new_user(db)
        async with db.acquire() as first, db.acquire() as second:
            async with first.transaction():
                await order(first, alice)
                await asyncio.wait_for(order(second, bob), 5)
                waiting = asyncio.create_task(order(second, alice))
                blocked = "select cardinality(pg_blocking_pids($1)) > 0"
                async with asyncio.timeout(5):
                    while not await db.fetchval(blocked, second.get_server_pid()):
                        pass
                assert not waiting.done()
            await waiting
        events = await db.fetch("select seq, type from events where user_id = $1 order by id", alice)
        assert [seq for seq, _ in events] == [1, 2, 3, 4, 5]
        holds = await db.fetchval("select count(*) from wallet_holds where user_id = $1", alice)
        assert holds == 2
        await assert_books_balance(db)

    run(database_url, scenario)
