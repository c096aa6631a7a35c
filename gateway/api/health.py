"""Is the process up, and should it be given work?"""

import asyncio

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.requests import services_of
from gateway.api.responses import JsonResponse

log = structlog.get_logger()

PROBE_TIMEOUT_S = 2.0


async def alive(request: Request) -> Response:
    """`GET /healthz`: the process answers."""
    return JsonResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """`GET /readyz`: 200 if it can serve, else 503, with what is amiss."""
    services = services_of(request)
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


ROUTES = [Route("/healthz", alive, methods=["GET"]), Route("/readyz", ready, methods=["GET"])]
