"""Rate limits as providers have them: so many requests a second, then a refusal, a block, a ban. Pure.

Invariant: within one second of the clock at most `per_s` requests are admitted, and none while a block or ban lasts.
Requests refused during a block do not prolong it.
"""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What is allowed, and what is said beyond it.

    per_s: requests in one second. block_s: nothing is admitted for so long after one too many. hits_max: so many
    seconds with too many requests within hits_window_s bring a ban of ban_s; 0 for no ban.
    """

    per_s: int
    http_status: int = 429
    text: str = "Too Many Requests"
    block_s: float = 0.0
    hits_max: int = 0
    hits_window_s: float = 600.0
    ban_s: float = 600.0


HEROSMS = RateLimit(50, block_s=10.0)
FIVESIM_KEY = RateLimit(100, 429, "api limit is 100 requests per second", hits_max=5)
FIVESIM_ADDRESS = RateLimit(100, 503, "ip address limit is 100 requests per second", hits_max=5)

OWN_LIMITS = {
    "sms_activate": HEROSMS,
    "herosms": HEROSMS,
    "fivesim": FIVESIM_KEY,
    "fivesim_address": FIVESIM_ADDRESS,
}
"""The providers' own limits by name: the provider's for its key, and 5sim's for an address besides."""


class RateLimiter:
    """One limit on one key or address. `now` never goes back."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._second = -1
        self._count = 0
        self._closed_until = 0.0
        self._hits: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Count a request at this time (epoch seconds); False if it is one too many."""
        if now < self._closed_until:
            return False
        if int(now) != self._second:
            self._second, self._count = int(now), 0
        self._count += 1
        if self._count <= self.limit.per_s:
            return True
        if self._count == self.limit.per_s + 1:
            self._hit(now)
        return False

    def _hit(self, now: float) -> None:
        limit = self.limit
        self._closed_until = now + limit.block_s
        if not limit.hits_max:
            return
        self._hits.append(now)
        while self._hits[0] <= now - limit.hits_window_s:
            self._hits.popleft()
        if len(self._hits) >= limit.hits_max:
            self._hits.clear()
            self._closed_until = now + limit.ban_s
