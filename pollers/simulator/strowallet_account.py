"""One simulated account at Strowallet: customers, their cards, and the money on them. Pure: time and chance are passed
in.

    pending ──activation_s──► active ⇄ frozen, inactive ──► terminated
       └────activation_s────► failed

Making a card and putting money on it only begin: the money leaves the account at once, and after a time it is on the
card, or back if that was declined, or if the card was terminated meanwhile. There is no idempotency: asked twice it is
done twice. Invariant: funds + what is on cards and on its way to them + what was spent = what was paid in. Nothing
happens by itself: what fell due is applied when somebody looks, with the time it fell due.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, Literal
from uuid import UUID

from pollers.simulator.till import Refusal, Till, Timing

FIRST_CARD_ID = 6_000_000_000
PAID_IN = Decimal("10000.00")
USD_MIN, USD_MAX = Decimal(1), Decimal(10_000)
NEWS_MAX = 10_000
_VALID_S = 3 * 365 * 86_400.0

SimulatedStatus = Literal["pending", "active", "inactive", "frozen", "terminated", "failed"]
OVER: frozenset[SimulatedStatus] = frozenset({"terminated", "failed"})


@dataclass(slots=True)
class SimulatedCustomer:
    """Somebody made known. fields: as they came, without the images."""

    id: str
    email: str
    fields: dict[str, str]


@dataclass(slots=True)
class SimulatedTransaction:
    """One movement on a card. usd: what it adds to it. ends_at: when it is decided, None once it is."""

    id: str
    usd: Decimal
    type: str
    method: str
    narrative: str
    status: str
    reference: str
    at: float
    ends_at: float | None = None
    will_fail: bool = False


@dataclass(slots=True)
class SimulatedCard:
    """A card. number and cvv are made of its id, so that tests know what nobody may keep."""

    id: int
    customer_id: str
    name_on_card: str
    reference: int
    created_at: float
    ends_at: float | None
    will_fail: bool
    status: SimulatedStatus = "pending"
    balance: Decimal = Decimal("0.00")
    transactions: list[SimulatedTransaction] = field(default_factory=list)

    @property
    def number(self) -> str:
        """Sixteen digits that pass the check of card numbers."""
        body = f"400000{self.id % 10**9:09d}"
        digits = [int(digit) for digit in reversed(body)]
        total = sum(sum(divmod(2 * digit, 10)) if at % 2 == 0 else digit for at, digit in enumerate(digits))
        return f"{body}{-total % 10}"

    @property
    def cvv(self) -> str:
        """Three digits."""
        return f"{self.id * 7919 % 1000:03d}"

    @property
    def expires_at(self) -> float:
        """Epoch seconds."""
        return self.created_at + _VALID_S


@dataclass(frozen=True, slots=True)
class CardTerms:
    """How this provider is at present; see `strowallet_control.py`."""

    activation_s: float = 2.0
    funding_s: float = 2.0
    declines_creations: bool = False
    declines_fundings: bool = False
    refusal_status: Literal[200, 400] = 400
    refusal_form: Literal["message", "error"] = "message"
    amounts: Literal["number", "text", "signless", "cents"] = "number"


@dataclass(frozen=True, slots=True)
class CardsRecord:
    """An account at rest: all but its terms and chance."""

    balance: Decimal
    next_id: int
    customers: list[SimulatedCustomer]
    cards: list[SimulatedCard]


class StrowalletAccount:
    """An account in USD. Methods raise `Refusal` with the provider's sentence; `now` never goes back.

    news: what webhooks have to tell, as (event, its fields); whoever tells it empties it. changes: goes up with each.
    """

    def __init__(self, random: Random, balance: Decimal = PAID_IN) -> None:
        self.terms = CardTerms()
        self.till = Till(Timing(), random, balance, FIRST_CARD_ID)
        self.news: deque[tuple[str, dict[str, Any]]] = deque(maxlen=NEWS_MAX)
        self.customers: dict[str, SimulatedCustomer] = {}
        """By e-mail."""
        self._cards: dict[int, SimulatedCard] = {}
        self._open: set[int] = set()
        """Cards with something to fall due."""

    @property
    def changes(self) -> int:
        """How often anything has changed."""
        return self.till.changes

    def record(self) -> CardsRecord:
        """The account as it stands."""
        return CardsRecord(
            self.till.balance, self.till.next_id, list(self.customers.values()), list(self._cards.values())
        )

    def resume(self, record: CardsRecord) -> None:
        """Take over what an earlier account recorded; this one must be new."""
        self.till.balance, self.till.next_id = record.balance, record.next_id
        self.customers = {customer.email.lower(): customer for customer in record.customers}
        self._cards = {card.id: card for card in record.cards}
        self._open = set(self._cards)

    def register(self, email: str, fields: Mapping[str, str]) -> SimulatedCustomer:
        """Make somebody known."""
        if email.lower() in self.customers:
            raise Refusal("Customer with this email already exists")
        id_ = str(UUID(int=self.till.random.getrandbits(128), version=4))
        customer = self.customers[email.lower()] = SimulatedCustomer(id_, email, dict(fields))
        self.till.changes += 1
        return customer

    def customer(self, email: str) -> SimulatedCustomer:
        """Find somebody."""
        if (customer := self.customers.get(email.lower())) is None:
            raise Refusal("Customer not found")
        return customer

    def create(self, email: str, name_on_card: str, usd: Decimal, now: float) -> SimulatedCard:
        """Begin to make a card with so much on it."""
        customer = self.customer(email)
        self._charge(usd)
        card = SimulatedCard(
            self.till.draw_id(),
            customer.id,
            name_on_card,
            reference=self.till.random.randrange(10_000, 100_000),
            created_at=now,
            ends_at=now + self.terms.activation_s,
            will_fail=self.terms.declines_creations,
        )
        card.transactions.append(self._transaction(card, usd, "credit", "topup", "Card creation", now))
        card.transactions[0].ends_at = None  # with the card
        self._cards[card.id] = card
        self._open.add(card.id)
        return card

    def card(self, id_: int, now: float) -> SimulatedCard:
        """Find a card as it stands now."""
        if (card := self._cards.get(id_)) is None:
            raise Refusal("Card not found")
        self._advance(card, now)
        return card

    def cards(self, now: float) -> Iterator[SimulatedCard]:
        """All of them as they stand now."""
        self.advance(now)
        yield from self._cards.values()

    def fund(self, id_: int, usd: Decimal, now: float) -> SimulatedTransaction:
        """Begin to put money on a card."""
        card = self.card(id_, now)
        if card.status != "active":
            raise Refusal("Card is not active")
        self._charge(usd)
        transaction = self._transaction(card, usd, "credit", "topup", "Card topup", now)
        transaction.ends_at, transaction.will_fail = now + self.terms.funding_s, self.terms.declines_fundings
        card.transactions.append(transaction)
        self._open.add(card.id)
        return transaction

    def freeze(self, id_: int, now: float, *, is_frozen: bool) -> SimulatedCard:
        """Let it pay nothing, or again."""
        card = self.card(id_, now)
        if card.status == ("frozen" if is_frozen else "active"):
            raise Refusal(f"Card is already {card.status}")
        if card.status not in {"active", "frozen", "inactive"}:
            raise Refusal(f"Card is {card.status}")
        return self.put(id_, "frozen" if is_frozen else "active", now)

    def put(self, id_: int, status: SimulatedStatus, now: float) -> SimulatedCard:
        """Bring a card into a state, on whoever's order. What is on a card that is over goes back to the account."""
        card = self.card(id_, now)
        if card.status in OVER:
            raise Refusal(f"Card is {card.status}")
        before = card.balance
        card.status = status
        if status in OVER:
            self.till.pay_back(card.balance)
            card.balance, card.ends_at = Decimal("0.00"), None
            for transaction in card.transactions:
                if transaction.status == "pending":
                    self._end(card, transaction, fails=True)
            self._tell("virtualcard.transaction.declined.terminated", card, balanceBeforeTermination=str(before))
        else:
            self._tell("card.unblocked" if status == "active" else "card.blocked", card)
        self.till.changes += 1
        return card

    def spend(self, id_: int, usd: Decimal, narrative: str, now: float) -> SimulatedTransaction:
        """Somebody pays with it, or tries to."""
        card = self.card(id_, now)
        is_paid = card.status == "active" and card.balance >= usd
        transaction = self._transaction(card, -usd, "debit", "authorization", narrative, now)
        transaction.status = "success" if is_paid else "declined"
        card.transactions.append(transaction)
        if is_paid:
            card.balance -= usd
        event = "authorization" if is_paid else "declined"
        self._tell(f"virtualcard.transaction.{event}", card, transaction, narrative=narrative)
        return transaction

    def advance(self, now: float) -> None:
        """Apply what has fallen due."""
        for id_ in list(self._open):
            self._advance(self._cards[id_], now)

    def _advance(self, card: SimulatedCard, now: float) -> None:
        if card.id not in self._open:
            return
        if card.ends_at is not None and card.ends_at <= now:
            card.ends_at = None
            card.status = "failed" if card.will_fail else "active"
            self._end(card, card.transactions[0], fails=card.will_fail)
            if not card.will_fail:
                self._tell("virtualcard.created.complete", card, card.transactions[0])
        for transaction in card.transactions:
            if transaction.ends_at is not None and transaction.ends_at <= now:
                self._end(card, transaction, fails=transaction.will_fail)
                if not transaction.will_fail:
                    self._tell("card.funded", card, transaction)
        if card.ends_at is None and all(transaction.ends_at is None for transaction in card.transactions):
            self._open.discard(card.id)

    def _end(self, card: SimulatedCard, transaction: SimulatedTransaction, *, fails: bool) -> None:
        transaction.ends_at, transaction.status = None, "failed" if fails else "success"
        if fails:
            self.till.pay_back(transaction.usd)
        else:
            card.balance += transaction.usd
            self.till.changes += 1

    def _charge(self, usd: Decimal) -> None:
        if not USD_MIN <= usd <= USD_MAX:
            raise Refusal("The amount is not allowed")
        try:
            self.till.charge(usd)
        except Refusal:
            raise Refusal("Insufficient wallet balance") from None

    def _transaction(
        self, card: SimulatedCard, usd: Decimal, kind: str, method: str, narrative: str, now: float
    ) -> SimulatedTransaction:
        id_ = f"{self.till.draw_id()}"
        reference = f"{card.reference}{len(card.transactions):03d}"
        self.till.changes += 1
        return SimulatedTransaction(id_, usd, kind, method, narrative, "pending", reference, now)

    def _tell(
        self, event: str, card: SimulatedCard, transaction: SimulatedTransaction | None = None, **said: str
    ) -> None:
        about = {"id": transaction.id, "amount": str(abs(transaction.usd))} if transaction else {}
        about["reference"] = transaction.reference if transaction else str(card.reference)
        status = {"cardBrand": "visa", "lastFour": card.number[-4:], "status": card.status}
        self.news.append((event, {"cardId": str(card.id), **about, **status, **said}))
