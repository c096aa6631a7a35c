"""Deadlines: never early, soon after, and none for who is gone."""

import asyncio
import random

from gateway.realtime.deadlines import SLACK, SLOT_S, Deadlines
from tests.gateway.support import in_a_loop

LATE_S = 2.0
"""For a machine that is busy."""


class Waiter:
    """Notes when it was called."""

    def __init__(self, on_due: object = None) -> None:
        self.called = asyncio.Event()
        self.at = 0.0
        self.times = 0
        self.on_due = on_due

    def due(self) -> None:
        self.at = asyncio.get_running_loop().time()
        self.times += 1
        self.called.set()
        if callable(self.on_due):
            self.on_due()


@in_a_loop
async def test_each_is_called_once_in_time_and_never_early() -> None:
    deadlines, chance, now = Deadlines(), random.Random(1), asyncio.get_running_loop().time
    waiters = [(Waiter(), chance.uniform(-0.1, 0.5)) for _ in range(500)]
    began = now()
    for waiter, after_s in waiters:
        deadlines.add(waiter, after_s)
    for waiter, after_s in waiters:
        await waiter.called.wait()
        assert waiter.at - began >= after_s - 0.002  # uvloop's and asyncio's timers may be a millisecond early
        assert waiter.at - began <= after_s + SLOT_S + LATE_S
    assert {waiter.times for waiter, _ in waiters} == {1}


@in_a_loop
async def test_an_earlier_one_is_not_held_up_by_a_later_one() -> None:
    deadlines, soon, late = Deadlines(), Waiter(), Waiter()
    deadlines.add(late, 3_600)
    deadlines.add(soon, 0.01)
    await soon.called.wait()
    assert not late.called.is_set()


@in_a_loop
async def test_one_that_is_removed_is_not_called_even_by_another_of_the_same_moment() -> None:
    deadlines = Deadlines()
    slots: dict[Waiter, int] = {}
    first, second, last = Waiter(), Waiter(), Waiter()
    first.on_due = lambda: deadlines.remove(second, slots[second])
    second.on_due = lambda: deadlines.remove(first, slots[first])
    slots |= {waiter: deadlines.add(waiter, 0) for waiter in (first, second)}
    gone = Waiter()
    deadlines.remove(gone, deadlines.add(gone, 0.01))
    deadlines.add(last, 0.2)
    await last.called.wait()
    assert first.times + second.times == 1
    assert gone.times == 0


@in_a_loop
async def test_fault_of_one_is_not_the_others() -> None:
    deadlines, fine, later = Deadlines(), Waiter(), Waiter()
    deadlines.add(Waiter(lambda: 1 / 0), 0)
    deadlines.add(fine, 0)
    deadlines.add(later, 0.15)
    await fine.called.wait()
    await later.called.wait()


@in_a_loop
async def test_one_may_ask_for_another_when_it_is_called() -> None:
    deadlines, again = Deadlines(), Waiter()
    deadlines.add(Waiter(lambda: deadlines.add(again, 0)), 0)
    await again.called.wait()


@in_a_loop
async def test_what_is_removed_leaves_nothing() -> None:
    deadlines, waiter = Deadlines(), Waiter()
    for turn in range(10 * SLACK):
        deadlines.remove(waiter, deadlines.add(waiter, 60 + turn))
    assert len(deadlines) == 0
    assert len(deadlines._order) <= SLACK
