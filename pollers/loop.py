"""The loop over due rows: claim a batch under a lease, work on each, claim the next. Any number of processes share it.

The row is the job: there is no queue beside it. A process that dies leaves leases that run out. News on the bus only
makes the loop look sooner; without it rows are found a little later. On stop nothing new is claimed and what is begun
is finished, so that a provider's answer is not thrown away; a loop whose jobs may be cut off gives them `finish_s`.
No job outlives `run`: cancelled, it cancels them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

import structlog

from notifier.retry import DATABASE_FAULTS
from pollers.metrics import CLAIMED, FAILED

log = structlog.get_logger()

JobT = TypeVar("JobT")

FAULT_PAUSE_S = 1.0


class DueLoop(Generic[JobT]):
    """Claims jobs and works on up to `concurrency_max` of them at a time. kind: what its metrics call them.

    finish_s: seconds given to what is begun when it is stopped; None: as long as it takes.
    """

    def __init__(
        self,
        claim: Callable[[int], Awaitable[Sequence[JobT]]],
        work: Callable[[JobT], Awaitable[None]],
        *,
        concurrency_max: int,
        poll_s: float,
        kind: str = "job",
        finish_s: float | None = None,
    ) -> None:
        self._kind = kind
        self._finish_s = finish_s
        self._claim = claim
        self._work = work
        self._concurrency_max = concurrency_max
        self._poll_s = poll_s
        self._wake = asyncio.Event()
        self._stopping = False
        self._faulty = False

    def wake(self) -> None:
        """There may be something due."""
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when what is begun is done."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Until stopped. A job that fails is logged and comes back when its lease has run out."""
        working: set[asyncio.Task[None]] = set()

        def done(task: asyncio.Task[None]) -> None:
            working.discard(task)
            if len(working) == self._concurrency_max - 1:
                self._wake.set()  # there is room again

        async with asyncio.TaskGroup() as group:
            while not self._stopping:
                self._wake.clear()
                room = self._concurrency_max - len(working)
                jobs = await self._claim_some(room) if room else []
                for job in jobs:
                    task = group.create_task(self._work_on(job))
                    working.add(task)
                    task.add_done_callback(done)
                if len(jobs) < room or not room:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._poll_s):
                            await self._wake.wait()
            if working:
                log.info("finishing", jobs=len(working))
                _, left = await asyncio.wait(working, timeout=self._finish_s)
                for task in left:
                    task.cancel()  # due again when its lease has run out

    async def _claim_some(self, limit: int) -> Sequence[JobT]:
        try:
            jobs = await self._claim(limit)
        except DATABASE_FAULTS as error:
            # The database is away: nothing is lost, every job is a row there.
            if not self._faulty:
                log.warning("claiming failed", error=str(error) or type(error).__name__)
            self._faulty = True
            await asyncio.sleep(FAULT_PAUSE_S)
            return []
        if self._faulty:
            log.info("claiming again")
            self._faulty = False
        CLAIMED.labels(self._kind).inc(len(jobs))
        return jobs

    async def _work_on(self, job: JobT) -> None:
        try:
            await self._work(job)
        except Exception:
            FAILED.labels(self._kind).inc()
            log.exception("job failed; it is due again when its lease ends")
