"""What a hub measures: from an event's transaction to its being written to who is connected.

Measured is a batch at most every SAMPLE_S, by its first event for somebody here: a histogram does not want every one,
and the way of an event through the hub costs so little that measuring each would show in it. What is not due to be
measured costs a look at one flag. Events that had to be read from rows, for the bus lost them, are counted.
"""

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime

from prometheus_client import Counter, Histogram

from notifier.event import Event

SAMPLE_S = 0.05

DELIVERY_S = Histogram(
    "onesms_delivery_delay_seconds",
    "From an event's transaction to its being written to the sockets: the first of a batch, a sample of batches.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
HEALED = Counter("onesms_hub_events_healed", "Events read from rows because the bus had not brought them.")


class DeliverySample:
    """Says when a batch is to be measured, and measures it."""

    __slots__ = ("is_due",)

    def __init__(self) -> None:
        self.is_due = True

    def observe(self, events: Iterable[Event]) -> None:
        """The first of these has just been written; then rest for SAMPLE_S. Hints say no time: they are passed over."""
        at = next((event.at for event in events if event.at), None)
        if at is None:
            return
        try:
            delay_s = time.time() - datetime.fromisoformat(at).timestamp()
        except ValueError:
            return
        DELIVERY_S.observe(max(0.0, delay_s))
        self.is_due = False
        asyncio.get_running_loop().call_later(SAMPLE_S, self._rest_is_over)

    def _rest_is_over(self) -> None:
        self.is_due = True
