"""The end of a connection on which the client may still be sending.

If it were closed at once, the kernel would answer what comes late, or lies there unread, with a reset, upon which the
client may throw away an answer that it has not read yet. So: no more is written, what comes is dropped until the client
has closed as well, and then all is closed (RFC 9112 section 9.6).
"""

import asyncio

LINGER_S = 2.0
LINGER_BYTES_MAX = 16 * 1024**2
"""Given to the client once its answer is sent: to one that sends for longer, or more, a reset is as good."""


class Lingering(asyncio.Protocol):
    """Takes over a connection whose last answer is written, and ends with it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """transport: open. What is written on it still goes out."""
        self._transport = transport
        self._bytes = 0
        self._await_end()
        transport.set_protocol(self)
        if transport.can_write_eof():
            transport.write_eof()
        else:  # TLS ends both ways at once
            transport.close()

    def _await_end(self) -> None:
        self._end = asyncio.get_running_loop().call_later(LINGER_S, self._give_up)

    def _give_up(self) -> None:
        if self._transport.get_write_buffer_size():
            self._await_end()  # the kernel gives up a client that takes nothing
        else:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Dropped."""
        self._bytes += len(data)
        if self._bytes > LINGER_BYTES_MAX:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._end.cancel()
