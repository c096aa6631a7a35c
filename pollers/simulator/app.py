"""The simulator as a Starlette application: the protocol's one URL, and the control routes.

The URL takes GET and POST, its parameters in the query string, in a form body, or in both; the body counts more, as
with the provider. A fault armed for the action spoils the answer here, so neither dialect nor state know of faults.
"""

import time
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from pollers.simulator.bodies import read_body
from pollers.simulator.control import ControlError, control_routes, show_error
from pollers.simulator.faults import EXECUTED, remember_transport, spoil
from pollers.simulator.settings import SimulatorSettings
from pollers.simulator.simulation import Simulation, new_simulation
from pollers.simulator.sms_activate import respond

PARAMS_MAX = 100


class SimulatorApp(Starlette):
    """A Starlette application that notes each request's connection, for the faults that cut it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the connection first: inside, `send` is wrapped."""
        remember_transport(scope, send)
        await super().__call__(scope, receive, send)


def create_app(settings: SimulatorSettings) -> Starlette:
    """Build a simulator of its own: no state is shared between two applications."""
    simulation = new_simulation(settings)

    async def handler_api(request: Request) -> Response:
        params = await _params(request)
        if params is None:
            return PlainTextResponse("Request Entity Too Large", status_code=413)
        return _handle(simulation, request.method, params)

    return SimulatorApp(
        routes=[
            Route("/stubs/handler_api.php", handler_api, methods=["GET", "POST"]),
            *control_routes(simulation),
        ],
        exception_handlers={ControlError: show_error},
    )


def _handle(simulation: Simulation, method: str, params: dict[str, str]) -> Response:
    action = params.get("action", "")
    now = time.time()
    fault = simulation.faults.take(action)
    said = None if fault and fault.fault not in EXECUTED else respond(simulation.account, params, now)
    simulation.keep()
    simulation.log.append(
        {
            "at": now,
            "method": method,
            "action": action,
            "params": {name: value for name, value in params.items() if name not in {"api_key", "action"}},
            "answer": said if isinstance(said, str) else None,  # a thousand lists of orders would fill the memory
            "fault": fault.fault if fault else None,
        }
    )
    answer = PlainTextResponse(said) if isinstance(said, str) else JSONResponse(said)
    return spoil(fault, answer) if fault else answer


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
