"""5sim's URLs on the simulator: everything under /v1, by GET; and the gatekeeper in front of it.

The gatekeeper turns away a client that names no name of its own, before anything counts to a limit.
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pollers.simulator.desk import Call, serve
from pollers.simulator.fivesim import action_of, respond
from pollers.simulator.request import API_KEY
from pollers.simulator.simulation import FIVESIM, Simulation

FIVESIM_ADDRESS = "fivesim_address"
UNWANTED_AGENTS = ("python-urllib", "python-httpx")


def fivesim_route(simulation: Simulation) -> Route:
    """The route of this simulation's 5sim. A request with the key counts to the key's limit, all to the address's."""

    async def fivesim(request: Request) -> Response:
        if request.headers.get("user-agent", "").lower().startswith(UNWANTED_AGENTS):
            return PlainTextResponse("error code: 1010", status_code=403)
        path: str = request.path_params["path"]
        authorization = request.headers.get("authorization", "")
        query = dict(request.query_params)
        limits = (FIVESIM, FIVESIM_ADDRESS) if authorization == f"Bearer {API_KEY}" else (FIVESIM_ADDRESS,)
        action = action_of(path)
        call = Call(FIVESIM, request.method, action, {"path": path, **query}, action == "buy", limits)
        return serve(simulation, call, lambda now: respond(simulation.five, path, query, authorization, now))

    return Route("/v1/{path:path}", fivesim, methods=["GET"])
