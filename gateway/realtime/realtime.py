"""What the three transports share: opening a stream at a cursor or with a snapshot, heartbeats, and leaving.

A connection is opened in this order: attach to the hub, so that from now on nothing is missed; read the position (the
cursor, or a snapshot of the database); say `ready`; deliver what lies between; live. No task belongs to a connection
once it is live: events are written by the hub's call, heartbeats by one task for all.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import ClassVar, Literal, Protocol
from uuid import UUID

import structlog
from starlette.types import Scope

from gateway.auth import Authenticator, Session, Tickets, credentials_of, ticket_of
from gateway.errors import ApiError
from gateway.realtime.answers import Answers
from gateway.realtime.close_codes import SERVICE_RESTART, CloseCode
from gateway.realtime.counted import note_begun, note_gone, note_opened
from gateway.realtime.cursor import read_cursor, write_cursor
from gateway.realtime.deadlines import Deadlines
from gateway.realtime.limits import Seat, Seats, TrustedProxies
from gateway.realtime.messages import Message, ready_message
from gateway.realtime.permits import Permit, Permits
from gateway.realtime.snapshots import Snapshots
from gateway.realtime.wheel import Pace, Wheel
from gateway.settings import GatewaySettings
from gateway.users import Users
from notifier.hub import Hub, Subscription
from wallet_db.connect import Pool
from wallet_db.events import Snapshot, record_receipt

log = structlog.get_logger()

TURNS_PER_S = 20
"""Of the wheel: with 10,000 connections 20 are beaten at a time, and answer. All those of a second at once kept the
events of 10 to 20 ms waiting."""
LEAVING_PER_S = 1_000
"""Clients sent away, at most, unless that would take longer than the setting `leave_s`."""
LEAVING_STEP_S = 0.05
GOODBYE_S = 2.0
"""For the last of them to be gone."""
COME_AGAIN_S = 1


class Connection(Protocol):
    """A live connection, as heartbeats and shutdown see it. transport: one of `counted.TRANSPORTS`."""

    transport: ClassVar[str]

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


def peer_of(scope: Scope) -> tuple[str, str | None]:
    """Who sent the request, by its connection, and by its X-Forwarded-For."""
    client = scope.get("client")
    return client[0] if client else "", forwarded_for(scope["headers"])


def forwarded_for(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The whole X-Forwarded-For: each proxy may add to the line there is, or a line (RFC 9110 section 5.3)."""
    lines = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    return ",".join(lines) or None


class Realtime:
    """The realtime side of one gateway process."""

    def __init__(
        self,
        settings: GatewaySettings,
        authenticator: Authenticator,
        pool: Pool,
        hub: Hub[Message],
        users: Users,
    ) -> None:
        self.settings = settings
        self.authenticator = authenticator
        self.tickets = Tickets(pool, authenticator.revoked)
        self.permits = Permits(authenticator.revoked, settings.token_warning_s)
        self.waits = Deadlines()
        """Of parked polls."""
        self.hub = hub
        self.leaving = False
        self._pool = pool
        self._users = users
        self._snapshots = Snapshots(pool)
        self._seats = Seats(
            per_user_max=settings.connections_per_user_max, per_address_max=settings.connections_per_address_max
        )
        self._proxies = TrustedProxies.parse(settings.trusted_proxies)
        self._wheel: Wheel[Connection] = Wheel(settings.heartbeat_s, TURNS_PER_S)
        """Each connection is beaten once in `heartbeat_s`."""
        self._nobody_left = asyncio.Event()
        self._answers = Answers()

    @property
    def connections(self) -> int:
        """How many are open or wait."""
        return len(self._wheel)

    @property
    def users(self) -> Collection[UUID]:
        """Who has one."""
        return self._seats.users()

    async def admit(self, headers: Iterable[tuple[bytes, bytes]], query: bytes, method: str = "GET") -> Session:
        """Whose connection a request wants to open, by its ticket or its token. Raises ApiError."""
        ticket = ticket_of(query)
        if ticket is not None:
            return await self.tickets.redeem(ticket, uses_up=method != "HEAD")  # which opens nothing
        return await self.authenticator.authenticate(credentials_of(headers, query))

    async def renew(self, permit: Permit, token: str) -> None:
        """Let a connection stand on another token of its user. Raises ApiError; then it stands on what it stood on."""
        await self.authenticator.know_key_of(token)
        session = self.authenticator.session_of(token)
        if session.user_id != permit.session.user_id:
            raise ApiError("TOKEN_INVALID", "expected a token of the same user")
        permit.renew(session)

    async def open(self, session: Session, cursor: str | None, subscriber: StreamSubscriber) -> "Subscription[Message]":
        """Bring a new connection to live; returns when it is. The caller detaches the subscription at the end.

        A cursor that cannot be resumed (garbage, another epoch, too old, from the future) leads to a snapshot.
        Raises ApiError UNAVAILABLE if history is rewritten meanwhile: what was read may be of either.
        """
        user_id = str(session.user_id)
        epoch = self.hub.epoch
        subscription = self.hub.attach(user_id, subscriber)
        try:
            after = read_cursor(cursor, epoch, user_id)
            if after is not None and await subscription.resume(after):
                self._check_epoch(epoch)
                note_begun("rows" if subscription.needs_rows else "memory")
                subscriber.ready(self._ready(write_cursor(epoch, user_id, after), None), resumed=True)
                await subscription.start(after, read_now=False)
            else:
                snapshot = await self._snapshot(session.user_id)
                self._check_epoch(epoch)
                note_begun("void_cursor" if cursor else "new")
                place = write_cursor(epoch, user_id, snapshot.seq)
                subscriber.ready(self._ready(place, snapshot.state), resumed=False)
                await subscription.start(snapshot.seq, read_now=True)
        except BaseException:
            subscription.detach()
            raise
        return subscription

    def _check_epoch(self, epoch: str) -> None:
        if self.hub.epoch != epoch:
            message = "history was rewritten while the stream was opened: come again"
            raise ApiError("UNAVAILABLE", message, retry_after_s=COME_AGAIN_S)

    async def _snapshot(self, user_id: UUID) -> Snapshot:
        snapshot = await self._snapshots.read(str(user_id))
        if snapshot is None:
            # New here, or the database was restored from before the user was.
            self._users.forget(user_id)
            await self._users.ensure(user_id)
            snapshot = await self._snapshots.read(str(user_id))
        if snapshot is None:
            raise LookupError(f"expected a row of user {user_id}, which was just made sure of")
        return snapshot

    def _ready(self, cursor: str, snapshot: str | None) -> Message:
        return ready_message(
            cursor,
            heartbeat_s=self.settings.heartbeat_s,
            server_time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            snapshot=snapshot,
        )

    async def acknowledge(self, user_id: UUID, cursor: object, transport: Literal["ws", "http"]) -> None:
        """Keep a client's word that it has shown the event at `cursor`. Raises ApiError."""
        seq = read_cursor(cursor if isinstance(cursor, str) else None, self.hub.epoch, str(user_id))
        if seq is None or not await record_receipt(self._pool, str(user_id), seq, transport):
            raise ApiError("INVALID_ARGUMENT", "cursor: expected that of an event of this user")

    def acknowledge_soon(self, permit: Permit, cursor: object, refused: Callable[[ApiError], None]) -> None:
        """The same for a WebSocket, which cannot wait. Raises ApiError if too many are under way."""
        self._answers.soon(permit, self.acknowledge(permit.session.user_id, cursor, "ws"), refused)

    def renew_soon(self, permit: Permit, token: str, refused: Callable[[ApiError], None]) -> None:
        """`renew` for a WebSocket, likewise."""
        self._answers.soon(permit, self.renew(permit, token), refused)

    def register(self, connection: Connection, session: Session, peer: str, forwarded_for: str | None) -> Seat:
        """Count the connection, and give it heartbeats from now on; returns what to give back to `unregister`.

        `forwarded_for` is the X-Forwarded-For of the request. Raises ApiError TOO_MANY_CONNECTIONS.
        """
        client = self._proxies.client(peer, forwarded_for)
        seat = self._seats.take(self._wheel.emptiest(), session.user_id, client)
        self._wheel.add(seat.slot, connection)
        note_opened(connection.transport)
        return seat

    def unregister(self, seat: Seat, connection: Connection) -> None:
        """The connection has ended; once for each `register`."""
        self._seats.give_back(seat)
        note_gone(connection.transport)
        self._wheel.discard(seat.slot, connection)
        if self.leaving:
            self._tell_nobody_left()

    def _tell_nobody_left(self) -> None:
        if not len(self._wheel):
            self._nobody_left.set()

    async def run(self) -> None:
        """Turn the wheel until cancelled."""
        loop = asyncio.get_running_loop()
        pace = Pace(1 / TURNS_PER_S, loop.time())
        while True:
            await asyncio.sleep(max(0.0, pace.due_s - loop.time()))
            now = loop.time()
            for _ in range(pace.turns(now)):
                self._turn(now)

    def _turn(self, now: float) -> None:
        for connection in self._wheel.turn():
            try:
                connection.beat(now)
            except Exception:  # one connection's fault is not the others'
                log.exception("heartbeat failed")

    async def leave(self) -> None:
        """Send every client away, to come back to another process or to this one's successor.

        Not all at once, or whoever takes them would get them all at once.
        """
        self.leaving = True
        connections = list(self._wheel)
        random.shuffle(connections)
        lasting_s = min(self.settings.leave_s, len(connections) / LEAVING_PER_S)
        steps = max(1, round(lasting_s / LEAVING_STEP_S))
        if connections:
            log.info("leaving", connections=len(connections), seconds=round(lasting_s, 1))
        for step in range(steps):
            for connection in connections[step::steps]:
                try:
                    connection.end(SERVICE_RESTART)
                except Exception:
                    log.exception("goodbye failed")
            if step + 1 < steps:
                await asyncio.sleep(LEAVING_STEP_S)
        self._tell_nobody_left()
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._nobody_left.wait()
