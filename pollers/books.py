"""Our books beside a provider's: what does not agree, and what an operator should look at. Pure.

    orphan               there and not here     a number bought and paid for that no order of ours has
    refunded_but_open    there, refunded here   loss while it is open: the user has the money back, we have not
    refunded_but_served  delivered there        loss: the same, and an SMS has come
    unknown_there        open here, not there   the provider does not know an order that we bought
    ended_there          open here, not there   it has ended, and no poller has looked for a minute
    frozen_behind_closed closed here            and still holds money of its user
    charged_but_ended    ended there, paid here gain, perhaps: told only where the balance is higher than it should be
    balance              the sum of it all      the balance has not moved as our orders say

An SMS that came after the refund and was shown explains the latter two. Nothing here moves money or changes an order:
most of it wants a look at the provider's own pages first.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pollers.providers.contract import ActiveOrder, Delivered, Ended, Waiting
from wallet_db.provider_books import BalanceReading, ProviderBooks, ProviderOrder

RETURNED = frozenset({"cancelled", "timeout", "failed"})
CENT = Decimal("0.01")

HINTS = {
    "orphan": "bought there, unknown here: cancel it there, or find whose purchase was lost",
    "refunded_but_open": "refunded here, open and paid there: cancel it there before it gets an SMS",
    "refunded_but_served": "refunded here, but an SMS came there: paid for by us; see whether the user saw it",
    "unknown_there": "open here, and the provider does not know it: ask the provider with this id",
    "ended_there": "open here, ended there, and no poller looks: do pollers run, and with this account?",
    "frozen_behind_closed": "closed here and still holds money: see python -m wallet_db health",
    "charged_but_ended": "charged here, ended there and no SMS shown: were we given our money back?",
    "balance": "it moved otherwise than our orders say: a payment (--paid-in)? a price? the key used elsewhere?",
}

Looked = Waiting | Delivered | Ended | None
"""What the provider says of one order; None: it does not know it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. order_id: ours; provider_order_id: theirs. amount: in the account's currency."""

    kind: str
    order_id: str | None
    provider_order_id: str | None
    amount: Decimal | None

    @property
    def hint(self) -> str:
        """What an operator should look at."""
        return HINTS[self.kind]


@dataclass(slots=True)
class Comparison:
    """One provider's account. expected, difference: None at the first reading, which has nothing to be compared with.

    tolerance: what was under way at the two readings; 0 if nothing was, and then the figures agree to the cent or not.
    fault: why the provider could not be asked.
    """

    provider: str
    open_here: int = 0
    open_there: int = 0
    balance: Decimal | None = None
    expected: Decimal | None = None
    tolerance: Decimal = Decimal(0)
    findings: list[Finding] = field(default_factory=list)
    fault: str | None = None

    @property
    def difference(self) -> Decimal | None:
        """What the provider has more (or less) than it should."""
        return None if self.balance is None or self.expected is None else self.balance - self.expected

    @property
    def agrees(self) -> bool:
        """Whether nothing is found, and the provider was heard."""
        return self.fault is None and not self.findings


def to_look_at(orders: Sequence[ProviderOrder], active: Collection[str], checks_max: int) -> list[ProviderOrder]:
    """The orders of which only the provider can say how they stand: open here but not on its list, or lately closed.

    The newest first, at most checks_max; rentals are compared by the lists alone.
    """
    gone = [
        o for o in _known(orders) if not o.is_closed and o.status == "pending" and o.provider_order_id not in active
    ]
    closed = [o for o in _known(orders) if o.is_closed and o.provider_order_id not in active]
    closed.sort(key=lambda order: order.closed_at.timestamp() if order.closed_at else 0, reverse=True)
    return [*gone, *closed][:checks_max]


def _known(orders: Sequence[ProviderOrder]) -> list[ProviderOrder]:
    return [order for order in orders if order.kind == "activation" and order.provider_order_id is not None]


def findings_of(
    orders: Sequence[ProviderOrder],
    active: Sequence[ActiveOrder],
    active_rentals: Collection[str] | None,
    looked: Mapping[str, Looked],
    *,
    purchases_begun: bool,
) -> tuple[list[Finding], Decimal]:
    """What does not agree, order by order; and what more may have moved there already, of orders that have just ended.

    active_rentals: None if the provider has no list. purchases_begun: a number here may be somebody's in a moment.
    """
    by_id = {order.provider_order_id: order for order in orders if order.provider_order_id is not None}
    costs = {order.provider_order_id: order.cost for order in active} | dict.fromkeys(active_rentals or ())
    found, slack = [], Decimal(0)
    for id_, cost in costs.items():
        here = by_id.get(id_)
        if here is None and purchases_begun:
            slack += cost or 0
        elif here is None:
            found.append(Finding("orphan", None, id_, cost))
        elif here.status in RETURNED and not here.is_late:
            found.append(_about("refunded_but_open", here))
    for order in orders:
        if order.is_closed and order.held:
            found.append(_about("frozen_behind_closed", order))
        kind = _disagrees(order, looked)
        if kind is not None:
            found.append(_about(kind, order))
        elif _has_just_ended(order, looked):
            slack += order.cost or 0
    return found, slack


def _disagrees(order: ProviderOrder, looked: Mapping[str, Looked]) -> str | None:
    """What is wrong with an order by what the provider says of it, if it was asked."""
    if order.provider_order_id is None or order.provider_order_id not in looked:
        return None
    said = looked[order.provider_order_id]
    if order.is_closed:
        is_loss = order.status in RETURNED and not order.is_late and isinstance(said, Delivered)
        return "refunded_but_served" if is_loss else None
    if said is None:
        return "unknown_there"
    return "ended_there" if isinstance(said, Ended) and order.is_overdue else None


def _has_just_ended(order: ProviderOrder, looked: Mapping[str, Looked]) -> bool:
    """Over there, and about to be over here. One that is moving anyway is in the books' own slack."""
    said = looked.get(order.provider_order_id or "")
    return isinstance(said, Ended) and not order.is_closed and not order.is_moving


def _about(kind: str, order: ProviderOrder) -> Finding:
    return Finding(kind, str(order.id), order.provider_order_id, order.cost)


def judge_balance(
    compared: Comparison,
    books: ProviderBooks,
    slack: Decimal,
    before: BalanceReading | None,
    orders: Sequence[ProviderOrder],
    looked: Mapping[str, Looked],
) -> None:
    """Put expectation, tolerance and what follows from the difference into the comparison."""
    if before is None or compared.balance is None:
        return
    compared.expected = before.balance + before.paid_in - (books.spent - before.spent)
    compared.tolerance = before.slack + slack
    difference = compared.balance - compared.expected
    if abs(difference) <= compared.tolerance or abs(difference) < CENT:
        return
    compared.findings.append(Finding("balance", None, None, difference))
    compared.findings += [
        _about("charged_but_ended", order)
        for order in orders
        if order.status == "completed"
        and isinstance(looked.get(order.provider_order_id or ""), Ended)
        and order.cost is not None
        and order.cost <= difference
    ]
