"""What a run consists of, and how long it takes: the figures behind --quick and the full run. Pure."""

from dataclasses import dataclass

from bench.wallet.contestants import FULL, QUICK, Contestant
from bench.wallet.pgbench import WARM_UP_S

START_S = 5
"""The server's and the first database's start, with users and baselines."""
TURN_OVERHEAD_S = 0.1
"""pgbench's own start and end, with 16 connections."""
FOLLOWER_START_S = 0.7


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    contestants: tuple[Contestant, ...]
    rounds: int
    turn_s: int
    """That are counted."""
    health_users: int
    health_holds_per_user: int
    growth_users: int = 1000
    growth_pairs_per_user: int = 0
    """Of freeze and commit in the large audit; 0: growth is not measured."""

    @property
    def whole_turn_s(self) -> float:
        """What is not counted of a turn included."""
        return WARM_UP_S + self.turn_s + TURN_OVERHEAD_S

    @property
    def rounds_s(self) -> float:
        """All turns, and the starts of followers."""
        followers_s = FOLLOWER_START_S * sum(contestant.followed for contestant in self.contestants)
        return self.rounds * (len(self.contestants) * self.whole_turn_s + followers_s)

    @property
    def growth_s(self) -> float:
        """Loading, and a turn on each of two databases in each round."""
        if not self.growth_pairs_per_user:
            return 0
        rows = 2 * self.growth_users * self.growth_pairs_per_user
        return rows / 90_000 + 2 * self.rounds * self.whole_turn_s

    @property
    def health_s(self) -> float:
        """Loading, mostly."""
        return 3 + self.health_users * self.health_holds_per_user / 30_000

    @property
    def seconds(self) -> float:
        """Of the whole run, about."""
        return START_S + self.rounds_s + self.growth_s + self.health_s


QUICK_PLAN = Plan(QUICK, rounds=2, turn_s=1, health_users=10_000, health_holds_per_user=10)
FULL_PLAN = Plan(FULL, rounds=5, turn_s=2, health_users=100_000, health_holds_per_user=10, growth_pairs_per_user=1500)
