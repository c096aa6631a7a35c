"""So many at most within so long, of each: for what nobody needs often. Pure: names and times in, seconds out.

The count is of this process, and exact: a window that moves, not a bucket that fills.
"""

from collections import deque
from collections.abc import Hashable

KEYS_MAX = 100_000
"""Names kept; beyond that those go whose times are over, or all."""


class Seldom:
    """count: at most so many of a name within `within_s`."""

    def __init__(self, count: int, within_s: float) -> None:
        self._count = count
        self._within_s = within_s
        self._times_s: dict[Hashable, deque[float]] = {}

    def take(self, key: Hashable, now_s: float) -> float | None:
        """One of this name; None: it may be. Else the seconds until the next may, and nothing is taken."""
        times_s = self._times_s.get(key)
        if times_s is None:
            if len(self._times_s) >= KEYS_MAX:
                self._tidy(now_s)
            times_s = self._times_s[key] = deque(maxlen=self._count)
        if len(times_s) == self._count and now_s - times_s[0] < self._within_s:
            return self._within_s - (now_s - times_s[0])
        times_s.append(now_s)
        return None

    def _tidy(self, now_s: float) -> None:
        self._times_s = {key: times for key, times in self._times_s.items() if now_s - times[-1] < self._within_s}
        if len(self._times_s) >= KEYS_MAX:
            self._times_s.clear()
