"""What is sold and over which routes: how each fares, and what an operator decides about it."""

from starlette.responses import Response

from gateway.api.admin import shapes
from gateway.api.admin.asked import (
    OPERATORS_TAG,
    UNSERVED,
    RoutesQuery,
    RouteState,
    ServicePrice,
    ServiceState,
    actor_of,
    operators_of,
)
from gateway.api.operation import Access, Call, operation
from gateway.api.responses import Answer, JsonResponse
from wallet_db import operators


@operation(
    "GET",
    "/api/admin/routes",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("A page, by service, country and provider.", shapes.Routes)},
    refuses=(UNSERVED,),
)
async def routes(call: Call, query: RoutesQuery) -> Response:
    """The routes of a service, or all that were tried in the last 24 hours or that somebody decided about."""
    found = await operators.list_routes(operators_of(call), service=query.service, after=query.place, limit=query.limit)
    last = found[-1] if len(found) == query.limit else None
    following = f"{last['service']}/{last['country']}/{last['provider']}" if last else None
    return JsonResponse({"routes": found, "next": following})


@operation(
    "POST",
    "/api/admin/routes",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat="It is decided once more, and written down once more.",
    gives={204: Answer("Decided.")},
    refuses=(UNSERVED,),
)
async def decide(call: Call, body: RouteState) -> Response:
    """Enable, warn or disable a route; it stays so until somebody says otherwise."""
    await operators.set_route_state(
        operators_of(call),
        body.provider,
        body.service,
        body.country,
        body.state,
        reason=body.reason,
        actor=actor_of(call),
    )
    return Response(status_code=204, headers={"cache-control": "no-store"})


@operation(
    "GET",
    "/api/admin/services",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("Every service.", shapes.ServicesHealth)},
    refuses=(UNSERVED,),
)
async def services(call: Call) -> Response:
    """Every service with its price and how its orders of the last 24 hours fared, the busiest first."""
    return JsonResponse({"services": await operators.list_service_health(operators_of(call))})


@operation(
    "POST",
    "/api/admin/services",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat="It is set once more, and written down once more.",
    gives={204: Answer("Set.")},
    refuses=(UNSERVED, "UNKNOWN_SERVICE", "INVALID_AMOUNT"),
)
async def price(call: Call, body: ServicePrice) -> Response:
    """Set what a number for a service costs, or take the service off sale; open orders keep their price."""
    await operators.set_service_price(
        operators_of(call), body.service, body.price, reason=body.reason, actor=actor_of(call)
    )
    return Response(status_code=204, headers={"cache-control": "no-store"})


@operation(
    "POST",
    "/api/admin/services/state",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat="It is decided once more, and written down once more.",
    gives={204: Answer("Decided.")},
    refuses=(UNSERVED, "UNKNOWN_SERVICE"),
)
async def decide_service(call: Call, body: ServiceState) -> Response:
    """Enable, warn or disable a service. Disabled it is off sale, and comes back with the price it had."""
    await operators.set_service_state(
        operators_of(call), body.service, body.state, reason=body.reason, actor=actor_of(call)
    )
    return Response(status_code=204, headers={"cache-control": "no-store"})


OPERATIONS = (routes, decide, services, price, decide_service)
