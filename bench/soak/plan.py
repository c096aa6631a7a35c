"""How large a soak is, and what a user does: drawn from the seed. Pure."""

from dataclasses import dataclass
from random import Random

from pollers.simulator.scenarios import ScenarioName

SERVICES = ("whatsapp", "telegram", "google", "instagram", "none")
COUNTRIES = ("indonesia", "england", "usa", "germany")
ORDERS_PER_USER = 5
CANCELLED = 0.35
"""So many orders are cancelled by their users, if they still can be."""
CANCEL_AFTER_S = (0.5, 5.0)
RENTED = 0.2
"""So many orders are rentals. All alike, for who rents different ones at once may never know whose a lost one is."""
RENTAL = {"service": "whatsapp", "country": "indonesia", "hours": 24}
EXTENSION = {"hours": 24}
CALLED_FOR = {"retry": 0.3, "finish": 0.2, "check": 0.2}
"""What users ask for once they may have had an SMS, and how many of them."""
RENTAL_CALLED_FOR = {"extend": 0.6, "finish": 0.15}
CALL_AFTER_S = (2.0, 6.0)
LATE = 0.2
"""So many of the numbers given back get their SMS all the same."""
SETTLE_S, SETTLE_ORDER_S = 200.0, 0.1
"""Patience with the last orders: so long, and so much longer for each order placed."""
HITS = ("poller", "poller", "postgres", "poller", "gateway")


@dataclass(frozen=True, slots=True)
class Order:
    """What one order is to be. user: which of the users, from 0. at_s: when. cancel_s: after it; None: never.

    calls: what else its user asks for, each so many seconds after the last.
    """

    user: int
    service: str
    country: str
    at_s: float
    cancel_s: float | None
    is_rental: bool = False
    calls: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for. seconds: over which the orders are placed. hit_every_s: 0 for nothing hit."""

    seed: int
    orders: int
    seconds: float
    scenario: ScenarioName
    hit_every_s: float
    control: bool = False

    @property
    def users(self) -> int:
        """How many users there are."""
        return max(1, self.orders // ORDERS_PER_USER)

    @property
    def settle_s(self) -> float:
        """How long everything may take to come to its end: the more orders, the more requests, at rates that stay."""
        return SETTLE_S + SETTLE_ORDER_S * self.orders

    def chance(self, what: str) -> Random:
        """A source of chance of its own for each part of the run, whatever the others draw."""
        return Random(f"{self.seed}/{what}")  # noqa: S311 - to be had again, not to be secret

    def all_orders(self) -> list[Order]:
        """In the order in which they are placed."""
        chance = self.chance("orders")
        return [self._order(number, chance) for number in range(self.orders)]

    def _order(self, number: int, chance: Random) -> Order:
        is_rental = chance.random() < RENTED
        wanted = RENTAL_CALLED_FOR if is_rental else CALLED_FOR
        cancel_s = chance.uniform(*CANCEL_AFTER_S) if chance.random() < CANCELLED else None
        return Order(
            user=chance.randrange(self.users),
            service=chance.choice(SERVICES),
            country=chance.choice(COUNTRIES),
            at_s=self.seconds * number / self.orders,
            cancel_s=cancel_s,
            is_rental=is_rental,
            calls=tuple(
                (call, chance.uniform(*CALL_AFTER_S)) for call, share in wanted.items() if chance.random() < share
            ),
        )
