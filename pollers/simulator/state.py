"""One simulated account: its orders as a state machine, its rentals beside them. Pure: time (epoch seconds) and chance
are passed in.

    waiting ──SMS──► received ──3──► retry          1 ready (allowed once, while waiting)   3 wait for another SMS
       │               │   ▲──SMS──────┤            6 complete                              8 cancel
       8, lifetime     6, lifetime     6, lifetime
       ▼               ▼               ▼
    cancelled       completed ◄────────┘
       └──a late SMS──► received, and charged again

Invariant: balance + price of all orders and rentals not cancelled = what was paid in. Nothing happens by itself: an
SMS and an end that fell due are applied when the order is next looked at, with the time they fell due. At most
ENDED_MAX ended orders are remembered, and RECORDED_ENDED_MAX of them in a record, from which a later account goes on.
What a rental is and may is `rentals.py`'s. That a number given back may get its SMS all the same, and is then open
again and paid for, is a choice: of an ended order the protocol shows no SMS, so one that is seen was not over.
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
    Country,
    Service,
    draw_code,
    draw_phone,
)
from pollers.simulator.rentals import Rentals, SimulatedRental
from pollers.simulator.routes import Routes
from pollers.simulator.till import FIRST_ID, Refusal, SimulatedSms, Till, Timing

ENDED_MAX = 50_000
LATE_OPEN_S = 600.0
"""So long an order is open again at least, after an SMS that came late."""
RECORDED_ENDED_MAX = 1_000


class OrderState(StrEnum):
    """The states drawn above."""

    WAITING = "waiting"
    RECEIVED = "received"
    RETRY = "retry"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


ENDED = frozenset({OrderState.COMPLETED, OrderState.CANCELLED})


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
class AccountRecord:
    """An account at rest: all but its timing and chance. orders: the ended ones, then the open, each oldest first.

    rentals: likewise; a record of former days has none.
    """

    balance: Decimal
    next_id: int
    orders: list[SimulatedOrder]
    rentals: list[SimulatedRental] = field(default_factory=list)


class SimulatedAccount:
    """An account with a balance in USD. Methods raise `Refusal`; `now` never goes back.

    routes: what its numbers cost and how they do.
    changes: goes up with every change, also with one that a look brought about, so that who keeps a record knows.
    """

    def __init__(
        self, timing: Timing, random: Random, balance: Decimal = Decimal("10000.00"), first_id: int = FIRST_ID
    ) -> None:
        self.till = Till(timing, random, balance, first_id)
        self.rentals = Rentals(self.till)
        self.routes = Routes()
        self._random = random
        self._open: dict[int, SimulatedOrder] = {}
        self._ended: dict[int, SimulatedOrder] = {}
        self._by_order_id: dict[str, int] = {}

    @property
    def timing(self) -> Timing:
        """The times that hold; they may be set anew."""
        return self.till.timing

    @timing.setter
    def timing(self, timing: Timing) -> None:
        self.till.timing = timing

    @property
    def balance(self) -> Decimal:
        """The funds left."""
        return self.till.balance

    @property
    def changes(self) -> int:
        """How often anything has changed."""
        return self.till.changes

    def record(self) -> AccountRecord:
        """The account as it stands, with the newest of its ended orders; they are the account's own, not copies."""
        ended = list(islice(reversed(self._ended.values()), RECORDED_ENDED_MAX))
        orders = [*reversed(ended), *self._open.values()]
        return AccountRecord(self.balance, self.till.next_id, orders, self.rentals.remembered())

    def resume(self, record: AccountRecord) -> None:
        """Take over what an earlier account recorded; this one must be new."""
        self.till.balance, self.till.next_id = record.balance, record.next_id
        self.rentals.resume(record.rentals)
        for order in record.orders:
            (self._ended if order.state in ENDED else self._open)[order.id] = order
            if order.order_id is not None:
                self._by_order_id[order.order_id] = order.id

    def fund(self, balance: Decimal) -> None:
        """Set the funds left."""
        self.till.fund(balance)

    def buy(
        self,
        service: str,
        country: int,
        now: float,
        *,
        order_id: str | None = None,
        max_price: Decimal | None = None,
        phone: str | None = None,
    ) -> SimulatedOrder:
        """Sell a number and charge it. Checks in the order: service, country, order id, stock, price, funds.

        phone: one sold before, None draws one.
        """
        self._sweep(now)
        if service not in SERVICES:
            raise Refusal("BAD_SERVICE")
        if country not in COUNTRIES:
            raise Refusal("BAD_COUNTRY")
        if order_id is not None and order_id in self._by_order_id:
            raise Refusal("ORDER_ALREADY_EXISTS")
        sold, where = SERVICES[service], COUNTRIES[country]
        if self.routes.stock(sold, where) == 0:
            raise Refusal("NO_NUMBERS")
        price = self.routes.price(sold, where)
        if max_price is not None and max_price < price:
            raise Refusal(f"WRONG_MAX_PRICE:{price}")
        self.till.charge(price)
        # Drawn in this order, which a seed repeats: phone, delay, id.
        phone = phone or draw_phone(where, self._random)
        sms_at = self._first_sms_at(sold, where, now)
        order = SimulatedOrder(
            id=self.till.draw_id(),
            service=service,
            country=country,
            phone=phone,
            price=price,
            order_id=order_id,
            bought_at=now,
            expires_at=now + self.timing.lifetime_s,
            sms_at=sms_at,
        )
        self.routes.sell(sold, where)
        self._open[order.id] = order
        if order_id is not None:
            self._by_order_id[order_id] = order.id
        return order

    def again(self, id_: int, now: float) -> SimulatedOrder:
        """Sell the number of a completed order once more.

        Raises WRONG_ACTIVATION_ID, RENEW_ACTIVATION_NOT_AVAILABLE, NEW_ACTIVATION_IMPOSSIBLE (in use), and as `buy`.
        """
        try:
            order = self.look(id_, now)
        except Refusal:
            raise Refusal("WRONG_ACTIVATION_ID") from None
        if order.state is not OrderState.COMPLETED:
            raise Refusal("RENEW_ACTIVATION_NOT_AVAILABLE")
        if any(other.phone == order.phone for other in self.active(now)):
            raise Refusal("NEW_ACTIVATION_IMPOSSIBLE")
        return self.buy(order.service, order.country, now, phone=order.phone)

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
                self.till.changes += 1
                return "ACCESS_READY"
            case 3, OrderState.RECEIVED:
                order.state = OrderState.RETRY
                order.sms_at = now + self.till.sms_delay_s()
                self.till.changes += 1
                return "ACCESS_RETRY_GET"
            case 6, OrderState.RECEIVED | OrderState.RETRY:
                self._end(order, OrderState.COMPLETED)
                return "ACCESS_ACTIVATION"
            case 8, OrderState.WAITING:
                is_early = now < order.bought_at + self.timing.early_cancel_s
                if is_early or self.routes.draw_cancel_denied(self._random):
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

    def deliver_late(self, id_: int, now: float, code: str | None = None, text: str | None = None) -> SimulatedOrder:
        """Let an SMS arrive for a number that was given back. Raises NO_ACTIVATION, BAD_STATUS (it was not)."""
        order = self.look(id_, now)
        if order.state is not OrderState.CANCELLED:
            raise Refusal("BAD_STATUS")
        self.till.charge(order.price)
        del self._ended[id_]
        self._open[id_] = order
        order.expires_at = max(order.expires_at, now + LATE_OPEN_S)
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

    def _first_sms_at(self, sold: Service, where: Country, now: float) -> float | None:
        if sold.code == NEVER_SMS or not self.routes.draw_success(sold, where, self._random):
            return None
        delay_s = self.routes.draw_delay_s(sold, where, self._random)
        return now + (self.till.sms_delay_s() if delay_s is None else delay_s)

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
        sms = SimulatedSms(code, text, at)
        order.messages.append(sms)
        order.state, order.sms_at = OrderState.RECEIVED, None
        self.till.note(order.id, sms)

    def _end(self, order: SimulatedOrder, state: OrderState) -> None:
        if state is OrderState.CANCELLED:
            self.till.pay_back(order.price)
        order.state, order.sms_at = state, None
        self.till.changes += 1
        del self._open[order.id]
        self._ended[order.id] = order
        if len(self._ended) > ENDED_MAX:
            forgotten = self._ended.pop(next(iter(self._ended)))
            if forgotten.order_id is not None:
                del self._by_order_id[forgotten.order_id]
