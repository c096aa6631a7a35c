"""Virtual cards for operators: all of them, one with who did what to it, and whether our books are the provider's.

To block or unblock one: `POST /api/strowallet/block-card`, where an operator may name any.
"""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway.api.admin.asked import OPERATORS_TAG, UNSERVED, NumberedQuery, actor_of, operators_of
from gateway.api.operation import Access, Call, operation
from gateway.api.queries import PAGE_LIMIT_DEFAULT, Limit, Place
from gateway.api.requests import Text
from gateway.api.responses import Answer, JsonResponse
from gateway.api.shapes import Card, CardStatus, Funding, Money, Shape, Time
from gateway.errors import ApiError
from gateway.settings import CARD_PROVIDER
from wallet_db import operators_cards


class SeenCard(Card):
    """A card in a list: nothing of it that is sealed."""

    user_id: UUID
    user_name: str | None
    provider_card_id: str | None


class SeenCards(Shape):
    """A page of them, newest first."""

    cards: list[SeenCard]
    next: str | None


class CardAudit(Shape):
    """Something that was done to a card, or happened to it."""

    id: int
    action: str
    actor_type: str
    actor_id: str | None
    diff: dict[str, Any] = Field(description="What changed, from and to.")
    at: Time


class CardWebhook(Shape):
    """What the provider told by itself."""

    event_id: str
    event: str
    status: str
    error: str | None
    signature_valid: bool
    source: str
    received_at: Time


class CardDetail(Shape):
    """A card with its history, each part newest first."""

    card: SeenCard
    audit: list[CardAudit]
    fundings: list[Funding]
    webhooks: list[CardWebhook]


class Mismatch(Shape):
    """A card whose balance or status is not what the provider says, or that it does not know."""

    card_id: UUID
    kind: str
    ours: str | None
    theirs: str | None
    corrected: bool


class CardReconciliation(Shape):
    """All cards of a provider compared."""

    id: int
    provider: str
    asked_by: str
    correct: bool = Field(description="Whether the provider's word became ours.")
    started_at: Time | None
    ended_at: Time | None = Field(description="Null: still at it.")
    cards: int
    unread: int = Field(description="Cards that could not be asked about.")
    mismatches: int
    corrected: int
    usd_ours: Money
    usd_theirs: Money
    agrees: bool | None = Field(description="Null while it is not over.")
    worst: list[Mismatch]


class CardReconciliations(Shape):
    """A page of them, newest first."""

    reconciliations: list[CardReconciliation]
    next: int | None


class AskedReconciliation(Shape):
    """The one that is open now."""

    id: int


class SeenCardsQuery(BaseModel):
    """Which cards."""

    q: Annotated[Text, Field(min_length=1, max_length=100)] | None = Field(
        None, description="A card's id or its first eight characters, the provider's id, or its user's id or name."
    )
    status: CardStatus | None = None
    before: Place | None = None
    limit: Limit = PAGE_LIMIT_DEFAULT


class NewReconciliation(BaseModel):
    """How."""

    model_config = ConfigDict(extra="forbid")

    correct: bool = Field(False, description="Whether the provider's word is to become ours.")


@operation(
    "GET",
    "/api/admin/cards",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("A page.", SeenCards)},
    refuses=(UNSERVED,),
)
async def listing(call: Call, query: SeenCardsQuery) -> Response:
    """Everybody's cards, newest first."""
    word = query.q.strip() or None if query.q is not None else None
    found, following = await operators_cards.list_cards(
        operators_of(call), word=word, status=query.status, place=query.before, limit=query.limit
    )
    return JsonResponse({"cards": found, "next": following})


@operation(
    "GET",
    "/api/admin/cards/{card_id}",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("The card.", CardDetail)},
    refuses=(UNSERVED, "CARD_NOT_FOUND"),
)
async def show(call: Call, card_id: UUID) -> Response:
    """A card with its audit, its fundings, and what the provider told of it by itself."""
    found = await operators_cards.read_card(operators_of(call), card_id)
    if found is None:
        raise ApiError("CARD_NOT_FOUND", f"no card {card_id}", card_id=str(card_id))
    return JsonResponse(found)


@operation(
    "GET",
    "/api/admin/card-reconciliations",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("A page.", CardReconciliations)},
    refuses=(UNSERVED,),
)
async def reconciliations(call: Call, query: NumberedQuery) -> Response:
    """Comparisons of our cards with the provider's, newest first."""
    found = await operators_cards.list_reconciliations(operators_of(call), before=query.before, limit=query.limit)
    following = found[-1]["id"] if len(found) == query.limit else None
    return JsonResponse({"reconciliations": found, "next": following})


@operation(
    "POST",
    "/api/admin/card-reconciliations",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat="One that is open is gone on with.",
    gives={202: Answer("A poller is at it.", AskedReconciliation)},
    refuses=(UNSERVED,),
)
async def reconcile(call: Call, body: NewReconciliation) -> Response:
    """Compare all cards with the provider's now."""
    id_ = await operators_cards.reconcile(operators_of(call), CARD_PROVIDER, correct=body.correct, actor=actor_of(call))
    return JsonResponse({"id": id_}, 202)


OPERATIONS = (listing, show, reconciliations, reconcile)
