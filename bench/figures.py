"""The arithmetic of paired rounds: ratios within a round, their median and spread, and whether a goal is met. Pure.

A round is one turn of every contestant, shortly after one another, so a slow moment of the machine slows both sides of
most ratios. The median of the ratios is therefore steadier than the ratio of the medians.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True, slots=True)
class Spread:
    """What several rounds said: the middle one, and how far they were apart."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Raises `ValueError` without values."""
    if not values:
        raise ValueError("expected the figures of at least one round, got none")
    return Spread(median(values), min(values), max(values))


def paired_ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """`over / under` of each round. Raises `ValueError` where a round lacks one of them, or one is not above 0."""
    if len(over) != len(under):
        raise ValueError(f"expected as many rounds of both, got {len(over)} and {len(under)}")
    if not all(value > 0 for value in (*over, *under)):
        raise ValueError("expected figures above 0")
    return [a / b for a, b in zip(over, under, strict=True)]


@dataclass(frozen=True, slots=True)
class Goal:
    """What the median should reach, or should not pass."""

    kind: Literal["at least", "at most"]
    value: float

    def is_met_by(self, found: Spread) -> bool:
        """Whether the median is on the right side; exactly the goal is."""
        return found.median >= self.value if self.kind == "at least" else found.median <= self.value


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the result."""

    title: str
    unit: str
    """"x" of a ratio; otherwise what is counted: "ms"."""
    found: Spread
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        """ "met", "missed", or "" where there is no goal."""
        if self.goal is None:
            return ""
        return "met" if self.goal.is_met_by(self.found) else "missed"
