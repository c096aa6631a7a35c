"""How long requests take, by operation: from the request's head to its answer, refusals included.

The label is an operation's name, of which there is one for each route that is declared: whatever paths and methods
strangers ask for, they make no series. Streams are not in it: they have figures of their own.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Histogram

REQUEST_S = Histogram(
    "onesms_request_seconds",
    "From an API request to its answer; purchases and cancels wait for the provider within it.",
    ["operation"],
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


@contextmanager
def timing(operation: str) -> Iterator[None]:
    """Measure the block, however it ends."""
    begun_s = time.perf_counter()
    try:
        yield
    finally:
        REQUEST_S.labels(operation).observe(time.perf_counter() - begun_s)
