"""Migrations: `sql/migrations/*.sql` once each, in the order of their names; functions and triggers when changed.

Any number of processes may start together: an advisory lock lets one work and the others find it done. Each migration
is one transaction with its entry in `schema_migrations`, so a process killed in the middle leaves a whole number of
them. A migration that was changed after it ran, or that this program does not know, stops the start.
"""

import asyncio
import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

import asyncpg

from wallet_db.connect import DatabaseUnavailable, connect

LOCK = (20307, 3)
SQL_VERSION = 2
"""Raise it whenever a release changes a function or trigger: an older program then refuses to put its own back."""
LOCK_ATTEMPTS = 10
LOCK_PAUSE_S = 1.0

_REPEATED = ("functions", "triggers")


class MigrationError(Exception):
    """The database's schema and this program do not belong together."""


async def migrate(url: str) -> list[str]:
    """Bring the schema up to date; returns the names of what was applied, often nothing.

    Raises `MigrationError`, and `DatabaseUnavailable` also if the connection breaks in the middle.
    """
    connection = await connect(url, "migrate")
    try:
        await connection.execute("select pg_advisory_lock($1, $2)", *LOCK, timeout=300)
        await connection.execute(
            "create table if not exists schema_migrations (name text not null constraint schema_migrations_pkey "
            "primary key, checksum text not null, version integer not null default 0,"
            " applied_at timestamptz not null default now())"
        )
        return await _apply_all(connection)
    except (asyncpg.InterfaceError, asyncpg.OperatorInterventionError, OSError) as error:
        # What broke the connection, not the transaction's complaint that it cannot be ended any more.
        raise DatabaseUnavailable(url, _first_of(error)) from error
    except asyncpg.PostgresError as error:
        raise MigrationError(f"the schema could not be brought up to date: {error}") from error
    finally:
        await connection.close()


def _first_of(error: Exception) -> Exception:
    return error.__context__ if isinstance(error.__context__, Exception) else error


async def _apply_all(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    rows = await connection.fetch("select name, checksum, version from schema_migrations")
    applied: dict[str, str] = {row["name"]: row["checksum"] for row in rows}
    migrations = _scripts("migrations")
    newer = sorted(applied.keys() - migrations.keys() - set(_REPEATED))
    newer += [f"{row['name']} {row['version']}" for row in rows if row["version"] > SQL_VERSION]
    if newer:
        raise MigrationError(f"the database is newer than this program: it has {', '.join(newer)}")
    done = []
    for name, script in migrations.items():
        if name not in applied:
            await _apply(connection, name, script)
            done.append(name)
        elif applied[name] != _checksum(script):
            raise MigrationError(f"migration {name} was changed after it had been applied")
    for name in _REPEATED:
        script = "\n".join(_scripts(name).values())
        if applied.get(name) != _checksum(script):
            await _apply_when_free(connection, name, script)
            done.append(name)
    return done


async def _apply_when_free(connection: "asyncpg.Connection[asyncpg.Record]", name: str, script: str) -> None:
    """Functions need no lock on tables; triggers do, and others may be writing: wait shortly, several times."""
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            await _apply(connection, name, script)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if attempt == LOCK_ATTEMPTS:
                raise MigrationError(f"{name} could not be applied, the tables are busy: {error}") from error
            await asyncio.sleep(LOCK_PAUSE_S)
        else:
            return


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", name: str, script: str) -> None:
    async with connection.transaction():
        if name in _REPEATED:
            # Bodies refer to one another freely; they are checked when they run, and by the tests.
            await connection.execute("set local check_function_bodies = off; set local lock_timeout = '2s'")
        await connection.execute(script, timeout=3600)
        await connection.execute(
            "insert into schema_migrations (name, checksum, version) values ($1, $2, $3) on conflict (name)"
            " do update set checksum = excluded.checksum, version = excluded.version, applied_at = now()",
            name,
            _checksum(script),
            SQL_VERSION if name in _REPEATED else 0,
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
