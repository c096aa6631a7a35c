"""An account of the simulated 5sim: orders and money of `state.py`, and what 5sim adds, a rating and more kinds of end.

A rating begins at its maximum; every end of an order moves it, and at 0 nothing more is sold. Ends that fall due by
time are rated when the account is next asked for its rating. Pure; rating and kinds of end last as long as the process.
"""

from collections import deque
from decimal import Decimal

from pollers.simulator.state import ENDED, OrderState, SimulatedAccount, SimulatedOrder
from pollers.simulator.till import Refusal

RATING_MAX = Decimal(96)
FINISHED, AUTO_FINISHED = Decimal("0.5"), Decimal("0.4")
TIMED_OUT, CANCELED, BANNED = Decimal("-0.15"), Decimal("-0.1"), Decimal("-0.1")
ENDS_MAX = 50_000

_STATUS = {
    OrderState.WAITING: "PENDING",
    OrderState.RECEIVED: "RECEIVED",
    OrderState.RETRY: "RECEIVED",
    OrderState.COMPLETED: "FINISHED",
    OrderState.CANCELLED: "TIMEOUT",
}


class FiveSimAccount:
    """account: whose orders these are. Methods raise `Refusal` with 5sim's text; `now` never goes back."""

    def __init__(self, account: SimulatedAccount) -> None:
        self.account = account
        self._rating = RATING_MAX
        self._ends: dict[int, str] = {}
        self._sold: deque[tuple[float, int]] = deque()

    def rating(self, now: float) -> Decimal:
        """The rating, 0 to RATING_MAX."""
        while self._sold and self._sold[0][0] <= now:
            _, id_ = self._sold.popleft()
            if id_ not in self._ends:
                order = self.account.look(id_, now)
                self._rate(AUTO_FINISHED if order.state is OrderState.COMPLETED else TIMED_OUT)
        return self._rating

    def status(self, order: SimulatedOrder) -> str:
        """5sim's word for an order's state. Every other order is RECEIVED from its first moment, which says nothing."""
        if order.id in self._ends and order.state in ENDED:  # and not open again, for a late SMS
            return self._ends[order.id]
        return "RECEIVED" if order.id % 2 and order.state is OrderState.WAITING else _STATUS[order.state]

    def buy(self, service: str, country: int, now: float, max_price: Decimal | None) -> SimulatedOrder:
        """Sell a number."""
        if self.rating(now) <= 0:
            raise Refusal("not enough rating")
        try:
            order = self.account.buy(service, country, now, max_price=max_price)
        except Refusal as refusal:
            word = refusal.word.partition(":")[0]
            raise Refusal("not enough user balance" if word == "NO_BALANCE" else "no free phones") from None
        self._sold.append((order.expires_at, order.id))
        return order

    def look(self, id_: int, now: float) -> SimulatedOrder:
        """Find an order. Raises "order not found"."""
        try:
            return self.account.look(id_, now)
        except Refusal:
            raise Refusal("order not found") from None

    def cancel(self, id_: int, now: float) -> SimulatedOrder:
        """Take a number back that had no SMS."""
        return self._give_back(id_, now, "CANCELED", CANCELED)

    def ban(self, id_: int, now: float) -> SimulatedOrder:
        """Take a number back that is said to be used up."""
        return self._give_back(id_, now, "BANNED", BANNED)

    def finish(self, id_: int, now: float) -> SimulatedOrder:
        """Complete an order that had an SMS."""
        order = self._open(id_, now)
        if not order.messages:
            raise Refusal("order no sms")
        self.account.set_status(id_, 6, now)
        self._end(id_, "FINISHED", FINISHED)
        return order

    def _give_back(self, id_: int, now: float, status: str, rated: Decimal) -> SimulatedOrder:
        order = self._open(id_, now)
        if order.messages:
            raise Refusal("order has sms")
        try:
            self.account.set_status(id_, 8, now)
        except Refusal:
            raise Refusal("you need to wait time") from None
        self._end(id_, status, rated)
        return order

    def _open(self, id_: int, now: float) -> SimulatedOrder:
        order = self.look(id_, now)
        if order.state in ENDED:
            raise Refusal("order not found" if id_ in self._ends else "order expired")
        return order

    def _end(self, id_: int, status: str, rated: Decimal) -> None:
        self._rate(rated)
        self._ends[id_] = status
        if len(self._ends) > ENDS_MAX:
            del self._ends[next(iter(self._ends))]

    def _rate(self, by: Decimal) -> None:
        self._rating = min(RATING_MAX, max(Decimal(0), self._rating + by))
