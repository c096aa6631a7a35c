"""What a card costs: `card-offer`. Where there are none it says so, and refuses nothing: a page asks it first."""

from pydantic import Field
from starlette.responses import Response

from gateway.api.cards.asked import TAG
from gateway.api.operation import Call, operation
from gateway.api.responses import Answer, JsonResponse
from gateway.api.shapes import Money, Shape
from gateway.settings import CARD_PROVIDER
from wallet_db.cards import read_card_offer


class CardOffer(Shape):
    """What dollars on a card cost, in the wallet's money."""

    is_served: bool = Field(description="False: this service has nothing to do with cards.")
    on_sale: bool
    creation_fee: Money | None = Field(
        description="Of the card itself; null, as all that follows, if there is no offer."
    )
    usd_price: str | None = Field(description="Of one dollar, with up to six decimals.")
    funding_fee_percent: str | None = Field(
        description="Of the dollars' price; the sum is rounded to the cent, half up."
    )
    usd_min: Money | None = Field(description="Of one funding, the first one too.")
    usd_max: Money | None


NONE = dict.fromkeys(CardOffer.model_fields) | {"is_served": False, "on_sale": False}


@operation("GET", "/api/strowallet/card-offer", tag=TAG, gives={200: Answer("The offer.", CardOffer)})
async def show(call: Call) -> Response:
    """Whether cards are to be had here, and what they cost: the card once, and each dollar put on it."""
    if call.services.cards.keys is None:
        return JsonResponse(NONE)
    offer = await read_card_offer(call.services.pool, CARD_PROVIDER)
    return JsonResponse(NONE | (offer or {}) | {"is_served": True})


OPERATIONS = (show,)
