"""What the transports share that keep a connection open: a protocol on the socket itself, once the opening is over.

Events are bytes made once for all, written by the hub's call straight to the transport. No task, queue or ASGI object
belongs to a connection at rest. Unsent bytes are bounded: over the bound the connection is closed, and resumes by its
cursor. A subclass says how the words of the contract look on its wire.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

import structlog

from gateway.auth import Session
from gateway.errors import ApiError
from gateway.realtime.close_codes import (
    BY_ERROR_CODE,
    INTERNAL_ERROR,
    SERVICE_RESTART,
    SLOW_CONSUMER,
    STREAM_RESET,
    CloseCode,
)
from gateway.realtime.limits import Seat
from gateway.realtime.messages import Message
from gateway.realtime.permits import Permit
from gateway.realtime.realtime import Realtime
from notifier.hub import Subscription
from notifier.retry import DATABASE_FAULTS

log = structlog.get_logger()

CLOSE_TIMEOUT_S = 5.0


class LiveProtocol(asyncio.Protocol):
    """One open connection."""

    transport: ClassVar[str]

    __slots__ = (
        "_connections",
        "_drained",
        "_greeted",
        "_loop",
        "_lost",
        "_opening",
        "_permit",
        "_realtime",
        "_seat",
        "_subscription",
        "_transport",
    )

    def __init__(self, realtime: Realtime, connections: set[Any]) -> None:
        self._realtime = realtime
        self._connections = connections
        """uvicorn's: it asks each of these to shut down at the end."""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._subscription: Subscription[Message] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._permit: Permit | None = None
        self._seat: Seat | None = None
        self._drained: asyncio.Event | None = None
        """While the kernel takes no more."""
        self._greeted = False
        self._lost = False
        """Nothing can be written any more: uvloop raises if it is tried."""

    # a subclass says how

    def write(self, message: Message) -> None:
        """Put the message on the wire."""
        raise NotImplementedError

    def beat(self, now: float) -> None:
        """Say something to the client; find out whether it is still there. `now` is the loop's time."""
        raise NotImplementedError

    def end(self, code: CloseCode) -> None:
        """Close, telling the client why; idempotent."""
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        """Whether more may be written."""
        raise NotImplementedError

    # uvicorn and asyncio call these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is this protocol's from now on."""
        if TYPE_CHECKING:  # uvloop's is none by its class
            assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, whoever brought it about."""
        self._lost = True
        self.release()
        self._connections.discard(self)
        if self._drained is not None:
            self._drained.set()

    def pause_writing(self) -> None:
        """The kernel takes no more for now."""
        self._drained = asyncio.Event()

    def resume_writing(self) -> None:
        """It does again."""
        if self._drained is not None:
            self._drained.set()
            self._drained = None

    def shutdown(self) -> None:
        """uvicorn stops; by now `Realtime.leave` has told the client."""
        self.end(SERVICE_RESTART)

    # the hub and the permit call these

    def ready(self, message: Message, *, resumed: bool) -> None:
        """The first message."""
        self._greeted = True
        self.write(message)

    def deliver(self, seq: int, message: Message) -> None:
        """An event."""
        self.write(message)
        if self._drained is not None:
            self.bound_backlog()

    def say(self, message: Message) -> None:
        """Something that is not of the stream."""
        self.write(message)

    async def drain(self) -> None:
        """Wait until the socket has taken what was written."""
        if self._drained is not None:
            await self._drained.wait()

    def reset(self) -> None:
        """History was rewritten, or no longer reaches the client's place."""
        self.end(STREAM_RESET)

    # a subclass calls these

    def register(self, session: Session, peer: str, forwarded_for: str | None) -> None:
        """Count, and be given heartbeats. Raises ApiError TOO_MANY_CONNECTIONS."""
        self._seat = self._realtime.register(self, session, peer, forwarded_for)

    def begin(self, opening: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do what brings the stream to live, in a task that ends with that."""
        self._opening = self._loop.create_task(self._begin(opening))

    async def serve(self, session: Session, cursor: str | None) -> None:
        """Bring the stream to live, from the cursor or with a snapshot."""
        self._permit = permit = self._realtime.permits.grant(session, self)
        self._subscription = await self._realtime.open(session, cursor, self)
        if self.is_open:
            permit.greet()
        else:  # ended by what was replayed
            self.release()

    def bound_backlog(self) -> None:
        """End a client that reads too slowly. A replay is not judged: its pages are drained one by one."""
        if (
            self._drained is not None
            and self._opening is None
            and self._transport.get_write_buffer_size() > self._realtime.settings.buffer_bytes_max
        ):
            self.end(SLOW_CONSUMER)

    def abort_soon(self) -> None:
        """A client that does its part of the closing, and reads what was written before, has done so by then."""
        self._loop.call_later(CLOSE_TIMEOUT_S, self._transport.abort)

    def release(self) -> None:
        """Let go of everything outside; idempotent."""
        if self._opening is not None and self._opening is not asyncio.current_task(self._loop):
            self._opening.cancel()
            self._opening = None
        if self._subscription is not None:
            self._subscription.detach()
            self._subscription = None
        if self._permit is not None:
            self._permit.release()
            self._permit = None
        if self._seat is not None:
            self._realtime.unregister(self._seat, self)
            self._seat = None

    async def _begin(self, opening: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await opening()
        except ApiError as refusal:
            self.end(BY_ERROR_CODE.get(refusal.code, INTERNAL_ERROR))
        except DATABASE_FAULTS as error:
            log.warning("stream not opened for want of the database", error=str(error) or type(error).__name__)
            self.end(INTERNAL_ERROR)
        except Exception:
            log.exception("stream could not be opened")
            self.end(INTERNAL_ERROR)
        finally:
            self._opening = None
