"""The checker's own PostgreSQL: in a directory that goes with it, started again when it dies, on a Unix socket only.

fsync is off, for faster runs: what a killed process has written the system still has, so a recovery finds it; only a
machine that loses power would not, and none does here. Checkpoints come often, so that a recovery is short.
"""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psutil

from notifier.retry import DATABASE_FAULTS
from wallet_db.connect import Connection, connect
from wallet_db.embedded import EmbeddedPostgres
from wallet_db.migrate import migrate

SETTINGS = {"fsync": "off", "max_wal_size": "256MB", "checkpoint_timeout": "30s", "max_connections": "200"}
AWAKE_S = 30.0


class Database:
    """The server, by whom it can be hit."""

    def __init__(self, url: str, pgdata: Path) -> None:
        self.url = url
        self._pgdata = pgdata

    async def restart_immediately(self) -> None:
        """Shut down as `pg_ctl stop -m immediate` does, without a checkpoint or a goodbye, and recover.

        Raises TimeoutError if it does not answer again in time.
        """
        pid_file = self._pgdata / "postmaster.pid"
        with suppress(FileNotFoundError, psutil.NoSuchProcess, ValueError):
            server = psutil.Process(int(pid_file.read_text().partition("\n")[0]))
            server.send_signal(signal.SIGQUIT)
            await asyncio.to_thread(psutil.wait_procs, [server], timeout=AWAKE_S)
        await self.up()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """A connection as the owner. Raises DatabaseUnavailable."""
        connection = await connect(self.url, "loss")
        try:
            yield connection
        finally:
            connection.terminate()

    async def up(self) -> None:
        """Return when it answers. Raises TimeoutError."""
        async with asyncio.timeout(AWAKE_S):
            while True:
                with suppress(*DATABASE_FAULTS):
                    async with self.session() as session:
                        await session.fetchval("select 1")
                        return
                await asyncio.sleep(0.1)


@contextmanager
def running_database() -> Iterator[Database]:
    """A fresh server with the current schema. Raises EmbeddedPostgresError, MigrationError."""
    with tempfile.TemporaryDirectory(prefix="onesms-loss-", ignore_cleanup_errors=True) as directory:
        embedded = EmbeddedPostgres(Path(directory))
        try:
            url = embedded.start()
            asyncio.run(_prepare(url))
            embedded.stop()
            url = embedded.start()
            with embedded.kept_running():
                yield Database(url, Path(directory).resolve() / "postgres")
        finally:
            embedded.stop()


async def _prepare(url: str) -> None:
    session = await connect(url, "loss")
    try:
        for name, value in SETTINGS.items():
            await session.execute(f"alter system set {name} = '{value}'")
    finally:
        await session.close()
    await migrate(url)
