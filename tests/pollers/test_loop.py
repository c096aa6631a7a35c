"""The loop over due rows, with jobs that are numbers and a list in place of the database's rows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from structlog.testing import capture_logs

from pollers import loop as loop_module
from pollers.loop import DueLoop

DEADLINE_S = 10


class Rows:
    """Jobs that are due; each is claimed once."""

    def __init__(self, jobs: Sequence[int] = ()) -> None:
        self.due = list(jobs)
        self.limits: list[int] = []
        self.looked_at = asyncio.Event()
        self.faults = 0
        """So many claims fail first."""

    async def claim(self, limit: int) -> Sequence[int]:
        self.limits.append(limit)
        self.looked_at.set()
        if self.faults:
            self.faults -= 1
            raise ConnectionError("the database is away")
        claimed, self.due = self.due[:limit], self.due[limit:]
        return claimed


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await scenario()

    asyncio.run(main())


def test_every_job_is_worked_on_once_and_no_more_than_the_bound_at_a_time() -> None:
    async def scenario() -> None:
        rows = Rows(range(100))
        working, most, seen = 0, 0, list[int]()

        async def work(job: int) -> None:
            nonlocal working, most
            working += 1
            most = max(most, working)
            await asyncio.sleep(0)  # others get their turn
            await asyncio.sleep(0)
            working -= 1
            seen.append(job)
            if len(seen) == 100:
                loop.stop()

        loop = DueLoop(rows.claim, work, concurrency_max=7, poll_s=60)  # so a poll would come too late
        await loop.run()
        assert sorted(seen) == list(range(100))
        assert most == 7
        assert max(rows.limits) <= 7

    run(scenario)


def test_one_slow_job_does_not_hold_up_the_others() -> None:
    async def scenario() -> None:
        rows, done, release = Rows(range(20)), list[int](), asyncio.Event()

        async def work(job: int) -> None:
            if job == 0:
                await release.wait()
            done.append(job)
            if len(done) == 19:
                release.set()
                loop.stop()

        loop = DueLoop(rows.claim, work, concurrency_max=2, poll_s=0.001)
        await loop.run()
        assert done[-1] == 0

    run(scenario)


def test_a_call_wakes_it_before_the_poll() -> None:
    async def scenario() -> None:
        rows, worked = Rows(), asyncio.Event()

        async def work(_: int) -> None:
            worked.set()

        loop = DueLoop(rows.claim, work, concurrency_max=2, poll_s=60)
        running = asyncio.create_task(loop.run())
        await rows.looked_at.wait()
        rows.due.append(1)
        loop.wake()
        await worked.wait()
        loop.stop()
        await running

    run(scenario)


def test_without_a_call_the_poll_finds_it() -> None:
    async def scenario() -> None:
        rows = Rows()

        async def work(_: int) -> None:
            loop.stop()

        loop = DueLoop(rows.claim, work, concurrency_max=2, poll_s=0.01)
        running = asyncio.create_task(loop.run())
        await rows.looked_at.wait()
        rows.due.append(1)
        await running

    run(scenario)


def test_jobs_that_fail_are_logged_and_stop_nothing() -> None:
    async def scenario() -> None:
        rows, done = Rows(range(10)), list[int]()

        async def work(job: int) -> None:
            if job % 2:
                raise ValueError("this job cannot be done")
            done.append(job)
            if job == 8:
                loop.stop()

        loop = DueLoop(rows.claim, work, concurrency_max=1, poll_s=0.01)
        with capture_logs() as logged:
            await loop.run()
        assert done == [0, 2, 4, 6, 8]
        assert sum(line["log_level"] == "error" for line in logged) == 4

    run(scenario)


def test_a_claim_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "FAULT_PAUSE_S", 0.001)

    async def scenario() -> None:
        rows = Rows([1])
        rows.faults = 3

        async def work(_: int) -> None:
            loop.stop()

        loop = DueLoop(rows.claim, work, concurrency_max=2, poll_s=0.001)
        with capture_logs() as logged:
            await loop.run()
        # One line for each change, however long it lasts.
        assert [line["event"] for line in logged if "claiming" in line["event"]] == [
            "claiming failed",
            "claiming again",
        ]

    run(scenario)


def test_stopping_finishes_what_is_begun_and_begins_nothing() -> None:
    async def scenario() -> None:
        rows, begun, release, done = Rows(range(5)), asyncio.Event(), asyncio.Event(), list[int]()

        async def work(job: int) -> None:
            begun.set()
            await release.wait()
            done.append(job)

        loop = DueLoop(rows.claim, work, concurrency_max=2, poll_s=0.001)
        running = asyncio.create_task(loop.run())
        await begun.wait()
        loop.stop()
        release.set()
        await running
        assert done == [0, 1]
        assert rows.due == [2, 3, 4]

    run(scenario)


def test_stopping_cuts_off_what_takes_longer_than_it_is_given() -> None:
    async def scenario() -> None:
        rows, begun, done = Rows(range(2)), asyncio.Event(), list[int]()

        async def work(job: int) -> None:
            begun.set()
            if job:
                await asyncio.Event().wait()
            done.append(job)

        loop = DueLoop(rows.claim, work, concurrency_max=2, poll_s=60, finish_s=0.01)
        running = asyncio.create_task(loop.run())
        await begun.wait()
        loop.stop()
        await running
        assert done == [0]

    run(scenario)


def test_a_loop_stopped_before_it_runs_claims_nothing() -> None:
    async def scenario() -> None:
        rows = Rows([1])

        async def work(_: int) -> None:
            raise AssertionError

        loop = DueLoop(rows.claim, work, concurrency_max=2, poll_s=60)
        loop.stop()
        await loop.run()
        assert rows.limits == []

    run(scenario)


def test_no_job_outlives_a_cancelled_loop() -> None:
    async def scenario() -> None:
        rows, begun, ended = Rows([1]), asyncio.Event(), asyncio.Event()

        async def work(_: int) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        running = asyncio.create_task(DueLoop(rows.claim, work, concurrency_max=2, poll_s=60).run())
        await begun.wait()
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()
        assert ended.is_set()

    run(scenario)
