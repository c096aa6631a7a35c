"""What the API answers with, as models: for its document and for tests. The JSON itself is the database's (`json.sql`).

No answer passes through them, for that would be work for nothing; a test holds the answers against them. Closed here,
so that the test finds what is not told; the document leaves them open, for clients must bear new names.
"""

from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Money = Annotated[str, Field(pattern=r"^-?\d{1,12}\.\d\d$", description="A decimal string.", examples=["36.00"])]
Time = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        description="UTC with milliseconds.",
        examples=["2026-11-21T02:19:09.040Z"],
    ),
]
Cursor = Annotated[str, Field(pattern=r"^[0-9a-z-]{1,100}$", description="A place in the user's stream, opaque.")]
RequestId = Annotated[
    str | None, Field(description="Of the request that placed it, or the first of its chain; null: not known.")
]
ActivationStatus: TypeAlias = Literal["ordering", "pending", "received", "completed", "cancelled", "timeout", "failed"]
CardStatus: TypeAlias = Literal["pending_activation", "active", "inactive", "blocked", "terminated", "failed"]
RentalStatus: TypeAlias = Literal["ordering", "active", "completed", "cancelled", "expired", "failed"]
OperationType: TypeAlias = Literal["freeze", "commit", "refund", "deposit", "adjust", "correct"]


class Shape(BaseModel):
    """An object of an answer."""

    model_config = ConfigDict(extra="forbid")


class Refusal(Shape):
    """Why not. Some codes bring more: see each one's meaning."""

    model_config = ConfigDict(extra="allow")

    success: Literal[False]
    error_code: str
    message: str = Field(description="For people; it may change.")
    request_id: str | None = Field(None, description="The same as `X-Request-Id`: tell it when you report a fault.")
    retry_after_s: int | None = Field(None, description="As `Retry-After`.")


class Sms(Shape):
    """A message that came to a number."""

    code: str | None
    text: str | None
    received_at: Time


class RetryPlan(Shape):
    """Where it is tried again if no SMS comes, the order's own country first."""

    countries: list[str]


class Activation(Shape):
    """One number for one service, for about 20 minutes."""

    id: UUID
    service: str
    country: str
    phone: str | None = Field(description="Null until it is bought.")
    status: ActivationStatus
    price: Money
    code: str | None = Field(description="Of the newest SMS.")
    sms: list[Sms]
    cancel_requested: bool
    cancel_allowed_at: Time | None
    another_sms: Literal["requested", "waiting"] | None
    finish_requested: bool
    error_code: str | None
    retry_on_timeout: RetryPlan | None
    retry_of: UUID | None = Field(description="The first order of its chain, if it is not the first itself.")
    retried_by: UUID | None = Field(description="The order that followed when this one ended.")
    retry_refused: str | None = Field(description="Why none followed.")
    request_id: RequestId = None
    created_at: Time
    waits_until: Time | None
    expires_at: Time | None
    closed_at: Time | None


class Extension(Shape):
    """The newest of a rental."""

    hours: int
    price: Money
    status: Literal["requested", "extended", "refused"]
    error_code: str | None
    requested_at: Time


class Rental(Shape):
    """A number for hours or weeks."""

    id: UUID
    service: str
    country: str
    phone: str | None
    status: RentalStatus
    hours: int
    price: Money
    sms: list[Sms]
    cancel_requested: bool
    cancel_allowed_at: Time | None
    finish_requested: bool
    extension: Extension | None
    error_code: str | None
    request_id: RequestId = None
    created_at: Time
    ends_at: Time | None
    closed_at: Time | None


class Funding(Shape):
    """Dollars put on a card; the first are part of its creation."""

    id: UUID
    card_id: UUID
    kind: Literal["creation", "funding"]
    usd: Money
    price: Money = Field(description="What the wallet pays.")
    status: Literal["ordering", "pending", "completed", "failed"]
    error_code: str | None
    created_at: Time
    ended_at: Time | None


class Card(Shape):
    """A virtual card."""

    card_id: UUID
    provider: str
    status: CardStatus
    balance: Money = Field(description="By the provider's last word, at `checked_at`.")
    currency: Literal["USD"]
    brand: str | None
    wanted_action: Literal["block", "unblock"] | None = Field(description="Asked for, and not done yet.")
    error_code: str | None
    checked_at: Time | None
    funding: Funding | None = Field(description="The newest.")
    request_id: RequestId = None
    created_at: Time
    activated_at: Time | None
    closed_at: Time | None


class CardTransaction(Shape):
    """What moved money on a card."""

    card_id: UUID
    transaction_id: str = Field(description="The provider's.")
    usd: Money = Field(description="Onto the card: positive.")
    type: str | None
    method: str | None
    narrative: str | None
    status: str
    at: Time


class Wallet(Shape):
    """available = balance - frozen."""

    balance: Money
    frozen: Money
    available: Money


class WalletOperation(Shape):
    """One movement of money, with what there was before and after."""

    number: int
    type: OperationType
    amount: Money
    balance_before: Money
    balance_after: Money
    frozen_before: Money
    frozen_after: Money
    available_before: Money
    available_after: Money
    transaction_id: str
    hold_transaction_id: str | None
    reason: str | None
    activation_id: UUID | None
    rental_id: UUID | None
    at: Time


class Activations(Shape):
    """A page of them, newest first."""

    activations: list[Activation]
    next: str | None


class Rentals(Shape):
    """A page of them, newest first."""

    rentals: list[Rental]
    next: str | None


class WalletOperations(Shape):
    """A page of them, newest first."""

    operations: list[WalletOperation]
    next: int | None


class ServiceForSale(Shape):
    """A service, and what a number for it costs."""

    service: str
    title: str
    price: Money
    prices: dict[str, Money | None] | None = Field(None, description="By country, where they differ.")


class ServiceForRent(Shape):
    """A service, what an hour costs, and where."""

    service: str
    title: str
    price_hour: Money = Field(description="The same in every country.")
    countries: list[str] = Field(
        description="Where a provider in use rents numbers for it, by their names; whether one is free shows the order."
    )


class Country(Shape):
    """A country."""

    country: str
    title: str


class Catalogue(Shape):
    """What is for sale, and for rent."""

    services: list[ServiceForSale]
    rentals: list[ServiceForRent]
    countries: list[Country]


class Offer(Shape):
    """A service in a country: what a number costs there, how many there are, and how well they do."""

    service: str
    country: str
    price: Money
    stock: int | None = Field(description="Numbers to be had; null while nobody has told.")
    success: float | None = Field(
        ge=0, le=1, description="The share of the numbers bought lately that had their SMS; null for too few tries."
    )


class Offers(Shape):
    """What can be bought, and since when and from how many tries on `success` is counted."""

    offers: list[Offer]
    success_hours: int = Field(description="Counted over so many hours.")
    success_tries_min: int = Field(description="Told from so many numbers on.")


class SmsEntered(Shape):
    """What came of it."""

    outcome: str
    activation: Activation


class Ticket(Shape):
    """Opens one connection."""

    ticket: str
    expires_in: int = Field(description="Seconds.")


class Renewed(Shape):
    """Until when the connections may stay."""

    expires_at: Time


class Revocation(Shape):
    """What counts no more: of the user all that was given before, or this token."""

    user_id: UUID | None = None
    token_id: str | None = None
    revoked_at: Time


class DemoSession(Shape):
    """A demo user."""

    user_id: UUID
    token: str


class Snapshot(Shape):
    """All a page needs to draw itself."""

    wallet: Wallet
    activations: list[Activation]
    rentals: list[Rental]
    cards: list[Card]


class Event(Shape):
    """One visible change; what `data` is, docs/asyncapi.yaml says by type."""

    type: str
    seq: int
    cursor: Cursor
    at: Time
    data: dict[str, Any]


class Polled(Shape):
    """What is new since the cursor."""

    cursor: Cursor
    resumed: bool
    heartbeat_s: int
    server_time: Time
    snapshot: Snapshot | None = None
    events: list[Event]


class Document(Shape):
    """An API's document, by the OpenAPI Specification."""

    model_config = ConfigDict(extra="allow")

    openapi: str


class Alive(Shape):
    """The process answers."""

    status: Literal["ok"]


class Readiness(Shape):
    """Whether it should be given work."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, bool]


class Heard(Shape):
    """The webhook was understood."""

    success: Literal[True]
