"""What is told of cards: `list-cards`, `card-details`, `balance`, `card-transactions`, and `card-reveal`.

Details are the provider's word of the last minutes, the same for every gateway: see `gateway.cards.looks`. Where no
fresher one could be had in time, the answer is 202 with the older one, and `checked_at` says how old.
"""

from datetime import UTC
from uuid import UUID

from starlette.responses import Response

from gateway.api.cards.asked import (
    TAG,
    CardQuery,
    CardsQuery,
    CardTransactionsQuery,
    WhichCard,
    card_of,
    cards_of,
    whose,
)
from gateway.api.cards.shapes import CardBalance, CardDetails, CardsPage, CardTransactions, RevealedCard
from gateway.api.operation import Call, operation
from gateway.api.responses import Answer, JsonResponse
from wallet_db.cards import OwnedCard, list_card_transactions, list_cards

OF_BALANCE = ("card_id", "balance", "currency", "status", "checked_at")


@operation(
    "GET",
    "/api/strowallet/list-cards",
    tag=TAG,
    gives={200: Answer("A page.", CardsPage)},
    refuses=("CARDS_NOT_CONFIGURED",),
)
async def listing(call: Call, query: CardsQuery) -> Response:
    """The user's cards, newest first, as they were when last looked at; an operator's: everybody's."""
    cards = cards_of(call)
    offset = (query.page - 1) * query.size
    total, found = await list_cards(call.services.pool, user_id=whose(call), limit=query.size, offset=offset)
    return JsonResponse(
        {"cards": [cards.details(card) for card in found], "page": query.page, "size": query.size, "total": total}
    )


@operation(
    "GET",
    "/api/strowallet/card-details",
    tag=TAG,
    gives={
        200: Answer("As it is.", CardDetails),
        202: Answer("As it was at `checked_at`: to look again takes longer.", CardDetails),
    },
    refuses=("CARDS_NOT_CONFIGURED", "CARD_NOT_FOUND"),
)
async def details(call: Call, query: CardQuery) -> Response:
    """A card with its last digits, expiry and name.

    Up to CARD_DETAILS_KEPT_S old, unless something has happened to it since.
    """
    card, is_fresh = await _fresh(call, query.card_id)
    return JsonResponse(cards_of(call).details(card), 200 if is_fresh else 202)


@operation(
    "GET",
    "/api/strowallet/balance",
    tag=TAG,
    gives={
        200: Answer("As it is.", CardBalance),
        202: Answer("As it was at `checked_at`: to look again takes longer.", CardBalance),
    },
    refuses=("CARDS_NOT_CONFIGURED", "CARD_NOT_FOUND"),
)
async def balance(call: Call, query: CardQuery) -> Response:
    """What is on a card, as old as its details may be."""
    card, is_fresh = await _fresh(call, query.card_id)
    return JsonResponse({name: card.shown[name] for name in OF_BALANCE}, 200 if is_fresh else 202)


@operation(
    "GET",
    "/api/strowallet/card-transactions",
    tag=TAG,
    gives={200: Answer("A page.", CardTransactions)},
    refuses=("CARDS_NOT_CONFIGURED", "CARD_NOT_FOUND"),
)
async def transactions(call: Call, query: CardTransactionsQuery) -> Response:
    """What moved money on a card, newest first, as far as the provider has told."""
    card, _ = await _fresh(call, query.card_id)
    rows = await list_card_transactions(call.services.pool, card.id, limit=query.limit, before=query.before)
    following = None
    if len(rows) == query.limit:
        at, number, _ = rows[-1]
        following = f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z_{number}"
    return JsonResponse({"transactions": [transaction for _, _, transaction in rows], "next": following})


@operation(
    "POST",
    "/api/strowallet/card-reveal",
    tag=TAG,
    repeat="The provider is asked once more; each time is in the audit.",
    keeps=False,
    gives={200: Answer("From the provider, for its owner's eyes.", RevealedCard)},
    refuses=(
        "CARDS_NOT_CONFIGURED",
        "CARD_NOT_FOUND",
        "CARD_NOT_USABLE",
        "CARD_REVEAL_REFUSED",
        "CARD_REVEAL_UNANSWERED",
    ),
)
async def reveal(call: Call, body: WhichCard) -> Response:
    """One's card's full number and security code.

    They come from the provider at this moment and are kept nowhere. For its owner alone, a few times in ten minutes.
    """
    told = await cards_of(call).reveals.ask(call.session.user_id, body.card_id)
    return JsonResponse({"card_id": str(body.card_id), **told})


async def _fresh(call: Call, card_id: UUID) -> tuple[OwnedCard, bool]:
    cards = cards_of(call)
    return await cards.looks.fresh(await card_of(call, card_id))


OPERATIONS = (listing, details, balance, transactions, reveal)
