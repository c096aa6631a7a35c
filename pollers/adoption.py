"""Orphans: orders a provider holds for us that no row of ours knows, because the answer to a purchase was lost.

Pure: which of the provider's orders an order of ours may adopt. Any that nobody has, for the same service and country;
between several the oldest, for they are alike. When it was begun is not asked: providers tell times without a zone, and
an order is on the list for its short life only. The provider account must be this system's alone.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pollers.providers.contract import ActiveOrder
from pollers.schedule import LIFETIME_S_MAX

PURCHASE_WINDOW = timedelta(seconds=30)
"""A purchase whose answer has not come this long after it was begun will not come any more."""

RIVALS_MAX = timedelta(seconds=60)
"""How long after the window purchases under way may delay an adoption; a popular service always has some.

After that their number may be taken. Nobody loses by it: whose number it was finds the other one, which is alike.
"""

DOUBT_MAX = timedelta(seconds=LIFETIME_S_MAX)
"""A purchase that nobody can decide is given up so long after it was begun: no number sold then is open any more."""

DOUBT_PAUSE_MIN, DOUBT_PAUSE_MAX = timedelta(seconds=5), timedelta(seconds=60)

_UNKNOWN_TIME = datetime.max.replace(tzinfo=UTC)


def doubt_pause(doubted_for: timedelta) -> timedelta:
    """How long to rest before a provider that cannot be asked is asked again: a quarter of the time it has taken."""
    return min(max(doubted_for / 4, DOUBT_PAUSE_MIN), DOUBT_PAUSE_MAX)


def find_orphan(
    orders: Iterable[ActiveOrder], known: set[str], service_code: str, country_code: str
) -> ActiveOrder | None:
    """The provider's order to adopt, or None if there is surely none. `known`: ids that orders of ours have."""
    candidates = [
        order
        for order in orders
        if order.provider_order_id not in known and (order.service, order.country) == (service_code, country_code)
    ]
    return min(candidates, key=lambda order: order.started_at or _UNKNOWN_TIME, default=None)
