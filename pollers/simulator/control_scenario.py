"""The control routes that bend providers and their time, under `/sim` like those of `control.py`.

    GET    /sim/routes    the scenario, and the terms of all routes
    POST   /sim/routes    {"provider"?,"service"?,"country"?, and what `routes.Terms` has}: absent ones mean all
    DELETE /sim/routes    every route is the catalogue's again, and no cancel is denied without reason
    POST   /sim/limits    {"provider","per_s"?,"block_s"?,"hits_max"?,"hits_window_s"?,"ban_s"?}: absent means the
                          provider's own figure, per_s 0 no limit; "fivesim_address" is 5sim's limit for an address
    POST   /sim/time      {"forward_s"}: all providers' time moves forward
    DELETE /sim/scenario  requests are disturbed no more; routes and limits stay as they are

service, country: the catalogue's codes (`wa`, 6) with every provider. Errors as in `control.py`.
"""

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pollers.simulator.catalogue import COUNTRIES, SERVICES
from pollers.simulator.control import Body, ControlError, body_of
from pollers.simulator.limits import OWN_LIMITS, RateLimiter
from pollers.simulator.routes import Place, Terms
from pollers.simulator.scenarios import SCENARIOS
from pollers.simulator.simulation import Simulation


class RoutesBody(Body):
    """Terms for the routes of a provider, a service, a country; of all of what is not given."""

    provider: str | None = None
    service: str | None = None
    country: int | None = None
    price: Decimal | None = Field(default=None, gt=0, max_digits=8, decimal_places=2)
    price_factor: Decimal | None = Field(default=None, gt=0, le=100)
    stock: int | None = Field(default=None, ge=0, le=1_000_000)
    success: float | None = Field(default=None, ge=0, le=1)
    delay_median_s: float | None = Field(default=None, ge=0, le=1e7)
    delay_p90_s: float | None = Field(default=None, ge=0, le=1e7)

    def terms(self) -> Terms:
        """What is said of the routes."""
        return Terms(**self.model_dump(exclude={"provider", "service", "country"}))


class LimitsBody(Body):
    """A limit, by its name."""

    provider: Literal["sms_activate", "herosms", "fivesim", "fivesim_address"]
    per_s: int | None = Field(default=None, ge=0, le=1_000_000)
    block_s: float | None = Field(default=None, ge=0, le=86_400)
    hits_max: int | None = Field(default=None, ge=0, le=1_000)
    hits_window_s: float | None = Field(default=None, gt=0, le=86_400)
    ban_s: float | None = Field(default=None, gt=0, le=86_400)


class TimeBody(Body):
    """How far time moves."""

    forward_s: float = Field(ge=0, allow_inf_nan=False)


def scenario_routes(simulation: Simulation) -> list[Route]:
    """Routes under `/sim` for this simulation."""
    control = _Control(simulation)
    return [
        Route("/sim/routes", control.show_routes, methods=["GET"]),
        Route("/sim/routes", control.put_terms, methods=["POST"]),
        Route("/sim/routes", control.clear_routes, methods=["DELETE"]),
        Route("/sim/limits", control.put_limit, methods=["POST"]),
        Route("/sim/time", control.forward, methods=["POST"]),
        Route("/sim/scenario", control.calm_down, methods=["DELETE"]),
    ]


class _Control:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    async def show_routes(self, _: Request) -> Response:
        routes = [
            _shown(provider, place, terms)
            for provider, account in self._simulation.accounts.items()
            for place, terms in account.routes.said()
        ]
        names = [name for name, scenario in SCENARIOS.items() if scenario is self._simulation.scenario]
        return JSONResponse({"scenario": names[0], "routes": routes})

    async def put_terms(self, request: Request) -> Response:
        body = await body_of(request, RoutesBody)
        accounts = self._simulation.accounts
        if body.provider is not None and body.provider not in accounts:
            raise ControlError(404, "NO_PROVIDER", f"expected one of {', '.join(accounts)}, got {body.provider}")
        if body.service not in {None, *SERVICES} or body.country not in {None, *COUNTRIES}:
            raise ControlError(404, "NO_ROUTE", "expected a service and a country of the catalogue")
        place: Place = (body.service, body.country)
        return JSONResponse(
            {
                "routes": [
                    _shown(provider, place, account.routes.put(place, body.terms()))
                    for provider, account in accounts.items()
                    if body.provider in {None, provider}
                ]
            }
        )

    async def clear_routes(self, _: Request) -> Response:
        for account in self._simulation.accounts.values():
            account.routes.clear()
        return JSONResponse({"success": True})

    async def put_limit(self, request: Request) -> Response:
        body = await body_of(request, LimitsBody)
        changes = body.model_dump(exclude={"provider"}, exclude_none=True)
        limit = replace(OWN_LIMITS[body.provider], **changes)
        if limit.per_s:
            self._simulation.limiters[body.provider] = RateLimiter(limit)
        else:
            self._simulation.limiters.pop(body.provider, None)
        return JSONResponse(asdict(limit))

    async def forward(self, request: Request) -> Response:
        body = await body_of(request, TimeBody)
        try:
            self._simulation.clock.forward(body.forward_s)
        except ValueError as error:
            raise ControlError(400, "BAD_REQUEST", str(error)) from None
        return JSONResponse({"now": self._simulation.clock.now(), "ahead_s": self._simulation.clock.ahead_s})

    async def calm_down(self, _: Request) -> Response:
        self._simulation.scenario = SCENARIOS["calm"]
        return JSONResponse({"success": True})


def _shown(provider: str, place: Place, terms: Terms) -> dict[str, Any]:
    said = {name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(terms).items()}
    return {"provider": provider, "service": place[0], "country": place[1], **said}
