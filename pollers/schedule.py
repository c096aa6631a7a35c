"""When to look again: pure arithmetic on times.

An SMS usually comes within a minute, so a young order is looked at often and an old one seldom. All times are aware.
"""

from datetime import datetime, timedelta

# (until this age of the purchase, look every): about 30 + 45 + 45 + 120 looks over an order's 20 minutes.
CADENCE_S = ((30, 1.0), (120, 2.0), (300, 4.0))
SLOW_S = 8.0
RETRY_S = 5.0


def next_look(now: datetime, purchased_at: datetime, expires_at: datetime) -> datetime:
    """When a pending order is due again: by its age, and exactly at its expiry for the last look."""
    age_s = (now - purchased_at).total_seconds()
    pause_s = next((pause_s for until_s, pause_s in CADENCE_S if age_s < until_s), SLOW_S)
    following = now + timedelta(seconds=pause_s)
    return min(following, expires_at) if now < expires_at else following


def retry_at(now: datetime, retry_after_s: float | None) -> datetime:
    """When to ask a provider again that was unavailable."""
    return now + timedelta(seconds=max(retry_after_s or 0.0, RETRY_S))


def cancel_allowed_at(
    now: datetime, purchased_at: datetime, retry_after_s: float | None, early_cancel_s: float
) -> datetime:
    """When a cancel that came too early may be tried again: as the provider says, else by its usual window."""
    if retry_after_s is not None:
        return now + timedelta(seconds=retry_after_s)
    return max(purchased_at + timedelta(seconds=early_cancel_s), now + timedelta(seconds=1))
