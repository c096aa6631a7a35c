"""What the operations of cards answer with besides `gateway.api.shapes`, for their document and for tests. Pure.

What is sealed where it is kept is in `CardDetails` alone, and a card's number in `RevealedCard`, which nothing keeps.
"""

from typing import Literal
from uuid import UUID

from pydantic import Field

from gateway.api.shapes import Card, CardStatus, CardTransaction, Money, RequestId, Shape, Time


class Customer(Shape):
    """A user as the provider of cards knows them. What they told of themselves is never told again."""

    customer_id: UUID
    provider: str
    status: Literal["submitting", "registered", "failed"]
    provider_customer_id: str | None
    error_code: str | None
    request_id: RequestId = None
    created_at: Time
    registered_at: Time | None


class CardDetails(Card):
    """A card with what is sealed where it is kept."""

    name_on_card: str | None
    last4: str | None = Field(description="The last digits of its number; null once they have been purged.")
    expiry: str | None = Field(description="MM/YY.")


class CardBalance(Shape):
    """What is on a card."""

    card_id: UUID
    balance: Money
    currency: Literal["USD"]
    status: CardStatus
    checked_at: Time | None


class CardsPage(Shape):
    """A page of them, newest first."""

    cards: list[CardDetails]
    page: int
    size: int
    total: int = Field(description="On all pages.")


class CardTransactions(Shape):
    """A page of them, newest first."""

    transactions: list[CardTransaction]
    next: str | None


class RevealedCard(Shape):
    """What is printed on a card. Straight from the provider: kept by nobody, least by a cache."""

    card_id: UUID
    card_number: str
    cvv: str
    expiry: str | None = Field(description="MM/YY.")
