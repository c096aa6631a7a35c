"""A proxy in front of a gateway, in a network that lets some transports not through: what asks for them is cut."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536
ASKED = re.compile(rb"GET /realtime/(ws|sse|poll)[? ]")


class BlockingProxy:
    """TCP, byte for byte, but for connections that ask for what is blocked. `block` may be called from any thread."""

    def __init__(self) -> None:
        self.url = ""
        self._blocked: frozenset[str] = frozenset()
        self._open: dict[asyncio.StreamWriter, str] = {}
        """Connections to the gateway, by the transport that each was last used for."""
        self._loop: asyncio.AbstractEventLoop

    def block(self, *transports: str) -> None:
        """From now on these and no others; what is open of them is cut. Returns when that is done."""
        done = threading.Event()

        def cut() -> None:
            self._blocked = frozenset(transports)
            for writer, transport in self._open.items():
                if transport in self._blocked:
                    writer.transport.abort()
            done.set()

        self._loop.call_soon_threadsafe(cut)
        assert done.wait(10)

    async def serve(self, upstream_url: str, started: threading.Event, stop: asyncio.Event) -> None:
        """Until `stop`."""
        upstream = urlsplit(upstream_url)
        self._loop = asyncio.get_running_loop()
        connections: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.add(
                asyncio.create_task(self._carry(reader, writer, upstream.hostname or "", upstream.port or 0))
            )

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.set()
        await stop.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        up_reader, up_writer = await asyncio.open_connection(host, port)
        self._open[up_writer] = ""
        back = asyncio.create_task(_pump(up_reader, writer))
        try:
            while data := await reader.read(CHUNK_BYTES):
                if asked := ASKED.match(data):
                    self._open[up_writer] = asked[1].decode()
                if self._open[up_writer] in self._blocked:
                    break
                up_writer.write(data)
                await up_writer.drain()
        except ConnectionError:
            pass
        finally:
            del self._open[up_writer]
            back.cancel()
            for each in (writer, up_writer):
                each.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()


@contextmanager
def blocking_proxy(upstream_url: str) -> Iterator[BlockingProxy]:
    """A proxy in a thread of its own, for tests whose thread is a browser driver's."""
    proxy = BlockingProxy()
    started = threading.Event()
    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(upstream_url, started, stop)))
    thread.start()
    try:
        assert started.wait(10)
        yield proxy
    finally:
        proxy._loop.call_soon_threadsafe(stop.set)
        thread.join(10)
