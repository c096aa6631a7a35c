"""What every test may ask for: a real PostgreSQL and databases of its own.

The server is the embedded one, started once for the run on a temporary directory, or DATABASE_URL's. Each test that
asks for `database_url` gets a fresh, migrated database, copied from a template; it is dropped afterwards.
"""

import asyncio
import gc
import os
import shutil
import ssl
import tempfile
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
import pytest

from wallet_db.embedded import EmbeddedPostgres
from wallet_db.migrate import migrate

T = TypeVar("T")
MEMORY = Path("/dev/shm")  # noqa: S108 - below it we make a directory of our own
MEMORY_BYTES_MIN = 6 * 1024**3


def pytest_configure(config: pytest.Config) -> None:
    """Say where tests write, and have their HTTP clients share what is dear."""
    if "TMPDIR" not in os.environ and _is_roomy(MEMORY):
        # A database is 400 files, and for each new one ext4 looks past all that were removed in the last five seconds:
        # there a copy takes ten times as long.
        directory = tempfile.mkdtemp(prefix="onesms-tests-", dir=MEMORY)
        os.environ["TMPDIR"] = tempfile.tempdir = directory
        config.add_cleanup(lambda: shutil.rmtree(directory, ignore_errors=True))
    # Each httpx client makes a context for TLS, for 30 ms; here all is in clear, and one is enough.
    make = ssl.create_default_context
    once = cache(lambda _trusted, *what, **how: make(*what, **how))
    ssl.create_default_context = lambda *what, **how: once(os.environ.get("SSL_CERT_FILE"), *what, **how)


def pytest_collection_finish() -> None:
    """All that was imported and collected stays to the end: no collection of garbage is to look at it again."""
    gc.collect()
    gc.freeze()


def _is_roomy(directory: Path) -> bool:
    return (
        directory.is_dir()
        and min(shutil.disk_usage(directory).free, psutil.virtual_memory().available) > MEMORY_BYTES_MIN
    )


def database_of(server_url: str, name: str) -> str:
    """The same server's URL, another database."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def aside(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own, for a loop may have this one: that of a browser's driver."""
    with ThreadPoolExecutor(max_workers=1) as elsewhere:
        return elsewhere.submit(asyncio.run, work).result()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A PostgreSQL server the tests may create databases on."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="onesms-test-", ignore_cleanup_errors=True) as directory:
        embedded = EmbeddedPostgres(Path(directory))
        try:
            url = embedded.start()
            # The machine does not lose power in a test: what a killed server wrote is in the system's cache.
            aside(execute(url, "alter system set fsync = off"))
            aside(execute(url, "alter system set max_wal_size = '256MB'"))
            # Several systems run at a time, and with thousands of requests at once each process has its pool full.
            aside(execute(url, "alter system set max_connections = 300"))
            embedded.stop()
            yield embedded.start()
        finally:
            embedded.stop()


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a migrated database to copy; every service costs 5.00 in it."""
    name = f"onesms_template_{uuid.uuid4().hex[:8]}"
    url = database_of(server_url, name)

    async def prepare() -> None:
        await execute(server_url, f'create database "{name}"')
        await migrate(url)
        await execute(url, "update services set price = 5.00")

    aside(prepare())
    yield name
    aside(execute(server_url, f'drop database "{name}" with (force)'))


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """A fresh, migrated database."""
    name = f"onesms_test_{uuid.uuid4().hex[:8]}"
    aside(execute(server_url, f'create database "{name}" template "{template}" strategy file_copy'))
    yield database_of(server_url, name)
    aside(execute(server_url, f'drop database "{name}" with (force)'))


@pytest.fixture(scope="module")
def browser_kept() -> Iterator[None]:
    """One browser for all pages of a module. Its driver has this thread's loop: what is asynchronous runs `aside`."""
    from tests.browser import kept

    with kept():
        yield


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """A fresh database with nothing in it."""
    name = f"onesms_test_{uuid.uuid4().hex[:8]}"
    aside(execute(server_url, f'create database "{name}"'))
    yield database_of(server_url, name)
    aside(execute(server_url, f'drop database "{name}" with (force)'))
