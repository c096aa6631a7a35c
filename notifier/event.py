"""An event of a user's stream, and batches of events as text for a bus.

A batch is a text of lines, an event each, its fields separated by tabs. That needs no quoting: PostgreSQL prints JSON
with control characters escaped. It does print other line separators (U+2028), so lines end at "\\n" and nowhere else.
An event that fits into no batch travels as a hint, without its payload: whoever gets it reads the row.
"""

from collections.abc import Iterable
from typing import NamedTuple

BATCH_BYTES_MAX = 7999
"""The longest payload PostgreSQL accepts in a NOTIFY."""

_FIELDS = 5
_SEQ_DIGITS_MAX = 19
_new = tuple.__new__


class Event(NamedTuple):
    """One change of what a user sees."""

    user_id: str
    seq: int
    """1, 2, 3 … per user."""
    type: str
    at: str
    """UTC, ISO 8601 with milliseconds and Z."""
    payload: str
    """A JSON object as text; empty in a hint, whose row holds what the bus did not carry."""

    @property
    def is_hint(self) -> bool:
        """Says that the event exists, and not what it is."""
        return not self.payload


def encode_batch(events: Iterable[Event], *, bytes_max: int = BATCH_BYTES_MAX) -> list[str]:
    """The events in their order, in as few texts of at most `bytes_max` bytes of UTF-8 as that allows."""
    batches: list[str] = []
    lines: list[str] = []
    size = 0
    for event in events:
        line = _encode(event, bytes_max)
        line_size = len(line.encode()) + 1
        if lines and size + line_size - 1 > bytes_max:
            batches.append("\n".join(lines))
            lines, size = [], 0
        lines.append(line)
        size += line_size
    if lines:
        batches.append("\n".join(lines))
    return batches


def decode_batch(text: str) -> list[Event]:
    """The events of a batch. A line that is none is left out: fewer events than lines tell the caller."""
    events = []
    for line in text.split("\n"):
        fields = line.split("\t")
        if len(fields) != _FIELDS:
            continue
        user_id, seq, kind, at, payload = fields
        if user_id and seq.isascii() and seq.isdigit() and len(seq) <= _SEQ_DIGITS_MAX:
            # Past the named tuple's own constructor: each of a gateway's events comes by here.
            events.append(_new(Event, (user_id, int(seq), kind, at, payload)))
    return events


def count_lines(text: str) -> int:
    """How many events the batch was meant to hold."""
    return text.count("\n") + 1


def _encode(event: Event, bytes_max: int) -> str:
    line = f"{event.user_id}\t{event.seq}\t{event.type}\t{event.at}\t{event.payload}"
    if len(line.encode()) > bytes_max or line.count("\t") != _FIELDS - 1 or "\n" in line:
        # Too long, or a separator within a field: only the row can say it.
        return f"{event.user_id}\t{event.seq}\t\t\t"
    return line
