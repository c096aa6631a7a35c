"""What a process answers to `/metrics`: the text format of Prometheus, of all it counts and of what is read when asked.

Without the `_created` series that the library adds to each counter and histogram: they would double what is kept, and a
restart shows in `process_start_time_seconds`.
"""

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, disable_created_metrics, generate_latest
from prometheus_client.registry import Collector
from starlette.responses import Response

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library says no types of it


def exposition(*figures: Collector) -> Response:
    """The registry's metrics, then these."""
    told = b"".join(generate_latest(each) for each in (REGISTRY, *figures))
    return Response(told, headers={"content-type": CONTENT_TYPE_LATEST})
