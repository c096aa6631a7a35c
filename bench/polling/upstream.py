"""The provider of the benchmark: the simulator's SMS-Activate with orders that were bought before, counting requests.

    python -m bench.polling.upstream STATE_FILE PORT

The state file says when each SMS comes. It is read once and never written: writing ten thousand orders with every SMS
would be all that is measured. `GET /count` tells the requests by action.
"""

import sys
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pollers.simulator.handler_api import handler_api_routes
from pollers.simulator.settings import SimulatorSettings
from pollers.simulator.simulation import new_simulation


class Counting:
    """Counts the requests of the protocol by their action."""

    def __init__(self, app: ASGIApp, counted: Counter[str]) -> None:
        self._app = app
        self._counted = counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, and pass on."""
        for action in parse_qs(scope.get("query_string", b"").decode()).get("action", []):
            self._counted[action] += 1
        await self._app(scope, receive, send)


def main() -> None:
    """Serve until SIGTERM."""
    state_file, port = Path(sys.argv[1]), int(sys.argv[2])
    simulation = new_simulation(SimulatorSettings(state_file=state_file, lifetime_s=1e6))
    simulation.state_file = None
    counted: Counter[str] = Counter()

    async def count(_: Request) -> JSONResponse:
        return JSONResponse(counted)

    app = Starlette(routes=[*handler_api_routes(simulation), Route("/count", count)])
    uvicorn.run(Counting(app, counted), host="127.0.0.1", port=port, log_level="warning", access_log=False, ws="none")


if __name__ == "__main__":
    main()
