"""Turns for requests, awaited: the limiter's queue on the event loop.

A call may be several requests (pages of a list, a second look). The first has its turn before the call begins, so that
waiting takes nothing of the call's own time; `pace`, a hook of the HTTP client, makes each further one wait too.
Whose turn it is, and for which call a request is made, goes with the task: callers pass no more than they did.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import httpx

from pollers.limiter import PATIENCE_S, Limiter, Priority, TooBusy, Turn
from pollers.providers.contract import Unavailable

_user: ContextVar[str] = ContextVar("user", default="")
_under_way: ContextVar["_Call | None"] = ContextVar("call", default=None)


class Held(Unavailable):
    """Not sent: the account's rate, its limits, or a provider that does not answer."""


@contextmanager
def on_behalf_of(user: str) -> Iterator[None]:
    """Whose turn the calls in this block take."""
    token = _user.set(user)
    try:
        yield
    finally:
        _user.reset(token)


async def pace(_: httpx.Request) -> None:
    """Wait for a request's turn, if it is made within `Turns.paced`: a request hook of `httpx.AsyncClient`.

    Raises Held.
    """
    if (call := _under_way.get()) is not None:
        await call.next_request()


class Turns:
    """One account's. given: how many; waited_s: for them, in all."""

    def __init__(self, *, per_s: float, burst: int) -> None:
        self.given = 0
        self.waited_s = 0.0
        self._limiter = Limiter(per_s=per_s, burst=burst, now_s=_now_s())
        self._waiting: dict[Turn, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, priority: Priority) -> None:
        """Wait until a request may be sent. Raises Held."""
        begun_s = _now_s()
        try:
            turn = self._limiter.ask(priority, _user.get(), begun_s)
        except TooBusy as busy:
            raise Held("no turn for another request", retry_after_s=busy.retry_after_s) from None
        given = asyncio.get_running_loop().create_future()
        self._waiting[turn] = given
        self._give()
        try:
            async with asyncio.timeout(PATIENCE_S[priority]):
                await given
        except TimeoutError:
            raise Held("no turn came for the request", retry_after_s=PATIENCE_S[priority]) from None
        finally:
            self._limiter.leave(turn)
            self._waiting.pop(turn, None)
        self.given += 1
        self.waited_s += _now_s() - begun_s

    @property
    def is_paused(self) -> bool:
        """Whether the provider wants a pause."""
        return self._limiter.pause_s(_now_s()) > 0

    @contextmanager
    def paced(self, priority: Priority) -> Iterator[None]:
        """Let each request but the first made in this block wait for a turn, if its client has the hook `pace`."""
        token = _under_way.set(_Call(self, priority))
        try:
            yield
        finally:
            _under_way.reset(token)

    def pause(self, for_s: float) -> bool:
        """Give no turn for so long. Whether there was none to be had before."""
        now_s = _now_s()
        is_new = self._limiter.pause_s(now_s) == 0
        self._limiter.pause(now_s + for_s)
        return is_new

    def lend(self, *, per_s: float, burst: int, for_s: float) -> None:
        """Another rate and burst for so long; per_s 0: none."""
        now_s = _now_s()
        self._limiter.lend(per_s=per_s, burst=burst, now_s=now_s, until_s=now_s + for_s)
        self._give()

    def refuse_in_a_pause(self) -> None:
        """For who would rather go elsewhere than wait. Raises Held."""
        if (pause_s := self._limiter.pause_s(_now_s())) > 0:
            raise Held("the provider wants a pause", retry_after_s=pause_s)

    def _give(self) -> None:
        now_s = _now_s()
        while (turn := self._limiter.give(now_s)) is not None:
            given = self._waiting.pop(turn)
            if not given.done():
                given.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (wait_s := self._limiter.wait_s(now_s)) is not None:
            # Not before the clock's next tick: what is missing to a whole token may be less than that.
            self._timer = asyncio.get_running_loop().call_later(max(wait_s, 0.001), self._give)


@dataclass(slots=True)
class _Call:
    turns: Turns
    priority: Priority
    requests: int = 0

    async def next_request(self) -> None:
        self.requests += 1
        if self.requests > 1:
            await self.turns.take(self.priority)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
