"""When to look again, and when it is over: pure arithmetic on times.

An SMS usually comes within a minute, so a young order is looked at often and an old one seldom. Where all orders of an
account are looked at together, a single one rests until its end. Providers end an order
by their own clock, at about the time of ours: so there is a look shortly before, while an SMS can still be read. All
times are aware.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

# (until this age of the purchase, look every): about 30 + 45 + 45 + 120 looks over an order's 20 minutes.
CADENCE_S = ((30, 1.0), (120, 2.0), (300, 4.0))
SLOW_S = 8.0
FINAL_LOOK_S = 2.0
ENDS_EARLY_S = 30.0
LIFETIME_S_MAX = 7200.0  # the longest known is 60 minutes; a time misread by a zone of two hours or more falls out
YOUNG_S = 120.0
WATCHED_BULK_S, BULK_S, SLOW_BULK_S = 1.5, 3.0, 8.0
BULK_SHARE = 0.5
RETRY_S = 5.0
RETRY_S_MAX = 60.0


def next_look(now: datetime, purchased_at: datetime, expires_at: datetime, *, is_covered: bool = False) -> datetime:
    """When a pending order is due again: by its age, shortly before its expiry, and exactly then for the last look.

    is_covered: it is looked at together with the account's others, so that only the looks at its end remain.
    """
    if is_covered and now < expires_at - timedelta(seconds=FINAL_LOOK_S):
        return expires_at - timedelta(seconds=FINAL_LOOK_S)
    age_s = (now - purchased_at).total_seconds()
    pause_s = next((pause_s for until_s, pause_s in CADENCE_S if age_s < until_s), SLOW_S)
    following = now + timedelta(seconds=pause_s)
    final = expires_at - timedelta(seconds=FINAL_LOOK_S)
    return next((min(following, end) for end in (final, expires_at) if now < end), following)


def bulk_pause_s(orders: Iterable[tuple[float, bool]], took_s: float) -> float:
    """How long to rest between two looks at all open orders of an account.

    orders: the age of each in seconds, and whether its user watches; at least one. took_s: the last look, which shall
    take BULK_SHARE of the time at most: it may be many requests, or megabytes.
    """
    every_s = SLOW_BULK_S
    for age_s, is_watched in orders:
        if age_s < YOUNG_S and is_watched:
            every_s = WATCHED_BULK_S
            break
        if age_s < YOUNG_S or is_watched:
            every_s = BULK_S
    return max(every_s - took_s, took_s * (1 - BULK_SHARE) / BULK_SHARE)


def expiry(told: datetime | None, begun_at: datetime, lifetime_s: float) -> datetime:
    """When a number begun to be bought then expires: as the provider tells, unless that is absurd, else by our setting.

    Counted from before the purchase, so that our end comes no later than the provider's and a cancel still counts.
    """
    if told is not None and begun_at < told <= begun_at + timedelta(seconds=LIFETIME_S_MAX):
        return told
    return begun_at + timedelta(seconds=lifetime_s)


def has_run_out(now: datetime, expires_at: datetime) -> bool:
    """Whether an order that the provider has ended ended by its age: their clock may be ahead of ours."""
    return now >= expires_at - timedelta(seconds=ENDS_EARLY_S)


def retry_at(now: datetime, retry_after_s: float | None) -> datetime:
    """When to ask a provider again that was unavailable: as it says, within bounds, for an SMS waits for nobody."""
    return now + timedelta(seconds=min(max(retry_after_s or 0.0, RETRY_S), RETRY_S_MAX))


def cancel_allowed_at(
    now: datetime, purchased_at: datetime, retry_after_s: float | None, early_cancel_s: float
) -> datetime:
    """When a cancel that came too early may be tried again: as the provider says, else by its usual window."""
    if retry_after_s is not None:
        return now + timedelta(seconds=retry_after_s)
    return max(purchased_at + timedelta(seconds=early_cancel_s), now + timedelta(seconds=1))
