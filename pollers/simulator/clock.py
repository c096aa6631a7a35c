"""The simulator's clock: the real one, moved forward on order, so that a lifetime passes in an instant."""

import time

AHEAD_S_MAX = 10 * 365 * 86_400.0


class Clock:
    """Epoch seconds. It goes at the real pace from wherever it was moved to, and never back."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> float:
        """The time it shows."""
        return time.time() + self.ahead_s

    def forward(self, seconds: float) -> None:
        """Move it forward. Raises ValueError for less than nothing and beyond AHEAD_S_MAX in all."""
        if not 0 <= seconds <= AHEAD_S_MAX - self.ahead_s:
            raise ValueError(f"expected 0 to {AHEAD_S_MAX - self.ahead_s:.0f} s, got {seconds:g}")
        self.ahead_s += seconds
