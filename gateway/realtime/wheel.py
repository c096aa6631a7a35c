"""The heartbeats' wheel: who is to hear from us in which second. Pure: no clock, the owner turns it.

Each connection is in one bucket and each turn visits one bucket, so each is visited once in as many turns as there are
buckets, the first time after at most so many. Who comes goes where the fewest are: thousands that come back within a
second are spread over all the seconds of a heartbeat.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class Wheel(Generic[ItemT]):
    """Buckets of connections."""

    def __init__(self, buckets: int) -> None:
        self._buckets: list[set[ItemT]] = [set() for _ in range(buckets)]
        self._next = 0

    def __len__(self) -> int:
        return sum(map(len, self._buckets))

    def __iter__(self) -> Iterator[ItemT]:
        return iter([item for bucket in self._buckets for item in bucket])

    def emptiest(self) -> int:
        """The bucket for who comes next: of those with the fewest the one that was visited last."""
        sizes = [*map(len, self._buckets)]
        return (self._next - 1 - (sizes[self._next :] + sizes[: self._next])[::-1].index(min(sizes))) % len(sizes)

    def add(self, bucket: int, item: ItemT) -> None:
        """Visit the item from now on."""
        self._buckets[bucket].add(item)

    def discard(self, bucket: int, item: ItemT) -> None:
        """Visit it no more; idempotent."""
        self._buckets[bucket].discard(item)

    def turn(self) -> list[ItemT]:
        """Those of the next bucket."""
        due = list(self._buckets[self._next])
        self._next = (self._next + 1) % len(self._buckets)
        return due
