"""Deadlines of many connections at little memory: kept by the moment they fall due, with one timer for the next.

A timer of the loop's own costs more than half a kilobyte with its handle and context, and each connection has a
deadline or two for all its life. These are met up to SLOT_S late, and never early.
"""

import asyncio
from heapq import heappop, heappush
from math import ceil
from typing import Protocol

import structlog

log = structlog.get_logger()

SLOT_S = 0.1
SLACK = 1_000


class Waiter(Protocol):
    """Whoever has a deadline, one at a time."""

    def due(self) -> None:
        """It has come."""


class Deadlines:
    """Of one kind of waiters, in one process."""

    def __init__(self) -> None:
        self._slots: dict[int, set[Waiter]] = {}
        """By the loop's time in units of SLOT_S."""
        self._order: list[int] = []
        """A heap of the slots, and of some that were emptied."""
        self._ringing: set[Waiter] = set()
        """Due now, and not called yet: who is removed by another's end is not."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_slot = 0

    def __len__(self) -> int:
        return sum(map(len, self._slots.values())) + len(self._ringing)

    def add(self, waiter: Waiter, after_s: float) -> int:
        """Call the waiter's `due` after so long; returns what `remove` takes."""
        now = asyncio.get_running_loop().time()
        slot = ceil((now + after_s) / SLOT_S) if after_s > 0 else int(now / SLOT_S)
        waiters = self._slots.get(slot)
        if waiters is None:
            waiters = self._slots[slot] = set()
            heappush(self._order, slot)
            self._watch()
        waiters.add(waiter)
        return slot

    def remove(self, waiter: Waiter, slot: int) -> None:
        """The deadline counts no more; one that has come already is fine."""
        self._ringing.discard(waiter)
        if (waiters := self._slots.get(slot)) is None:
            return
        waiters.discard(waiter)
        if not waiters:
            del self._slots[slot]
            if len(self._order) > 2 * len(self._slots) + SLACK:
                self._order = sorted(self._slots)  # which is a heap

    def _watch(self) -> None:
        """Have the timer ring for the first slot."""
        if self._timer is not None:
            if self._timer_slot <= self._order[0]:
                return
            self._timer.cancel()
        self._timer_slot = self._order[0]
        self._timer = asyncio.get_running_loop().call_at(self._timer_slot * SLOT_S, self._ring)

    def _ring(self) -> None:
        self._timer = None
        while self._order and self._order[0] <= self._timer_slot:
            self._ringing |= self._slots.pop(heappop(self._order), set())
        while self._ringing:
            try:
                self._ringing.pop().due()
            except Exception:  # one connection's fault is not the others'
                log.exception("deadline failed")
        if self._order:
            self._watch()
