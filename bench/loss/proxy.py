"""A TCP proxy between clients and one gateway, that cuts, stalls and half-opens what it carries.

Its port stays when the gateway behind it is killed and started again. Bytes are passed on as they come, and no faster
than the other side takes them; its buffers are small, so that a client that does not read is soon felt by the gateway.
On loopback only.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

BUFFER_BYTES = 16_384
HALF_OPEN_S = 20.0
"""A side that was never told is held no longer than this."""
CONNECT_S = 5.0
HOST = "127.0.0.1"


class Side(asyncio.Protocol):
    """One of the two connections of a pair."""

    def __init__(self, link: "Link") -> None:
        self.other: Side | None = None
        self.transport: asyncio.Transport | None = None
        self._link = link
        self._held = False
        """Its other side takes no more for now."""
        self._early = b""
        """What came before there was another side: a client's request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport = cast("asyncio.Transport", transport)
        transport.set_write_buffer_limits(high=BUFFER_BYTES)
        limit_buffers(transport)
        self._link.made(self)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self.other is not None and self.other.transport is not None:
            if not self.other.transport.is_closing():
                self.other.transport.write(data)
        else:
            self._early += data
            if len(self._early) > BUFFER_BYTES:
                self.end(abruptly=True)

    def join(self, other: "Side") -> None:
        """Pass on to this side from now on."""
        self.other = other
        early, self._early = self._early, b""
        if early and other.transport is not None:
            other.transport.write(early)
        self.look()

    def pause_writing(self) -> None:
        """We take no more: the other side is to read no more."""
        if self.other is not None:
            self.other.hold(True)

    def resume_writing(self) -> None:
        """We do again."""
        if self.other is not None:
            self.other.hold(False)

    def hold(self, held: bool) -> None:
        """Read on, or not, as the other side can take it."""
        self._held = held
        self.look()

    def look(self) -> None:
        """Read if nothing speaks against it."""
        if self.transport is None or self.transport.is_closing():
            return
        if self._held or self._link.silent:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """The other side ends, too, unless it is not to know."""
        self._link.lost(self, error)

    def end(self, *, abruptly: bool) -> None:
        """Close: with what is still to be written, or with a reset."""
        if self.transport is not None:
            if abruptly:
                reset(self.transport)
            else:
                self.transport.close()


class Link:
    """A client's connection and the one to the gateway that belongs to it."""

    def __init__(self, proxy: "Proxy") -> None:
        self.silent = False
        """Nothing is read: stalled, or half-open."""
        self._proxy = proxy
        self._half_open = False
        self.client = Side(self)
        self.gateway = Side(self)
        self._opening: asyncio.Task[None] | None = None

    def made(self, side: Side) -> None:
        """A side is connected: the client's opens the gateway's, which joins the two."""
        if side is self.client:
            self._proxy.links[self] = None
            self._opening = asyncio.get_running_loop().create_task(self._open())
        else:
            self.gateway.join(self.client)
            self.client.join(self.gateway)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(lambda: self.gateway, HOST, self._proxy.gateway_port)
        except (OSError, TimeoutError):
            self.client.end(abruptly=True)
            return
        if self.client.transport is None or self.client.transport.is_closing():
            self.gateway.end(abruptly=True)

    def lost(self, side: Side, error: Exception | None) -> None:
        """One side is gone."""
        other = self.gateway if side is self.client else self.client
        if other.transport is None or other.transport.is_closing():
            self._proxy.links.pop(self, None)
        if not self._half_open:
            other.end(abruptly=error is not None)

    def cut(self) -> None:
        """Reset both sides."""
        self._half_open = False
        for side in (self.client, self.gateway):
            side.end(abruptly=True)

    def stall(self, silent: bool) -> None:
        """Carry nothing, or go on."""
        if not self._half_open:
            self.silent = silent
            for side in (self.client, self.gateway):
                side.look()

    def half_open(self, gone: Side) -> None:
        """One side vanishes; the other is not told, and hears nothing any more."""
        self._half_open = self.silent = True
        kept = self.client if gone is self.gateway else self.gateway
        gone.end(abruptly=True)
        kept.look()
        asyncio.get_running_loop().call_later(HALF_OPEN_S, self.cut)


class Proxy:
    """Listens for one gateway's clients."""

    def __init__(self, gateway_port: int) -> None:
        self.gateway_port = gateway_port
        self.port = 0
        self.links: dict[Link, None] = {}
        """Those with a side left, in the order of their coming."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        """Accept clients while the block runs; then reset all."""
        server = await asyncio.get_running_loop().create_server(
            lambda: Link(self).client, HOST, 0, backlog=4096, start_serving=True
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.each(Link.cut)

    def each(self, act: Callable[[Link], None]) -> None:
        """Do something to every link."""
        for link in tuple(self.links):
            act(link)


def limit_buffers(transport: asyncio.BaseTransport) -> None:
    """Let the kernel hold little: what is not read is then soon not taken."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        for which in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            connection.setsockopt(socket.SOL_SOCKET, which, BUFFER_BYTES)


def reset(transport: asyncio.Transport) -> None:
    """End with RST rather than FIN, as a machine that knows of no such connection."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    transport.abort()


def free_ports(count: int) -> list[int]:
    """TCP ports of loopback that nobody listens on at this moment, all different."""
    probes = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
