"""What a follower counts: in the notifier's `/metrics`, and with BUS=local in the gateway's."""

import time
from collections.abc import Sequence
from datetime import datetime

from prometheus_client import Counter, Gauge, Histogram

from notifier.event import Event

LEADING = Gauge("onesms_follower_leading", "1 while the follower of this process is the one that publishes.")
ASLEEP = Gauge("onesms_follower_asleep", "1 while it sleeps, and writers ring.")
PUBLISHED = Counter(
    "onesms_events_published",
    "Events given to the bus, by the follower or by their writers; a new leader repeats some.",
)
LAG_S = Histogram(
    "onesms_follower_lag_seconds",
    "From an event's transaction to its being published by the follower: of the first of each batch.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
RINGS = Counter("onesms_doorbell_rings", "Doorbells rung by writers, while the follower slept.")
BUS_ERRORS = Counter("onesms_bus_errors", "Attempts to publish that the bus did not take.")
CONNECTIONS_LOST = Counter("onesms_follower_connections_lost", "Connections to the database that the follower lost.")
IDS_FORGOTTEN = Counter("onesms_follower_ids_forgotten", "Missing ids given up because there were too many.")


def observe_lag(events: Sequence[Event]) -> None:
    """Of a batch that was just published."""
    try:
        at_s = datetime.fromisoformat(events[0].at).timestamp()
    except ValueError:
        return
    LAG_S.observe(max(0.0, time.time() - at_s))
