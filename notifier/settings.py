"""What the notifier reads from the environment."""

from typing import Literal

from pydantic import Field

from notifier.follower import Tempo
from wallet_db.settings import DatabaseSettings


class NotifierSettings(DatabaseSettings):
    """Shared by every process that publishes or listens."""

    bus: Literal["postgres", "local"] = "postgres"
    """How events reach the gateways; `local`: there is one gateway, and the follower runs inside it."""
    follower_poll_s: float = Field(0.003, gt=0, le=1)
    """Awake, the follower reads that often: the longest an event waits for it."""
    follower_idle_s: float = Field(0.25, gt=0)
    """Without a new event for so long, the follower falls asleep and writers ring a bell."""
    follower_sweep_s: float = Field(5.0, gt=0)
    """Asleep, the follower looks that often without being called: a safety net."""
    follower_standby_s: float = Field(1.0, gt=0)
    """How often a follower that stands by tries to take over."""

    @property
    def tempo(self) -> Tempo:
        """The follower's share of these settings."""
        return Tempo(
            poll_s=self.follower_poll_s,
            idle_s=self.follower_idle_s,
            sweep_s=self.follower_sweep_s,
            standby_s=self.follower_standby_s,
        )
