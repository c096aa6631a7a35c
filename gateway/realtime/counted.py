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

# A rate needs the zero before the first.
for _transport in TRANSPORTS:
    OPEN.labels(_transport)
    OPENED.labels(_transport)
    for _code in CLOSE_CODES:
        CLOSED.labels(_transport, _code.name)
for _source in SOURCES:
    BEGUN.labels(_source)


def note_opened(transport: str) -> None:
    """A connection was let in."""
    OPEN.labels(transport).inc()
    OPENED.labels(transport).inc()


def note_gone(transport: str) -> None:
    """It is over, whoever ended it."""
    OPEN.labels(transport).dec()


def note_closed(transport: str, code: CloseCode) -> None:
    """This process ends it."""
    CLOSED.labels(transport, code.name).inc()
