"""The rhythm of a follower. Pure."""

from dataclasses import dataclass

FEW_EVENTS = 10
READ_SHARE_MAX = 1 / 5
"""Reading and publishing what is new takes this part of the time in a flood, unless there is more than one batch:
fewer and larger reads leave the processors to the writers. At 5,000 events a second that cost an event 5.4 ms (median;
24 ms at p99). With a third of the time and pauses of 10 ms, 32 writers were held up to 0.83 to 0.88 of their rate; so,
to 0.91 (0.80 to 0.98 from run to run)."""
PAUSE_MAX_S = 0.02
"""Reads of more than 5 ms so take a larger part; of 20 ms, half."""
PAUSE_EACH_S = 0.0003
"""No pause is longer than this for each event found: a read that was slow by itself, where few come, is no flood. At
1,000 events a second pauses so stay short however long one read took, at the price of reading more of the time where
all reads take long; above 3,000 they grow to what a flood's may be."""


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

    def pause_s(self, events: int, read_s: float) -> float:
        """After a read of so many events that took so long: short while they come, long when none or very many do."""
        if events <= FEW_EVENTS:
            return min(self.eager_s, self.poll_s) if events else self.poll_s
        return max(self.poll_s, min(read_s / READ_SHARE_MAX - read_s, events * PAUSE_EACH_S, PAUSE_MAX_S))

    def silence_s_max(self, *, dozes: bool) -> float:
        """How long a leader may rightly ask the database nothing. dozes: asleep, it glances; else a bell wakes it."""
        return max(self.poll_s, self.glance_s, self.glance_s_max if dozes else self.sweep_s)
