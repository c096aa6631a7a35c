"""Figures for operators: orders, money and providers by time, and what the gateways are doing right now."""

from datetime import timedelta

from starlette.responses import Response

from gateway.api.admin import shapes
from gateway.api.admin.asked import OPERATORS_TAG, UNSERVED, FiguresQuery, operators_of
from gateway.api.operation import Access, Call, operation
from gateway.api.responses import Answer, JsonResponse
from gateway.realtime.live_figures import live_figures
from wallet_db import operators


@operation(
    "GET",
    "/api/admin/figures",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("Figures.", shapes.Figures)},
    refuses=(UNSERVED,),
)
async def history(call: Call, query: FiguresQuery) -> Response:
    """What is so now; and by the hour or day: what became of orders, movements of money, how providers answered."""
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
    """What all gateways are doing: connections by transport, users, how long events took; and the newest event of all.

    Sums count from their start: two readings make a rate. The same comes as `admin.live` to the operators' connections.
    """
    return JsonResponse(await live_figures(operators_of(call), call.services.roll_call))


OPERATIONS = (history, live)
