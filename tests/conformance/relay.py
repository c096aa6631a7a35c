"""A TCP relay in front of a gateway, to cut connections where a client or a server would never do it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536


class Relay:
    """Passes bytes on until told otherwise."""

    def __init__(self, target: str) -> None:
        self.url = ""
        """Where it listens, once it does."""
        self._target = urlsplit(target)
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Every connection ends here and now, for both sides: no close frame, no last chunk."""
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._open |= {writer, back}
        try:
            await asyncio.gather(_pass_on(reader, back), _pass_on(onward, writer))
        finally:
            self._open -= {writer, back}
            for end in (writer, back):
                end.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def relay(target: str) -> AsyncIterator[Relay]:
    """One in front of `target`; nothing of it is left afterwards."""
    made = Relay(target)
    serving: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(made.serve(reader, writer)))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made
        made.cut()
        await asyncio.gather(*serving)
