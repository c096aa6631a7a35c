"""What is counted of connections: how many there are, how they began, and why this process ended them.

Labels: the transports, the names of `close_codes.py`, and where a stream began. No user, address or cursor.
"""

from prometheus_client import Counter, Gauge

from gateway.realtime.close_codes import CLOSE_CODES, CloseCode

TRANSPORTS = ("websocket", "sse", "poll")
SOURCES = ("memory", "rows", "void_cursor", "new")
"""Resumed from this process's memory, or from rows of the database; a cursor that could not be resumed; no cursor."""

OPEN = Gauge("onesms_connections", "Connections that are open, and polls that wait.", ["transport"])
OPENED = Counter("onesms_connections_opened", "Connections and polls let in.", ["transport"])
CLOSED = Counter("onesms_connections_closed", "Connections this process has ended, by why.", ["transport", "code"])
BEGUN = Counter("onesms_streams_begun", "Streams by where they began; void_cursor and new got a snapshot.", ["source"])

# A rate needs the zero before the first. Kept, for finding them by their labels takes longer than counting.
_OPEN = {transport: OPEN.labels(transport) for transport in TRANSPORTS}
_OPENED = {transport: OPENED.labels(transport) for transport in TRANSPORTS}
_BEGUN = {source: BEGUN.labels(source) for source in SOURCES}
for _transport in TRANSPORTS:
    for _code in CLOSE_CODES:
        CLOSED.labels(_transport, _code.name)


def note_opened(transport: str) -> None:
    """A connection was let in."""
    _OPEN[transport].inc()
    _OPENED[transport].inc()


def note_begun(source: str) -> None:
    """Its stream goes on from there: one of SOURCES."""
    _BEGUN[source].inc()


def note_gone(transport: str) -> None:
    """It is over, whoever ended it."""
    _OPEN[transport].dec()


def note_closed(transport: str, code: CloseCode) -> None:
    """This process ends it."""
    CLOSED.labels(transport, code.name).inc()
