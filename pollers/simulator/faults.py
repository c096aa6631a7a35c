"""Faults on order: which request is to go wrong next, and the answers (or the silence) it then gets.

    fault               the action is    the client sees
    drop_answer         executed         the connection closed, no answer
    slow                executed         the right answer after delay_s
    garbage             executed         HTTP 200 with bytes of no protocol
    connection_reset    not executed     the connection reset
    http_500            not executed     HTTP 500, plain text
    html                not executed     HTTP 200 with a maintenance page
    rate_limit          not executed     HTTP 429, `Retry-After: 1`

`FaultPlan` is pure; the responses below it reach through ASGI to the connection, which ASGI itself cannot close
unanswered.
"""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, get_args

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

Fault = Literal["drop_answer", "slow", "garbage", "connection_reset", "http_500", "html", "rate_limit"]
FAULTS: frozenset[str] = frozenset(get_args(Fault))
EXECUTED: frozenset[Fault] = frozenset({"drop_answer", "slow", "garbage"})
ANY_ACTION = "*"
DELAY_S_MAX = 60.0
ARMED_MAX = 1_000


@dataclass(slots=True)
class ArmedFault:
    """A fault for the next `count` requests of this action; ANY_ACTION meets every action. delay_s: for `slow` only."""

    action: str
    fault: Fault
    count: int = 1
    delay_s: float = 5.0


class FaultPlan:
    """The faults still to happen, first armed first met."""

    def __init__(self) -> None:
        self._armed: list[ArmedFault] = []

    def arm(self, fault: ArmedFault) -> None:
        """Add a fault. Raises ValueError above ARMED_MAX."""
        if len(self._armed) >= ARMED_MAX:
            raise ValueError(f"expected at most {ARMED_MAX} armed faults")
        self._armed.append(fault)

    def clear(self) -> None:
        """Disarm everything."""
        self._armed.clear()

    def take(self, action: str) -> ArmedFault | None:
        """Find the fault that this request meets, and use it up by one."""
        for fault in self._armed:
            if fault.action in {action, ANY_ACTION}:
                fault.count -= 1
                if fault.count <= 0:
                    self._armed.remove(fault)
                return fault
        return None


def spoil(fault: ArmedFault, answer: Response) -> Response:
    """Put the fault in place of the answer; `answer` is the right one where the action was executed."""
    match fault.fault:
        case "drop_answer":
            return NoAnswer()
        case "connection_reset":
            return NoAnswer(reset=True)
        case "slow":
            return LateAnswer(answer, min(fault.delay_s, DELAY_S_MAX))
        case "garbage":
            return Response(b"\x00\xff\xfe{[:\x8d" * 16, media_type="application/octet-stream")
        case "http_500":
            return PlainTextResponse("Internal Server Error", status_code=500)
        case "html":
            return HTMLResponse("<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>")
        case "rate_limit":
            return PlainTextResponse("Too Many Requests", status_code=429, headers={"Retry-After": "1"})


TRANSPORT_KEY = "onesms.transport"


def remember_transport(scope: Scope, send: Send) -> None:
    """Note the connection in the scope. uvicorn's `send` is a method of the object that owns the transport."""
    scope[TRANSPORT_KEY] = getattr(getattr(send, "__self__", None), "transport", None)


class NoAnswer(Response):
    """Ends the connection unanswered: by FIN, or by RST with reset."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close, then wait until the server has noticed: else it would answer 500 for us."""
        transport: Any = scope[TRANSPORT_KEY]
        if transport is None:
            raise RuntimeError("expected to run under uvicorn: no transport to close")
        if self._reset:
            linger = struct.pack("ii", 1, 0)  # linger on, 0 seconds: close() then sends RST
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        else:
            transport.close()
        await _disconnected(receive)


class LateAnswer(Response):
    """Sends another response after delay_s, unless the client leaves before."""

    def __init__(self, answer: Response, delay_s: float) -> None:
        super().__init__()
        self._answer = answer
        self._delay_s = delay_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then send."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._delay_s):
                await _disconnected(receive)
                return
        await self._answer(scope, receive, send)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
