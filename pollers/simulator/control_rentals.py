"""The control side for rentals and webhooks, with the errors of `control.py`.

GET  /sim/rentals               every rental with its true state, by provider, active ones first
POST /sim/rentals/{id}/sms      {"code"?,"text"?}: an SMS arrives now
POST /sim/rentals/{id}/end      its time is over now
GET  /sim/webhooks              the URLs that SMS are told to, by provider
POST /sim/webhooks              {"provider"?,"urls"}: at most three, on loopback; without a provider of all
"""

from collections.abc import Callable
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pollers.simulator.control import Body, ControlError, SmsBody, body_of, iso_of
from pollers.simulator.rentals import Rentals, SimulatedRental
from pollers.simulator.simulation import Simulation
from pollers.simulator.till import Refusal
from pollers.simulator.webhooks import TOLD, URLS_MAX, check_url


class WebhooksBody(Body):
    """Where SMS are told from now on; an empty list: nowhere."""

    provider: str | None = None
    urls: list[str] = Field(max_length=URLS_MAX)


def rental_routes(simulation: Simulation) -> list[Route]:
    """Routes under `/sim` for this simulation's rentals and webhooks."""
    control = _Control(simulation)
    return [
        Route("/sim/rentals", control.list_rentals, methods=["GET"]),
        Route("/sim/rentals/{id:int}/sms", control.deliver_sms, methods=["POST"]),
        Route("/sim/rentals/{id:int}/end", control.end, methods=["POST"]),
        Route("/sim/webhooks", control.show_webhooks, methods=["GET"]),
        Route("/sim/webhooks", control.set_webhooks, methods=["POST"]),
    ]


class _Control:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    async def list_rentals(self, _: Request) -> Response:
        now = self._simulation.clock.now()
        rentals = [
            _shown(provider, rental)
            for provider, account in self._simulation.accounts.items()
            for rental in account.rentals.all(now)
        ]
        self._simulation.keep()
        return JSONResponse({"rentals": rentals})

    async def deliver_sms(self, request: Request) -> Response:
        sms = await body_of(request, SmsBody)
        return self._changed(request, lambda rentals, id_, now: rentals.deliver(id_, now, sms.code, sms.text))

    async def end(self, request: Request) -> Response:
        return self._changed(request, lambda rentals, id_, now: rentals.end(id_, now))

    def _changed(self, request: Request, change: Callable[[Rentals, int, float], SimulatedRental]) -> Response:
        """The rental after a change, whichever account has it."""
        id_: int = request.path_params["id"]
        refused = "INVALID_PHONE"
        for provider, account in self._simulation.accounts.items():
            try:
                rental = change(account.rentals, id_, self._simulation.clock.now())
            except Refusal as refusal:
                refused = refusal.word if refused == "INVALID_PHONE" else refused
            else:
                self._simulation.keep()
                return JSONResponse(_shown(provider, rental))
        raise ControlError(404 if refused == "INVALID_PHONE" else 409, refused, f"rental {id_} is not to be had")

    async def show_webhooks(self, _: Request) -> Response:
        urls = {provider: list(self._simulation.webhook_urls.get(provider, ())) for provider in TOLD}
        return JSONResponse({"urls": urls})

    async def set_webhooks(self, request: Request) -> Response:
        body = await body_of(request, WebhooksBody)
        if body.provider not in {None, *TOLD}:
            raise ControlError(400, "BAD_REQUEST", f"provider: expected one of {', '.join(TOLD)}")
        try:
            for url in body.urls:
                check_url(url)
        except ValueError as error:
            raise ControlError(400, "BAD_REQUEST", f"urls: {error}") from None
        for provider in [body.provider] if body.provider else TOLD:
            self._simulation.webhook_urls[provider] = tuple(body.urls)
        return await self.show_webhooks(request)


def _shown(provider: str, rental: SimulatedRental) -> dict[str, Any]:
    return {
        "provider": provider,
        "id": rental.id,
        "service": rental.service,
        "country": rental.country,
        "phone": rental.phone,
        "price": str(rental.price),
        "hours": rental.hours,
        "url": rental.url,
        "state": rental.state.value,
        "messages": [{"code": sms.code, "text": sms.text, "at": iso_of(sms.at)} for sms in rental.messages],
        "bought_at": iso_of(rental.bought_at),
        "ends_at": iso_of(rental.ends_at),
    }
