"""5sim's lists without I/O: pages of orders, and prices.

user/orders is the whole history, newest first as we ask for it, and names no state to filter by. So what is open is
read until everything further on must have ended: `OpenOrders` collects it page by page and says when.
Prices come as country → product → operator, or as product → country → operator if asked by product only.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from pollers.providers.answer import Answer, amount_of, cost_of, field_of
from pollers.providers.contract import Delivered, Ended, Price, Waiting
from pollers.providers.fivesim.protocol import RENTAL_PRODUCTS, Order, order_of, unknown
from pollers.providers.fivesim.refusals import raise_refusal

PAGE_ORDERS = 100
PAGES_MAX = 1_000
WANTED_PAGES_MIN = 10
WANTED_PAGES_A_HUNDRED = 4
"""Pages that a look at a hundred orders is worth: so many more of the history may have ended meanwhile."""
ACTIVATION_SPAN = timedelta(hours=3)
"""No activation is open for so long: 15 to 20 minutes are sold."""
RENTAL_SPAN = timedelta(days=35)
SINCE_SPARE = timedelta(minutes=15)
"""By so much the provider's clock and the caller's may differ."""

_TOTAL_MAX = 10**9


@dataclass(frozen=True, slots=True)
class Page:
    """Some orders of the history. total: of the whole history."""

    orders: tuple[Order, ...]
    total: int


def parse_page(answer: Answer) -> Page:
    """Parse a page of user/orders. A row that cannot be read fails it: what looks absent might be bought again."""
    raise_refusal(answer)
    document = answer.document()
    total = cost_of(field_of(document, "Total"))
    rows = field_of(document, "Data")
    if rows is None and total == 0:
        rows = []
    if total is None or total > _TOTAL_MAX or not isinstance(rows, list):
        raise unknown(answer)
    orders = [order_of(row) for row in rows]
    if not all(orders):
        raise unknown(answer)
    return Page(tuple(order for order in orders if order), int(total))


@dataclass(slots=True)
class OpenOrders:
    """The open orders of pages read so far. span: how long an order can stay open. earliest: of no interest before.

    No clock is asked: "now" is at least the newest order's time. Nor does it trust that the pages came newest first: a
    page in the wrong order holds that newest order, and so does not look old.
    """

    span: timedelta
    earliest: datetime | None = None
    found: dict[str, Order] = field(default_factory=dict)
    offset: int = 0
    _newest: datetime | None = None

    def add(self, page: Page) -> bool:
        """Take a page; True if more must be read. Raises ValueError if the history ended before its total."""
        self.offset += len(page.orders)
        self.found |= {order.id: order for order in page.orders if order.is_open}
        times = [order.created_at for order in page.orders if order.created_at]
        self._newest = max([*times, *([self._newest] if self._newest else [])], default=None)
        if self.offset >= page.total:
            return False
        if not page.orders:
            raise ValueError(f"expected {page.total} orders, got {self.offset}")
        if len(times) < len(page.orders) or self._newest is None:
            return True
        if self.earliest is not None and max(times) < self.earliest <= self._newest:
            return False
        is_past = self._newest - max(times) > self.span
        return not is_past or any(order.is_open for order in page.orders)


def pages_worth(wanted: int) -> int:
    """How many pages to read at most for so many orders, before looking at each is cheaper."""
    return min(PAGES_MAX, max(WANTED_PAGES_MIN, ceil(wanted / 100 * WANTED_PAGES_A_HUNDRED)))


@dataclass(slots=True)
class WantedOrders:
    """What pages read so far tell of certain orders; ids are numbers that grow."""

    missing: set[str]
    found: dict[str, Waiting | Delivered] = field(default_factory=dict)
    offset: int = 0

    def add(self, page: Page) -> bool:
        """Take a page; True if more should be read."""
        self.offset += len(page.orders)
        for order in page.orders:
            if order.id in self.missing:
                self.missing.discard(order.id)
                seen = order.looked_at()
                if not isinstance(seen, Ended):  # an end is for `check` to tell
                    self.found[order.id] = seen
        if not self.missing or not page.orders or self.offset >= page.total:
            return False
        return min(map(_number, self.missing)) < min(_number(order.id) for order in page.orders)


def parse_prices(answer: Answer, service: str | None = None) -> list[Price]:
    """Parse guest/prices. service: the product asked for, if no country was named: the answer begins with it then."""
    raise_refusal(answer)
    document = answer.document()
    if not isinstance(document, Mapping):
        raise unknown(answer)
    if service is not None and service in document:
        rows: Iterable[tuple[str, str, Any]] = (
            (country, service, operators) for country, operators in _items(document[service])
        )
    else:
        rows = (
            (country, product, operators)
            for country, products in _items(document)
            for product, operators in _items(products)
        )
    found = (_price(product, country, operators) for country, product, operators in rows)
    return [price for price in found if price and price.service not in RENTAL_PRODUCTS.values()]


def _price(service: str, country: str, operators: object) -> Price | None:
    """What operator `any` can get at the lowest price in stock.

    A rate is a percentage; 0 stands at most operators that nobody has bought from, and so says nothing.
    """
    offers = []
    for _, operator in _items(operators):
        cost, count = cost_of(field_of(operator, "cost")), cost_of(field_of(operator, "count"))
        rate = amount_of(field_of(operator, "rate"))
        if cost is not None and count is not None:
            offers.append((cost, int(count), float(rate) / 100 if rate and 0 < rate <= 100 else None))
    stocked = [offer for offer in offers if offer[1] > 0]
    if not offers:
        return None
    cheapest = min(cost for cost, _, _ in stocked or offers)
    chosen = [(count, success) for cost, count, success in stocked if cost == cheapest]
    rated = [(count, success) for count, success in chosen if success is not None]
    rated_count = sum(count for count, _ in rated)
    success = sum(count * success for count, success in rated) / rated_count if rated else None
    return Price(service, country, cheapest, sum(count for count, _ in chosen), success)


def parse_offer(answer: Answer, product: str, country: str) -> Price | None:
    """Find one product in guest/products/{country}/any; None if it is not sold there."""
    raise_refusal(answer)
    document = answer.document()
    if not isinstance(document, Mapping):
        raise unknown(answer)
    offer = document.get(product)
    cost, count = cost_of(field_of(offer, "Price")), cost_of(field_of(offer, "Qty"))
    return None if cost is None or count is None else Price(product, country, cost, int(count))


def _items(document: object) -> Iterator[tuple[str, Any]]:
    return iter(document.items() if isinstance(document, Mapping) else ())


def _number(id_: str) -> int:
    return int(id_) if id_.isascii() and id_.isdecimal() else 0
