"""What the pollers ask of a provider of virtual cards, whatever protocol it speaks.

Invariant: what spends money (`create`, `fund`) or makes a person known (`register`) either returns what came of it, or
raises an error of `pollers.providers.contract` that says whether it surely was not done (every error but one) or nobody
knows (`OutcomeUnknown`). Everything else may be repeated without harm and never raises `OutcomeUnknown`. Both spending
methods only begin: what became of it, `card` and `transactions` tell. `UnknownOrder` is said of a card or a customer
that the provider does not know.

A card's full number and its CVV are in the answer of `reveal` and nowhere else: in no error, no `repr`, no log.
This module has no I/O and decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class CardStatus(StrEnum):
    """What a card is, in our words. A card that failed was never to be used; a terminated one is none any more."""

    PENDING_ACTIVATION = "pending_activation"
    ACTIVE = "active"
    INACTIVE = "inactive"
    BLOCKED = "blocked"
    TERMINATED = "terminated"
    FAILED = "failed"


class TransactionStatus(StrEnum):
    """What became of a transaction."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Document:
    """An image that shows who somebody is. kind: `id_image` or `user_photo`."""

    kind: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """Who a customer is. phone: digits without `+`. country: as the provider wants it. id_type: BVN, NIN, PASSPORT."""

    first_name: str
    last_name: str
    email: str
    phone: str
    date_of_birth: date
    house_number: str
    line1: str
    city: str
    state: str
    zip_code: str
    country: str
    id_type: str
    id_number: str


@dataclass(frozen=True, slots=True, repr=False)
class CardOrder:
    """A card wanted. email: the customer's. usd: what is put on it at once."""

    provider_customer_id: str
    email: str
    name_on_card: str
    usd: Decimal


@dataclass(frozen=True, slots=True)
class CardMade:
    """A card that exists from now on, to be used once it is active."""

    provider_card_id: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A card as its provider sees it. balance: USD. None and "": not told, as a card that is being made has no number.

    last4, expiry ("MM/YY"), name_on_card: not secret enough to be fetched each time, too telling for a log.
    """

    provider_card_id: str
    status: CardStatus
    balance: Decimal | None = None
    brand: str | None = None
    provider_customer_id: str | None = None
    reference: str | None = None
    last4: str = field(default="", repr=False)
    expiry: str = field(default="", repr=False)
    name_on_card: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class Details:
    """What its owner needs to pay with a card. number: 12 to 19 digits. cvv: 3 or 4. expiry: "MM/YY"."""

    number: str
    cvv: str
    expiry: str
    name_on_card: str


@dataclass(frozen=True, slots=True)
class Funding:
    """Money on its way to a card. transaction_id: of it among the card's transactions, if the provider tells."""

    reference: str | None
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class CardTransaction:
    """One movement on a card. usd: what it adds to the card, so negative for a payment.

    is_funding: money that we have put on it. type, method: the provider's words. narrative: where, in its words.
    """

    provider_transaction_id: str
    usd: Decimal
    status: TransactionStatus
    type: str = ""
    method: str = ""
    narrative: str = field(default="", repr=False)
    reference: str | None = None
    at: datetime | None = None
    is_funding: bool = False


class CardProvider(Protocol):
    """One account at one provider. Safe for concurrent use; makes no attempt twice, waits no longer than its deadline.

    Every method may raise `AccountProblem`, `Unavailable` and `Refused`; those that may be repeated `UnknownAnswer`.
    """

    async def register(self, person: Person, documents: Sequence[Document]) -> str:
        """Make a person known; the provider's id of the customer. Raises OutcomeUnknown."""
        ...

    async def find_customer(self, email: str) -> str | None:
        """Tell the provider's id of a customer; None: it knows nobody of this address."""
        ...

    async def create(self, order: CardOrder) -> CardMade:
        """Make a card and put money on it. Raises OutcomeUnknown; a cancelled call is an unknown outcome, too."""
        ...

    async def card(self, provider_card_id: str) -> Card:
        """Look at a card. Raises UnknownOrder."""
        ...

    async def reveal(self, provider_card_id: str) -> Details:
        """Fetch what its owner pays with. Raises UnknownOrder, and Refused while the card has no number."""
        ...

    async def fund(self, provider_card_id: str, usd: Decimal) -> Funding:
        """Put money on a card. Raises OutcomeUnknown, UnknownOrder."""
        ...

    async def transactions(self, provider_card_id: str) -> list[CardTransaction]:
        """List a card's transactions: complete as far as the provider tells them, or an error. Raises UnknownOrder."""
        ...

    async def block(self, provider_card_id: str) -> None:
        """Let nothing be paid with it. Blocked already is fine. Raises UnknownOrder."""
        ...

    async def unblock(self, provider_card_id: str) -> None:
        """Let it pay again. Not blocked is fine. Raises UnknownOrder, and Refused of a card that is over."""
        ...

    async def balance(self) -> Decimal:
        """Tell the funds left in our account, in USD."""
        ...
