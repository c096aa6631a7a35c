"""Requests that a client sends ahead of its answers: kept in their order, up to a bound, and nothing is read meanwhile.

In place of what uvicorn has for both, without a bound. What becomes of those beyond it is `http`'s to say.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

WAITING_MAX = 64
"""Requests of a connection that wait for their turn: each costs 1.4 KB, and may have come as 32 bytes."""
WAITING_HEADERS_MAX = 2_000
"""Of all of them together: about what a single request may have."""


class Pipeline(list[Any]):
    """Requests that wait for their turn: hardly ever any, and an empty deque is most of a kilobyte."""

    __slots__ = ()

    @property
    def is_full(self) -> bool:
        """It takes no more."""
        headers = sum(len(cycle.scope["headers"]) for cycle, _ in self)
        return len(self) >= WAITING_MAX or headers >= WAITING_HEADERS_MAX

    def appendleft(self, request: Any) -> None:
        """As a deque's."""
        self.insert(0, request)


class Flow(FlowControl):
    """uvicorn's, but nothing is read while requests wait, or each that is answered would let in as much again.

    There is an event only while the kernel takes no more: one is most of a kilobyte.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Pipeline) -> None:
        self._transport = transport
        self._pipeline = pipeline
        self.read_paused = False
        self.write_paused = False
        self._writable: asyncio.Event | None = None

    def resume_reading(self) -> None:
        """Unless requests wait."""
        if not self._pipeline:
            super().resume_reading()

    async def drain(self) -> None:
        """Until it takes more."""
        if self._writable is not None:
            await self._writable.wait()

    def pause_writing(self) -> None:
        """The kernel takes no more for now."""
        if not self.write_paused:
            self.write_paused = True
            self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """It does again."""
        self.write_paused = False
        if self._writable is not None:
            self._writable.set()
            self._writable = None
