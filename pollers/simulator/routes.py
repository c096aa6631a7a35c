"""The routes of one simulated provider: what a number of a service and country costs, how many there are, how they do.

Without terms a route is as the catalogue has it: its price, a stock that purchases do not lower, an SMS for every
number after the delay of the account's timing. Terms change that for one route, for a whole service or country, or for
all; the narrower ones count more, field by field, a service's more than a country's. Pure: chance is passed in, and
drawn only where terms ask for it, so that a course without terms is the same with and without this module.
"""

from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from math import log
from random import Random
from typing import Any

from pollers.simulator.catalogue import Country, Service, price_of, stock_of

_CENT = Decimal("0.01")
_P90_DEVIATIONS = 1.2816
"""How many standard deviations above its mean a normal variable has 90 % of its values below it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is said of a route; None leaves it as it is.

    price: USD. price_factor: of the catalogue's price, if no price is given. stock: lowered by each purchase.
    success: share of the numbers that get an SMS, 0 to 1. delay_median_s, delay_p90_s: from purchase to SMS, half and
    nine tenths of which are shorter; log-normal, and always the median if there is no delay_p90_s.
    """

    price: Decimal | None = None
    price_factor: Decimal | None = None
    stock: int | None = None
    success: float | None = None
    delay_median_s: float | None = None
    delay_p90_s: float | None = None

    def over(self, wider: "Terms") -> "Terms":
        """These terms, and the wider ones' where these say nothing."""
        said: dict[str, Any] = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(wider, **said)


Place = tuple[str | None, int | None]
"""Service code and country id; None for all."""


class Routes:
    """The terms of one provider's routes, and what was sold since a stock was set.

    cancel_denied: share of the timely cancels that are refused as too early all the same.
    """

    def __init__(self, terms: dict[Place, Terms] | None = None, *, cancel_denied: float = 0.0) -> None:
        self._terms: dict[Place, Terms] = dict(terms or {})
        self._sold: dict[Place, int] = {}
        self.cancel_denied = cancel_denied

    def put(self, place: Place, terms: Terms) -> Terms:
        """Add terms to those of this place, and return what holds there now. A stock given counts from now on."""
        self._terms[place] = merged = terms.over(self._terms.get(place, Terms()))
        if terms.stock is not None:
            service, country = place
            self._sold = {
                sold: count
                for sold, count in self._sold.items()
                if (service or sold[0], country if country is not None else sold[1]) != sold
            }
        return merged

    def clear(self) -> None:
        """Forget all terms: every route is the catalogue's again."""
        self._terms.clear()
        self._sold.clear()
        self.cancel_denied = 0.0

    def said(self) -> list[tuple[Place, Terms]]:
        """Every place with its terms, in the order in which they were first put."""
        return list(self._terms.items())

    def terms(self, service: Service, country: Country) -> Terms:
        """What holds for one route."""
        found = Terms()
        places: tuple[Place, ...] = ((None, None), (None, country.id), (service.code, None), (service.code, country.id))
        for place in places:
            if place in self._terms:
                found = self._terms[place].over(found)
        return found

    def price(self, service: Service, country: Country) -> Decimal:
        """Price of one number in USD, in whole cents and at least one."""
        terms = self.terms(service, country)
        if terms.price is not None:
            return terms.price
        price = price_of(service, country)
        return price if terms.price_factor is None else max(_CENT, (price * terms.price_factor).quantize(_CENT))

    def stock(self, service: Service, country: Country) -> int:
        """How many numbers are left."""
        stock = self.terms(service, country).stock
        if stock is None:
            return stock_of(service, country)
        return max(0, stock - self._sold.get((service.code, country.id), 0))

    def success(self, service: Service, country: Country) -> float | None:
        """The share of numbers that get an SMS; None where nothing is said, which is all of them."""
        return self.terms(service, country).success

    def sell(self, service: Service, country: Country) -> None:
        """Take a number out of stock, if there is a stock to take it from."""
        if self.terms(service, country).stock is not None:
            place = (service.code, country.id)
            self._sold[place] = self._sold.get(place, 0) + 1

    def draw_success(self, service: Service, country: Country, random: Random) -> bool:
        """Draw whether a number gets an SMS."""
        success = self.success(service, country)
        return success is None or random.random() < success

    def draw_delay_s(self, service: Service, country: Country, random: Random) -> float | None:
        """Draw how long the SMS takes; None where nothing is said."""
        terms = self.terms(service, country)
        median_s, p90_s = terms.delay_median_s, terms.delay_p90_s
        if not median_s or p90_s is None or p90_s <= median_s:
            return median_s
        return random.lognormvariate(log(median_s), log(p90_s / median_s) / _P90_DEVIATIONS)

    def draw_cancel_denied(self, random: Random) -> bool:
        """Draw whether a cancel is refused for no reason."""
        return self.cancel_denied > 0 and random.random() < self.cancel_denied
