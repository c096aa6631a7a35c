"""When a figure of the cards is worth an alarm. Pure: figures in, a verdict out; where they come from is `alarms`.

Each threshold has a floor beside it, for shares of almost nothing alarm every quiet night: one failed webhook of one is
all of them, and the third blocked card of a week is sigmas away from a month without any.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import sqrt

CENT = Decimal("0.01")
WEBHOOKS_MIN = 20
"""Fewer within the hour say nothing about a share."""
BLOCKED_MIN = 5
"""Cards blocked in a day that are never an alarm, up to here."""
SIGMA_MIN = 1.0
"""Of days that were all alike."""
DAYS_MIN = 7
"""Fewer days before are no baseline."""


def difference_percent(ours: Decimal, theirs: Decimal) -> Decimal:
    """By how much two balances differ, of the larger one; below a cent they do not."""
    difference = abs(ours - theirs)
    if difference < CENT:
        return Decimal(0)
    return 100 * difference / max(abs(ours), abs(theirs))


def are_failing(failed: int, received: int, percent_max: float) -> bool:
    """Whether so many of the webhooks of an hour are too many."""
    return received >= WEBHOOKS_MIN and 100 * failed > percent_max * received


def blocked_limit(days_before: Sequence[int], sigmas: float) -> float | None:
    """How many cards may be blocked in a day, by how many it were on the days before; None: too few of them."""
    if len(days_before) < DAYS_MIN:
        return None
    mean = sum(days_before) / len(days_before)
    sigma = sqrt(sum((blocked - mean) ** 2 for blocked in days_before) / len(days_before))
    return max(mean + sigmas * max(sigma, SIGMA_MIN), float(BLOCKED_MIN))


class SlowWatch:
    """Minutes of calls to providers, by name: which of them have been slow for so many minutes without a break.

    A minute without a call breaks nothing and adds nothing: nobody waited in it.
    """

    def __init__(self, slow_s: float, minutes: int) -> None:
        self._slow_s = slow_s
        self._minutes = minutes
        self._means: dict[str, deque[float]] = {}
        self._totals: Mapping[str, tuple[float, float]] = {}
        self.slow: frozenset[str] = frozenset()
        """As of the last minute noted."""

    def note_minute(self, totals: Mapping[str, tuple[float, float]]) -> tuple[frozenset[str], frozenset[str]]:
        """Note the totals so far, calls and their seconds, by provider: who has become slow, and who is no more."""
        for provider, (calls, seconds) in totals.items():
            calls_before, seconds_before = self._totals.get(provider, (0.0, 0.0))
            if calls > calls_before:
                means = self._means.setdefault(provider, deque(maxlen=self._minutes))
                means.append((seconds - seconds_before) / (calls - calls_before))
        self._totals = dict(totals)
        before = self.slow
        self.slow = frozenset(
            provider
            for provider, means in self._means.items()
            if len(means) == self._minutes and min(means) > self._slow_s
        )
        return self.slow - before, before - self.slow

    def mean_s(self, provider: str) -> float:
        """Of a call, over the minutes kept."""
        means = self._means[provider]
        return sum(means) / len(means)
