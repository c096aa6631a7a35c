"""A trace of publishing a batch: how many events, and which orders they are about."""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from notifier.event import Event
from wallet_db.tracing import is_tracing, span

ORDERS_MAX = 32
_ORDER = re.compile(r'"(?:activation_id|rental_id|id)": ?"([0-9a-f-]{36})"')


def publishing(events: Sequence[Event]) -> AbstractContextManager[Any]:
    """A span around it, with the ids of the first ORDERS_MAX orders; nothing while nobody traces."""
    return span("publish", events=len(events), order_id=orders_of(events)) if is_tracing() else span("publish")


def orders_of(events: Sequence[Event]) -> list[str]:
    """The orders that the first of these are about, each once."""
    found = dict.fromkeys(match[1] for event in events[:ORDERS_MAX] for match in _ORDER.finditer(event.payload))
    return list(found)[:ORDERS_MAX]
