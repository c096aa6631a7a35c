"""Figures for operators: orders and providers by time, and what this process is doing right now."""

from datetime import timedelta

from prometheus_client import REGISTRY
from starlette.responses import Response

from gateway.api.admin import shapes
from gateway.api.admin.asked import OPERATORS_TAG, UNSERVED, FiguresQuery, operators_of
from gateway.api.operation import Access, Call, operation
from gateway.api.responses import Answer, JsonResponse
from gateway.realtime.counted import TRANSPORTS
from wallet_db import operators

DELIVERY = "onesms_delivery_delay_seconds"


@operation(
    "GET",
    "/api/admin/figures",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("Figures.", shapes.Figures)},
    refuses=(UNSERVED,),
)
async def history(call: Call, query: FiguresQuery) -> Response:
    """Orders, what became of them, and how providers answered, by the hour or day; and what is so now."""
    since = timedelta(**{f"{query.step}s": query.count - 1})
    return JsonResponse(await operators.read_figures(operators_of(call), since=since, step=query.step))


@operation(
    "GET",
    "/api/admin/live",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("Figures.", shapes.Live)},
    refuses=(UNSERVED,),
)
async def live(call: Call) -> Response:
    """What this process is doing: connections by transport, users, how long events took; and the newest event of all.

    Sums count from its start: two readings make a rate.
    """
    return JsonResponse(
        {
            "connections": {name: int(_sample("onesms_connections", transport=name)) for name in TRANSPORTS},
            "users": len(call.services.realtime.users),
            "newest_event": await operators.newest_event(operators_of(call)),
            "delivery_s_sum": round(_sample(f"{DELIVERY}_sum"), 6),
            "delivery_count": int(_sample(f"{DELIVERY}_count")),
        }
    )


def _sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


OPERATIONS = (history, live)
