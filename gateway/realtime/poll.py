"""Long-poll as a plain ASGI application: one answer with what is new, at once or as soon as there is something.

A request that waits is parked: it keeps no task.

`GET /realtime/poll?cursor=&wait=25`. Without a cursor, or with one that cannot be resumed, it answers at once with a
snapshot; with one it waits up to `wait` seconds for the first event. Sending a cursor confirms everything before it.
"""

import asyncio
import re
from typing import ClassVar
from urllib.parse import parse_qs

import structlog
from starlette.types import Receive, Scope, Send

from gateway.api.responses import RETRY_AFTER_S, error_response
from gateway.auth import Session
from gateway.errors import ApiError
from gateway.http import HANDOVER, Handover
from gateway.query_names import POLL_NAMES, refuse_unknown_names
from gateway.realtime.close_codes import TOKEN_REVOKED, CloseCode
from gateway.realtime.counted import note_closed
from gateway.realtime.limits import Seat
from gateway.realtime.messages import Message
from gateway.realtime.permits import Permit
from gateway.realtime.realtime import Realtime, peer_of
from gateway.request_ids import request_id_of
from notifier.hub import Subscription

log = structlog.get_logger()

HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
WAIT_S_DEFAULT = 25.0
WAIT_S_MAX = 60.0
SECONDS = re.compile(r"[0-9.e+]+|inf", re.ASCII)
"""Of what Python takes for a number; digits of other scripts are none here."""
OPEN_S = 4.0
"""How long reading what was missed may take; less than a process that leaves waits for its requests."""
EVENTS_MAX = 1_000
"""More than this waits for the next poll; the cursor says where that goes on."""


class PollIsFull(Exception):
    """The answer holds as many events as it may."""


class Poll:
    """One request, and the hub's subscriber. While it waits it has no task; what it waits for makes one."""

    transport: ClassVar[str] = "poll"

    __slots__ = (
        "_answering",
        "_asgi",
        "_first",
        "_handover",
        "_permit",
        "_realtime",
        "_revoked",
        "_seat",
        "_slot",
        "_subscription",
        "_woken",
        "events",
    )

    def __init__(self, realtime: Realtime, scope: Scope, receive: Receive, send: Send) -> None:
        self._realtime = realtime
        self._asgi = scope, receive, send
        self._handover: Handover = scope["extensions"][HANDOVER]
        self._first: Message | None = None
        self.events: list[Message] = []
        self._woken = False
        """There is something to answer with."""
        self._revoked = False
        """The token counts no more: nothing is to be answered with."""
        self._seat: Seat | None = None
        self._permit: Permit | None = None
        self._subscription: Subscription[Message] | None = None
        self._slot: int | None = None
        """When waiting ends; None: it has not begun."""
        self._answering: asyncio.Task[None] | None = None

    async def serve(self, session: Session, cursor: str | None, wait_s: float) -> None:
        """Answer now, or return and answer later. Raises ApiError."""
        realtime = self._realtime
        self._seat = realtime.register(self, session, *peer_of(self._asgi[0]))
        try:
            self._permit = realtime.permits.grant(session, self)
            await self._open(session, cursor)
            if self._woken or realtime.leaving or not wait_s or not self._handover.park(self):
                self._release()
                await self._answer()
            else:
                self._slot = realtime.waits.add(self, wait_s)
        except BaseException:
            self._release()
            raise

    async def _open(self, session: Session, cursor: str | None) -> None:
        try:
            async with asyncio.timeout(OPEN_S):
                self._subscription = await self._realtime.open(session, cursor, self)
        except PollIsFull:
            pass  # the answer is whole, and its cursor says where the next goes on
        except TimeoutError:
            message = "the events could not be read in time: poll again"
            raise ApiError("UNAVAILABLE", message, retry_after_s=RETRY_AFTER_S) from None

    # the hub calls these

    def ready(self, message: Message, *, resumed: bool) -> None:
        """Where this poll begins; a snapshot is worth an answer by itself."""
        self._first = message
        if not resumed:
            self._wake()

    def deliver(self, seq: int, message: Message) -> None:
        """An event; those beyond the bound come with the next poll."""
        if len(self.events) < EVENTS_MAX:
            self.events.append(message)
        self._wake()

    async def drain(self) -> None:
        """Between two pages of a replay: raises PollIsFull rather than have more read than is answered."""
        if len(self.events) >= EVENTS_MAX:
            raise PollIsFull

    def reset(self) -> None:
        """The next poll's cursor will be found void, and answered with a snapshot."""
        self._wake()

    # the heartbeats, the permit, the end of `wait` and the connection call these

    def beat(self, now: float) -> None:
        """A poll is answered within its `wait`: it needs none."""

    def say(self, message: Message) -> None:
        """Not to a poll: it is answered when its token expires, and the next one brings another."""

    def end(self, code: CloseCode) -> None:
        """Answer now, with what there is; after a revocation, that."""
        if not self._woken:
            note_closed(self.transport, code)
        self._revoked |= code is TOKEN_REVOKED
        self._wake()

    def due(self) -> None:
        """Answer now, with nothing new."""
        self._wake()

    def gone(self) -> None:
        """The client has left: there is nobody to answer."""
        self._release()

    def _wake(self) -> None:
        self._woken = True
        if self._slot is not None and self._answering is None:  # parked; else `serve` answers
            self._answering = asyncio.get_running_loop().create_task(self._resume())

    async def _resume(self) -> None:
        """By now everything that came at once has been gathered."""
        self._release()
        if not self._handover.resume():
            return
        try:
            await self._answer()
        except ApiError as refusal:
            await self._refuse(refusal)
        except Exception:
            log.exception("poll could not be answered")
            await self._refuse(ApiError("INTERNAL_ERROR", "something went wrong here"))

    async def _refuse(self, refusal: ApiError) -> None:
        # The request's own id went with its headers when it was parked.
        await error_response(refusal, request_id=request_id_of(()))(*self._asgi)

    async def _answer(self) -> None:
        if self._revoked:
            raise ApiError("TOKEN_REVOKED", "the token has been revoked: get a new one")
        body = self._body()
        _, _, send = self._asgi
        headers = [*HEADERS, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _body(self) -> bytes:
        """`{"cursor", "resumed", "heartbeat_s", "server_time", "snapshot"?, "events"}`."""
        if self._first is None:
            raise RuntimeError("an answer before `ready`")
        place = self.events[-1] if self.events else self._first
        # `ready` without its type and cursor, for the answer has its own: nothing is parsed to be written again.
        rest = self._first.json.removeprefix(b'{"type":"ready","cursor":"%s",' % (self._first.cursor or "").encode())
        events = b",".join(event.json for event in self.events)
        return b'{"cursor":"%s","events":[%s],%s' % ((place.cursor or "").encode(), events, rest)

    def _release(self) -> None:
        """Let go of everything outside; idempotent. The client may be gone, too."""
        if self._slot is not None:
            self._realtime.waits.remove(self, self._slot)
        if self._subscription is not None:
            self._subscription.detach()
            self._subscription = None
        if self._permit is not None:
            self._permit.release()
            self._permit = None
        if self._seat is not None:
            self._realtime.unregister(self._seat, self)
            self._seat = None


class PollEndpoint:
    """`GET /realtime/poll`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one poll, or see to it that it is answered. Raises ApiError."""
        realtime: Realtime = scope["state"]["realtime"]
        refuse_unknown_names(scope["query_string"], POLL_NAMES)
        session = await realtime.admit(scope["headers"], scope["query_string"], scope["method"])
        query = parse_qs(scope["query_string"].decode("latin-1"))
        wait_s = _wait_s(query.get("wait", [""])[0])
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": b""})
            return
        poll = Poll(realtime, scope, receive, send)
        await poll.serve(session, query.get("cursor", [None])[0], wait_s)


def _wait_s(text: str) -> float:
    """The wait asked for, within bounds; a longer one than we hold is cut, for the client polls again anyway."""
    if not text:
        return WAIT_S_DEFAULT
    try:
        seconds = float(text)
        if not seconds >= 0 or not SECONDS.fullmatch(text):
            raise ValueError(text)
    except ValueError:
        raise ApiError("BAD_REQUEST", f"wait: expected seconds from 0 to {WAIT_S_MAX:.0f}, got {text[:20]!r}") from None
    return min(seconds, WAIT_S_MAX)
