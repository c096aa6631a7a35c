"""Traces of events on their way: publishing a batch, and what of it a hub has written to its subscribers.

Both are spans of the traces of the orders that the events are about, as far as the events tell: the first ORDERS_MAX of
a batch. Nothing is looked at while nobody traces.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime

from notifier.event import Event
from wallet_db.tracing import is_tracing, note_span, span

ORDERS_MAX = 32
_ORDER = re.compile(r'"(?:activation_id|rental_id|id)": ?"([0-9a-f-]{36})"')


def publishing(events: Sequence[Event]) -> AbstractContextManager[None]:
    """Spans around it: of the batch with its orders' ids, and of each of these orders."""
    return _publishing(events) if is_tracing() else nullcontext()


@contextmanager
def _publishing(events: Sequence[Event]) -> Iterator[None]:
    begun_ns, order_ids = time.time_ns(), orders_of(events)
    with span("publish batch", events=len(events), order_id=order_ids):
        yield
    for order_id in order_ids:
        note_span("publish", order_id, begun_ns)


def note_delivered(events: Iterable[Event]) -> None:
    """These have just been written: a span for each that is about an order, from its transaction until now."""
    told = 0
    for event in events:
        if told < ORDERS_MAX and event.at and (found := _ORDER.search(event.payload)) is not None:
            try:
                begun_ns = int(datetime.fromisoformat(event.at).timestamp() * 1e9)
            except ValueError:
                continue
            note_span("deliver", found[1], begun_ns, event=event.type, seq=event.seq)
            told += 1


def orders_of(events: Sequence[Event]) -> list[str]:
    """The orders that the first of these are about, each once."""
    found = dict.fromkeys(match[1] for event in events[:ORDERS_MAX] for match in _ORDER.finditer(event.payload))
    return list(found)[:ORDERS_MAX]
