"""The Python peers' own environment, and an ASGI application in it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from bench.peers.contract import Stage
from bench.peers.processes import SERVERS, install_python, listening
from bench.wallet.server import run

VERSIONS = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]), sep='\\n')"


async def install_packages(cache: Path, *names: str) -> dict[str, str]:
    """All of them are installed at once; returns the versions of those named. Raises `BenchError`."""
    python = await install_python(cache)
    return dict(zip(names, (await run(python, "-c", VERSIONS, *names)).split(), strict=True))


@asynccontextmanager
async def python_server(stage: Stage, application: str) -> AsyncIterator[tuple[psutil.Process, ...]]:
    """`module:application` of `servers/`, under uvicorn with uvloop, on the stage's port."""
    python = str(stage.cache / "python" / "bin" / "python")
    options = ("--port", str(stage.port), "--backlog", "4096", "--loop", "uvloop", "--log-level", "warning")
    command = (python, "-m", "uvicorn", "--app-dir", str(SERVERS), *options, application)
    environment = os.environ | {"DATABASE_URL": stage.url}
    async with listening(application, stage.port, *command, environment=environment) as processes:
        yield processes
