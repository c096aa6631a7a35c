"""Which ids of the outbox are still to be read: all above the highest seen, and the gaps below it.

Ids are drawn in order and become visible at commit, in any order. So an id below one already seen may be held by a
transaction still open, or be rolled back and never come. Each gap gets a horizon: a transaction id newer than whoever
may hold an id in it, taken after the gap was noticed. Once a snapshot that does not show the id has an xmin at or above
the horizon, everybody below it has ended, and the id is dropped.

One transaction left open keeps xmin down, and every rollback after it stays missing until it ends. To keep reads cheap
meanwhile, only the newest gaps (`recent_ids_max` ids) belong to every read; older ones are read now and then, and at
once if somebody's next event was read while the one before it may be among them. All old ids are lower than all recent
ones, so a user's older event is never recent while a newer one is old. Pure: ids and xids in, ranges out.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HIGHEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ids to read, as ranges with both ends included, ascending."""

    firsts: list[int]
    lasts: list[int]


@dataclass(slots=True)
class _Gap:
    first: int
    last: int
    horizon: int | None = None


class Unread:
    """What the follower has not seen yet, after id `last` and before."""

    def __init__(self, last: int, *, recent_ids_max: int = 1000, gaps_max: int = 100_000) -> None:
        self.last = last
        """The highest id seen, or where reading began."""
        self.forgotten = 0
        """How many ids were given up, still missing, because there were too many gaps."""
        self._recent: list[_Gap] = []
        self._old: list[_Gap] = []
        self._recent_ids_max = recent_ids_max
        self._gaps_max = gaps_max

    @property
    def missing(self) -> int:
        """How many ids below `last` may still come."""
        return sum(gap.last - gap.first + 1 for gaps in (self._old, self._recent) for gap in gaps)

    @property
    def has_old(self) -> bool:
        """Whether there are ids that not every read includes."""
        return bool(self._old)

    def ranges(self) -> Ranges:
        """What every read includes: recent gaps, and all ids above `last`."""
        return Ranges(
            [*(gap.first for gap in self._recent), self.last + 1], [*(gap.last for gap in self._recent), HIGHEST_ID]
        )

    def old_ranges(self) -> Ranges:
        """The other gaps."""
        return Ranges([gap.first for gap in self._old], [gap.last for gap in self._old])

    def is_old(self, event_id: int) -> bool:
        """Whether the id is missing, and was not included in `ranges`."""
        index = bisect_right(self._old, event_id, key=lambda gap: gap.first) - 1
        return index >= 0 and event_id <= self._old[index].last

    def note(self, ids: Sequence[int], xmin: int, *, complete: bool) -> bool:
        """Take the answer to `ranges`: ids ascending, and the xmin of the snapshot they were read in.

        Not `complete`: the answer was cut off after its last id. True: gaps were noticed; give them a horizon, `bound`.
        """
        split = bisect_right(ids, self.last)
        self._recent = _settle(self._recent, ids[:split], xmin, HIGHEST_ID if complete else ids[-1])
        noticed = False
        for event_id in ids[split:]:
            if event_id > self.last + 1:
                self._recent.append(_Gap(self.last + 1, event_id - 1))
                noticed = True
            self.last = event_id
        self._age()
        return noticed

    def note_old(self, ids: Sequence[int], xmin: int, *, complete: bool) -> None:
        """Take the answer to `old_ranges`."""
        self._old = _settle(self._old, ids, xmin, HIGHEST_ID if complete else ids[-1])

    def bound(self, horizon: int) -> None:
        """Give the gaps noticed last their horizon: a transaction id assigned after they were."""
        for gaps in (self._recent, self._old):
            for gap in reversed(gaps):
                if gap.horizon is not None:
                    break
                gap.horizon = horizon

    def _age(self) -> None:
        """Move what exceeds the bounds from recent to old, and from old to oblivion."""
        ids, keep = 0, len(self._recent)
        for gap in reversed(self._recent):
            ids += gap.last - gap.first + 1
            if ids > self._recent_ids_max:
                break
            keep -= 1
        if keep:
            self._old += self._recent[:keep]
            del self._recent[:keep]
        if (excess := len(self._old) - self._gaps_max) > 0:
            self.forgotten += sum(gap.last - gap.first + 1 for gap in self._old[:excess])
            del self._old[:excess]


def _settle(gaps: Iterable[_Gap], ids: Sequence[int], xmin: int, checked_to: int) -> list[_Gap]:
    """The gaps that remain when `ids` have come, and what can no longer come is dropped."""
    remaining: list[_Gap] = []
    for gap in gaps:
        position = bisect_left(ids, gap.first) if ids else 0
        if position == len(ids) or ids[position] > gap.last:
            parts = [gap]
        else:
            parts = []
            first = gap.first
            while position < len(ids) and ids[position] <= gap.last:
                if ids[position] > first:
                    parts.append(_Gap(first, ids[position] - 1, gap.horizon))
                first = ids[position] + 1
                position += 1
            if first <= gap.last:
                parts.append(_Gap(first, gap.last, gap.horizon))
        remaining += (part for part in parts if part.last > checked_to or part.horizon is None or part.horizon > xmin)
    return remaining
