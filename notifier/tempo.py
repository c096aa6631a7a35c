"""The rhythm of a follower."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tempo:
    """How often the follower looks, and how much it takes at once."""

    poll_s: float = 0.003
    """Between two reads while awake,"""
    eager_s: float = 0.001
    """and after one that found a few events, for it would have found them sooner."""
    idle_s: float = 0.25
    """After so long it considers whether it is worth being awake."""
    glance_s: float = 0.05
    """Dozing, it glances that often at how many bells are rung,"""
    glance_s_max: float = 0.25
    """and, if none are, this often."""
    sweep_s: float = 5.0
    """It looks that often whether history was rewritten; and asleep, for a bus outside the database, for events that
    nobody rang for: only a safety net. Within the database the hubs' own sweep is that net."""
    standby_s: float = 1.0
    """Between two attempts to become the leader."""
    batch_events_max: int = 1000
    recent_ids_max: int = 1000
    """So many missing ids are part of every read."""
    old_read_s: float = 0.5
    """Between two reads of the missing ids that are older; longer if they are so many that reading takes long."""
    lookback_events_min: int = 2000
    """A new leader begins at least so many ids back,"""
    lookback_s: float = 15.0
    """and as far as events are younger than this: longer than it takes to notice that a machine has vanished,"""
    lookback_events_max: int = 20_000
    """but not further than this."""

    def silence_s_max(self, *, dozes: bool) -> float:
        """How long a leader may rightly ask the database nothing. dozes: asleep, it glances; else a bell wakes it."""
        return max(self.poll_s, self.glance_s, self.glance_s_max if dozes else self.sweep_s)
