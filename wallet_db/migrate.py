"""Migrations: `sql/migrations/*.sql` once each, in the order of their names; what may be repeated, when it has changed.

Functions, views, triggers and privileges are repeated, all together: no moment shows a new function that nobody may
call, or one that everybody may. Any number of processes may start together: an advisory lock lets one work and the
others find it done. Each migration is one transaction with its entry in `schema_migrations`, so a process killed in
the middle leaves a whole number of them. A migration that was changed after it ran, or that this program does not
know, stops the start.

Everything belongs to the role that migrated first. Any other needs no more than to read `schema_migrations`, as long as
all is up to date.
"""

import asyncio
import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

import asyncpg

from wallet_db.connect import Connection, DatabaseUnavailable, connect
from wallet_db.roles import make_roles

LOCK = (20307, 3)
SQL_VERSION = 3
"""Raise it whenever a release changes what is repeated: an older program then refuses to put its own back."""
LOCK_ATTEMPTS = 10
LOCK_PAUSE_S = 1.0

_REPEATED = ("functions", "views", "triggers", "privileges")
"""In this order, for each refers to those before it."""


class MigrationError(Exception):
    """The database's schema and this program do not belong together."""


async def migrate(url: str) -> list[str]:
    """Bring the schema up to date; returns the names of what was applied, often nothing.

    Raises `MigrationError`, and `DatabaseUnavailable` also if the connection breaks in the middle.
    """
    connection = await connect(url, "migrate")
    try:
        if not _pending(await _applied(connection)):
            return []
        await _become_owner(connection)
        await connection.execute("select pg_advisory_lock($1, $2)", *LOCK, timeout=300)
        await connection.execute(
            "create table if not exists schema_migrations (name text not null constraint schema_migrations_pkey "
            "primary key, checksum text not null, version integer not null default 0,"
            " applied_at timestamptz not null default now())"
        )
        return await _apply_pending(connection)
    except (asyncpg.InterfaceError, asyncpg.OperatorInterventionError, OSError) as error:
        # What broke the connection, not the transaction's complaint that it cannot be ended any more.
        raise DatabaseUnavailable(url, _first_of(error)) from error
    except asyncpg.PostgresError as error:
        raise MigrationError(f"the schema could not be brought up to date: {error}") from error
    finally:
        await connection.close()


def _first_of(error: Exception) -> Exception:
    return error.__context__ if isinstance(error.__context__, Exception) else error


async def _applied(connection: Connection) -> list[asyncpg.Record]:
    """Name, checksum and version of all that was applied."""
    if await connection.fetchval("select to_regclass('schema_migrations')") is None:
        return []
    try:
        return await connection.fetch("select name, checksum, version from schema_migrations")
    except asyncpg.InsufficientPrivilegeError as error:
        user = await connection.fetchval("select current_user")
        raise MigrationError(
            f"{user} may not see whether the schema is up to date: grant it the role it is to act as, to inherit from"
        ) from error


def _pending(applied: list[asyncpg.Record]) -> dict[str, str]:
    """What is still to be applied, in order: name and script. Raises `MigrationError` if the database is not ours."""
    migrations, repeated = _scripts("migrations"), {name: "\n".join(_scripts(name).values()) for name in _REPEATED}
    newer = sorted(row["name"] for row in applied if row["name"] not in migrations | repeated)
    newer += [f"{row['name']} {row['version']}" for row in applied if row["version"] > SQL_VERSION]
    if newer:
        raise MigrationError(f"the database is newer than this program: it has {', '.join(newer)}")
    checksums = {row["name"]: row["checksum"] for row in applied}
    for name, script in migrations.items():
        if name in checksums and checksums[name] != _checksum(script):
            raise MigrationError(f"migration {name} was changed after it had been applied")
    return {
        name: script for name, script in (migrations | repeated).items() if checksums.get(name) != _checksum(script)
    }


async def _become_owner(connection: Connection) -> None:
    """Act as the role that all belongs to, whoever of its members is connected; the roles it grants to exist."""
    ((user, owner, may_change),) = await connection.fetch(
        "select current_user::text, owner, case owner when current_user then has_schema_privilege('public', 'create')"
        "       else pg_has_role(owner, 'MEMBER') end"
        "  from (select coalesce((select pg_get_userbyid(relowner) from pg_class"
        "                          where oid = to_regclass('schema_migrations')), current_user) as owner) o"
    )
    if not may_change:
        raise MigrationError(
            f"the schema is not up to date, and {user} may not change it:"
            f" run `python -m wallet_db migrate` as {'its owner' if owner == user else owner}"
        )
    if lacking := await make_roles(connection):
        raise MigrationError(
            f"the database roles {', '.join(lacking)} are lacking, and {user} may not create them: an administrator has"
            f" to ({' '.join(f'create role {role} nologin;' for role in lacking)})"
        )
    if owner != user:
        await connection.execute("select set_config('role', $1, false)", owner)


async def _apply_pending(connection: Connection) -> list[str]:
    """Read what is pending again, under the lock: another process may have applied it since."""
    pending = _pending(await _applied(connection))
    for name, script in pending.items():
        if name not in _REPEATED:
            async with connection.transaction():
                await connection.execute(script, timeout=3600)
                await _record(connection, name, script)
    if pending.keys() & set(_REPEATED):
        await _repeat_when_free(connection)
    return list(pending)


async def _repeat_when_free(connection: Connection) -> None:
    """Triggers need locks on tables, and others may be writing: wait shortly, several times."""
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            await _repeat(connection)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if attempt == LOCK_ATTEMPTS:
                raise MigrationError(
                    f"{', '.join(_REPEATED)} could not be applied, the tables are busy: {error}"
                ) from error
            await asyncio.sleep(LOCK_PAUSE_S)
        else:
            return


async def _repeat(connection: Connection) -> None:
    async with connection.transaction():
        # Bodies refer to one another freely; they are checked when they run, and by the tests.
        await connection.execute("set local check_function_bodies = off; set local lock_timeout = '2s'")
        for name in _REPEATED:
            script = "\n".join(_scripts(name).values())
            await connection.execute(script)
            await _record(connection, name, script, SQL_VERSION)


async def _record(connection: Connection, name: str, script: str, version: int = 0) -> None:
    await connection.execute(
        "insert into schema_migrations (name, checksum, version) values ($1, $2, $3) on conflict (name)"
        " do update set checksum = excluded.checksum, version = excluded.version, applied_at = now()",
        name,
        _checksum(script),
        version,
    )


def _scripts(folder: str) -> dict[str, str]:
    found: list[Traversable] = [
        entry for entry in (files("wallet_db") / "sql" / folder).iterdir() if entry.name.endswith(".sql")
    ]
    return {
        entry.name.removesuffix(".sql"): entry.read_text(encoding="utf-8")
        for entry in sorted(found, key=lambda entry: entry.name)
    }


def _checksum(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()
