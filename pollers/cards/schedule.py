"""When to look again for what a provider of cards confirms later, and when to give up: pure arithmetic on times.

Cards and fundings are usually confirmed within seconds, so what is young is looked at often and what is old seldom.
All times are aware.
"""

from datetime import datetime, timedelta

ANSWER_WINDOW = timedelta(seconds=30)
"""An answer that has not come by then comes no more: only now is it looked for what became of the request."""
REQUEST_S_MAX = 20.0
"""A request that makes or pays something ends well before that, its turn waited for and its answer read."""
AWAY_MAX = timedelta(hours=2)
"""Longer than this a doubt is not kept even if the provider cannot be asked at all."""
UNCONFIRMED_AFTER = timedelta(hours=1)
"""When operators hear of what was accepted and is neither confirmed nor refused."""

# (until this age, look every)
CADENCE_S = ((60.0, 2.0), (600.0, 10.0), (3_600.0, 60.0))
SLOW_S = 600.0
UNKNOWN_S = 600.0
"""When a card that its provider does not know is looked at again."""


def next_look(now: datetime, since: datetime) -> datetime:
    """When what was begun at `since` is looked at next."""
    age_s = (now - since).total_seconds()
    return now + timedelta(seconds=next((pause_s for until_s, pause_s in CADENCE_S if age_s < until_s), SLOW_S))


def next_search(now: datetime, begun_at: datetime, doubt: timedelta) -> datetime:
    """When what was begun then, and never answered, is looked for next: not before nothing can come any more."""
    following = max(begun_at + ANSWER_WINDOW, next_look(now, begun_at))
    return min(following, begun_at + doubt) if now < begun_at + doubt else following
