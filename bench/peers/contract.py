"""What a contestant is: something that brings a committed row to its user's open connections.

The driver starts one at a time, opens connections through it, has rows written, and looks at its processes from
outside. A new contestant is one file in `contestants/` and one line in `contestants/__init__.py`.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import psutil

from bench.delivery.clients import Face, Subscriber, Tally
from bench.wallet.server import BenchError

Write = Literal["event", "row"]
"""How its users make an event: by `append_event`, or by a row of `peer_messages`, whose trigger notifies."""


class PeersMissing(BenchError):
    """Some contestants are not installed. The text says each, and how to install it."""

    def __init__(self, lacking: dict[str, str]) -> None:
        lines = [f"  {name}: {how}" for name, how in lacking.items()]
        super().__init__("\n".join(["these peers are missing, and no row is left out:", *lines]))


class EventsLost(BenchError):
    """So many events did not reach their connections, and nothing comes any more."""

    def __init__(self, missing: int) -> None:
        self.missing = missing
        super().__init__(f"{missing} events did not arrive")


@dataclass(frozen=True, slots=True)
class Stage:
    """What a contestant is started with."""

    url: str
    """Of the database whose rows it hears of."""
    cache: Path
    """Where `install` has put packages."""
    directory: Path
    """For its files of this run."""
    port: int
    """To serve at, on 127.0.0.1."""


@dataclass(frozen=True, slots=True)
class Running:
    """A contestant that is ready."""

    client: Callable[[Face, str, Tally, str | None], Subscriber]
    """A client not yet connected: transport, the user's id, where it counts, the address it connects from."""
    front: tuple[psutil.Process, ...] = ()
    """The processes that hold the connections, or have started those that do."""
    behind: tuple[psutil.Process, ...] = ()
    """Those that bring rows to them."""

    @property
    def processes(self) -> tuple[psutil.Process, ...]:
        """All of it; PostgreSQL is everybody's and not among them."""
        return (*self.front, *self.behind)


class Contestant(Protocol):
    """One row of the tables."""

    @property
    def name(self) -> str:
        """One word, for options and files."""

    @property
    def title(self) -> str:
        """For people."""

    @property
    def faces(self) -> tuple[Face, ...]:
        """The transports that are measured."""

    @property
    def write(self) -> Write:
        """How an event of it is made."""

    @property
    def connections_max(self) -> int | None:
        """None: as many as it can hold."""

    def lacks(self) -> str | None:
        """What has to be installed by hand, as a command; None: nothing."""

    async def install(self, cache: Path) -> dict[str, str]:
        """Have its packages below `cache`; returns their versions. Raises `BenchError` if that fails."""

    def running(self, stage: Stage) -> AbstractAsyncContextManager[Running]:
        """Start it, until it takes connections; stop it at the end. Raises `BenchError`."""
