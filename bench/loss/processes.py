"""The processes that are hit: gateways and followers, each started again whenever it ends, as by a supervisor.

Their output goes into files. Each is stopped when its task is cancelled; what a fault ends on purpose is not counted
against them, what ends by itself is.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import orjson

ROOT = Path(__file__).resolve().parent.parent.parent
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "TZ")  # and no setting of whoever runs the checker
PAUSE_S = 0.2
STOP_S = 10.0


class Kept:
    """`python -m <module>`, kept running."""

    def __init__(self, name: str, module: str, environment: Mapping[str, str], logs: Path) -> None:
        self.name = name
        self.module = module
        self.log = logs / f"{name}.log"
        self.starts = 0
        self.unasked = 0
        """Ends that nobody brought about: of a start while PostgreSQL was away, as a rule."""
        self._environment = {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._asked = False

    async def keep(self) -> None:
        """Start it, and again when it has ended; cancelled, stop it."""
        with self.log.open("ab") as log:
            while True:
                self._asked = False
                self.starts += 1
                self._process = process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", self.module),
                    cwd=ROOT,
                    env=self._environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=asyncio.subprocess.STDOUT,
                )
                try:
                    await process.wait()
                    self.unasked += not self._asked
                    await asyncio.sleep(PAUSE_S)
                finally:
                    await _stop(process)

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; False: it does not run at the moment."""
        process = self._process
        if process is None or process.returncode is not None:
            return False
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._asked = True
        with suppress(ProcessLookupError):
            process.send_signal(number)
        return True

    def last_said(self, event: str) -> str:
        """When it last logged this event: a time as text, empty for never."""
        said = ""
        with self.log.open("rb") as log:
            for line in log:
                if event.encode() in line:
                    with suppress(orjson.JSONDecodeError, KeyError, TypeError):
                        said = orjson.loads(line)["timestamp"]
        return said


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGCONT)  # a process that was stopped hears nothing else
        process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@asynccontextmanager
async def running(works: Iterable[Coroutine[None, None, None]]) -> AsyncIterator[list["asyncio.Task[None]"]]:
    """Each as a task while the block runs; they are cancelled at its end, and have ended when it is left."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield tasks
    finally:
        await ended(tasks)


def look_after(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Raise what one of these, meant to run on, has ended with."""
    for task in tasks:
        if task.done():
            task.result()


async def ended(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Cancel them, and return when they have ended; how, their owner may ask."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def leader(followers: Sequence[Kept]) -> Kept:
    """The follower that took the lead last."""
    return max(followers, key=lambda follower: follower.last_said("follower.leads"))
