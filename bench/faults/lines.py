"""The worker's lines to the database and to the provider, with a cut in them at a step of choice.

Nothing is stood in for: statements and requests really go out and have their effect, or they do not go out at all. What
is lost is lost between the socket and the worker, where a broken connection would lose it.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import asyncpg
import httpx

from bench.faults.point import Cutter
from wallet_db.connect import Pool

doing: ContextVar[str] = ContextVar("doing", default="request")
"""Which method of the provider's contract the request is for."""

_TLS = httpx.create_ssl_context()
"""Unused on loopback, and slow to make for each worker anew."""
_CALL = re.compile(r"^\s*select\s+(?:\*\s+from\s+)?(\w+)\s*\(", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:from|into|update)\s+(\w+)", re.IGNORECASE)
_EXISTS = re.compile(r"^\s*select\s+exists\b", re.IGNORECASE)


def name_of(statement: str) -> str:
    """What a statement is called in the table: the function it calls, or its verb and table."""
    call = _CALL.match(statement)
    if call and not _EXISTS.match(statement):
        return call[1]
    verb = statement.split(maxsplit=1)[0].lower().strip(";")
    table = _TABLE.search(statement)
    return f"{verb} {table[1]}" if table else verb


def _lost_connection() -> Exception:
    return asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


def connections_cut_by(cutter: Cutter) -> type["asyncpg.Connection[asyncpg.Record]"]:
    """A class of connections whose every statement is a step. What a pool does between two users of one is none."""

    class CutConnection(asyncpg.Connection):
        __slots__ = ()

        async def execute(self, query: str, *args: Any, **options: Any) -> Any:
            return await _step(query, super().execute, query, *args, **options)

        async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
            return await _step(query, super().fetch, query, *args, **options)

        async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
            return await _step(query, super().fetchval, query, *args, **options)

        async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
            return await _step(query, super().fetchrow, query, *args, **options)

        def get_reset_query(self) -> str:
            return ""

    async def _step(query: str, carry_out: Callable[..., Any], *args: Any, **options: Any) -> Any:
        number = cutter.begin(name_of(query))
        answer = await carry_out(*args, **options)
        cutter.end(number, _lost_connection)
        return answer

    return CutConnection


@asynccontextmanager
async def cut_pool(url: str, cutter: Cutter) -> AsyncIterator[Pool]:
    """A pool of such connections."""
    settings = {"TimeZone": "UTC", "search_path": "public, pg_temp"}
    opened = await asyncpg.create_pool(
        url, min_size=1, max_size=2, connection_class=connections_cut_by(cutter), server_settings=settings
    )
    try:
        yield opened
    finally:
        opened.terminate()


class CutTransport(httpx.AsyncHTTPTransport):
    """Each request is a step, called by what it is made for."""

    def __init__(self, cutter: Cutter) -> None:
        super().__init__(verify=_TLS)
        self._cutter = cutter

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, unless the worker dies before; its answer may get lost."""
        number = self._cutter.begin(f"ask: {doing.get()}")
        response = await super().handle_async_request(request)
        try:
            self._cutter.end(number, lambda: httpx.ReadError("the answer was lost"))
        except BaseException:
            await response.aclose()
            raise
        return response
