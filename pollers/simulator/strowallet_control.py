"""The control side for cards, with the errors of `control.py`. Their numbers and CVVs are shown: they are nobody's.

GET  /sim/cards                      funds, what was paid in, customers, and every card with its transactions
POST /sim/cards/{id}                 {"status"}: active, inactive, frozen, terminated
POST /sim/cards/{id}/transactions    {"usd","narrative"?}: somebody pays with it, or is declined
POST /sim/cards/settings             {"activation_s"?,"funding_s"?,"declines_creations"?,"declines_fundings"?,
                                     "refusal_status"?,"refusal_form"?,"amounts"?,"balance"?}
POST /sim/cards/webhooks             {"urls","secret"?}: at most three, on loopback; without a secret unsigned
"""

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pollers.simulator.control import Body, ControlError, body_of, iso_of
from pollers.simulator.simulation import STROWALLET, Simulation
from pollers.simulator.strowallet_account import SimulatedCard
from pollers.simulator.till import Refusal
from pollers.simulator.webhooks import URLS_MAX, check_url


class StatusBody(Body):
    """What the card is from now on."""

    status: Literal["active", "inactive", "frozen", "terminated"]


class PaymentBody(Body):
    """What somebody pays with the card."""

    usd: Decimal = Field(gt=0, max_digits=8, decimal_places=2)
    narrative: str = Field(default="SHOP EXAMPLE", max_length=200)


class CardSettingsBody(Body):
    """Only the fields given change."""

    activation_s: float = Field(default=0, ge=0)
    funding_s: float = Field(default=0, ge=0)
    declines_creations: bool = False
    declines_fundings: bool = False
    refusal_status: Literal[200, 400] = 400
    refusal_form: Literal["message", "error"] = "message"
    amounts: Literal["number", "text", "signless", "cents"] = "number"
    balance: Decimal = Field(default=Decimal(0), ge=0, max_digits=12, decimal_places=2)


class CardWebhooksBody(Body):
    """Where cards are told of from now on; an empty list: nowhere."""

    urls: list[str] = Field(max_length=URLS_MAX)
    secret: str | None = Field(default=None, min_length=1, max_length=200)


def card_routes(simulation: Simulation) -> list[Route]:
    """Routes under `/sim` for this simulation's cards."""
    control = _Control(simulation)
    return [
        Route("/sim/cards", control.list_cards, methods=["GET"]),
        Route("/sim/cards/settings", control.change_settings, methods=["POST"]),
        Route("/sim/cards/webhooks", control.set_webhooks, methods=["POST"]),
        Route("/sim/cards/{id:int}", control.put_status, methods=["POST"]),
        Route("/sim/cards/{id:int}/transactions", control.pay, methods=["POST"]),
    ]


class _Control:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._account = simulation.strowallet

    async def list_cards(self, _: Request) -> Response:
        cards = [_shown(card) for card in self._account.cards(self._simulation.clock.now())]
        self._simulation.keep()
        customers = [{"id": customer.id, "email": customer.email} for customer in self._account.customers.values()]
        return JSONResponse({"balance": str(self._account.till.balance), "customers": customers, "cards": cards})

    async def put_status(self, request: Request) -> Response:
        body = await body_of(request, StatusBody)
        id_, now = request.path_params["id"], self._simulation.clock.now()
        try:
            card = self._account.put(id_, body.status, now)
        except Refusal as refusal:
            raise _refused(refusal) from None
        self._simulation.keep()
        return JSONResponse(_shown(card))

    async def pay(self, request: Request) -> Response:
        body = await body_of(request, PaymentBody)
        id_, now = request.path_params["id"], self._simulation.clock.now()
        try:
            transaction = self._account.spend(id_, body.usd, body.narrative, now)
        except Refusal as refusal:
            raise _refused(refusal) from None
        self._simulation.keep()
        return JSONResponse({"id": transaction.id, "status": transaction.status})

    async def change_settings(self, request: Request) -> Response:
        changes = (await body_of(request, CardSettingsBody)).model_dump(exclude_unset=True)
        if (balance := changes.pop("balance", None)) is not None:
            self._account.till.fund(balance)
        self._account.terms = replace(self._account.terms, **changes)
        self._simulation.keep()
        return JSONResponse({**asdict(self._account.terms), "balance": str(self._account.till.balance)})

    async def set_webhooks(self, request: Request) -> Response:
        body = await body_of(request, CardWebhooksBody)
        try:
            for url in body.urls:
                check_url(url)
        except ValueError as error:
            raise ControlError(400, "BAD_REQUEST", f"urls: {error}") from None
        self._simulation.webhook_urls[STROWALLET] = tuple(body.urls)
        self._simulation.card_webhook_secret = body.secret
        return JSONResponse({"urls": body.urls, "signed": body.secret is not None})


def _refused(refusal: Refusal) -> ControlError:
    unknown = refusal.word == "Card not found"
    return ControlError(404 if unknown else 409, "NO_CARD" if unknown else "CARD_OVER", refusal.word)


def _shown(card: SimulatedCard) -> dict[str, Any]:
    return {
        "id": card.id,
        "customer_id": card.customer_id,
        "name_on_card": card.name_on_card,
        "number": card.number,
        "cvv": card.cvv,
        "status": card.status,
        "balance": str(card.balance),
        "created_at": iso_of(card.created_at),
        "transactions": [
            {
                "id": each.id,
                "usd": str(each.usd),
                "type": each.type,
                "method": each.method,
                "status": each.status,
                "reference": each.reference,
            }
            for each in card.transactions
        ],
    }
