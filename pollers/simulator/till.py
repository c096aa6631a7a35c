"""What the orders and the rentals of one simulated account share: funds, ids, chance, bent time, the SMS that came.

Invariant: funds change only by `charge`, `pay_back` and `fund`, and each of them counts as a change, so that who keeps
a record knows when to write. Pure: chance is passed in, time is an argument of those who use this.
"""

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from random import Random

SMS_DELAY_RANGE_S = (3.0, 10.0)
ARRIVALS_MAX = 10_000
FIRST_ID = 600_000_000
_FIRST_ID_SPREAD = 100_000_000


class Refusal(Exception):
    """The account refuses. word: as the protocol says it, with its argument."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, slots=True)
class SimulatedSms:
    """One SMS; at: epoch seconds."""

    code: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Timing:
    """What bends the account's time.

    sms_delay_s (None: drawn) and lifetime_s count for purchases to come, early_cancel_s and rental_cancel_s for every
    cancel to come. rental_hour_s: how long an hour of a rental lasts.
    """

    sms_delay_s: float | None = None
    early_cancel_s: float = 120.0
    lifetime_s: float = 1_200.0
    rental_cancel_s: float = 1_200.0
    rental_hour_s: float = 3_600.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """An SMS that has come for the order or rental of this id."""

    id: int
    sms: SimulatedSms


class Till:
    """One account's funds in USD, its ids, its times and its chance.

    arrivals: the newest SMS of all orders and rentals, for who tells of them; that one empties it.
    """

    def __init__(self, timing: Timing, random: Random, balance: Decimal, first_id: int = FIRST_ID) -> None:
        self.timing = timing
        self.random = random
        self.balance = balance
        self.changes = 0
        self.arrivals: deque[Arrival] = deque(maxlen=ARRIVALS_MAX)
        self.next_id = random.randrange(first_id, first_id + _FIRST_ID_SPREAD)

    def check_funds(self, price: Decimal) -> None:
        """Raises NO_BALANCE if the price cannot be paid."""
        if self.balance < price:
            raise Refusal("NO_BALANCE")

    def charge(self, price: Decimal) -> None:
        """Take the price. Raises NO_BALANCE."""
        self.check_funds(price)
        self.fund(self.balance - price)

    def pay_back(self, price: Decimal) -> None:
        """Give the price back."""
        self.fund(self.balance + price)

    def fund(self, balance: Decimal) -> None:
        """Set the funds left."""
        self.balance = balance
        self.changes += 1

    def note(self, id_: int, sms: SimulatedSms) -> None:
        """Remember that an SMS has arrived."""
        self.arrivals.append(Arrival(id_, sms))
        self.changes += 1

    def draw_id(self) -> int:
        """The next id: it goes up by 1 to 9."""
        id_ = self.next_id
        self.next_id += self.random.randrange(1, 10)
        return id_

    def sms_delay_s(self) -> float:
        """From a purchase to its SMS."""
        fixed = self.timing.sms_delay_s
        return self.random.uniform(*SMS_DELAY_RANGE_S) if fixed is None else fixed
