"""The server: uvicorn with our WebSocket protocol, on a socket of ours, that sends its clients away before it stops."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn

from gateway.app import create_app
from gateway.http import HttpProtocol
from gateway.realtime.websocket import WebSocketProtocol
from gateway.services import Services, open_services
from gateway.settings import GatewaySettings
from gateway.traced import traced
from notifier.listening import open_port

log = structlog.get_logger()

GRACE_S = 5
COLLECT = (2_000, 10, 1_000)
"""When Python looks for circles of objects. A look at all of them stops the process for some microseconds a connection,
so a tenth of a second with thousands; ours leave none behind (a test counts them)."""


def listen(settings: GatewaySettings, variable: str = "PORT") -> socket.socket:
    """The listening socket. Raises PortTaken, naming the variable that chose the port."""
    listener = open_port(settings.host, settings.port, variable, shared=settings.port_shared)
    if sys.platform == "linux":
        # Connections inherit it: who has not taken a heartbeat when the next is due is gone. SSE has no ping to tell.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1_000 * settings.heartbeat_s)
    return listener


class Server(uvicorn.Server):
    """uvicorn's server, with an orderly way to leave."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Readiness off, clients away, then uvicorn's own end."""
        try:
            await self._services.realtime.leave()
        finally:
            await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM ask to leave. uvicorn's own would end the process before our frame is closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


async def serve(settings: GatewaySettings, database_url: str, listener: socket.socket) -> int:
    """Serve until told to stop; the process's exit status. Raises DatabaseUnavailable."""
    died: list[BaseException] = []
    server: Server | None = None

    def failed(error: BaseException) -> None:
        log.critical("a task of the gateway died: stopping", exc_info=error)
        died.append(error)
        if server is not None:
            server.should_exit = True

    async with open_services(settings, database_url, failed) as services:
        server = server_of(services)
        server.should_exit = bool(died)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT)
        log.info("listening", url=f"http://{settings.host}:{listener.getsockname()[1]}")
        await server.serve(sockets=[listener])
    return 1 if died else 0


def server_of(services: Services) -> Server:
    """uvicorn, with what is ours in it."""
    config = uvicorn.Config(
        traced(create_app(services)),
        http=HttpProtocol,
        ws=WebSocketProtocol,
        lifespan="on",
        log_config=None,
        access_log=False,  # addresses may hold tokens
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config, services)
