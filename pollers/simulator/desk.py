"""The desk that every request of a protocol passes, whatever the provider played: limits, faults, then the answer.

Invariant: what an answer changed is kept before the answer leaves, and a request refused by a limit, or spoilt by a
fault that executes nothing, changes nothing. Dialects and accounts know of neither. Control requests do not come here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import JSONResponse, PlainTextResponse, Response

from pollers.simulator.faults import EXECUTED, spoil
from pollers.simulator.said import Said
from pollers.simulator.simulation import Simulation

SECRET_PARAMS = frozenset({"api_key", "action"})


@dataclass(frozen=True, slots=True)
class Call:
    """One request. action: for faults and the log. buys: it spends money. limits: the names of those it counts to.

    beyond: what is said beyond a limit; None for the limit's own text.
    """

    provider: str
    method: str
    action: str
    params: Mapping[str, str]
    buys: bool = False
    limits: tuple[str, ...] = ()
    beyond: Said | None = None


def serve(simulation: Simulation, call: Call, answer: Callable[[float], Said]) -> Response:
    """Answer one request. answer: what the dialect says at this time (epoch seconds)."""
    now = simulation.clock.now()
    if limit := simulation.exceeded(call.limits, now):
        _log(simulation, call, now, None, "limit")
        return _response(call.beyond or Said(limit.http_status, limit.text))
    fault = simulation.draw_fault(call.action, buys=call.buys)
    said = None if fault and fault.fault not in EXECUTED else answer(now)
    simulation.keep()
    _log(simulation, call, now, said, fault.fault if fault else None)
    response = _response(said or Said(200, ""))
    return spoil(fault, response) if fault else response


def _response(said: Said) -> Response:
    if said.body is None:
        return Response(status_code=said.http_status)
    kind = PlainTextResponse if isinstance(said.body, str) else JSONResponse
    return kind(said.body, status_code=said.http_status, media_type=said.media_type)


def _log(simulation: Simulation, call: Call, now: float, said: Said | None, fault: str | None) -> None:
    simulation.log.append(
        {
            "at": now,
            "provider": call.provider,
            "method": call.method,
            "action": call.action,
            "params": {name: value for name, value in call.params.items() if name not in SECRET_PARAMS},
            # A thousand lists of orders would fill the memory.
            "answer": said.body if said and isinstance(said.body, str) else None,
            "fault": fault,
        }
    )
