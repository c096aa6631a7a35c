"""From a bus's message to its listener: it is decoded, and neither noise nor the listener's fault ends hearing.

What cannot be read is counted and told by number and size only, for its text may be an event's. A flood of it is told
once in a while.
"""

import time

import structlog
from prometheus_client import Counter

from notifier.bus.contract import Receive
from notifier.event import count_lines, decode_batch

log = structlog.get_logger(__name__)

TELL_INTERVAL_S = 10.0

UNREADABLE = Counter("onesms_bus_unreadable", "Lines that came over the bus and are no events.", ["bus"])


class Hearing:
    """Hands batches to `receive`. One for each connection that listens."""

    def __init__(self, receive: Receive, bus: str) -> None:
        self._receive = receive
        self._bus = bus
        self._unreadable = UNREADABLE.labels(bus)
        self._untold = 0
        self._tell_at_s = 0.0

    def hear(self, message: bytes | str, *, bytes_max: int | None = None) -> None:
        """Take one message; longer than `bytes_max` it is none of ours and not even looked into."""
        if bytes_max is not None and len(message) > bytes_max:
            self._note(1, len(message))
            return
        try:
            batch = message if isinstance(message, str) else message.decode()
        except UnicodeDecodeError:
            self._note(1, len(message))
            return
        events = decode_batch(batch)
        if unreadable := count_lines(batch) - len(events):
            self._note(unreadable, len(message))
        if not events:
            return
        try:
            self._receive(events)
        except Exception:
            log.exception("bus.receiver_failed", bus=self._bus)

    def _note(self, lines: int, size: int) -> None:
        self._unreadable.inc(lines)
        self._untold += lines
        now_s = time.monotonic()
        if now_s >= self._tell_at_s:
            log.warning("bus.unreadable", bus=self._bus, lines=self._untold, bytes=size)
            self._untold, self._tell_at_s = 0, now_s + TELL_INTERVAL_S
