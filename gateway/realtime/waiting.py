"""Waiting inside an ASGI request: for something to happen, or for the client to go away, whichever is first."""

import asyncio

from starlette.types import Receive


async def wait_for_event_or_disconnect(event: asyncio.Event, receive: Receive, timeout_s: float | None = None) -> None:
    """Return when `event` is set, the client has disconnected, or the time is up."""

    async def disconnected() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = {asyncio.ensure_future(disconnected()), asyncio.ensure_future(event.wait())}
    try:
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
