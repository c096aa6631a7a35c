"""Node and its packages, which several contestants run on."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from bench.peers.contract import Stage
from bench.peers.processes import SERVERS, install_node, lacks_programs, listening, program, saying_ready


def lacks_node() -> str | None:
    """The command that installs what is missing."""
    return lacks_programs(node="nodejs", npm="npm")


async def install_packages(cache: Path, *names: str) -> dict[str, str]:
    """All of them are installed at once; returns the versions of those named. Raises `BenchError`."""
    modules = await install_node(cache)
    return {name: json.loads((modules / name / "package.json").read_text())["version"] for name in names}


def _environment(stage: Stage, environment: Mapping[str, str]) -> dict[str, str]:
    return {
        **environment,
        "NODE_ENV": "production",
        "NODE_PATH": str(stage.cache / "node" / "node_modules"),
        "DATABASE_URL": stage.url,
        "PORT": str(stage.port),
    }


@asynccontextmanager
async def node_server(
    stage: Stage, script: str, environment: Mapping[str, str]
) -> AsyncIterator[tuple[psutil.Process, ...]]:
    """A script of `servers/` that listens on the stage's port."""
    command = (program("node"), str(SERVERS / script))
    async with listening(script, stage.port, *command, environment=_environment(stage, environment)) as processes:
        yield processes


@asynccontextmanager
async def node_feeder(
    stage: Stage, script: str, environment: Mapping[str, str]
) -> AsyncIterator[tuple[psutil.Process, ...]]:
    """A script of `servers/` that says when it is ready."""
    command = (program("node"), str(SERVERS / script))
    async with saying_ready(script, *command, environment=_environment(stage, environment)) as processes:
        yield processes
