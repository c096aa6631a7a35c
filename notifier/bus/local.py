"""A bus within one process: follower and hub share an event loop."""

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

import structlog

from notifier.bus.contract import Receive
from notifier.event import Event

log = structlog.get_logger(__name__)


class LocalBus:
    """Hands each batch to everybody who listens, before `publish` returns."""

    channel: ClassVar[str | None] = None

    def __init__(self) -> None:
        self._receivers: list[Receive] = []

    async def open(self) -> None:
        """There is nothing to connect to."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Send the events; never fails."""
        for receive in tuple(self._receivers):
            try:
                receive(events)
            except Exception:
                log.exception("bus.receiver_failed", bus="local")

    async def listen(
        self,
        receive: Receive,
        on_ready: Callable[[], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        """Receive until cancelled; it is never lost."""
        self._receivers.append(receive)
        try:
            if on_ready is not None:
                on_ready()
            await asyncio.Event().wait()
        finally:
            self._receivers.remove(receive)

    async def close(self) -> None:
        """Nothing is open."""
