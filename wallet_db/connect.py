"""Connections: where the database is, and pools and single connections to it, set up alike.

JSON columns arrive as text; who needs the value parses it, who passes it on does not. A server that cannot be reached
is `DatabaseUnavailable`, whose text names host and cause and never the password.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from wallet_db.embedded import EmbeddedPostgres
from wallet_db.settings import DatabaseSettings

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 30.0


class DatabaseUnavailable(Exception):
    """No connection: nothing listens there, or it refuses us, or it broke off."""

    def __init__(self, url: str, cause: Exception) -> None:
        super().__init__(f"DATABASE_URL: no connection to PostgreSQL at {_where(url)}: {_why(cause)}")


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


async def connect(url: str, name: str) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection of one's own (LISTEN, advisory locks), called `name` in pg_stat_activity."""
    try:
        return await asyncpg.connect(url, **_options(name))
    except _CONNECT_FAULTS as error:
        raise DatabaseUnavailable(url, error) from error


@asynccontextmanager
async def pool(url: str, name: str, *, connections_max: int = 10) -> AsyncIterator[Pool]:
    """A pool of up to `connections_max` connections, called `name` in pg_stat_activity."""
    try:
        opened = await asyncpg.create_pool(url, min_size=1, max_size=connections_max, **_options(name))
    except _CONNECT_FAULTS as error:
        raise DatabaseUnavailable(url, error) from error
    try:
        yield opened
    finally:
        opened.terminate()


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


def _options(name: str) -> dict[str, Any]:
    return {
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": COMMAND_TIMEOUT_S,
        # Statements here are short: compiling them costs more than it saves.
        "server_settings": {"application_name": f"onesms-{name}", "TimeZone": "UTC", "jit": "off"},
    }
