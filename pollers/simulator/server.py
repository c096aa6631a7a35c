"""Running the simulator: as a process of its own, or in a thread beside a test. On loopback only: its key is public."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from pollers.simulator.app import create_app
from pollers.simulator.settings import SimulatorSettings

HOST = "127.0.0.1"
DRAIN_S = 1
STOP_S = 5.0


def run(settings: SimulatorSettings) -> None:
    """Serve until SIGINT or SIGTERM. Prints one line once the port is taken; exits with 1 if it cannot be had."""
    config = _config(settings)
    try:
        listener = socket.create_server((HOST, settings.port))
    except OSError as error:
        sys.exit(f"SIM_PORT: cannot listen on {HOST}:{settings.port}: {os.strerror(error.errno or 0)}")
    sys.stdout.write(f"simulator: http://{HOST}:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def running(settings: SimulatorSettings) -> Iterator[str]:
    """Serve in a thread of this process while the block runs; yields the base URL."""
    config = _config(settings)
    with config.bind_socket() as listener:
        # Listening before the loop runs, so that a request sent at once waits instead of being refused.
        listener.listen()
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True)
        thread.start()
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(STOP_S)
            if thread.is_alive():
                raise RuntimeError(f"expected the simulator to stop within {STOP_S} s")


def _config(settings: SimulatorSettings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(settings),
        host=HOST,
        port=settings.port,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=DRAIN_S,
    )
