"""A bus for many machines: batches as messages on one subject of a NATS server, without JetStream.

A connection ends with its first fault, whatever that is, and a new one is made: the library's own reconnecting would
keep what was published meanwhile and send it later, unasked, and a subscription that has dropped messages would go on
as if nothing were missing. `publish` returns once the server has answered a ping sent after the last message.

The library runs in tasks of its own, for it may swallow a cancellation, or wait for an answer on a connection that is
closed already. Whoever may publish on the subject can show users what he likes: the server's accounts are the guard.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from notifier.bus.contract import BusUnavailable, Receive
from notifier.bus.hearing import Hearing
from notifier.bus.nats_url import NatsUrl, parse_nats_url
from notifier.event import Event, encode_batch
from notifier.retry import Backoff

log = structlog.get_logger(__name__)

SUBJECT = "onesms.events"
BATCH_BYTES_MAX = 256 * 1024
"""The longest message of ours; a server's `max_payload` (1 MiB unless configured) may ask for shorter ones."""
PENDING_BYTES_MAX = 16 * 1024 * 1024
"""What has arrived and is not yet heard: beyond that the connection counts as lost."""
CONNECT_TIMEOUT_S = 2
"""For each server and step; the library wants it whole."""
OPEN_TIMEOUT_S = 10.0
PUBLISH_TIMEOUT_S = 5.0
PING_INTERVAL_S = 10.0
PING_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 1.0


class NatsBus:
    """Publish and subscribe on `SUBJECT` at the servers of `url`. Raises ValueError for a URL that is none."""

    channel: ClassVar[str | None] = None

    def __init__(self, url: str) -> None:
        self._url = parse_nats_url(url)
        self._publisher: _Connection | None = None
        self._publishing = asyncio.Lock()

    async def open(self) -> None:
        """Connect for publishing. Raises `BusUnavailable`."""
        try:
            async with self._publishing:
                await self._open_publisher()
        except ConnectionError as error:
            raise BusUnavailable(f"NATS_URL: {error}") from error

    async def publish(self, events: Sequence[Event]) -> None:
        """Send the events, in their order. Raises `BusUnavailable`; some may have been sent all the same."""
        if not events:
            return
        known = False
        async with self._publishing:
            try:
                publisher = await self._open_publisher()
                await publisher.publish(events)
                known = True
            except ConnectionError as error:
                raise BusUnavailable(f"{len(events)} events not known to be published: {error}") from error
            finally:
                if not known:
                    await self.close()

    async def listen(
        self,
        receive: Receive,
        on_ready: Callable[[], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        """Call `receive` with each batch, until cancelled; reconnects by itself."""
        backoff = Backoff()
        while True:
            try:
                await self._listen_once(receive, on_ready, backoff)
            except ConnectionError as error:
                if backoff.is_first:
                    log.warning("bus.lost", bus="nats", error=str(error))
                if on_lost is not None:
                    on_lost()
            await asyncio.sleep(backoff.next_s())

    async def close(self) -> None:
        """Close the publishing connection."""
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            await publisher.close()

    async def _open_publisher(self) -> "_Connection":
        if self._publisher is not None and self._publisher.is_lost:
            await self.close()  # while nothing was under way: no reason to fail
        if self._publisher is None:
            publisher = _Connection(self._url)
            try:
                await publisher.open("bus-publish")
                self._publisher = publisher
            finally:
                if self._publisher is None:
                    await publisher.close()
        return self._publisher

    async def _listen_once(self, receive: Receive, on_ready: Callable[[], None] | None, backoff: Backoff) -> None:
        hearing = Hearing(receive, "nats")

        async def hear(message: Msg) -> None:
            hearing.hear(message.data, bytes_max=BATCH_BYTES_MAX)

        connection = _Connection(self._url)
        try:
            await connection.open("bus-listen")
            await connection.subscribe(hear)
            log.info("bus.listening", bus="nats")
            backoff.reset()
            if on_ready is not None:
                on_ready()
            while True:
                await connection.stay(PING_INTERVAL_S)
                await connection.ping(PING_TIMEOUT_S)
        finally:
            await connection.close()


class _Client(Client):
    def abort(self) -> None:
        """Leave at once: the library closes in order only, which a server that takes nothing in would never let it."""
        writer: asyncio.StreamWriter | None = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()


class _Connection:
    """One connection, from `open` to its first fault. All it raises are ConnectionErrors, and they hold no secret."""

    def __init__(self, url: NatsUrl) -> None:
        self._url = url
        self._client = _Client()
        self._fault: Exception | None = None
        self._lost = asyncio.Event()

    @property
    def is_lost(self) -> bool:
        """Known to be over."""
        return self._lost.is_set()

    async def open(self, name: str) -> None:
        try:
            await self._run(
                self._client.connect(
                    list(self._url.servers),
                    name=f"onesms-{name}",
                    user=self._url.user,
                    password=self._url.password,
                    token=self._url.token,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,  # two in all; 0 would mean any number
                    reconnect_time_wait=0,
                    connect_timeout=CONNECT_TIMEOUT_S,
                    pending_size=1,  # nothing waits in the client, or a ping would overtake what was sent before it
                    error_cb=self._note_fault,
                    closed_cb=self._note_closed,
                ),
                OPEN_TIMEOUT_S,
            )
        except ConnectionError as error:
            # What the library raises in the end says less than what it met on the way.
            raise ConnectionError(f"no connection to NATS at {self._url}: {_text(self._fault or error)}") from error
        self._fault = None

    async def publish(self, events: Sequence[Event]) -> None:
        """Send the events; returns when the server has them."""
        for batch in encode_batch(events, bytes_max=min(BATCH_BYTES_MAX, self._client.max_payload)):
            await self._run(self._client.publish(SUBJECT, batch.encode()), PUBLISH_TIMEOUT_S)
        await self.ping(PUBLISH_TIMEOUT_S)

    async def subscribe(self, hear: Callable[[Msg], Coroutine[Any, Any, None]]) -> None:
        """Call `hear` with each message from now on; returns when the server has begun."""
        await self._run(self._client.subscribe(SUBJECT, cb=hear, pending_bytes_limit=PENDING_BYTES_MAX), PING_TIMEOUT_S)
        await self.ping(PING_TIMEOUT_S)

    async def ping(self, timeout_s: float) -> None:
        """Return when the server has taken everything sent so far, without complaint."""
        await self._run(self._client.rtt(), timeout_s)
        if self._lost.is_set():
            raise ConnectionError(_text(self._fault))

    async def stay(self, seconds: float) -> None:
        """Return after so long, or raise as soon as the connection is lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._lost.wait()
            raise ConnectionError(_text(self._fault))

    async def close(self) -> None:
        closing = _start(self._client.close())
        try:
            await asyncio.wait((closing,), timeout=CLOSE_TIMEOUT_S)
        finally:
            if not closing.done():
                self._client.abort()
                closing.cancel()

    async def _run(self, work: Coroutine[Any, Any, object], timeout_s: float) -> None:
        """Do it, but not beyond the connection's end or the time."""
        task = _start(work)
        lost = asyncio.create_task(self._lost.wait())
        try:
            await asyncio.wait((task, lost), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ConnectionError(_text(self._fault) if lost.done() else f"no answer within {timeout_s:g} s")
            if (error := task.exception()) is not None:
                raise ConnectionError(_text(error)) from error
        finally:
            task.cancel()
            lost.cancel()

    async def _note_fault(self, error: Exception) -> None:
        self._fault = error
        # While connecting it is one server of several that could not be reached.
        if self._client.is_connected:
            self._lost.set()

    async def _note_closed(self) -> None:
        self._fault = self._fault or self._client.last_error
        self._lost.set()


def _start(work: Coroutine[Any, Any, object]) -> "asyncio.Task[object]":
    """A task whose fault may go unasked for: whoever gave up waiting has said why."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


def _text(error: BaseException | None) -> str:
    return "the server ended the connection" if error is None else str(error) or type(error).__name__
