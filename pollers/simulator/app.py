"""The simulator as a Starlette application: the URLs of the protocols it plays, and the control routes.

    /stubs/handler_api.php         SMS-Activate's classic dialect
    /hero/stubs/handler_api.php    HeroSMS: to its clients, a provider whose base URL ends in /hero
    /v1/…                          5sim
    /api/bitvcard/…                Strowallet's cards, and /api/wallet/balance/USD/
    /sim/…                         control

The lifespan owns the task that sends webhooks.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from pollers.simulator.control import ControlError, control_routes, show_error
from pollers.simulator.control_rentals import rental_routes
from pollers.simulator.control_scenario import scenario_routes
from pollers.simulator.faults import remember_transport
from pollers.simulator.fivesim_http import fivesim_route
from pollers.simulator.handler_api import handler_api_routes
from pollers.simulator.request import API_KEY
from pollers.simulator.settings import SimulatorSettings
from pollers.simulator.simulation import STROWALLET, new_simulation
from pollers.simulator.strowallet_control import card_routes
from pollers.simulator.strowallet_http import strowallet_routes
from pollers.simulator.webhooks import telling


class SimulatorApp(Starlette):
    """A Starlette application that notes each request's connection, for the faults that cut it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the connection first: inside, `send` is wrapped."""
        remember_transport(scope, send)
        await super().__call__(scope, receive, send)


def create_app(settings: SimulatorSettings) -> Starlette:
    """Build a simulator of its own: no state is shared between two applications."""
    simulation = new_simulation(settings)
    if settings.card_webhook_url is not None:
        simulation.webhook_urls[STROWALLET] = (settings.card_webhook_url,)
        simulation.card_webhook_secret = API_KEY

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with telling(simulation, retry_s=settings.webhook_retry_s):
            yield

    return SimulatorApp(
        routes=[
            *handler_api_routes(simulation),
            fivesim_route(simulation),
            *strowallet_routes(simulation),
            *control_routes(simulation),
            *rental_routes(simulation),
            *scenario_routes(simulation),
            *card_routes(simulation),
        ],
        exception_handlers={ControlError: show_error},
        lifespan=lifespan,
    )
