"""What the operators' operations take, and the pool they work with."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from gateway.api.operation import Call
from gateway.api.orders import Money
from gateway.api.queries import DIGITS, PAGE_LIMIT_DEFAULT, Limit, Named, Place
from gateway.api.requests import SUM, Text, idempotency_key_of
from gateway.errors import ApiError
from wallet_db.connect import Pool

OPERATORS_TAG = "operators"
UNSERVED = "NOT_FOUND"
"""Every operation here may answer it: see `operators_of`."""


def _said(text: Any) -> Any:
    if isinstance(text, str) and not text.strip():
        raise ValueError("expected a reason")
    return text


def _row_place(text: Any) -> Any:
    """The `next` of a page of rows with a time and a number."""
    if not isinstance(text, str):
        return text
    at, _, number = text.partition("_")
    if not at.endswith("Z") or not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise ValueError("expected the `next` of a page")
    try:
        return datetime.fromisoformat(at), int(number)
    except ValueError:
        raise ValueError("expected the `next` of a page") from None


Reason = Annotated[
    Text,
    BeforeValidator(_said),
    Field(min_length=1, max_length=1_000, description="Stays in the audit or in system_logs, with who gave it."),
]
SignedMoney = Annotated[
    Decimal,
    SUM,
    Field(gt=-(10**12), lt=10**12, decimal_places=2, allow_inf_nan=False),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d{1,12}(\.\d{1,2})?$"}),
]
Number = Annotated[int, DIGITS, Field(ge=0, lt=10**18)]
RowPlace = Annotated[
    tuple[datetime, int],
    BeforeValidator(_row_place),
    WithJsonSchema({"type": "string", "description": "The `next` of the page before, as it stands there."}),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Reasoned(_Body):
    """Why."""

    reason: Reason


class NewDeposit(Reasoned):
    """Money that came in."""

    amount: Money


class NewAdjustment(Reasoned):
    """What the balance changes by; negative takes away, down to what is available."""

    amount: SignedMoney


class RouteState(Reasoned):
    """What becomes of a route; null gives it back to the rule."""

    provider: Named
    service: Named
    country: Named
    state: Literal["enabled", "warned", "disabled"] | None


class ServicePrice(Reasoned):
    """What a number costs; null takes the service off sale."""

    service: Named
    price: Money | None


class ServiceState(Reasoned):
    """What becomes of a service; null gives its warning back to the rule."""

    service: Named
    state: Literal["enabled", "warned", "disabled"] | None


class SearchQuery(BaseModel):
    """A word that names orders or a user."""

    q: Annotated[Text, Field(min_length=1, max_length=100)] = Field(
        ..., description="An order's id, a user's id or name, a phone number or its last digits, a provider's id."
    )
    days: Annotated[int, DIGITS, Field(ge=1, le=366)] = Field(
        31, description="Phone numbers are looked for among the orders of so many days."
    )
    before: Place | None = None
    limit: Limit = PAGE_LIMIT_DEFAULT


class OrdersQuery(BaseModel):
    """A page of orders."""

    before: Place | None = None
    limit: Limit = PAGE_LIMIT_DEFAULT


class NumberedQuery(BaseModel):
    """A page of what is numbered."""

    before: Number | None = Field(None, description="The `next` of the page before.")
    limit: Limit = PAGE_LIMIT_DEFAULT


class WalletsQuery(BaseModel):
    """A page of wallets, by their users' ids."""

    after: UUID | None = Field(None, description="The `next` of the page before.")
    limit: Limit = PAGE_LIMIT_DEFAULT


class LogsQuery(BaseModel):
    """Which rows of the log."""

    level: list[Literal["debug", "info", "warning", "error", "critical"]] = Field([], description="Of these levels.")
    before: RowPlace | None = None
    limit: Limit = PAGE_LIMIT_DEFAULT


class RoutesQuery(BaseModel):
    """Which routes: of a service, or those in use or decided about."""

    service: Named | None = None
    after: str | None = Field(None, max_length=200, description="The `next` of the page before.")
    limit: Limit = PAGE_LIMIT_DEFAULT

    @property
    def place(self) -> tuple[str, str, str] | None:
        """For the database. Raises ApiError."""
        if self.after is None:
            return None
        parts = self.after.split("/")
        if len(parts) != 3 or "\0" in self.after:
            raise ApiError("BAD_REQUEST", "after: expected the `next` of a page")
        return parts[0], parts[1], parts[2]


class FiguresQuery(BaseModel):
    """How far back, in which steps."""

    step: Literal["hour", "day"] = "hour"
    count: Annotated[int, DIGITS, Field(ge=1, le=100)] = Field(24, description="So many hours or days.")


def operators_of(call: Call) -> Pool:
    """The pool that acts as an operator. Raises ApiError NOT_FOUND where there is none."""
    pool = call.services.operator_pool
    if pool is None:
        raise ApiError(UNSERVED, "operators are not served here: OPERATOR_DATABASE_URL is not set")
    return pool


def actor_of(call: Call) -> str:
    """Who it is ascribed to."""
    return str(call.session.user_id)


def transaction_id_of(call: Call) -> str:
    """The id under which money moves once, of the operator's and the required Idempotency-Key. Raises ApiError."""
    key = idempotency_key_of(call.request)
    if key is None:
        raise ApiError("BAD_REQUEST", "Idempotency-Key: expected one, for money moves once for each")
    return f"op:{call.session.user_id}:{key}"
