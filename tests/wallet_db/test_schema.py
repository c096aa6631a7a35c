"""Fresh, migrated and committed: the same schema, whatever a database has been through. Old data come along."""

import asyncio
import difflib
from pathlib import Path

import asyncpg

from tests.wallet_db.schema_dump import COMMITTED, HEAD, dump
from tests.wallet_db.support import assert_books_balance, call, run
from wallet_db.connect import Pool
from wallet_db.migrate import migrate

RELEASES = Path(__file__).parent / "releases"
EMBEDDED_MAJOR = 18
"""The committed dump is this version's; others write some things differently (named NOT NULLs)."""


async def major_version(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return connection.get_server_version().major
    finally:
        await connection.close()


async def restore(url: str, release: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set check_function_bodies = off")  # they refer to one another
        await connection.execute((RELEASES / f"{release}.sql").read_text(encoding="utf-8"))
    finally:
        await connection.close()


def difference(old: str, new: str) -> list[str]:
    return list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1))


def test_fresh_is_committed(database_url: str) -> None:
    fresh = dump(database_url)
    assert len(fresh.splitlines()) > 1000
    if asyncio.run(major_version(database_url)) == EMBEDDED_MAJOR:
        committed = COMMITTED.read_text(encoding="utf-8").removeprefix(HEAD)
        assert "\n".join(difference(committed, fresh)) == "", "run `make schema`"


def test_migrated_is_fresh(database_url: str, empty_database_url: str) -> None:
    asyncio.run(restore(empty_database_url, "0.1.0"))
    applied = asyncio.run(migrate(empty_database_url))
    assert "0004_audited_wallet" in applied
    assert "0001_tables" not in applied
    assert "\n".join(difference(dump(database_url), dump(empty_database_url))) == ""
    assert asyncio.run(migrate(empty_database_url)) == []


def test_a_releases_money_and_holds_come_along(empty_database_url: str) -> None:
    """0.1.0 with two users' orders: received, pending, timed out at 50 %, cancelled; free holds open and split."""
    asyncio.run(restore(empty_database_url, "0.1.0"))
    asyncio.run(migrate(empty_database_url))

    async def scenario(db: Pool) -> None:
        await assert_books_balance(db)
        wallets = await db.fetch(
            "select name, balance::text, frozen_balance::text, operation_number from users where name <> 'operators'"
            " order by name"
        )
        assert [tuple(wallet) for wallet in wallets] == [
            ("alice", "31.00", "10.00", 5),
            ("bob", "31.00", "6.00", 11),
            ("carol", "36.00", "0.00", 1),
        ]
        alice, bob = await db.fetchval("select array_agg(id order by name) from users where name in ('alice', 'bob')")
        again = await call(
            db, "atomic_freeze", p_user_id=alice, p_amount=5, p_transaction_id="other", p_reason="another order"
        )
        assert again["replayed"]
        again = await call(db, "atomic_commit", p_user_id=bob, p_transaction_id="h1", p_amount=2.5)
        assert (again["replayed"], again["type"], again["amount"]) == (True, "commit", "2.50")
        ended = await call(db, "atomic_refund", p_user_id=bob, p_transaction_id="h2")
        assert (ended["replayed"], ended["frozen"]) == (False, "5.00")
        await assert_books_balance(db)

    run(empty_database_url, scenario)


def test_an_id_that_ended_two_holds_in_a_release_does_not_stop_the_upgrade(empty_database_url: str) -> None:
    """0.1.0 let one id commit one hold and refund another, if orders named them."""
    asyncio.run(restore(empty_database_url, "0.1.0"))

    async def twice() -> None:
        connection = await asyncpg.connect(empty_database_url)
        try:
            carol = await connection.fetchval("select id from users where name = 'carol'")
            for kind, name in (("commit", "one"), ("refund", "two")):
                rental_id = await connection.fetchval(
                    "insert into rentals (user_id, service, country, hours, price, frozen_amount, status)"
                    " values ($1, 'whatsapp', 'indonesia', 24, 5, 5, 'active') returning id",
                    carol,
                )
                await connection.execute("select atomic_freeze($1, 5, $2, 'r', null, $3)", carol, name, rental_id)
                await connection.execute(
                    f"select atomic_{kind}(p_user_id => $1, p_rental_id => $2, p_transaction_id => 'invoice-7')",
                    carol,
                    rental_id,
                )
        finally:
            await connection.close()

    asyncio.run(twice())
    asyncio.run(migrate(empty_database_url))

    async def scenario(db: Pool) -> None:
        await assert_books_balance(db)
        settled = await db.fetch(
            "select transaction_id, settled_by from wallet_holds where transaction_id in ('one', 'two') order by 1"
        )
        assert [tuple(row) for row in settled] == [("one", "invoice-7"), ("two", "invoice-7#two")]

    run(empty_database_url, scenario)
