"""django-eventstream under uvicorn, with asyncpg."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.delivery.clients import Face
from bench.peers.clients import EventStreamClient
from bench.peers.contract import Running, Stage, Write
from bench.peers.python import install_packages, python_server


@dataclass(frozen=True, slots=True)
class DjangoEventstream:
    """One process."""

    name: str = "django-eventstream"
    title: str = "django-eventstream + asyncpg"
    faces: tuple[Face, ...] = ("sse",)
    write: Write = "row"
    connections_max: None = None

    def lacks(self) -> str | None:
        """Nothing that pip does not bring."""
        return None

    async def install(self, cache: Path) -> dict[str, str]:
        """By pip."""
        return await install_packages(cache, "django-eventstream", "django", "uvicorn", "asyncpg")

    @asynccontextmanager
    async def running(self, stage: Stage) -> AsyncIterator[Running]:
        """`servers/django_events.py`."""
        async with python_server(stage, "django_events:app") as front:
            yield Running(
                lambda face, user, tally, source: EventStreamClient(face, f"/events/{user}", stage.port, tally, source),
                front,
            )
