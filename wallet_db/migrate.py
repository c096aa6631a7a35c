"""Migrations: `sql/migrations/*.sql` once each, in the order of their names, then `sql/functions/*.sql` when changed.

Any number of processes may start together: an advisory lock lets one work and the others find it done. Each migration
is one transaction with its entry in `schema_migrations`, so a process killed in the middle leaves a whole number of
them. A migration that was changed after it ran, or that this program does not know, stops the start.
"""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

import asyncpg

from wallet_db.connect import DatabaseUnavailable, connect

LOCK = (20307, 3)
_FUNCTIONS = "functions"


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
            "primary key, checksum text not null, applied_at timestamptz not null default now())"
        )
        return await _apply_all(connection)
    except (asyncpg.InterfaceError, asyncpg.OperatorInterventionError, OSError) as error:
        # What broke the connection, not the transaction's complaint that it cannot be ended any more.
        raise DatabaseUnavailable(url, _first_of(error)) from error
    finally:
        await connection.close()


def _first_of(error: Exception) -> Exception:
    return error.__context__ if isinstance(error.__context__, Exception) else error


async def _apply_all(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    rows = await connection.fetch("select name, checksum from schema_migrations")
    applied: dict[str, str] = {row["name"]: row["checksum"] for row in rows}
    migrations = _scripts("migrations")
    unknown = sorted(applied.keys() - migrations.keys() - {_FUNCTIONS})
    if unknown:
        raise MigrationError(f"the database is newer than this program: it has {', '.join(unknown)}")
    done = []
    for name, script in migrations.items():
        if name not in applied:
            await _apply(connection, name, script)
            done.append(name)
        elif applied[name] != _checksum(script):
            raise MigrationError(f"migration {name} was changed after it had been applied")
    functions = "\n".join(_scripts(_FUNCTIONS).values())
    if applied.get(_FUNCTIONS) != _checksum(functions):
        # Bodies refer to one another freely; they are checked when they run, and by the tests.
        await _apply(connection, _FUNCTIONS, "set local check_function_bodies = off;\n" + functions, functions)
        done.append(_FUNCTIONS)
    return done


async def _apply(
    connection: "asyncpg.Connection[asyncpg.Record]", name: str, script: str, source: str | None = None
) -> None:
    async with connection.transaction():
        await connection.execute(script, timeout=3600)
        await connection.execute(
            "insert into schema_migrations (name, checksum) values ($1, $2)"
            " on conflict (name) do update set checksum = excluded.checksum, applied_at = now()",
            name,
            _checksum(source or script),
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
