"""How much of the peers is measured: the figures behind --quick and the full run. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.delivery.clients import Face
from bench.peers.contract import Contestant

START_S = 4.0
"""Of a turn: the contestant's start and end, its first connections."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run consists of. Times are seconds."""

    connections: tuple[int, ...]
    rates: tuple[float, ...]
    rounds: int
    rate_s: float
    """Of events at each rate."""
    floods: int
    """An event for everybody so many times."""
    fan_outs: int
    """One user's event to all connections so many times; 0: not measured."""
    sustained_s: float
    """Of 32 writers who do not wait; 0: not measured."""
    back: bool
    """Cut everybody off, and have them come back."""
    settle_s: float
    """Before memory is looked at."""
    writers_s: int
    """Of each turn of the writers alone."""
    faces: tuple[Face, ...] = ("ws", "sse", "poll")

    def turns(self, contestants: Sequence[Contestant]) -> list[tuple[Contestant, Face]]:
        """Who does what in a round."""
        return [(each, face) for each in contestants for face in each.faces if face in self.faces]

    def seconds(self, contestants: Sequence[Contestant]) -> float:
        """Of the whole run, about, once everything is installed."""
        turn_s = START_S + 2 * self.settle_s + len(self.rates) * self.rate_s + 0.2 * self.floods + 0.1 * self.fan_outs
        turn_s += self.sustained_s * 1.5 + (4 if self.back else 0)
        writers_s = self.rounds * 4 * (self.writers_s + 1.2)
        return writers_s + self.rounds * len(self.connections) * len(self.turns(contestants)) * turn_s


FULL_PLAN = Plan(
    connections=(1_000, 10_000),
    rates=(100, 1_000, 5_000),
    rounds=3,
    rate_s=5,
    floods=10,
    fan_outs=20,
    sustained_s=4,
    back=True,
    settle_s=1,
    writers_s=3,
)
QUICK_PLAN = Plan(
    connections=(300,),
    rates=(1_000,),
    rounds=2,
    rate_s=0.6,
    floods=4,
    fan_outs=5,
    sustained_s=0,
    back=False,
    settle_s=0.1,
    writers_s=1,
    faces=("ws",),
)
