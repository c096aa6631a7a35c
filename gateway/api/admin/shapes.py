"""What the operators' operations answer with, as models: see `gateway.api.shapes`."""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from gateway.api.shapes import Money, OperationType, Shape, Time, Wallet, WalletOperation


class FoundUser(Shape):
    """A user a word names."""

    id: UUID
    name: str | None


class FoundOrder(Shape):
    """An order in a list."""

    kind: Literal["activation", "rental"]
    id: UUID
    user_id: UUID
    service: str
    country: str
    phone: str | None
    status: str
    price: Money
    provider: str | None
    error_code: str | None
    created_at: Time
    closed_at: Time | None


class FoundOrders(Shape):
    """A page of them, newest first."""

    orders: list[FoundOrder]
    next: str | None


class StuckOrder(FoundOrder):
    """One that nobody gets on with."""

    why: str | None = Field(description="The weightiest reason.")


class StuckOrders(Shape):
    """A page of them, newest first."""

    orders: list[StuckOrder]
    next: str | None


class Found(FoundOrders):
    """What a search found."""

    users: list[FoundUser]


class OrderOfOperators(Shape):
    """An order with what its user does not see: provider, cost, when it is looked at next."""

    kind: Literal["activation", "rental"]
    id: UUID
    user_id: UUID
    user_name: str | None
    wallet: Wallet
    service: str
    country: str
    phone: str | None
    status: str
    price: Money
    frozen: Money
    provider: str | None
    provider_order_id: str | None
    provider_cost: str | None
    error_code: str | None
    attempts: int
    last_outcome: str | None
    created_at: Time
    purchase_started_at: Time | None
    purchased_at: Time | None
    expires_at: Time | None
    cancel_requested_at: Time | None
    cancel_allowed_at: Time | None
    due_at: Time | None
    closed_at: Time | None
    overdue_s: int | None = Field(description="Since it was due; negative: until then.")
    purchased_s: int | None = Field(description="Since it was bought.")
    is_past_end: bool


class TimelineEntry(Shape):
    """One thing that happened. Codes and texts of SMS are not told.

    A `provider` was asked for a number; a `call` is anything else it was asked, with its outcome: what came again and
    again the same is told at growing distances, with how many `times` since.
    """

    at: Time
    kind: Literal["event", "operation", "provider", "call", "sms", "receipt", "log"]
    what: str
    detail: dict[str, Any]


class OrderDetail(Shape):
    """An order, what happened with it, and what can be done."""

    order: OrderOfOperators
    reasons: list[str]
    may_cancel: bool = Field(description="Asking the provider to cancel makes sense.")
    may_refund: bool = Field(description="The money can be given back without the provider.")
    may_close: bool = Field(description="A rental that can be ended with its money kept.")
    timeline: list[TimelineEntry]


class WalletHealth(Shape):
    """A wallet beside its holds and orders."""

    user_id: UUID
    status: Literal["OK", "WARNING", "CRITICAL"]
    problem: str | None
    balance: Money
    frozen: Money
    available: Money
    held: Money
    held_for_orders: Money
    ordered: Money


class User(Shape):
    """A user."""

    id: UUID
    name: str | None
    created_at: Time
    wallet: Wallet
    health: WalletHealth
    events: int
    open_orders: int
    tokens_revoked_at: Time | None = Field(description="What was given before counts no more.")


class KnownSession(Shape):
    """A token that a gateway knows of: something open stands on it, or it was used lately."""

    token_id: str
    role: str
    issued_at: Time | None
    expires_at: Time
    connections: dict[str, int] = Field(description="By transport.")


class Sessions(Shape):
    """What all gateways know of a user."""

    sessions: list[KnownSession]
    left_out: int
    gateways: list[str] = Field(description="Those that answered: machine and process.")


class AuditedOperation(WalletOperation):
    """A movement, with who made it."""

    actor: str


class Audit(Shape):
    """A page of movements, newest first."""

    operations: list[AuditedOperation]
    next: int | None


class Moved(Shape):
    """Money moved by hand."""

    operation_number: int
    type: OperationType
    amount: Money
    wallet: Wallet


class FaultyWallets(Shape):
    """A page of them."""

    wallets: list[WalletHealth]
    next: UUID | None


class Correction(Shape):
    """What was done about a wallet."""

    user_id: UUID
    corrected: bool
    alerted: bool
    operations: list[int]
    before: WalletHealth
    after: WalletHealth


class LogRow(Shape):
    """A row of system_logs."""

    at: Time
    level: str
    source: str
    message: str
    data: dict[str, Any]


class Logs(Shape):
    """A page of them."""

    logs: list[LogRow]
    next: str | None


class Alert(Shape):
    """What operators were told of."""

    id: int
    level: str
    source: str
    message: str
    data: dict[str, Any]
    first_at: Time
    last_at: Time
    times: int
    closed_at: Time | None
    closed_by: Literal["ended", "quiet"] | None = Field(
        description="Its cause was looked at and is no more, or it has not happened for a while."
    )


class Alerts(Shape):
    """A page of them."""

    alerts: list[Alert]
    next: int | None


class Route(Shape):
    """A provider's offer, as the last 24 hours showed it."""

    provider: str
    service: str
    country: str
    state: Literal["enabled", "warned", "disabled"]
    decided_by: Literal["rule", "operator"]
    cost: str | None
    stock: int | None
    tried: int
    sold: int
    decided: int
    delivered: int
    success: float | None
    sms_s_p50: float | None
    answer_s_p50: float | None


class Routes(Shape):
    """A page of them."""

    routes: list[Route]
    next: str | None


class ServiceHealth(Shape):
    """A service, as the last 24 hours showed it."""

    service: str
    title: str
    price: Money | None
    former_price: Money | None = Field(description="What it comes back with.")
    state: Literal["enabled", "warned", "disabled"]
    decided_by: Literal["rule", "operator"]
    orders: int
    decided: int
    received: int
    success: float | None
    sms_s_p50: float | None
    status: Literal["OK", "WARNING", "CRITICAL", "IDLE"]


class ServicesHealth(Shape):
    """All of them."""

    services: list[ServiceHealth]


class Now(Shape):
    """What is so now, and what became of the orders of the last 24 hours."""

    users: int
    balance: str
    frozen: str
    activations_open: int
    rentals_open: int
    overdue: int
    orders: int
    decided: int
    received: int
    success: float | None
    sms_s_p50: float | None
    price_paid: str
    cost: str


class OrdersOfATime(Shape):
    """An hour's or a day's."""

    at: Time
    orders: int
    open: int
    received: int
    cancelled: int
    timeout: int
    expired: int
    failed: int
    refunded: int
    sms_s_p50: float | None
    sms_s_p90: float | None
    price_paid: str
    cost: str


class ProviderOfATime(Shape):
    """An hour's or a day's requests for a number, of one provider."""

    at: Time
    provider: str
    tried: int
    sold: int
    errors: int
    answer_s_p50: float | None
    answer_s_p90: float | None


class OperationsOfATime(Shape):
    """An hour's or a day's movements of money, of one type."""

    at: Time
    type: OperationType
    operations: int
    amount: str


class Figures(Shape):
    """By time; hours or days of nothing are left out."""

    now: Now
    orders: list[OrdersOfATime]
    operations: list[OperationsOfATime]
    providers: list[ProviderOfATime]


class Live(Shape):
    """What all gateways are doing."""

    at: Time
    gateways: list[str] = Field(description="Those that answered: machine and process.")
    connections: dict[str, int]
    users: int
    newest_event: int
    alerts_open: int
    orders_stuck: int = Field(description="100 at most.")
    delivery_s_sum: float
    delivery_count: int
