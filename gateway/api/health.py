"""Is the process up, and should it be given work?"""

import asyncio

import structlog
from starlette.responses import Response

from gateway.api.operation import Access, Call, operation
from gateway.api.responses import Answer, JsonResponse
from gateway.api.shapes import Alive, Readiness

log = structlog.get_logger()

PROBE_TIMEOUT_S = 2.0


@operation(
    "GET",
    "/healthz",
    tag="process",
    access=Access.PUBLIC,
    is_limited=False,
    gives={200: Answer("It answers.", Alive)},
)
async def alive(call: Call) -> Response:
    """Whether the process answers."""
    return JsonResponse({"status": "ok"})


@operation(
    "GET",
    "/readyz",
    tag="process",
    access=Access.PUBLIC,
    is_limited=False,
    gives={200: Answer("It can serve.", Readiness), 503: Answer("It cannot, with what is amiss.", Readiness)},
)
async def ready(call: Call) -> Response:
    """Whether the process should be given work."""
    services = call.services
    checks = {"staying": not services.realtime.leaving, "bus": services.hearing.is_set(), "database": False}
    if (jwks := services.authenticator.jwks) is not None:
        checks["keys"] = len(jwks.keys) > 0
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            checks["database"] = await services.pool.fetchval("select true")
    except Exception:
        log.warning("database probe failed", exc_info=True)
    ok = all(checks.values())
    return JsonResponse({"status": "ok" if ok else "unavailable", "checks": checks}, 200 if ok else 503)


OPERATIONS = (alive, ready)
