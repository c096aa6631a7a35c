"""Movements of money, counted as their events pass by on the way to the bus.

Every operation on a wallet appends an event that names it, in its own transaction. So what is counted here is what was
committed, whichever process or client moved the money; only a new leader, who publishes some events again, counts those
twice. For a rate that is nothing; for accounts there is the audit.
"""

import re
from collections import Counter
from collections.abc import Iterable

import prometheus_client

from notifier.event import Event

KINDS = ("freeze", "commit", "refund", "deposit", "adjust", "correct")
"""Types of `balance_operations`."""
OPERATIONS = prometheus_client.Counter(
    "onesms_wallet_operations", "Movements of money published as events.", ["operation"]
)
_OPERATION = re.compile(r'"operation": ?"([a-z_]+)"')
"""Within a string of the payload its quotes are escaped: there it cannot match."""

for _kind in (*KINDS, "other"):
    OPERATIONS.labels(_kind)


def operations_of(events: Iterable[Event]) -> list[str | None]:
    """What each of them that tells of a movement of money says it was; None: it does not say."""
    found = (_OPERATION.search(event.payload) for event in events if event.type == "balance.changed")
    return [match and match[1] for match in found]


def count_operations(operations: Iterable[str | None]) -> None:
    """Their events were just published."""
    for operation, times in Counter(operations).items():
        OPERATIONS.labels(operation if operation in KINDS else "other").inc(times)
