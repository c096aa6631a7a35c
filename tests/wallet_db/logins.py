"""Logins as an administrator makes them for a service: a password, some roles to act as, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from tests.conftest import execute
from wallet_db.connect import connect

PASSWORD = "not-a-secret"


def url_as(url: str, name: str) -> str:
    """The same database, another who logs in."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{name}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}").geturl()


def name_of(url: str) -> str:
    """Who logs in."""
    return urlsplit(url).username or ""


@asynccontextmanager
async def connected(url: str, role: str | None = None) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """One connection, acting as the role if one is given."""
    connection = await connect(url, "test", role=role)
    try:
        yield connection
    finally:
        connection.terminate()


@contextmanager
def login(url: str, *roles: str, options: str = "") -> Iterator[str]:
    """The database's URL for a new login, a member of the roles; it is gone afterwards, with all it owns here."""
    name = f"onesms_login_{uuid4().hex[:8]}"
    grants = "".join(f"grant {role} to {name};" for role in roles)
    asyncio.run(execute(url, f"create role {name} login password '{PASSWORD}' {options}; {grants}"))
    try:
        yield url_as(url, name)
    finally:
        asyncio.run(execute(url, f"drop owned by {name} cascade; drop role {name}"))
