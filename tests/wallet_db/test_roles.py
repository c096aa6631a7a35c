"""Roles belong to the server: here one without any of ours, whose databases are migrated by logins without power."""

import asyncio
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from tests.conftest import database_of, execute
from tests.wallet_db.logins import PASSWORD, connected, url_as
from tests.wallet_db.support import new_user, run
from wallet_db.check import check
from wallet_db.connect import Pool, RoleRefused, connect
from wallet_db.embedded import EmbeddedPostgres
from wallet_db.errors import AppendOnly, refusals
from wallet_db.migrate import MigrationError, migrate
from wallet_db.roles import GATEWAY, NOTIFIER, OPERATOR, POLLERS, ROLES, WALLET


@pytest.fixture
def bare_url() -> Iterator[str]:
    """A server without our roles."""
    with tempfile.TemporaryDirectory(prefix="onesms-test-", ignore_cleanup_errors=True) as directory:
        embedded = EmbeddedPostgres(Path(directory))
        try:
            yield embedded.start()
        finally:
            embedded.stop()


async def new_owner(bare_url: str, options: str = "", databases: int = 1) -> list[str]:
    """A login that owns so many databases: the URLs of each, as it."""
    owner = f"owner_{uuid4().hex[:8]}"
    await execute(bare_url, f"create role {owner} login password '{PASSWORD}' {options}")
    names = [f"{owner}_{number}" for number in range(databases)]
    for name in names:
        await execute(bare_url, f"create database {name} owner {owner}")
    return [url_as(database_of(bare_url, name), owner) for name in names]


def test_databases_that_migrate_at_once_make_the_roles_together(bare_url: str) -> None:
    async def scenario() -> None:
        urls = await new_owner(bare_url, "createrole", databases=4)
        applied = await asyncio.gather(*(migrate(url) for url in urls))
        assert all(applied)
        for role in ROLES:
            async with connected(urls[0], role) as connection:
                assert await connection.fetchval("select current_user::text") == role

    asyncio.run(scenario())


def test_who_may_not_make_roles_is_told_which_are_lacking(bare_url: str) -> None:
    async def scenario() -> None:
        (url,) = await new_owner(bare_url)
        with pytest.raises(MigrationError) as caught:
            await migrate(url)
        assert str(caught.value).startswith(f"the database roles {', '.join(ROLES)} are lacking, and owner_")
        assert all(f"create role {role} nologin;" in str(caught.value) for role in ROLES)
        assert "\n" not in str(caught.value)

        await execute(bare_url, "".join(f"create role {role} nologin;" for role in ROLES))
        assert await migrate(url)
        with pytest.raises(
            RoleRefused, match=rf'permission denied to set role "{GATEWAY}" .*: an administrator has to'
        ):
            await connect(url, "test", role=GATEWAY)

    asyncio.run(scenario())


def test_all_stays_its_owners_whoever_migrates(bare_url: str) -> None:
    async def scenario() -> None:
        (url,) = await new_owner(bare_url, "createrole")
        await migrate(url)
        async with connected(url) as connection:
            await connection.execute(
                "drop function reschedule_activation;"
                "update schema_migrations set checksum = 'old' where name = 'functions'"
            )
            superuser_url = database_of(bare_url, await connection.fetchval("select current_database()"))
            assert await migrate(superuser_url) == ["functions"]
            foreign = await connection.fetch(
                "select proname from pg_proc where pronamespace = 'public'::regnamespace"
                " and proowner <> (select oid from pg_roles where rolname = current_user)"
            )
            assert foreign == []

    asyncio.run(scenario())


REWRITING = (
    "update balance_operations set reason = 'nothing happened'",
    "delete from balance_operations",
    "truncate balance_operations",
)


def test_the_audit_is_rewritten_neither_by_its_owner_nor_by_a_superuser(bare_url: str) -> None:
    (url,) = asyncio.run(new_owner(bare_url, "createrole"))
    asyncio.run(migrate(url))

    async def scenario(db: Pool) -> None:
        await new_user(db)
        for statement in REWRITING:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await db.execute(statement)
        await db.execute("grant update, delete, truncate on balance_operations to current_user")
        for statement in REWRITING:
            with pytest.raises(AppendOnly), refusals():
                await db.execute(statement)
        await db.execute("update schema_migrations set checksum = 'old' where name = 'privileges'")
        assert await migrate(url) == ["privileges"]
        for statement in REWRITING:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await db.execute(statement)
        async with connected(database_of(bare_url, await db.fetchval("select current_database()"))) as superuser:
            for statement in REWRITING:
                with pytest.raises(AppendOnly), refusals():
                    await superuser.execute(statement)

    run(url, scenario)


DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def test_a_database_is_made_by_the_lines_that_are_told(bare_url: str) -> None:
    """Those of deploy/README.md, one by one; then each login does what its file is for, and no more."""
    readme = (DEPLOY / "README.md").read_text("utf-8")
    ((statements,), (migrating,)) = (
        re.findall(pattern, readme, re.DOTALL)
        for pattern in (
            r"## The database.*?```sql\n(.*?)```",
            r"DATABASE_URL=(\S+) \.venv/bin/python -m wallet_db migrate",
        )
    )
    told = {
        name: re.findall(r"^(?:OPERATOR_)?DATABASE_URL=(.*)$", path.read_text("utf-8"), re.MULTILINE)
        for name in ("onesms", "onesms-operators", "onesms-check")
        for path in [DEPLOY / "systemd" / f"{name}.env.example"]
    }
    socket = urlsplit(bare_url)

    def here(url: str) -> str:
        """The address as told, on this server."""
        parts = urlsplit(url)
        return parts._replace(netloc=f"{parts.username}:{parts.password}@", query=socket.query).geturl()

    async def scenario() -> None:
        for statement in statements.split(";")[:-1]:
            await execute(bare_url, statement)
        assert await migrate(here(migrating))
        (processes,), (operators,), (checking,) = (map(here, urls) for urls in told.values())
        assert await migrate(processes) == []
        for role in (GATEWAY, POLLERS, NOTIFIER):
            async with connected(processes, role) as connection:
                assert await connection.fetchval("select current_user::text") == role
        for role in (OPERATOR, WALLET):
            with pytest.raises(RoleRefused):
                await connect(processes, "test", role=role)
        async with connected(operators, OPERATOR) as connection:
            user = await connection.fetchval("insert into users (name) values ('ann') returning id")
            await connection.execute(
                "select atomic_deposit($1, 5, p_transaction_id => 'd', p_reason => 'a test')", user
            )
        with pytest.raises(RoleRefused):
            await connect(operators, "test", role=GATEWAY)
        report = await check(checking)
        assert (report.users, report.operations, report.is_clean) == (2, 1, True)

    asyncio.run(scenario())


def test_a_schema_everybody_may_create_in_stops_a_migration(bare_url: str) -> None:
    async def scenario() -> None:
        (url,) = await new_owner(bare_url, "createrole")
        async with connected(url) as connection:
            name = await connection.fetchval("select current_database()")
        superuser_url = database_of(bare_url, name)
        await execute(superuser_url, "alter schema public owner to postgres; grant create on schema public to public")
        with pytest.raises(MigrationError, match="has to revoke create on schema public from public"):
            await migrate(url)
        await execute(superuser_url, "alter schema public owner to pg_database_owner")
        assert "privileges" in await migrate(url)
        async with connected(url, GATEWAY) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("create function format(text, text) returns text language sql return 'mine'")

    asyncio.run(scenario())
