"""What the operations of cards take, and whose cards they are about."""

import re
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from gateway.api.admin.asked import RowPlace
from gateway.api.operation import Call
from gateway.api.orders import Money
from gateway.api.queries import DIGITS, PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, Limit
from gateway.auth import OPERATOR_ROLES
from gateway.cards import Cards
from gateway.errors import ApiError
from wallet_db.cards import OwnedCard, read_card
from wallet_db.sealing import CardKeys

TAG = "cards"
PAGES_MAX = 100_000

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z .'-]{0,24}[A-Za-z.]")


def _id(value: Any) -> Any:
    """Of what Python takes for a uuid only the one that everybody writes."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError("expected a card's id, a uuid")
    return value


def _name(value: Any) -> Any:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("expected a name of 2 to 26 Latin letters, spaces, hyphens, apostrophes and full stops")
    return value


CardId = Annotated[UUID, BeforeValidator(_id), WithJsonSchema({"type": "string", "format": "uuid"})]
Dollars = Annotated[Money, Field(description="US dollars.", examples=["20.00"])]
NameOnCard = Annotated[
    str,
    BeforeValidator(_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$", "examples": ["ANN EXAMPLE"]}),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewCard(_Body):
    """A card with its first dollars."""

    name_on_card: NameOnCard
    usd: Dollars


class NewCardFunding(_Body):
    """Dollars to put on a card."""

    card_id: CardId
    usd: Dollars


class WhichCard(_Body):
    """A card."""

    card_id: CardId


class CardQuery(BaseModel):
    """A card."""

    card_id: CardId = Field(...)


class CardsQuery(BaseModel):
    """A page of cards."""

    page: Annotated[int, DIGITS, Field(ge=1, le=PAGES_MAX, description="Counted from 1.")] = 1
    size: Annotated[int, DIGITS, Field(ge=1, le=PAGE_LIMIT_MAX, description="How many at most on a page.")] = (
        PAGE_LIMIT_DEFAULT
    )


class CardTransactionsQuery(CardQuery):
    """A page of a card's transactions."""

    before: RowPlace | None = None
    limit: Limit = PAGE_LIMIT_DEFAULT


def keys_of(call: Call) -> CardKeys:
    """The keys that seal. Raises ApiError CARDS_NOT_CONFIGURED where there are none."""
    return _served(call)[1]


def cards_of(call: Call) -> Cards:
    """What this process holds for cards. Raises ApiError CARDS_NOT_CONFIGURED where it holds no keys."""
    return _served(call)[0]


def whose(call: Call) -> UUID | None:
    """Of whom the caller may see cards; None: of everybody."""
    return None if call.session.role in OPERATOR_ROLES else call.session.user_id


async def card_of(call: Call, card_id: UUID) -> OwnedCard:
    """The card, if the caller may see it. Raises ApiError CARD_NOT_FOUND."""
    card = await read_card(call.services.pool, card_id, user_id=whose(call))
    if card is None:
        raise ApiError("CARD_NOT_FOUND", f"no card {card_id}", card_id=str(card_id))
    return card


def dollars(amount: Decimal) -> Decimal:
    """As the database writes them."""
    return amount.quantize(Decimal("0.01"))


def _served(call: Call) -> tuple[Cards, CardKeys]:
    cards = call.services.cards
    if cards.keys is None:
        raise ApiError("CARDS_NOT_CONFIGURED", "cards are not served here: CARD_KEYS is not set")
    return cards, cards.keys
