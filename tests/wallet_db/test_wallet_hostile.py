"""Callers who mean no good, or whose session is set up strangely: what they pass is data, and the answers the same."""

from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.wallet_db.books import assert_sound, read_books
from tests.wallet_db.support import NOW, call, new_user, run, wallet
from wallet_db import errors
from wallet_db.connect import Connection, Pool, connect

TEXTS = [
    "'; update users set balance = 1000000; --",
    "$$; drop table users; $$",
    "$1",
    "%s %I %L %%",
    "\\'; select 1; \\\\ \\x00 \\u0000",
    'a"b\t\r\n\x01\x7f',
    "E'\\''",
    '{"operation": "deposit"}',
    "\N{SNOWMAN}\N{RIGHT-TO-LEFT OVERRIDE}\N{ZERO WIDTH SPACE}\N{GRINNING FACE}e\N{COMBINING ACUTE ACCENT}",
    " ",
    "x" * 255,
    "\N{GRINNING FACE}" * 255,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_text_is_kept_as_it_is_and_does_nothing_else(shared_url: str, text: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        said: dict[str, Any] = {"p_user_id": user, "p_transaction_id": text, "p_reason": f"because {text}"}
        said["p_actor"] = f"ann {text}"
        for function in ("atomic_freeze", "atomic_deposit", "atomic_adjust"):
            answer = await call(db, function, **said, p_amount=Decimal(5))
            assert answer["transaction_id"] == text
        await call(db, "atomic_commit", **said, p_amount=Decimal(2))
        with pytest.raises(errors.AlreadySettled) as caught:
            await call(db, "atomic_refund", **said)
        assert (caught.value.data["settled_by"], caught.value.data["reason"]) == (text, f"because {text}")
        books = await read_books(db, user)
        assert {entry["transaction_id"] for entry in books.operations[1:]} == {text}
        assert {entry["reason"].removeprefix("rest: ") for entry in books.operations[1:]} == {f"because {text}"}
        assert {entry["actor"] for entry in books.operations[1:]} == {f"postgres:ann {text}"}
        assert await wallet(db, user) == ("44.00", "0.00", "44.00")
        await assert_sound(db, user)

    run(shared_url, scenario)


@pytest.mark.parametrize("text", ["nul\0", "half of a pair \ud83d", "y" * 256, "\N{SNOWMAN}" * 256])
def test_a_text_that_is_none_or_too_long_is_refused(shared_url: str, text: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        before = await read_books(db, user)
        for function in ("atomic_freeze", "atomic_deposit", "atomic_commit"):
            with pytest.raises((errors.InvalidArgument, asyncpg.DataError)):
                await call(db, function, p_user_id=user, p_amount=Decimal(5), p_transaction_id=text)
        assert await read_books(db, user) == before

    run(shared_url, scenario)


def test_a_rounding_error_is_not_a_sum_of_money(shared_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        assert 0.1 + 0.2 != 0.3
        for amount in (
            "0.1::float8::numeric + 0.2::float8::numeric",
            "0.3",
            "(0.1::float8 + 0.2::float8)::numeric(14,2)",
        ):
            key = f"{user} {amount}"
            assert await db.fetchval("select atomic_freeze($1, " + amount + ", $2)", user, key)
        before = await read_books(db, user)
        with pytest.raises(errors.InvalidAmount) as caught:
            await call(db, "atomic_freeze", p_user_id=user, p_amount=0.1 + 0.2, p_transaction_id="sum")
        assert Decimal(caught.value.data["amount"]) == Decimal(0.1 + 0.2)
        with pytest.raises(asyncpg.PostgresError, match=r"0\.30000000000000004") as refused:
            await db.fetchval("select atomic_freeze($1, '0.30000000000000004', 'sum')", user)
        assert refused.value.sqlstate == "OS006"
        with pytest.raises(asyncpg.UndefinedFunctionError):  # a double is never taken for money by itself
            await db.fetchval("select atomic_freeze($1, 0.1::float8 + 0.2::float8, 'sum')", user)
        assert await read_books(db, user) == before

    run(shared_url, scenario)


async def day(db: Pool, connection: Connection, tag: str) -> list[Any]:
    """What every kind of operation answers on the connection, without what differs from user to user."""
    user = await new_user(db)
    answers = []
    calls: list[tuple[str, dict[str, Any]]] = [
        ("atomic_deposit", {"p_amount": Decimal("1234567.89"), "p_transaction_id": f"{tag}d"}),
        ("atomic_freeze", {"p_amount": Decimal("1000.50"), "p_transaction_id": f"{tag}h", "p_expires_at": NOW}),
        ("atomic_freeze", {"p_amount": Decimal(5), "p_transaction_id": f"{tag}s"}),
        ("atomic_commit", {"p_transaction_id": f"{tag}s", "p_amount": Decimal("2.50")}),
        ("atomic_adjust", {"p_amount": Decimal("-0.01"), "p_transaction_id": f"{tag}a", "p_reason": "promo"}),
        ("atomic_freeze", {"p_amount": Decimal("9999999.99"), "p_transaction_id": f"{tag}x"}),
        ("atomic_refund", {"p_transaction_id": f"{tag}s"}),
    ]
    for function, arguments in calls:
        try:
            answer = await call(connection, f"public.{function}", p_user_id=user, **arguments)
        except errors.WalletError as refusal:
            answer = {"refused": str(refusal)} | refusal.data
        answers.append(answer)
    assert await call(connection, "public.expire_holds", p_now=NOW) == 1
    answers.append((await read_books(db, user)).user)
    await assert_sound(db, user)
    own = ("user_id", "id", "settled_at", "created_at")
    return [{name: str(value).replace(tag, "") for name, value in each.items() if name not in own} for each in answers]


SESSIONS = [
    "set timezone = 'Pacific/Kiritimati'",
    "set timezone = '<+13:45>-13:45'",
    "set datestyle = 'SQL, DMY'",
    "set datestyle = 'German'",
    "set intervalstyle = 'sql_standard'",
    "set lc_monetary = 'C'; set lc_numeric = 'C'",
    "set extra_float_digits = -15",
    "set bytea_output = 'escape'; set xmlbinary = 'hex'",
    "set transform_null_equals = on",
    "set standard_conforming_strings = off; set escape_string_warning = off",
    "set quote_all_identifiers = on",
    "set check_function_bodies = off",
    "set default_transaction_isolation = 'serializable'",
    "set default_transaction_isolation = 'repeatable read'",
    "set enable_indexscan = off; set enable_bitmapscan = off; set enable_indexonlyscan = off",
    "set plan_cache_mode = 'force_generic_plan'",
    "set jit = on; set jit_above_cost = 0",
    "set work_mem = '64kB'; set default_statistics_target = 1",
    "set client_encoding = 'UTF8'; set default_tablespace = ''",
]


def test_however_a_session_is_set_up_the_answers_are_the_same(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        async def day_of_a_session(number: int, setup: str) -> list[Any]:
            connection = await connect(database_url, "session")
            try:
                await connection.execute(setup)
                return await day(db, connection, f"session-{number}-")
            finally:
                await connection.close()

        usual = await day_of_a_session(0, "select")
        for number, setup in enumerate(SESSIONS, start=1):
            assert await day_of_a_session(number, setup) == usual, setup

    run(database_url, scenario)


EVIL = """
create schema evil;
create function evil.round(numeric, integer) returns numeric language sql as 'select 0.01';
create function evil.length(text) returns integer language sql as 'select 1';
create function evil.now() returns timestamptz language sql as $$select '1999-01-01'::timestamptz$$;
create function evil.check_amount(numeric) returns void language sql as '';
create function evil.check_key(text, text) returns void language sql as '';
create function evil.ring_doorbell(uuid, bigint, text, jsonb) returns boolean language sql as 'select false';
create function evil.acting(text) returns text language sql as $$select 'nobody'$$;
create function evil.jsonb_build_object(variadic text[]) returns jsonb language sql as $$select '{}'::jsonb$$;
create function evil.lock_user_wallet(uuid) returns public.users language sql as 'select null::public.users';
create function evil.at_most(numeric, numeric) returns boolean language sql as 'select false';
create operator evil.>= (leftarg = numeric, rightarg = numeric, function = evil.at_most);
create table evil.users (like public.users including all);
create table evil.wallet_holds (state text, amount numeric, like_nothing text);
create view evil.balance_operations as select 1 as number;
create type evil.events as (id integer);
create domain evil.numeric as pg_catalog.numeric check (value < 1);
"""
TEMPORARY = "create temp table {} (like public.{} including all excluding constraints)"


def test_a_search_path_of_the_callers_own_changes_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        async with db.acquire() as ours:
            usual = await day(db, ours, "usual-")
        await db.execute(EVIL)
        connection = await connect(database_url, "evil")
        try:
            for table in ("users", "wallet_holds", "balance_operations", "events"):
                await connection.execute(TEMPORARY.format(table, table))
            await connection.execute("set search_path = evil, pg_temp, pg_catalog")
            assert await connection.fetchval("select 'users'::regclass = 'evil.users'::regclass and round(5.5, 2) < 1")
            assert await day(db, connection, "evil-") == usual
            for table in ("evil.users", "pg_temp.users", "pg_temp.wallet_holds", "pg_temp.events"):
                assert await connection.fetchval(f"select count(*) from {table}") == 0  # noqa: S608 - ours
        finally:
            await connection.close()

    run(database_url, scenario)
