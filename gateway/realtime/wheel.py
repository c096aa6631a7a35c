"""The heartbeats' wheel: who is to hear from us when. Pure: no clock, the owner turns it.

Each connection is in one slot and each turn visits one slot, so each is visited once in as many turns as there are
slots, the first time after at most so many. Who comes goes where the fewest are: thousands that come back within a
second are spread over the whole time between two heartbeats. Where those are is looked for among spokes first, then
among the slots of one: there may be thousands of slots.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
MADE_UP_S = 1.0


@dataclass(slots=True)
class Pace:
    """When the wheel is to be turned: every `step_s`. Turns that come late are made up for, a second's at most.

    After a longer standstill not faster: clients must have their time to answer a ping.
    """

    step_s: float
    due_s: float
    """The next turn."""

    def turns(self, now_s: float) -> int:
        """How many are due by now; they are taken for done."""
        self.due_s = max(self.due_s, now_s - MADE_UP_S)
        turns = int((now_s - self.due_s) / self.step_s) + 1 if now_s >= self.due_s else 0
        self.due_s += turns * self.step_s
        return turns


class Wheel(Generic[ItemT]):
    """Spokes of slots of connections."""

    def __init__(self, spokes: int, slots_each: int = 1) -> None:
        self._slots: list[set[ItemT]] = [set() for _ in range(spokes * slots_each)]
        self._each = slots_each
        self._sizes = [0] * spokes
        self._next = 0

    def __len__(self) -> int:
        return sum(self._sizes)

    def __iter__(self) -> Iterator[ItemT]:
        return iter([item for slot in self._slots for item in slot])

    def emptiest(self) -> int:
        """The slot for who comes next: of the spokes with the fewest the one that was visited last."""
        sizes, begun = self._sizes, self._next // self._each
        spoke = (begun - 1 - (sizes[begun:] + sizes[:begun])[::-1].index(min(sizes))) % len(sizes)
        first = spoke * self._each
        lengths = [*map(len, self._slots[first : first + self._each])]
        return first + lengths.index(min(lengths))

    def add(self, slot: int, item: ItemT) -> None:
        """Visit the item from now on."""
        self._slots[slot].add(item)
        self._sizes[slot // self._each] += 1

    def discard(self, slot: int, item: ItemT) -> None:
        """Visit it no more; idempotent."""
        if item in self._slots[slot]:
            self._slots[slot].remove(item)
            self._sizes[slot // self._each] -= 1

    def turn(self) -> list[ItemT]:
        """Those of the next slot."""
        due = list(self._slots[self._next])
        self._next = (self._next + 1) % len(self._slots)
        return due
