"""Long-poll as a plain ASGI application: one answer with what is new, at once or as soon as there is something.

`GET /realtime/poll?cursor=&wait=25`. Without a cursor, or with one that cannot be resumed, it answers at once with a
snapshot; with one it waits up to `wait` seconds for the first event. Sending a cursor confirms everything before it.
"""

import asyncio
import time
from contextlib import suppress
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from gateway.auth import credentials_of
from gateway.errors import ApiError
from gateway.realtime.close_codes import CloseCode
from gateway.realtime.messages import Message
from gateway.realtime.realtime import Realtime
from gateway.realtime.waiting import unless_disconnected

WAIT_S_DEFAULT = 25.0
WAIT_S_MAX = 60.0
OPEN_S = 4.0
"""How long reading what was missed may take; less than a process that leaves waits for its requests."""
EVENTS_MAX = 1_000
"""More than this waits for the next poll; the cursor says where that goes on."""


class PollIsFull(Exception):
    """The answer holds as many events as it may."""


class Poll:
    """One request: gathers what the answer will hold."""

    __slots__ = ("_first", "events", "wake")

    def __init__(self) -> None:
        self.events: list[Message] = []
        self.wake = asyncio.Event()
        """Set when there is something to answer with."""
        self._first: Message | None = None

    def ready(self, message: Message, *, resumed: bool) -> None:
        """Where this poll begins; a snapshot is worth an answer by itself."""
        self._first = message
        if not resumed:
            self.wake.set()

    def deliver(self, seq: int, message: Message) -> None:
        """An event; those beyond the bound come with the next poll."""
        if len(self.events) < EVENTS_MAX:
            self.events.append(message)
        self.wake.set()

    async def drain(self) -> None:
        """Between two pages of a replay: raises PollIsFull rather than have more read than is answered."""
        if len(self.events) >= EVENTS_MAX:
            raise PollIsFull

    def reset(self) -> None:
        """The next poll's cursor will be found void, and answered with a snapshot."""
        self.wake.set()

    def beat(self, now: float) -> None:
        """A poll is answered within its `wait`: it needs none."""

    def end(self, code: CloseCode) -> None:
        """Answer now, with what there is."""
        self.wake.set()

    def answer(self) -> bytes:
        """`{"cursor", "resumed", "heartbeat_s", "server_time", "snapshot"?, "events"}`."""
        if self._first is None:
            raise RuntimeError("answer() before ready()")
        place = self.events[-1] if self.events else self._first
        # `ready` without its type and cursor, for the answer has its own: nothing is parsed to be written again.
        rest = self._first.json.removeprefix(b'{"type":"ready","cursor":"%s",' % (self._first.cursor or "").encode())
        events = b",".join(event.json for event in self.events)
        return b'{"cursor":"%s","events":[%s],%s' % ((place.cursor or "").encode(), events, rest)


class PollEndpoint:
    """`GET /realtime/poll`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one poll. Raises ApiError."""
        realtime: Realtime = scope["state"]["realtime"]
        session = realtime.authenticator.verify(credentials_of(scope["headers"], scope["query_string"]))
        query = parse_qs(scope["query_string"].decode("latin-1"))
        # No longer than the token is good for: the next poll is refused then.
        wait_s = max(0.0, min(_wait_s(query.get("wait", [""])[0]), session.expires_at - time.time()))
        poll = Poll()

        async def gather() -> bool:
            async with asyncio.timeout(OPEN_S):
                subscription = await realtime.open(session, query.get("cursor", [None])[0], poll)
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0 if realtime.leaving else wait_s):
                        await poll.wake.wait()
            finally:
                subscription.detach()
            return True

        bucket = realtime.register(poll)
        try:
            if not await unless_disconnected(receive, gather()):
                return
        except PollIsFull:
            pass  # the answer is whole, and its cursor says where the next goes on
        except TimeoutError:
            raise ApiError("UNAVAILABLE", "the events could not be read in time: poll again") from None
        finally:
            realtime.unregister(bucket, poll)
        body = poll.answer()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _wait_s(text: str) -> float:
    """The wait asked for, within bounds; a longer one than we hold is cut, for the client polls again anyway."""
    if not text:
        return WAIT_S_DEFAULT
    try:
        seconds = float(text)
        if not seconds >= 0:
            raise ValueError(text)
    except ValueError:
        raise ApiError("BAD_REQUEST", f"wait: expected seconds from 0 to {WAIT_S_MAX:.0f}, got {text[:20]!r}") from None
    return min(seconds, WAIT_S_MAX)
