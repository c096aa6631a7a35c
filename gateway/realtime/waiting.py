"""Working for a client that may go away meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

ResultT = TypeVar("ResultT")


async def unless_disconnected(receive: Receive, work: Coroutine[Any, Any, ResultT]) -> ResultT | None:
    """Do the work, but give it up if the client disconnects first: then None. What it raises is raised."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(until_disconnected(receive))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        working.cancel()
        gone.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)  # what giving up raises is nobody's business


async def until_disconnected(receive: Receive) -> None:
    """Return when the client is gone, or its answer is complete (ASGI says so in the same way)."""
    while (await receive())["type"] != "http.disconnect":
        pass
