"""Movements of money, counted as their events pass by on the way to the bus.

Every operation on a wallet appends an event that names it, in its own transaction. So what is counted here is what was
committed, whichever process or client moved the money; only a new leader, who publishes some events again, counts those
twice. For a rate that is nothing; for accounts there is the audit.
"""

import re
from collections.abc import Iterable

from prometheus_client import Counter

from notifier.event import Event

KINDS = ("freeze", "commit", "refund", "deposit", "adjust", "correct")
"""Types of `balance_operations`."""
OPERATIONS = Counter("onesms_wallet_operations", "Movements of money published as events.", ["operation"])
_OPERATION = re.compile(r'"operation": ?"([a-z_]+)"')
"""Within a string of the payload its quotes are escaped: there it cannot match."""

for _kind in (*KINDS, "other"):
    OPERATIONS.labels(_kind)


def operation_of(event: Event) -> str | None:
    """Which operation the event tells of; None: it is no movement of money."""
    if event.type != "balance.changed":
        return None
    found = _OPERATION.search(event.payload)
    return found[1] if found and found[1] in KINDS else "other"


def count_operations(events: Iterable[Event]) -> None:
    """They were just published."""
    for event in events:
        if (operation := operation_of(event)) is not None:
            OPERATIONS.labels(operation).inc()
