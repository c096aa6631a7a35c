"""A client of its own kind: it keeps its cursor and nothing else, and comes back by whatever transport chance says.

It does what the contract asks of a client: a new token when it was refused for that, a reconnect with the cursor after
every other end, and an end of its own making when it has heard nothing for two heartbeats. Its account judges the rest.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import cast

from bench.loss.account import Account, Breach, Verdict
from bench.loss.control import Spoiler
from bench.loss.proxy import HOST, limit_buffers, reset
from bench.loss.result import Tally
from bench.loss.transports import (
    CUT_OFF,
    TRANSPORTS,
    Answered,
    Ended,
    Message,
    Ping,
    TransportName,
    reader_of,
    request,
)
from bench.loss.wire import WireError, client_frame

HEARTBEAT_S = 2
POLL_WAIT_S = 3
SILENCE_S = {"websocket": 2.0 * HEARTBEAT_S + 1, "sse": 2.0 * HEARTBEAT_S + 1, "long-poll": POLL_WAIT_S + 5.0}
"""Without a byte for longer the connection is dead. A poll may take its wait, and 4 s to read what was missed."""
CONNECT_S = 5.0
PAUSE_S = (0.02, 0.3)
PAUSE_MAX_S = 4.0
UNAUTHORIZED = {401, 4500, 4501}
PONG = 0xA
LEFT = 1001
NONSENSE = 1002
SILENT = 4002


class Connection(asyncio.Protocol):
    """One TCP connection that carries a stream, until it ends for whatever reason."""

    def __init__(self, client: "Client", transport_name: TransportName) -> None:
        self.name = transport_name
        loop = asyncio.get_running_loop()
        self.heard_at = loop.time()
        self.ended: asyncio.Future[int] = loop.create_future()
        self.transport: asyncio.Transport | None = None
        self._client = client
        self._reader = reader_of(transport_name)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self.transport = cast("asyncio.Transport", transport)
        limit_buffers(transport)
        self._ask(wait_s=0)

    def data_received(self, data: bytes) -> None:
        """Tell the client what the bytes say."""
        self.heard_at = asyncio.get_running_loop().time()
        if self.ended.done():
            return
        try:
            for said in self._reader.feed(data):
                if isinstance(said, dict):
                    self._client.take(said)
                elif isinstance(said, Ping) and self.transport is not None:
                    self.transport.write(client_frame(PONG, said.payload))
                elif isinstance(said, Answered):
                    self._ask(wait_s=POLL_WAIT_S)
                elif isinstance(said, Ended):
                    self.end(said.code)
                    return
        except (WireError, KeyError, TypeError, ValueError) as error:
            self._client.told_nonsense(f"{type(error).__name__}: {error}")
            self.end(NONSENSE)

    def connection_lost(self, error: Exception | None) -> None:
        """Cut off, unless it had ended before."""
        if not self.ended.done():
            self.ended.set_result(CUT_OFF)

    def end(self, code: int) -> None:
        """Hear no more, and close."""
        if not self.ended.done():
            self.ended.set_result(code)
        if self.transport is not None:
            reset(self.transport)

    def _ask(self, *, wait_s: int) -> None:
        if self.transport is not None:
            account = self._client.account
            self.transport.write(request(self.name, self._client.token, account.cursor, wait_s=wait_s))


class Client:
    """Runs until cancelled."""

    def __init__(
        self,
        account: Account,
        verdict: Verdict,
        tally: Tally,
        issue: Callable[[float], str],
        ports: Sequence[int],
        chance: Random,
    ) -> None:
        """`issue` makes a token that lives so many seconds; `ports` are where gateways are reached."""
        self.account = account
        self.token = issue(3600)
        self.spoiler: Spoiler | None = None
        self.connection: Connection | None = None
        self._greeted = False
        """On the connection at hand."""
        self._verdict = verdict
        self._tally = tally
        self._issue = issue
        self._ports = ports
        self._chance = chance
        self._gone_at: float | None = None
        self._failures = 0

    async def run(self, after_s: float = 0.0) -> None:
        """Connect, be told, come back, until cancelled."""
        await asyncio.sleep(after_s)
        try:
            while True:
                code = await self._stream()
                self._tally.ends[code] += 1
                if code in UNAUTHORIZED:
                    self.token = self._issue(3600)
                if self._gone_at is None and self.account.cursor is not None:
                    self._gone_at = asyncio.get_running_loop().time()
                longest = min(PAUSE_S[1] * 2**self._failures, PAUSE_MAX_S)
                self._failures = min(self._failures + 1, 5)
                await asyncio.sleep(self._chance.uniform(PAUSE_S[0], longest))
        finally:
            self.leave()

    async def _stream(self) -> int:
        """One connection, to its end; returns how it ended."""
        loop = asyncio.get_running_loop()
        self._greeted = False
        name, port = self._chance.choice(TRANSPORTS), self._chance.choice(self._ports)
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await loop.create_connection(lambda: Connection(self, name), HOST, port)
        except (OSError, TimeoutError):
            return CUT_OFF
        self.connection = connection
        try:
            while not connection.ended.done():
                left_s = connection.heard_at + SILENCE_S[name] - loop.time()
                if left_s <= 0:
                    return SILENT
                await asyncio.wait((connection.ended,), timeout=left_s)
            return connection.ended.result()
        finally:
            self.connection = None
            connection.end(LEFT)

    def leave(self) -> None:
        """Drop the connection at hand; `run` comes back by another."""
        if self.connection is not None:
            self.connection.end(LEFT)

    def jump_clock(self, lifetime_s: float) -> None:
        """Have a token that ends then, perhaps before now, and come back with it."""
        self.token = self._issue(lifetime_s)
        self.leave()

    def read(self, wanted: bool) -> None:
        """Read on from the socket, or not."""
        transport = self.connection.transport if self.connection is not None else None
        if transport is not None and not transport.is_closing():
            if wanted:
                transport.resume_reading()
            else:
                transport.pause_reading()

    def take(self, message: Message) -> None:
        """A message of the stream."""
        if message["type"] == "ready":
            self._tally.resumes += self._greet() and message["resumed"]
            self.account.ready(message)
        elif "seq" in message:  # else a heartbeat, or another word about the connection
            for each in (message,) if self.spoiler is None else self.spoiler.spoil(message):
                self._tally.delivered += 1
                self.account.apply(each)
            late_s = (datetime.now(UTC) - datetime.fromisoformat(message["at"])).total_seconds()
            self._tally.late_s = max(self._tally.late_s, late_s)

    def told_nonsense(self, what: str) -> None:
        """The gateway broke its own protocol."""
        self._verdict.add(Breach("altered", self.account.user_id, self.account.name, self.account.seq, what))

    def _greet(self) -> bool:
        """Note that there is a stream; False: there was, for each answer of a long-poll has a `ready`."""
        if self._greeted:
            return False
        self._greeted = True
        self._failures = 0
        if self._gone_at is not None:
            self._tally.away_s = max(self._tally.away_s, asyncio.get_running_loop().time() - self._gone_at)
            self._gone_at = None
        return True
