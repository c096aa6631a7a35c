"""Which provider to ask first: routes put in order by what an SMS over each is expected to cost. Pure; chance is passed
in.

    priced, in stock        by cost / drawn success
    price not known         by drawn success alone
    told to be sold out     likewise, for what was told is minutes old; and who has just refused several times, whatever
                            was told: a full stock on paper, a ban, an account without funds
    too dear, or disabled   not at all

Success is drawn from a Beta distribution (Thompson sampling) and not taken as the best guess or an upper bound: whether
an SMS came is known only minutes after the purchase, and several processes buy at the same time. By an upper bound all
of them would send all orders of those minutes one way; draws spread over the routes by how likely each is the best, so
a new route gets tried, and less often as it shows what it is.

The prior is worth PRIOR_TRIES attempts. Its mean is the provider's own word, halfway to GLOBAL_SUCCESS, for providers
boast; without a word it is what all routes of this service and country together have shown.

cost / success counts a number without an SMS as paid for. Most providers take it back; but not always, and the order it
failed is worth at least that much.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from wallet_db.routes import KnownRoute

GLOBAL_SUCCESS = 0.7
PRIOR_TRIES = 4.0
ROUTES_MAX = 5
"""So many providers are asked at once for one order at most."""


@dataclass(frozen=True, slots=True)
class Plan:
    """routes: in the order in which to ask, at most ROUTES_MAX. is_too_dear: some route was left out for its price."""

    routes: tuple[KnownRoute, ...]
    is_too_dear: bool = False


def plan(routes: Iterable[KnownRoute], price: Decimal, random: Random) -> Plan:
    """Order the routes for a number that may cost up to `price`."""
    used = [route for route in routes if route.state != "disabled"]
    shared = shared_success(used)
    affordable = [route for route in used if route.cost is None or route.cost <= price]
    ranked = sorted(affordable, key=lambda route: _rank(route, shared, random))
    return Plan(tuple(ranked[:ROUTES_MAX]), is_too_dear=len(affordable) < len(used))


def shared_success(routes: Iterable[KnownRoute]) -> float:
    """What these routes together have shown, smoothed towards GLOBAL_SUCCESS."""
    tries = delivered = 0
    for route in routes:
        tries += route.tries
        delivered += route.delivered
    return (delivered + GLOBAL_SUCCESS * PRIOR_TRIES) / (tries + PRIOR_TRIES)


def belief(route: KnownRoute, shared: float) -> tuple[float, float]:
    """The two parameters of the Beta distribution of a route's success; both are positive."""
    told = route.told_success
    mean = shared if not told else (told + GLOBAL_SUCCESS) / 2
    return 1 + PRIOR_TRIES * mean + route.delivered, 1 + PRIOR_TRIES * (1 - mean) + route.tries - route.delivered


def _rank(route: KnownRoute, shared: float, random: Random) -> tuple[int, float]:
    success = max(random.betavariate(*belief(route, shared)), 1e-9)
    if route.stock == 0 or route.resting:
        return 2, -success
    if route.cost is None:
        return 1, -success
    return 0, float(route.cost) / success
