"""A proxy in front of a gateway that does what networks do: hold a stream back, or go silent without closing."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536


class Proxy:
    """TCP, byte for byte, until told otherwise. Its switches may be set from any thread."""

    def __init__(self) -> None:
        self.url = ""
        self.holds_streams = False
        """Answers of type text/event-stream pass with their headers only, as through a proxy that buffers."""
        self._open = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop

    def stall(self) -> None:
        """From now on nothing passes in either direction, and nothing is closed."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def resume(self) -> None:
        """New connections pass again, and what was held too."""
        self._loop.call_soon_threadsafe(self._open.set)

    async def serve(self, upstream_url: str, started: threading.Event, stop: asyncio.Event) -> None:
        upstream = urlsplit(upstream_url)
        self._loop = asyncio.get_running_loop()
        self._open.set()
        pumps: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert upstream.hostname
            up_reader, up_writer = await asyncio.open_connection(upstream.hostname, upstream.port)
            for pump in (self._pump(reader, up_writer, is_answer=False), self._pump(up_reader, writer, is_answer=True)):
                pumps.add(asyncio.create_task(pump))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.set()
        await stop.wait()
        server.close()
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        holds = False
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self._open.wait()
                if holds:
                    continue
                if is_answer and self.holds_streams and b"content-type: text/event-stream" in data.lower():
                    holds = True
                    data = data[: data.index(b"\r\n\r\n") + 4]
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # the other direction ends by itself
        finally:
            writer.close()


@contextmanager
def proxied(upstream_url: str) -> Iterator[Proxy]:
    """A proxy in a thread of its own, for tests whose thread is a browser driver's."""
    proxy = Proxy()
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
