"""What WebSocket clients ask for and have to wait for: a receipt to be kept, a token to be verified.

A message is taken in the call that brings it, so its work goes on in a task. A connection has few of them at a time:
whoever floods us is refused, and nobody else is. A refusal is told on the connection; the client may ask again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from gateway.errors import ApiError
from gateway.realtime.permits import Permit
from notifier.retry import DATABASE_FAULTS

log = structlog.get_logger()

PER_CONNECTION_MAX = 40
"""As many as FRAMES_PER_S_MAX lets come at once by default."""
IN_ALL_MAX = 10_000
"""The last resort against running out of memory: some 250 connections that ask for all they may."""


class Answers:
    """The tasks of one process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._of_connection: Counter[Permit] = Counter()

    def soon(self, asker: Permit, work: Coroutine[Any, Any, None], refused: Callable[[ApiError], None]) -> None:
        """Do the work; `refused` is called if it comes to nothing. Raises ApiError if the asker has too much begun."""
        if self._of_connection[asker] >= PER_CONNECTION_MAX or len(self._tasks) >= IN_ALL_MAX:
            work.close()
            raise ApiError("UNAVAILABLE", "too many messages at once: send it again")
        self._of_connection[asker] += 1
        task = asyncio.create_task(_answer(work, refused))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._end(done, asker))

    def _end(self, task: asyncio.Task[None], asker: Permit) -> None:
        self._tasks.discard(task)
        self._of_connection[asker] -= 1
        if not self._of_connection[asker]:
            del self._of_connection[asker]


async def _answer(work: Coroutine[Any, Any, None], refused: Callable[[ApiError], None]) -> None:
    try:
        await work
    except ApiError as refusal:
        refused(refusal)
    except DATABASE_FAULTS:
        log.warning("message not taken", exc_info=True)
        refused(ApiError("UNAVAILABLE", "the message was not taken: send it again"))
    except Exception:
        log.exception("message could not be taken")
        refused(ApiError("INTERNAL_ERROR", "something went wrong here"))
