"""What changes a card over HTTP: `create-card`, `fund-card`, `block-card`, `unblock-card`.

As with orders, each writes what is wanted, which the pollers bring to the provider, and waits a while for what comes of
it. Money moves by the provider's word alone.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

from starlette.responses import Response

from gateway.api.cards.asked import TAG, NewCard, NewCardFunding, WhichCard, card_of, cards_of, dollars, keys_of, whose
from gateway.api.kept import digest_of
from gateway.api.operation import KEYED, Call, operation
from gateway.api.orders import until_settled
from gateway.api.requests import idempotency_key_of, request_id_of_call
from gateway.api.responses import REPLAY, Answer, JsonResponse
from gateway.api.shapes import Card
from gateway.errors import STATUS_BY_CODE, ApiError
from gateway.settings import CARD_PROVIDER
from wallet_db.cards import create_card, read_card, read_card_funding, request_card_action, request_card_funding
from wallet_db.orders import JsonObject
from wallet_db.sealing import place

PAYING_REFUSALS = (
    "CARDS_NOT_CONFIGURED",
    "CARDS_NOT_SOLD",
    "IDEMPOTENCY_MISMATCH",
    "INSUFFICIENT_FUNDS",
    "INVALID_CARD_AMOUNT",
    "UNKNOWN_USER",
)
OPEN = frozenset({"ordering", "pending"})
"""Fundings that are under way."""


@operation(
    "POST",
    "/api/strowallet/create-card",
    tag=TAG,
    repeat=KEYED,
    gives={
        201: Answer("The card can be used.", Card, headers=(REPLAY,)),
        202: Answer("Still being made; what comes of it is an event.", Card, headers=(REPLAY,)),
    },
    refuses=(*PAYING_REFUSALS, "CARD_FAILED", "CUSTOMER_NOT_REGISTERED", "TOO_MANY_OPEN_ORDERS"),
)
async def create(call: Call, body: NewCard) -> Response:
    """Have a card made, with its first dollars.

    What both cost is held at once, spent when the provider says that there is a card, and given back if there is none.
    """
    keys, services, session = keys_of(call), call.services, call.session
    key, card_id = idempotency_key_of(call.request), uuid4()
    with services.hub_watch(session.user_id) as wake:
        card = await create_card(
            services.pool,
            session.user_id,
            card_id,
            provider=CARD_PROVIDER,
            usd=dollars(body.usd),
            name_sealed=keys.seal(body.name_on_card.encode(), place("cards", "name_on_card_sealed", card_id)),
            idempotency_key=key,
            request_id=request_id_of_call(call.request),
            request_digest=digest_of(body) if key is not None else None,
        )
        replayed = card.pop("replayed")
        card = await until_settled(
            card,
            lambda now: now["status"] != "pending_activation",
            read=_reader(call, UUID(card["card_id"])),
            wake=wake,
            wait_s=services.settings.order_wait_s,
        )
    if card["status"] == "failed":
        raise _refused("CARD_FAILED", card["error_code"], "no card could be had; nothing was charged", card)
    return JsonResponse(card, 202 if card["status"] == "pending_activation" else 201, _replay(replayed))


@operation(
    "POST",
    "/api/strowallet/fund-card",
    tag=TAG,
    repeat=KEYED,
    gives={
        200: Answer("The dollars are on the card.", Card, headers=(REPLAY,)),
        202: Answer("Asked for; the provider has not confirmed it yet.", Card, headers=(REPLAY,)),
    },
    refuses=(*PAYING_REFUSALS, "CARD_FUNDING_FAILED", "CARD_NOT_FOUND", "CARD_NOT_USABLE", "FUNDING_PENDING"),
)
async def fund(call: Call, body: NewCardFunding) -> Response:
    """Put dollars on one's card.

    One funding of a card at a time. What it costs is held, spent when the provider confirms it, given back when it
    refuses.
    """
    cards_of(call)
    services, session = call.services, call.session
    key = idempotency_key_of(call.request)
    with services.hub_watch(session.user_id) as wake:
        card = await request_card_funding(
            services.pool,
            session.user_id,
            body.card_id,
            dollars(body.usd),
            idempotency_key=key,
            request_id=request_id_of_call(call.request),
            request_digest=digest_of(body) if key is not None else None,
        )
        replayed, funding_id = card.pop("replayed"), UUID(card["funding"]["id"])

        async def read() -> JsonObject | None:
            found = await read_card(services.pool, body.card_id, user_id=session.user_id)
            funding = await read_card_funding(services.pool, session.user_id, funding_id)
            return found.shown | {"funding": funding} if found and funding else None

        card = await until_settled(
            card,
            lambda now: now["funding"]["status"] not in OPEN,
            read=read,
            wake=wake,
            wait_s=services.settings.order_wait_s,
        )
    funding = card["funding"]
    if funding["status"] == "failed":
        message = "no dollars were put on the card; nothing was charged"
        raise _refused("CARD_FUNDING_FAILED", funding["error_code"], message, card)
    return JsonResponse(card, 202 if funding["status"] in OPEN else 200, _replay(replayed))


@operation(
    "POST",
    "/api/strowallet/block-card",
    tag=TAG,
    repeat="Asking again changes nothing.",
    gives={
        200: Answer("Blocked: nothing can be paid with it, nor put on it.", Card),
        202: Answer("Asked for; the provider has not answered yet.", Card),
    },
    refuses=("CARDS_NOT_CONFIGURED", "CARD_ACTION_REFUSED", "CARD_NOT_FOUND", "CARD_NOT_USABLE"),
)
async def block(call: Call, body: WhichCard) -> Response:
    """Block a card; operators any."""
    return await _act(call, body.card_id, "block", lambda card: card["status"] == "blocked")


@operation(
    "POST",
    "/api/strowallet/unblock-card",
    tag=TAG,
    repeat="Asking again changes nothing.",
    gives={
        200: Answer("It can be used again.", Card),
        202: Answer("Asked for; the provider has not answered yet.", Card),
    },
    refuses=("CARDS_NOT_CONFIGURED", "CARD_ACTION_REFUSED", "CARD_NOT_FOUND", "CARD_NOT_USABLE"),
)
async def unblock(call: Call, body: WhichCard) -> Response:
    """Let a blocked card be used again; operators any."""
    return await _act(call, body.card_id, "unblock", lambda card: card["status"] in ("active", "inactive"))


async def _act(call: Call, card_id: UUID, action: str, is_so: Callable[[JsonObject], bool]) -> Response:
    cards_of(call)
    services, owner = call.services, (await card_of(call, card_id)).user_id
    is_operators = whose(call) is None
    with services.hub_watch(owner) as wake:
        card = await request_card_action(
            services.pool,
            card_id,
            action,
            user_id=None if is_operators else owner,
            actor_type="operator" if is_operators else "user",
            actor_id=str(call.session.user_id),
        )
        card = await until_settled(
            card,
            lambda now: now["wanted_action"] is None,
            read=_reader(call, card_id),
            wake=wake,
            wait_s=services.settings.order_wait_s,
        )
    if card["wanted_action"] is not None:
        return JsonResponse(card, 202)
    if not is_so(card):
        raise _refused("CARD_ACTION_REFUSED", card["error_code"], f"the card is {card['status']}", card)
    return JsonResponse(card)


def _reader(call: Call, card_id: UUID) -> Callable[[], Awaitable[JsonObject | None]]:
    async def read() -> JsonObject | None:
        card = await read_card(call.services.pool, card_id, user_id=whose(call))
        return card.shown if card is not None else None

    return read


def _refused(code: str, told: str | None, message: str, card: JsonObject) -> ApiError:
    return ApiError(told if told in STATUS_BY_CODE else code, message, card=card)


def _replay(replayed: bool) -> dict[str, str]:
    return {"idempotent-replay": "true"} if replayed else {}


OPERATIONS = (create, fund, block, unblock)
