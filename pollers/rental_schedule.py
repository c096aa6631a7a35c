"""When to look at a rental, when it is over, and how an extension in doubt went: pure arithmetic on times, all aware.

A number is rented to be used at once, so a young rental is looked at often and an old one seldom. What it was rented
for is known, so a provider's word on its end is believed only where it agrees.
"""

import math
from datetime import datetime, timedelta

from pollers.adoption import PURCHASE_WINDOW

# (until this age of the rental, look every): about 120 + 200 + 1,400 looks in the first day, then 480 a day.
CADENCE_S = ((600, 5.0), (3_600, 15.0), (86_400, 60.0))
SLOW_S = 180.0
FINAL_LOOK_S = 30.0

ENDS_EARLY = timedelta(minutes=30)
"""A rental that ends no earlier than this before its time has been served."""

LAST_LOOK_MAX = timedelta(hours=1)
"""So long after the end a provider that cannot be reached is asked for the last SMS."""

EXTENSION_PROOF = timedelta(minutes=10)
"""A rental still running so long after its old end has been extended: no clock is that far off."""

DOUBT_MAX = timedelta(hours=1)
"""A purchase that nobody can decide is given up so long after it was begun: the user has waited enough for nothing."""

DOUBT_PAUSE_S = 30.0


def next_look(now: datetime, purchased_at: datetime, ends_at: datetime) -> datetime:
    """When a rental is due again: by its age, shortly before its end, and exactly then for the last look."""
    age_s = (now - purchased_at).total_seconds()
    pause_s = next((pause_s for until_s, pause_s in CADENCE_S if age_s < until_s), SLOW_S)
    following = now + timedelta(seconds=pause_s)
    final = ends_at - timedelta(seconds=FINAL_LOOK_S)
    return next((min(following, end) for end in (final, ends_at) if now < end), following)


def end_of(told: datetime | None, begins_at: datetime, hours: int) -> datetime:
    """When time that was bought ends: as the provider tells, unless that is absurd, else by the hours.

    A provider that tells its times without a zone may be hours off. An earlier end is believed, for nothing is charged
    at it while the number still runs (`is_served`).
    """
    counted = begins_at + timedelta(hours=hours)
    return told if told is not None and begins_at < told <= counted + ENDS_EARLY else counted


def is_served(now: datetime, begun_at: datetime, hours: int, ends_at: datetime) -> bool:
    """Whether a rental that still runs is over for us: its end has come, and the hours paid for have passed."""
    return now >= max(ends_at, begun_at + timedelta(hours=hours))


def has_run_out(now: datetime, ends_at: datetime) -> bool:
    """Whether a rental that the provider has ended ended by its age."""
    return now >= ends_at - ENDS_EARLY


def unused_hours(now: datetime, ends_at: datetime) -> int:
    """What is left of a rental, in whole hours: one begun counts for the user."""
    return max(0, math.ceil((ends_at - now) / timedelta(hours=1)))


def is_extended(now: datetime, started_at: datetime, old_end: datetime, told_end: datetime | None) -> bool | None:
    """Whether a rental that runs has been extended, though the answer was lost; None: not to be said yet.

    By the end that the provider tells, once no answer can come any more; where it tells none, by the rental's running
    on after its old end.
    """
    if told_end is not None and now >= started_at + PURCHASE_WINDOW:
        return told_end > old_end + ENDS_EARLY
    return True if now >= old_end + EXTENSION_PROOF else None
