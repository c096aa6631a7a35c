"""The benchmark's own server, and the programs that are run against it.

The server lives in a temporary directory that goes with it; fsync stays on, and no checkpoint falls due while something
is measured. Whatever was started here is stopped when its block is left, however that happens.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil

from bench.processor import cpu_s
from wallet_db.connect import Connection, connect
from wallet_db.embedded import EmbeddedPostgres
from wallet_db.migrate import migrate

PROGRAMS = ("pgbench", "psql")
PATIENCE_S = 30.0
SERVER_SETTINGS = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
}


class BenchError(Exception):
    """Nothing can be measured: a program is missing, or one failed. The text says which and why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `url` is that of its database `postgres`."""

    url: str
    bin_dir: Path
    postmaster: psutil.Process
    """The parent of all its processes."""

    def cpu_s(self) -> float:
        """What the server's processes have used so far, those that have ended included."""
        while True:
            ended = self._cpu_of_ended_s()
            running = cpu_s(self.postmaster.children())
            if self._cpu_of_ended_s() == ended:  # else one ended in between, and was missed or counted twice
                return ended + running

    def _cpu_of_ended_s(self) -> float:
        times = self.postmaster.cpu_times()
        used: float = times.children_user + times.children_system
        return used

    def url_of(self, database: str) -> str:
        """Another database on the same server."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    async def create(self, database: str, script: str, **variables: int) -> str:
        """A database with the current schema, filled by a script; returns its URL."""
        session = await connect(self.url, "bench")
        try:
            await session.execute(f"create database {database}")
        finally:
            await session.close()
        url = self.url_of(database)
        await migrate(url)
        await self.psql(url, script, **variables)
        return url

    async def psql(self, url: str, script: str, **variables: int) -> None:
        """Run a script of `sql/`. Raises `BenchError` at its first failing statement."""
        given = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
        await run(self.bin_dir / "psql", "-Xqv", "ON_ERROR_STOP=1", *given, "-f", str(path_of(script)), url)


def path_of(script: str) -> Path:
    """Where a script of `sql/` is."""
    return Path(__file__).parent / "sql" / f"{script}.sql"


@contextmanager
def running_server(parent: Path | None = None) -> Iterator[Server]:
    """A fresh server in a directory of its own below `parent`. Raises `BenchError`, `EmbeddedPostgresError`."""
    with tempfile.TemporaryDirectory(prefix="onesms-bench-", dir=parent, ignore_cleanup_errors=True) as directory:
        embedded = EmbeddedPostgres(Path(directory))
        missing = [program for program in PROGRAMS if not (embedded.bin_dir / program).exists()]
        if missing:
            raise BenchError(f"the embedded PostgreSQL in {embedded.bin_dir} came without {', '.join(missing)}")
        try:
            url = embedded.start()
            asyncio.run(_configure(url))
            embedded.stop()
            url = embedded.start()
            yield Server(url, embedded.bin_dir, _postmaster(Path(directory)))
        finally:
            embedded.stop()


def _postmaster(data_dir: Path) -> psutil.Process:
    return psutil.Process(int((data_dir / "postgres" / "postmaster.pid").read_text().partition("\n")[0]))


async def _configure(url: str) -> None:
    session = await connect(url, "bench")
    try:
        if await session.fetchval("show fsync") != "on":
            raise BenchError("expected a server with fsync on")
        for name, value in SERVER_SETTINGS.items():
            await session.execute(f"alter system set {name} = '{value}'")
    finally:
        await session.close()


@asynccontextmanager
async def session_on(url: str) -> AsyncIterator[Connection]:
    """A connection that is idle between statements, so it never holds a snapshot against the pruning of old rows."""
    session = await connect(url, "bench")
    try:
        yield session
    finally:
        session.terminate()


@asynccontextmanager
async def live_follower(url: str, session: Connection) -> AsyncIterator[asyncio.subprocess.Process]:
    """A notifier of its own on the database, leading. Raises `BenchError` if it ends or does not come to lead."""
    environment = os.environ | {"DATABASE_URL": url, "BUS": "postgres"}
    async with started(sys.executable, "-m", "notifier", environment=environment) as notifier:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await session.fetchval(
                    "select exists (select from pg_locks l join pg_database d on d.oid = l.database"
                    " where locktype = 'advisory' and datname = current_database() and (classid, objid) = (20307, 2))"
                ):
                    if notifier.returncode is not None:
                        raise BenchError(f"the follower ended: {await last_words(notifier)}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise BenchError(f"no follower leads after {PATIENCE_S:.0f} s") from None
        yield notifier
        if notifier.returncode is not None:
            raise BenchError(f"the follower ended while it was measured: {await last_words(notifier)}")


async def run(program: Path, *arguments: str) -> str:
    """Run a program to its end; returns what it printed. Raises `BenchError` if it fails."""
    async with started(str(program), *arguments) as process:
        output, complaint = await process.communicate()
    if process.returncode != 0:
        raise BenchError(f"{program.name} failed: {complaint.decode(errors='replace').strip()[-2000:]}")
    return output.decode()


@asynccontextmanager
async def started(
    *command: str, environment: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that does not outlive the block."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                # Reads on, for a process that nobody listens to any more may wait for room in its pipe.
                await asyncio.wait_for(process.communicate(), 10)
            except TimeoutError:
                process.kill()
                await process.communicate()


async def last_words(process: asyncio.subprocess.Process) -> str:
    """What a process that has ended said last."""
    output, complaint = await process.communicate()
    return (complaint or output).decode(errors="replace").strip()[-1000:]
