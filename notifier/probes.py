"""`/metrics`, `/healthz` and `/readyz` of a process that serves nothing else, on a small port of its own.

For the operators' machines: no token is asked for, and nothing but counts and times is told. The gateway has the same
three addresses among its own. Without a port (METRICS_PORT) nothing is served and nothing is measured for it.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import TypeAlias

import structlog
import uvicorn
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifier.exposition import exposition
from notifier.listening import open_port

log = structlog.get_logger()

REQUESTS_MAX = 16
GRACE_S = 1

Checks: TypeAlias = Callable[[], Awaitable[Mapping[str, bool]]]
"""What has to be so for the process to do its work, by name."""
Figures: TypeAlias = Callable[[], Awaitable[Collector]]
"""What is read only when somebody asks."""


@contextlib.asynccontextmanager
async def serving_probes(
    host: str, port: int, checks: Checks, figures: Figures | None = None
) -> AsyncIterator[socket.socket | None]:
    """Serve while the block runs; yields the listening socket, with port 0 None. Raises PortTaken."""
    if not port:
        yield None
        return
    listener = open_port(host, port, "METRICS_PORT")
    server = _server(checks, figures)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    serving.add_done_callback(_tell_if_it_died)
    log.info("probes", url=f"http://{host}:{listener.getsockname()[1]}")
    try:
        yield listener
    finally:
        server.should_exit = True
        await asyncio.wait({serving})
        listener.close()


def _server(checks: Checks, figures: Figures | None) -> "_Server":
    async def metrics(_: Request) -> Response:
        return exposition(*([await figures()] if figures is not None else []))

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        told = dict(await checks())
        ok = all(told.values())
        return JSONResponse({"status": "ok" if ok else "unavailable", "checks": told}, 200 if ok else 503)

    app = Starlette(routes=[Route("/metrics", metrics), Route("/healthz", alive), Route("/readyz", ready)])
    return _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=REQUESTS_MAX,
            timeout_graceful_shutdown=GRACE_S,
        )
    )


class _Server(uvicorn.Server):
    """uvicorn's, which leaves the signals to the process it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing."""
        yield


def _tell_if_it_died(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("the probes died; the work goes on unseen", exc_info=error)
