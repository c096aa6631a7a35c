"""Named scenarios: what a simulator is like from its start, routes, disturbances and limits together. Pure.

    calm    every number gets its SMS in 3 to 10 s, nothing goes wrong: for demos and for tests of one thing
    mixed   providers that differ in price and success, by service and country: for routing to learn from
    nasty   most numbers stay silent, answers come late, wrong or never, limits are the providers' own: to break things

Each provider played has routes and limits of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Literal

from pollers.simulator.faults import ANY_ACTION, ArmedFault, Fault
from pollers.simulator.limits import OWN_LIMITS, RateLimit
from pollers.simulator.routes import Place, Routes, Terms

ScenarioName = Literal["calm", "mixed", "nasty"]


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A fault that strikes a share of the requests. purchases_only: of those that buy. slow_s: for `slow`, from, to."""

    fault: Fault
    share: float
    purchases_only: bool = False
    slow_s: tuple[float, float] = (1.0, 20.0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """terms: by provider. limits: by name. disturbances: at most one strikes a request, the first one drawn."""

    terms: Mapping[str, Mapping[Place, Terms]] = field(default_factory=dict)
    limits: Mapping[str, RateLimit] = field(default_factory=dict)
    disturbances: tuple[Disturbance, ...] = ()
    cancel_denied: float = 0.0

    def routes(self, provider: str) -> Routes:
        """The routes of this provider at the start."""
        return Routes(dict(self.terms.get(provider, {})), cancel_denied=self.cancel_denied)

    def draw_fault(self, *, buys: bool, random: Random) -> ArmedFault | None:
        """Draw what a request meets. buys: whether it spends money."""
        for disturbance in self.disturbances:
            if (buys or not disturbance.purchases_only) and random.random() < disturbance.share:
                return ArmedFault(ANY_ACTION, disturbance.fault, delay_s=random.uniform(*disturbance.slow_s))
        return None


def _terms(
    success: float, median_s: float | None = None, p90_s: float | None = None, factor: str | None = None
) -> Terms:
    price_factor = None if factor is None else Decimal(factor)
    return Terms(success=success, delay_median_s=median_s, delay_p90_s=p90_s, price_factor=price_factor)


_INDONESIA, _UNITED_KINGDOM, _USA = 6, 16, 187

# The cheap is not the good: what costs less here fails or waits more, and by service the order turns round.
_MIXED: dict[str, dict[Place, Terms]] = {
    "sms_activate": {
        (None, None): _terms(0.80, 15, 45),
        ("wa", None): _terms(0.62),
        ("tg", None): _terms(0.85),
        (None, _INDONESIA): _terms(0.55),
        ("wa", _USA): _terms(0.82, 10, 30),
    },
    "herosms": {
        (None, None): _terms(0.72, 20, 60, "0.90"),
        ("wa", None): _terms(0.70),
        ("tg", _INDONESIA): _terms(0.60),
        (None, _UNITED_KINGDOM): _terms(0.90, 8, 20, "1.10"),
    },
    "fivesim": {
        (None, None): _terms(0.68, 25, 80, "0.80"),
        ("wa", None): _terms(0.88, 12, 35, "1.25"),
        ("tg", None): _terms(0.45),
        (None, _INDONESIA): _terms(0.75),
    },
}
_NASTY: dict[Place, Terms] = {(None, None): _terms(0.30, 40, 240)}

SCENARIOS: dict[ScenarioName, Scenario] = {
    "calm": Scenario(),
    "mixed": Scenario(terms=_MIXED),
    "nasty": Scenario(
        terms={"sms_activate": _NASTY, "herosms": _NASTY, "fivesim": _NASTY},
        limits=OWN_LIMITS,
        disturbances=(
            Disturbance("drop_answer", 0.05, purchases_only=True),
            Disturbance("slow", 0.05),
            Disturbance("http_500", 0.03),
            Disturbance("connection_reset", 0.02),
            Disturbance("drop_answer", 0.01),
            Disturbance("rate_limit", 0.03),
            Disturbance("html", 0.01),
            Disturbance("garbage", 0.005),
        ),
        cancel_denied=0.2,
    ),
}
