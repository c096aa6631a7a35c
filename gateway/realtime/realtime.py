"""What the three transports share: opening a stream at a cursor or with a snapshot, heartbeats, and leaving.

A connection is opened in this order: attach to the hub, so that from now on nothing is missed; read the position (the
cursor, or a snapshot of the database); say `ready`; deliver what lies between; live. No task belongs to a connection
once it is live: events are written by the hub's call, heartbeats by one task for all.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, Protocol
from uuid import UUID

import structlog

from gateway.auth import Authenticator, Session
from gateway.errors import ApiError
from gateway.realtime.close_codes import SERVICE_RESTART, TOKEN_EXPIRED, CloseCode
from gateway.realtime.cursor import read_cursor, write_cursor
from gateway.realtime.messages import Message, ready_message
from gateway.settings import GatewaySettings
from gateway.users import Users
from notifier.hub import Hub, Subscription
from notifier.retry import DATABASE_FAULTS
from wallet_db.connect import Pool
from wallet_db.events import read_snapshot, record_receipt

log = structlog.get_logger()

LEAVING_S = 2.0
ACKNOWLEDGING_MAX = 1_000


class Connection(Protocol):
    """A live connection, as heartbeats and shutdown see it."""

    def beat(self, now: float) -> None:
        """Say something to the client; find out whether it is still there. `now` is the loop's time."""

    def end(self, code: CloseCode) -> None:
        """Close, telling the client why; idempotent."""


class StreamSubscriber(Protocol):
    """The hub's subscriber, with the first message besides."""

    def ready(self, message: Message, *, resumed: bool) -> None:
        """The connection's first message."""

    def deliver(self, seq: int, message: Message) -> None:
        """The next event: in order, without a gap, never doubled."""

    async def drain(self) -> None:
        """Wait until a page of replayed events has gone out."""

    def reset(self) -> None:
        """The stream cannot go on; the client must come back for a snapshot."""


class Realtime:
    """The realtime side of one gateway process."""

    def __init__(
        self,
        settings: GatewaySettings,
        authenticator: Authenticator,
        pool: Pool,
        hub: Hub[Message],
        users: Users,
        epoch: Callable[[], str],
    ) -> None:
        self.settings = settings
        self.authenticator = authenticator
        self.hub = hub
        self.leaving = False
        self._pool = pool
        self._users = users
        self._epoch = epoch
        # One bucket of connections a second of the heartbeat: each is visited once a turn, the load is even.
        self._wheel: list[set[Connection]] = [set() for _ in range(settings.heartbeat_s)]
        self._next_bucket = 0
        self._nobody_left = asyncio.Event()
        self._acknowledging: set[asyncio.Task[None]] = set()

    def cursor(self, user_id: UUID, seq: int) -> str:
        """The cursor for a place in the user's stream."""
        return write_cursor(self._epoch(), str(user_id), seq)

    async def open(self, session: Session, cursor: str | None, subscriber: StreamSubscriber) -> "Subscription[Message]":
        """Bring a new connection to live; returns when it is. The caller detaches the subscription at the end.

        A cursor that cannot be resumed (garbage, another epoch, too old, from the future) leads to a snapshot.
        """
        user_id = str(session.user_id)
        subscription = self.hub.attach(user_id, subscriber)
        try:
            after = read_cursor(cursor, self._epoch(), user_id)
            if after is not None and await subscription.resume(after):
                subscriber.ready(self._ready(session.user_id, after, None), resumed=True)
                await subscription.start(after, read_now=False)
            else:
                snapshot = await self._snapshot(session.user_id)
                position = snapshot.pop("seq")
                subscriber.ready(self._ready(session.user_id, position, snapshot), resumed=False)
                await subscription.start(position, read_now=True)
        except BaseException:
            subscription.detach()
            raise
        return subscription

    async def _snapshot(self, user_id: UUID) -> dict[str, Any]:
        for _ in range(2):
            await self._users.ensure(user_id)
            snapshot = await read_snapshot(self._pool, str(user_id))
            if snapshot is not None:
                return snapshot
            self._users.forget(user_id)
        raise LookupError(f"expected a row of user {user_id}, which was just made sure of")

    def _ready(self, user_id: UUID, seq: int, snapshot: dict[str, object] | None) -> Message:
        return ready_message(
            self.cursor(user_id, seq),
            heartbeat_s=self.settings.heartbeat_s,
            server_time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            snapshot=snapshot,
        )

    async def acknowledge(self, user_id: UUID, cursor: object, transport: Literal["ws", "http"]) -> None:
        """Keep a client's word that it has shown the event at `cursor`. Raises ApiError."""
        seq = read_cursor(cursor if isinstance(cursor, str) else None, self._epoch(), str(user_id))
        if seq is None or not await record_receipt(self._pool, str(user_id), seq, transport):
            raise ApiError("INVALID_ARGUMENT", "cursor: expected that of an event of this user")

    def acknowledge_soon(self, user_id: UUID, cursor: object, refused: Callable[[ApiError], None]) -> None:
        """The same for a WebSocket, which cannot wait. Raises ApiError if too many are under way."""
        if len(self._acknowledging) >= ACKNOWLEDGING_MAX:
            raise ApiError("UNAVAILABLE", "too many receipts at once: send it again")

        async def acknowledge() -> None:
            try:
                await self.acknowledge(user_id, cursor, "ws")
            except ApiError as refusal:
                refused(refusal)
            except DATABASE_FAULTS:
                log.warning("receipt lost", user_id=str(user_id), exc_info=True)
                refused(ApiError("UNAVAILABLE", "the receipt was not kept: send it again"))

        task = asyncio.create_task(acknowledge())
        self._acknowledging.add(task)
        task.add_done_callback(self._acknowledging.discard)

    def expiry(self, session: Session, connection: Connection) -> asyncio.TimerHandle:
        """A timer that ends the connection when its token expires."""
        loop = asyncio.get_running_loop()
        return loop.call_later(max(0.0, session.expires_at - time.time()), connection.end, TOKEN_EXPIRED)

    def register(self, connection: Connection) -> int:
        """Heartbeats from now on; returns the bucket to give back to `unregister`."""
        bucket = (self._next_bucket - 1) % len(self._wheel)
        self._wheel[bucket].add(connection)
        return bucket

    def unregister(self, bucket: int, connection: Connection) -> None:
        """No more heartbeats; idempotent."""
        self._wheel[bucket].discard(connection)
        if self.leaving:
            self._tell_nobody_left()

    def _tell_nobody_left(self) -> None:
        if not any(self._wheel):
            self._nobody_left.set()

    async def run(self) -> None:
        """Turn the wheel, a bucket a second, until cancelled."""
        loop = asyncio.get_running_loop()
        started, turns = loop.time(), 0
        while True:
            turns += 1
            await asyncio.sleep(max(0.0, started + turns - loop.time()))
            now = loop.time()
            for connection in list(self._wheel[self._next_bucket]):
                connection.beat(now)
            self._next_bucket = (self._next_bucket + 1) % len(self._wheel)

    async def leave(self) -> None:
        """Send every client away, to come back to another process or to this one's successor."""
        self.leaving = True
        connections = [connection for bucket in self._wheel for connection in bucket]
        if connections:
            log.info("leaving", connections=len(connections))
        for connection in connections:
            connection.end(SERVICE_RESTART)
        self._tell_nobody_left()
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING_S):
                await self._nobody_left.wait()
