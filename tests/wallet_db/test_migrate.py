"""Migrations: together, twice, changed, unknown, killed in the middle; always a whole number of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

import wallet_db
import wallet_db.migrate as migrate_module
from wallet_db.connect import DatabaseUnavailable, connect, pool
from wallet_db.migrate import MigrationError, migrate

ONCE = sorted(script.stem for script in Path(wallet_db.__file__).parent.glob("sql/migrations/*.sql"))
REPEATED = ["functions", "views", "triggers", "privileges"]
"""Applied all together, whichever of them has changed."""
ALL = ONCE + REPEATED


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await connect(url, "test")
    try:
        yield connection
    finally:
        await connection.close()


async def applied(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    return [name for (name,) in await connection.fetch("select name from schema_migrations order by name")]


def test_twenty_at_once_apply_each_migration_once(empty_database_url: str) -> None:
    async def scenario() -> None:
        done = await asyncio.gather(*(migrate(empty_database_url) for _ in range(20)))
        assert sorted(done, key=len) == [[]] * 19 + [ALL]
        async with connected(empty_database_url) as connection:
            assert await applied(connection) == sorted(ALL)
            assert await connection.fetchval("select count(*) from services where service = 'whatsapp'") == 1

    asyncio.run(scenario())


def test_a_second_run_applies_nothing(database_url: str) -> None:
    assert asyncio.run(migrate(database_url)) == []


def test_a_changed_migration_stops_the_start(database_url: str) -> None:
    async def scenario() -> None:
        async with connected(database_url) as connection:
            await connection.execute("update schema_migrations set checksum = 'x' where name = '0002_catalogue'")
        with pytest.raises(MigrationError, match="0002_catalogue was changed"):
            await migrate(database_url)

    asyncio.run(scenario())


def test_a_newer_database_stops_the_start(database_url: str) -> None:
    async def scenario() -> None:
        async with connected(database_url) as connection:
            await connection.execute("insert into schema_migrations values ('9999_future', 'x'), ('9998_soon', 'x')")
        with pytest.raises(MigrationError, match="newer than this program: it has 9998_soon, 9999_future"):
            await migrate(database_url)

    asyncio.run(scenario())


def test_an_older_program_does_not_put_its_own_functions_back(database_url: str) -> None:
    async def scenario() -> None:
        async with connected(database_url) as connection:
            await connection.execute(
                "update schema_migrations set version = version + 1, checksum = 'newer' where name = 'functions'"
            )
        with pytest.raises(MigrationError, match=r"newer than this program: it has functions \d+"):
            await migrate(database_url)

    asyncio.run(scenario())


def test_what_is_repeated_waits_for_writers_and_is_applied_together_or_not_at_all(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate_module, "LOCK_ATTEMPTS", 1)

    async def scenario() -> None:
        async with connected(database_url) as writer, connected(database_url) as connection:
            await connection.execute(
                "create or replace function iso_utc(p_at timestamptz) returns text language sql as $$ select 'old' $$;"
                "grant execute on function iso_utc to public;"
                "update schema_migrations set checksum = 'old' where name in ('functions', 'privileges')"
            )
            writing = writer.transaction()
            await writing.start()
            await writer.execute("insert into users (name) values ('somebody')")
            with pytest.raises(MigrationError, match="privileges could not be applied, the tables are busy"):
                await migrate(database_url)
            assert await connection.fetchval("select iso_utc('epoch')") == "old"
            await writing.commit()
            assert await migrate(database_url) == ["functions", "privileges"]
            assert await connection.fetchval("select iso_utc('epoch')") == "1970-01-01T00:00:00.000Z"
            assert not await connection.fetchval(
                "select has_function_privilege('public', 'iso_utc(timestamptz)', 'execute')"
            )

    asyncio.run(scenario())


def test_readers_do_not_keep_what_is_repeated_waiting(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate_module, "LOCK_ATTEMPTS", 1)

    async def scenario() -> None:
        async with connected(database_url) as reader, connected(database_url) as connection:
            await connection.execute("update schema_migrations set checksum = 'old' where name = 'privileges'")
            async with reader.transaction():
                for table in ("users", "activations", "balance_operations", "wallet_holds", "events"):
                    await reader.execute(f"select count(*) from {table}")  # noqa: S608 - names of ours
                assert await migrate(database_url) == ["privileges"]

    asyncio.run(scenario())


def test_a_database_from_before_privileges_gets_them(database_url: str) -> None:
    async def scenario() -> None:
        async with connected(database_url) as connection:
            await connection.execute(
                "delete from schema_migrations where name in ('views', 'privileges');"
                "update schema_migrations set checksum = 'old', version = 1 where name in ('functions', 'triggers');"
                "grant execute on all functions in schema public to public"
            )
            assert await migrate(database_url) == REPEATED
            assert await migrate(database_url) == []
            for function in ("atomic_adjust", "append_operation", "claimed_user_id"):
                oid = await connection.fetchval("select $1::regproc::oid", function)
                assert not await connection.fetchval("select has_function_privilege('public', $1::oid, 'execute')", oid)

    asyncio.run(scenario())


def test_a_role_that_may_not_create_tables_is_told(empty_database_url: str) -> None:
    async def scenario() -> None:
        role = f"guest_{uuid4().hex[:8]}"
        async with connected(empty_database_url) as connection:
            await connection.execute(f"create role {role} login")
            try:
                parts = urlsplit(empty_database_url)
                as_guest = parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}").geturl()
                with pytest.raises(MigrationError, match=r"may not change it: run `python -m wallet_db migrate`"):
                    await migrate(as_guest)
            finally:
                await connection.execute(f"drop role {role}")

    asyncio.run(scenario())


def test_changed_functions_are_replaced(database_url: str) -> None:
    async def scenario() -> None:
        async with connected(database_url) as connection:
            await connection.execute(
                "create or replace function iso_utc(p_at timestamptz) returns text language sql as $$ select 'old' $$;"
                "update schema_migrations set checksum = 'old' where name = 'functions'"
            )
            assert await migrate(database_url) == ["functions"]
            assert await connection.fetchval("select iso_utc('epoch')") == "1970-01-01T00:00:00.000Z"

    asyncio.run(scenario())


@pytest.mark.parametrize("killed_in", ALL)
def test_a_run_killed_in_the_middle_leaves_whole_migrations_and_the_next_finishes(
    empty_database_url: str, killed_in: str
) -> None:
    """It is held between its statements and its commit, by an entry of its name that we have not committed."""

    async def scenario() -> None:
        async with connected(empty_database_url) as ours, connected(empty_database_url) as killer:
            await killer.execute(
                "create table schema_migrations"
                " (name text primary key, checksum text not null, version integer not null default 0,"
                " applied_at timestamptz not null default now())"
            )
            blocker = ours.transaction()
            await blocker.start()
            await ours.execute("insert into schema_migrations (name, checksum) values ($1, 'x')", killed_in)
            running = asyncio.create_task(migrate(empty_database_url))
            async with asyncio.timeout(20):
                victim = None
                while victim is None:
                    victim = await killer.fetchval(
                        "select pid from pg_stat_activity where datname = current_database()"
                        " and application_name = 'onesms-migrate' and $1 = any(pg_blocking_pids(pid))",
                        ours.get_server_pid(),
                    )
            assert await killer.fetchval("select pg_terminate_backend($1, 5000)", victim)
            await asyncio.wait([running])
            killed = running.exception()
            assert isinstance(killed, DatabaseUnavailable)
            assert "terminating connection due to administrator command" in str(killed)
            await blocker.rollback()

            survived = ONCE[: ONCE.index(killed_in)] if killed_in in ONCE else ONCE
            assert await applied(killer) == survived
            tables = await killer.fetchval("select count(*) from pg_tables where tablename = 'users'")
            assert tables == (1 if survived else 0)
            if len(survived) == 1:
                assert await killer.fetchval("select count(*) from services") == 0
            assert await migrate(empty_database_url) == ALL[len(survived) :]
            assert await migrate(empty_database_url) == []

    asyncio.run(scenario())


UNREACHABLE = {
    "nothing listens": ("postgres://u:s3cret@127.0.0.1:1/shop", "at 127.0.0.1:1/shop: "),
    "no such host": ("postgres://u:s3cret@nowhere.invalid/shop", "at nowhere.invalid/shop: "),
    "not a port": ("postgres://u:s3cret@127.0.0.1:s3cret/shop", "it is malformed"),
    "port out of range": ("postgres://u:s3cret@127.0.0.1:70000/shop", "the address given"),
    "slash in the password": ("postgres://u:s3cret/s3cret@127.0.0.1:1/shop", "the address given"),
    "number and slash in the password": ("postgres://u:7/s3cret@127.0.0.1:1/shop", "the address given"),
    "question mark in the password": ("postgres://u:s3cret?s3cret@127.0.0.1:1/shop", "the address given"),
    "bracket in the password": ("postgres://u:[s3cret@127.0.0.1:1/shop", "the address given"),
    "password in the query": ("postgres://127.0.0.1:1/shop?user=u&password=s3cret", "at 127.0.0.1:1/shop: "),
}


@pytest.mark.parametrize("case", UNREACHABLE)
def test_an_unreachable_database_is_named_in_one_line_without_its_password(case: str) -> None:
    url, expected = UNREACHABLE[case]
    with pytest.raises(DatabaseUnavailable) as caught:
        asyncio.run(migrate(url))
    said = str(caught.value)
    assert said.startswith("DATABASE_URL: no connection to PostgreSQL at ")
    assert expected in said
    assert "s3cret" not in said
    assert "\n" not in said
    assert not said.endswith(": ")


def test_a_database_that_is_not_there_is_unavailable_to_a_pool_too(server_url: str, empty_database_url: str) -> None:
    missing = empty_database_url.replace("onesms_test_", "onesms_never_")

    async def scenario() -> None:
        with pytest.raises(DatabaseUnavailable, match=r'database "onesms_never_\w+" does not exist'):
            async with pool(missing, "test"):
                pass

    assert server_url
    asyncio.run(scenario())


def test_connections_are_named_and_think_in_utc(database_url: str) -> None:
    async def scenario() -> None:
        async with connected(database_url) as connection:
            settings = "select current_setting('application_name'), current_setting('TimeZone')"
            row = await connection.fetchrow(settings)
            assert row is not None
            assert tuple(row) == ("onesms-test", "UTC")

    asyncio.run(scenario())
