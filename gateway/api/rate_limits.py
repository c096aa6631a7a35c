"""How many requests one user and one address may send. Pure: names and times in, standings out.

Token buckets of this process: so many a second in the long run, twice as many at once. The headers are those of
draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` says the bound, `RateLimit` what is left of it.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

KEYS_MAX = 100_000
"""Buckets kept; beyond that those go that are full again, or all."""
AT_ONCE_S = 2
"""A bucket holds the requests of so many seconds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a bucket says to one request."""

    policy: str
    per_s: int
    left: float
    """Requests, after this one; below 0: this one was not to be."""

    @property
    def is_refused(self) -> bool:
        """This one is one too many."""
        return self.left < 0

    @property
    def retry_after_s(self) -> int:
        """When there will be one again."""
        return max(1, math.ceil(-self.left / self.per_s))

    @property
    def _full_in_s(self) -> int:
        return math.ceil((AT_ONCE_S * self.per_s - max(self.left, 0)) / self.per_s)

    @property
    def bound(self) -> str:
        """An item of RateLimit-Policy."""
        return f'"{self.policy}";q={AT_ONCE_S * self.per_s};w={AT_ONCE_S}'

    @property
    def state(self) -> str:
        """An item of RateLimit."""
        return f'"{self.policy}";r={max(0, math.floor(self.left))};t={self._full_in_s}'


class RateLimit:
    """The buckets of one policy. per_s 0: no bound."""

    def __init__(self, policy: str, per_s: int) -> None:
        self._policy = policy
        self._per_s = per_s
        self._buckets: dict[Hashable, tuple[float, float]] = {}
        """What was left when last asked, and when that was."""

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable, now_s: float) -> Standing | None:
        """One request of `key`; None: nobody counts. A request that is refused takes nothing."""
        if not self._per_s:
            return None
        left = self._left(key, now_s)
        if left >= 1:
            if len(self._buckets) >= KEYS_MAX and key not in self._buckets:
                self._tidy(now_s)
            self._buckets[key] = left - 1, now_s
        return Standing(self._policy, self._per_s, left - 1)

    def _left(self, key: Hashable, now_s: float) -> float:
        most = float(AT_ONCE_S * self._per_s)
        left, at_s = self._buckets.get(key, (most, now_s))
        return min(most, left + (now_s - at_s) * self._per_s)

    def _tidy(self, now_s: float) -> None:
        for key in [key for key, (_, at_s) in self._buckets.items() if now_s - at_s >= AT_ONCE_S]:
            del self._buckets[key]
        if len(self._buckets) >= KEYS_MAX:
            self._buckets.clear()


def headers_of(standings: Sequence[Standing]) -> dict[str, str]:
    """The two headers; none without a bound."""
    if not standings:
        return {}
    return {
        "ratelimit-policy": ", ".join(standing.bound for standing in standings),
        "ratelimit": ", ".join(standing.state for standing in standings),
    }
