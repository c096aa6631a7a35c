"""The contract of a bus: publish batches of events, and hear what others publish.

A bus is a hint. It may lose events, double them, and change their order; whoever listens checks the users' seq. What it
must not do is to invent events, or to let a listener that has lost its connection believe that it still hears.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, TypeAlias

from notifier.event import Event

Receive: TypeAlias = Callable[[Sequence[Event]], None]
"""Called on the event loop, synchronously, with each batch that arrives."""


class BusUnavailable(Exception):
    """The batch was not published, or it is not known to be. Publishing it again is safe: listeners drop doubles."""


class Bus(Protocol):
    """One way from the follower to the hubs."""

    channel: ClassVar[str | None]
    """A NOTIFY on this channel of the followed database arrives like what `publish` sends. None: it does not."""

    async def open(self) -> None:
        """Connect for publishing, so that a wrong address is known at the start. Raises `BusUnavailable`."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Send the events, in their order. Raises `BusUnavailable`; the next call tries to connect again."""

    async def listen(
        self,
        receive: Receive,
        on_ready: Callable[[], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        """Call `receive` with what is published from now on, until cancelled; reconnects by itself.

        `on_ready` is called each time that hearing begins: events of the time before it may have been lost. `on_lost`
        each time that it is found to have ended.
        """

    async def close(self) -> None:
        """Give back what publishing has opened."""
