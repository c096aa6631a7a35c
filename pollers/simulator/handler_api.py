"""The URLs of the SMS-Activate protocol on the simulator: of the classic dialect, and of HeroSMS's.

They take GET and POST, their parameters in the query string, in a form body, or in both; the body counts more, as with
the providers. The key of both is `demo`; the account of each is its own.
"""

from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pollers.simulator import herosms, sms_activate
from pollers.simulator.bodies import read_body
from pollers.simulator.desk import Call, serve
from pollers.simulator.request import API_KEY
from pollers.simulator.said import Said
from pollers.simulator.simulation import HEROSMS, SMS_ACTIVATE, Simulation
from pollers.simulator.state import SimulatedAccount

PARAMS_MAX = 100
BUYING = frozenset({"continueRentNumber", "getExtraActivation", "getNumber", "getNumberV2", "getRentNumber", "prolong"})

Dialect = Callable[[SimulatedAccount, dict[str, str], float], Said]
"""Answers one request to an account: its parameters, and when it came."""


def handler_api_routes(simulation: Simulation) -> list[Route]:
    """The routes of this simulation's SMS-Activate and HeroSMS."""
    return [
        _route("/stubs/handler_api.php", simulation, SMS_ACTIVATE, sms_activate.answer),
        _route("/hero/stubs/handler_api.php", simulation, HEROSMS, herosms.respond, herosms.error("RATE_LIMIT")),
    ]


def _route(path: str, simulation: Simulation, provider: str, dialect: Dialect, beyond: Said | None = None) -> Route:
    account = simulation.accounts[provider]

    async def handler_api(request: Request) -> Response:
        params = await _params(request)
        if params is None:
            return PlainTextResponse("Request Entity Too Large", status_code=413)
        action = params.get("action", "")
        limits = (provider,) if params.get("api_key") == API_KEY else ()
        call = Call(provider, request.method, action, params, action in BUYING, limits, beyond)
        return serve(simulation, call, lambda now: dialect(account, params, now))

    return Route(path, handler_api, methods=["GET", "POST"])


async def _params(request: Request) -> dict[str, str] | None:
    body = await read_body(request)
    if body is None:
        return None
    params = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        try:
            params.update(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=PARAMS_MAX))
        except ValueError:
            return None
    return params
