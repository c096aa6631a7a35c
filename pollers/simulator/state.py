"""One simulated account: its orders and money, as a state machine. Pure: time (epoch seconds) and chance are passed in.

    waiting ──SMS──► received ──3──► retry          1 ready (allowed once, while waiting)   3 wait for another SMS
       │               │   ▲──SMS──────┤            6 complete                              8 cancel
       8, lifetime     6, lifetime     6, lifetime
       ▼               ▼               ▼
    cancelled       completed ◄────────┘

Invariant: balance + price of all orders not cancelled = what was paid in. Nothing happens by itself: an SMS and an end
that fell due are applied when the order is next looked at, with the time they fell due. At most ENDED_MAX ended orders
are remembered, and RECORDED_ENDED_MAX of them in a record, from which a later account goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from random import Random

from pollers.simulator.catalogue import (
    COUNTRIES,
    NEVER_SMS,
    SERVICES,
    draw_code,
    draw_phone,
    price_of,
    stock_of,
)

ENDED_MAX = 50_000
RECORDED_ENDED_MAX = 1_000
SMS_DELAY_RANGE_S = (3.0, 10.0)


class OrderState(StrEnum):
    """The states drawn above."""

    WAITING = "waiting"
    RECEIVED = "received"
    RETRY = "retry"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


ENDED = frozenset({OrderState.COMPLETED, OrderState.CANCELLED})


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


@dataclass(slots=True)
class SimulatedOrder:
    """One number sold. sms_at: when the next SMS falls due, None for never. order_id: the buyer's own, if given."""

    id: int
    service: str
    country: int
    phone: str
    price: Decimal
    order_id: str | None
    bought_at: float
    expires_at: float
    sms_at: float | None
    state: OrderState = OrderState.WAITING
    ready: bool = False
    messages: list[SimulatedSms] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Timing:
    """sms_delay_s (None: drawn) and lifetime_s count for purchases to come, early_cancel_s for every cancel to come."""

    sms_delay_s: float | None = None
    early_cancel_s: float = 120.0
    lifetime_s: float = 1_200.0


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account at rest: all but its timing and chance. orders: the ended ones, then the open, each oldest first."""

    balance: Decimal
    next_id: int
    orders: list[SimulatedOrder]


class SimulatedAccount:
    """An account with a balance in USD. Methods raise `Refusal`; `now` never goes back.

    changes: goes up with every change, also with one that a look brought about, so that who keeps a record knows.
    """

    def __init__(self, timing: Timing, random: Random, balance: Decimal = Decimal("10000.00")) -> None:
        self.timing = timing
        self.balance = balance
        self.changes = 0
        self._random = random
        self._next_id = random.randrange(600_000_000, 700_000_000)
        self._open: dict[int, SimulatedOrder] = {}
        self._ended: dict[int, SimulatedOrder] = {}
        self._by_order_id: dict[str, int] = {}

    def record(self) -> AccountRecord:
        """The account as it stands, with the newest of its ended orders; they are the account's own, not copies."""
        ended = list(islice(reversed(self._ended.values()), RECORDED_ENDED_MAX))
        return AccountRecord(self.balance, self._next_id, [*reversed(ended), *self._open.values()])

    def resume(self, record: AccountRecord) -> None:
        """Take over what an earlier account recorded; this one must be new."""
        self.balance, self._next_id = record.balance, record.next_id
        for order in record.orders:
            (self._ended if order.state in ENDED else self._open)[order.id] = order
            if order.order_id is not None:
                self._by_order_id[order.order_id] = order.id

    def fund(self, balance: Decimal) -> None:
        """Set the funds left."""
        self.balance = balance
        self.changes += 1

    def buy(
        self, service: str, country: int, now: float, *, order_id: str | None = None, max_price: Decimal | None = None
    ) -> SimulatedOrder:
        """Sell a number and charge it. Checks in the order: service, country, order id, stock, price, funds."""
        self._sweep(now)
        if service not in SERVICES:
            raise Refusal("BAD_SERVICE")
        if country not in COUNTRIES:
            raise Refusal("BAD_COUNTRY")
        if order_id is not None and order_id in self._by_order_id:
            raise Refusal("ORDER_ALREADY_EXISTS")
        sold, where = SERVICES[service], COUNTRIES[country]
        if stock_of(sold, where) == 0:
            raise Refusal("NO_NUMBERS")
        price = price_of(sold, where)
        if max_price is not None and max_price < price:
            raise Refusal(f"WRONG_MAX_PRICE:{price}")
        if self.balance < price:
            raise Refusal("NO_BALANCE")
        self.balance -= price
        order = SimulatedOrder(
            id=self._next_id,
            service=service,
            country=country,
            phone=draw_phone(where, self._random),
            price=price,
            order_id=order_id,
            bought_at=now,
            expires_at=now + self.timing.lifetime_s,
            sms_at=None if service == NEVER_SMS else now + self._sms_delay_s(),
        )
        self._next_id += self._random.randrange(1, 10)
        self._open[order.id] = order
        if order_id is not None:
            self._by_order_id[order_id] = order.id
        self.changes += 1
        return order

    def look(self, id_: int, now: float) -> SimulatedOrder:
        """Find an order as it stands now. Raises NO_ACTIVATION."""
        order = self._open.get(id_)
        if order is not None:
            self._advance(order, now)
            return order
        try:
            return self._ended[id_]
        except KeyError:
            raise Refusal("NO_ACTIVATION") from None

    def set_status(self, id_: int, status: int, now: float) -> str:
        """Apply setStatus 1, 3, 6 or 8 and return the protocol's word. Raises BAD_STATUS, EARLY_CANCEL_DENIED."""
        order = self.look(id_, now)
        match status, order.state:
            case 1, OrderState.WAITING if not order.ready:
                order.ready = True
                self.changes += 1
                return "ACCESS_READY"
            case 3, OrderState.RECEIVED:
                order.state = OrderState.RETRY
                order.sms_at = now + self._sms_delay_s()
                self.changes += 1
                return "ACCESS_RETRY_GET"
            case 6, OrderState.RECEIVED | OrderState.RETRY:
                self._end(order, OrderState.COMPLETED)
                return "ACCESS_ACTIVATION"
            case 8, OrderState.WAITING:
                if now < order.bought_at + self.timing.early_cancel_s:
                    raise Refusal("EARLY_CANCEL_DENIED")
                self._end(order, OrderState.CANCELLED)
                return "ACCESS_CANCEL"
        raise Refusal("BAD_STATUS")

    def deliver(self, id_: int, now: float, code: str | None = None, text: str | None = None) -> SimulatedOrder:
        """Let an SMS arrive now; code and text are drawn if not given. Raises NO_ACTIVATION, BAD_STATUS (ended)."""
        order = self.look(id_, now)
        if order.state in ENDED:
            raise Refusal("BAD_STATUS")
        self._receive(order, now, code, text)
        return order

    def active(self, now: float) -> list[SimulatedOrder]:
        """All open orders, oldest first."""
        for order in list(self._open.values()):
            self._advance(order, now)
        return list(self._open.values())

    def orders(self, now: float) -> Iterator[SimulatedOrder]:
        """All orders remembered: the open ones, then the ended ones, each oldest first."""
        yield from self.active(now)
        yield from self._ended.values()

    def _advance(self, order: SimulatedOrder, now: float) -> None:
        due = order.sms_at
        if due is not None and due <= min(now, order.expires_at):
            self._receive(order, due, None, None)
        if now >= order.expires_at:
            self._end(order, OrderState.COMPLETED if order.messages else OrderState.CANCELLED)

    def _sweep(self, now: float) -> None:
        """End what has expired, from the oldest on: keeps the open orders bounded by the rate of purchases."""
        while (oldest := next(iter(self._open.values()), None)) and now >= oldest.expires_at:
            self._advance(oldest, now)

    def _receive(self, order: SimulatedOrder, at: float, code: str | None, text: str | None) -> None:
        code = draw_code(self._random) if code is None else code
        text = SERVICES[order.service].text.format(code=code) if text is None else text
        order.messages.append(SimulatedSms(code, text, at))
        order.state, order.sms_at = OrderState.RECEIVED, None
        self.changes += 1

    def _end(self, order: SimulatedOrder, state: OrderState) -> None:
        if state is OrderState.CANCELLED:
            self.balance += order.price
        order.state, order.sms_at = state, None
        self.changes += 1
        del self._open[order.id]
        self._ended[order.id] = order
        if len(self._ended) > ENDED_MAX:
            forgotten = self._ended.pop(next(iter(self._ended)))
            if forgotten.order_id is not None:
                del self._by_order_id[forgotten.order_id]

    def _sms_delay_s(self) -> float:
        fixed = self.timing.sms_delay_s
        return self._random.uniform(*SMS_DELAY_RANGE_S) if fixed is None else fixed
