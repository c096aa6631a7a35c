"""Strowallet's URLs on the simulator: `/api/bitvcard/…/` and the wallet's balance.

Fields come as JSON, as a form or in the query string; the body counts more. Without the slash at its end a path is
answered 301, and whoever follows that with a GET has lost the body: what then stands there takes POST only, 405.
"""

from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from pollers.simulator.bodies import read_body
from pollers.simulator.desk import Call, serve
from pollers.simulator.simulation import STROWALLET, Simulation
from pollers.simulator.strowallet import BUYING, IMAGES, METHODS, respond

BODY_BYTES_MAX = 16 << 20
"""Two photographs go along with create-user."""
FIELDS_MAX = 100


def strowallet_routes(simulation: Simulation) -> list[Route]:
    """The routes of this simulation's Strowallet."""
    return [route for action in METHODS for route in _routes(simulation, action)]


def _routes(simulation: Simulation, action: str) -> list[Route]:
    path = f"/api/{action}" if action.startswith("wallet/") else f"/api/bitvcard/{action}"
    method = METHODS[action]

    async def strowallet(request: Request) -> Response:
        fields = await _fields(request)
        if fields is None:
            return PlainTextResponse("Request Entity Too Large", status_code=413)
        logged = {name: value for name, value in fields.items() if name not in IMAGES and name != "public_key"}
        call = Call(STROWALLET, request.method, action, logged, action in BUYING, (STROWALLET,))
        return serve(simulation, call, lambda now: respond(simulation.strowallet, action, fields, now))

    async def moved(request: Request) -> Response:
        return RedirectResponse(f"{request.url.path}/", status_code=301)

    return [
        Route(f"{path}/", strowallet, methods=[method]),
        Route(path, moved, methods=["GET", "POST", "PUT"]),
    ]


async def _fields(request: Request) -> dict[str, str] | None:
    body = await read_body(request, BODY_BYTES_MAX)
    if body is None:
        return None
    fields = dict(request.query_params)
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            told = orjson.loads(body or b"{}")
            fields |= {name: str(value) for name, value in told.items()} if isinstance(told, dict) else {}
        else:
            fields |= dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=FIELDS_MAX))
    except ValueError:
        pass  # as if it were empty
    return fields
