"""Connections: where the database is, and pools and single connections to it, set up alike.

A connection acts as the role it is opened for (`wallet_db.roles`) from its first statement on, whoever logs in; giving
it back to its pool does not change that. Names without a schema are those of `public`, whatever else there is. JSON
columns arrive as text; who needs the value parses it, who passes it on does not. A server that cannot be reached is
`DatabaseUnavailable`, whose text names host and cause and never the password.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote, urlsplit

import asyncpg

from wallet_db.embedded import EmbeddedPostgres
from wallet_db.settings import DatabaseSettings
from wallet_db.tracing import is_tracing, trace_statements

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

CONNECT_TIMEOUT_S = 10.0
# In a pool each bound lies below the next: a lock that is not to be had is told as such, and the server ends a
# statement before the client gives up on it.
LOCK_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 20
COMMAND_TIMEOUT_S = 30.0
CLOSE_S = 1.0


class DatabaseUnavailable(Exception):
    """No connection: nothing listens there, or it refuses us, or it broke off."""

    def __init__(self, url: str, cause: Exception) -> None:
        super().__init__(f"DATABASE_URL: no connection to PostgreSQL at {_where(url)}: {_why(cause)}")


class RoleRefused(DatabaseUnavailable):
    """Whoever logs in may not act as the role that was asked for, or there is no such role."""

    def __init__(self, url: str, role: str, cause: Exception) -> None:
        Exception.__init__(
            self, f"DATABASE_URL: {_why(cause)} at {_where(url)}: an administrator has to grant {role} to {_user(url)}"
        )


@contextmanager
def database(settings: DatabaseSettings, *, kept_running: bool = False) -> Iterator[str]:
    """The database's URL, with the embedded server running meanwhile if no other is configured.

    `kept_running`: and if it dies, starting again.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    embedded = EmbeddedPostgres(settings.data_dir)
    try:
        url = embedded.start()
        with embedded.kept_running() if kept_running else nullcontext():
            yield url
    finally:
        embedded.stop()


async def connect(url: str, name: str, *, role: str | None = None) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection of one's own (LISTEN, advisory locks), called `name` in pg_stat_activity. It may wait for locks."""
    try:
        return await asyncpg.connect(url, **_options(name, role))
    except _CONNECT_FAULTS as error:
        raise _refusal(url, role, error) from error


@asynccontextmanager
async def pool(url: str, name: str, *, role: str | None = None, connections_max: int = 10) -> AsyncIterator[Pool]:
    """A pool of up to `connections_max` connections, called `name` in pg_stat_activity."""
    timeouts = {"lock_timeout": f"{LOCK_TIMEOUT_S}s", "statement_timeout": f"{STATEMENT_TIMEOUT_S}s"}
    try:
        opened = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=connections_max,
            init=trace_statements if is_tracing() else None,
            **_options(name, role, **timeouts),
        )
    except _CONNECT_FAULTS as error:
        raise _refusal(url, role, error) from error
    try:
        yield opened
    finally:
        # Who was cancelled just now gives his connection back in a task of its own, and is not to be cut off in it.
        with suppress(*_CONNECT_FAULTS):
            async with asyncio.timeout(CLOSE_S):
                await opened.close()
        opened.terminate()


def _refusal(url: str, role: str | None, cause: Exception) -> DatabaseUnavailable:
    # The same codes as for a database that one may not connect to: only the text tells which of the two it was.
    is_of_role = isinstance(cause, asyncpg.InsufficientPrivilegeError | asyncpg.InvalidParameterValueError)
    if role is not None and is_of_role and role in str(cause):
        return RoleRefused(url, role, cause)
    return DatabaseUnavailable(url, cause)


def _user(url: str) -> str:
    """Who logs in, as far as the address says."""
    return unquote(urlsplit(url).username or "") or "the role that logs in"


def _where(url: str) -> str:
    unreadable = "the address given (in user and password write / as %2F, ? as %3F, # as %23, @ as %40)"
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return unreadable
    if "@" in parts.path + parts.query + parts.fragment:
        return unreadable  # what looks like the host may be half of the password
    return f"{parts.hostname or 'its socket'}{port}{parts.path}"


def _why(cause: Exception) -> str:
    """The cause in one line, without what a parser quotes of a malformed URL: that may be the password."""
    if isinstance(cause, ValueError) and not isinstance(cause, asyncpg.InterfaceError):
        return "it is malformed"
    return str(cause).partition("\n")[0] or type(cause).__name__


_CONNECT_FAULTS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, OverflowError)


def _options(name: str, role: str | None, **settings: str) -> dict[str, Any]:
    return {
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": COMMAND_TIMEOUT_S,
        "server_settings": {
            "application_name": f"onesms-{name}",
            "TimeZone": "UTC",
            "jit": "off",  # statements here are short: compiling them costs more than it saves
            "search_path": "public, pg_temp",
            **({} if role is None else {"role": role}),
            **settings,
        },
    }
