"""What providers answered about an order, for the order's timeline: noted in memory, written together by a task beside.

    noted     by the account that asked, or by whoever learned of an order in one answer for many
    repeated  as this question about this order was answered before: again a row after REPEAT_S, then twice as long …,
              with how often it was so; what is left unwritten comes with the order's next row
    written   all that was noted within WRITE_S, by one statement

So a purchase and a look wait for nothing and write no row more, and an order that is looked at for hours has a dozen
rows. Purchases of activations have rows of their own (`route_attempts`) and are not noted; a look at all orders is
noted for those it brought news of. Invariant: memory is bounded; beyond NOTED_MAX, or while the database is away for
long, the oldest are dropped. Who is killed takes the last second along: nothing is decided by any of this.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

import structlog

from notifier.retry import DATABASE_FAULTS
from pollers.excerpts import masked
from pollers.providers.contract import Delivered, ProviderError, Purchase, Rented, TooEarly
from wallet_db.connect import Pool
from wallet_db.provider_calls import ProviderCall, write_provider_calls

log = structlog.get_logger()

WRITE_S = 1.0
WRITE_MAX = 500
NOTED_MAX = 10_000
ORDERS_MAX = 20_000
"""Of so many the last answers are remembered."""
REPEAT_S = 60.0
EXCERPT_CHARS_MAX = 160
CUT_OFF = "CUT_OFF"
"""The outcome of a call that was sent, and cut off before its answer."""

_UNNOTED = frozenset({"buy"})
_WORDS = {"AlreadyDelivered": "already_delivered", "AlreadyEnded": "already_ended", "TooLate": "too_late"}

_order: ContextVar[UUID | None] = ContextVar("order", default=None)

Note: TypeAlias = Callable[[str, str, object, float | None], None]
"""Takes the provider's name, the method, what was answered (a result, an error, CUT_OFF) and the seconds it took."""


@contextmanager
def asking_about(order_id: UUID) -> Iterator[None]:
    """The order that calls in this block are about."""
    token = _order.set(order_id)
    try:
        yield
    finally:
        _order.reset(token)


def said(answer: object) -> tuple[str, str | None]:
    """What was answered in a word, and an excerpt without codes. Pure."""
    if answer == CUT_OFF:
        return CUT_OFF, None
    if isinstance(answer, ProviderError):
        return answer.error_code, masked(answer.raw or answer.reason)[:EXCERPT_CHARS_MAX]
    if isinstance(answer, Delivered):
        return "delivered", f"{len(answer.messages)} SMS"
    if isinstance(answer, Rented):
        return "running", f"{len(answer.messages)} SMS"
    if isinstance(answer, TooEarly):
        return "too_early", None if answer.retry_after_s is None else f"again in {answer.retry_after_s:.0f} s"
    if isinstance(answer, Purchase):
        return "sold", None
    if isinstance(answer, list):
        return "listed", f"{len(answer)} open"
    if isinstance(answer, Decimal):
        return "told", str(answer)
    name = type(answer).__name__
    return ("done", None) if answer is None else (_WORDS.get(name, name.lower()), None)


@dataclass(slots=True)
class _Run:
    """The same answer to the same question, again and again. unwritten: the last one, with how many it stands for."""

    outcome: str
    next_at_s: float
    pause_s: float = REPEAT_S
    unwritten: ProviderCall | None = None


class CallLog:
    """Those of one process. now_s: its clock; the event loop's, if it is not given."""

    def __init__(self, pool: Pool, now_s: Callable[[], float] | None = None) -> None:
        self._pool = pool
        self._now_s = now_s or asyncio.get_running_loop().time
        self._noted: deque[ProviderCall] = deque(maxlen=NOTED_MAX)
        self._runs: OrderedDict[UUID, dict[str, _Run]] = OrderedDict()
        self._dropped = 0

    def note(self, provider: str, method: str, answer: object, seconds: float | None) -> None:
        """Remember what was answered about the order in question, if there is one; see `asking_about`."""
        order_id = _order.get()
        if order_id is None or method in _UNNOTED:
            return
        outcome, excerpt = said(answer)
        at_s = self._now_s()
        call = ProviderCall(order_id, at_s, provider, method, outcome, excerpt, seconds)
        runs = self._runs.setdefault(order_id, {})
        self._runs.move_to_end(order_id)
        run = runs.get(method)
        if run is None or run.outcome != outcome:
            self._queue_what_is_left(runs)
            self._queue(call)
            runs[method] = _Run(outcome, at_s + REPEAT_S)
        else:
            run.unwritten = replace(call, times=run.unwritten.times + 1 if run.unwritten else 1)
            if at_s >= run.next_at_s:
                run.pause_s *= 2
                run.next_at_s = at_s + run.pause_s
                self._queue_what_is_left(runs)
        if len(self._runs) > ORDERS_MAX:
            self._queue_what_is_left(self._runs.popitem(last=False)[1])

    async def run(self) -> None:
        """Write until cancelled; then what is left, once."""
        is_faulty = False
        try:
            while True:
                await asyncio.sleep(WRITE_S)
                try:
                    await self.write()
                    is_faulty = False
                except DATABASE_FAULTS as error:
                    if not is_faulty:
                        log.warning("provider calls not written this time", error=str(error) or type(error).__name__)
                    is_faulty = True
        finally:
            for runs in self._runs.values():
                self._queue_what_is_left(runs)
            try:
                await self.write()
            except DATABASE_FAULTS as error:
                log.warning("provider calls not written", calls=len(self._noted), error=type(error).__name__)

    async def write(self) -> None:
        """Write all that is noted. Raises what a lost database raises; it is kept then."""
        if self._dropped:
            log.warning("provider calls were too many to be written", dropped=self._dropped)
            self._dropped = 0
        while self._noted:
            calls = [self._noted.popleft() for _ in range(min(WRITE_MAX, len(self._noted)))]
            try:
                await write_provider_calls(self._pool, calls, now_s=self._now_s())
            except BaseException:
                room = NOTED_MAX - len(self._noted)
                self._dropped += max(0, len(calls) - room)
                self._noted.extendleft(reversed(calls[max(0, len(calls) - room) :]))
                raise

    def _queue_what_is_left(self, runs: dict[str, _Run]) -> None:
        """In the order of time, so that the order's rows are as it went."""
        for run in sorted((run for run in runs.values() if run.unwritten), key=_last_at_s):
            if run.unwritten is not None:
                self._queue(run.unwritten)
                run.unwritten = None

    def _queue(self, call: ProviderCall) -> None:
        self._dropped += len(self._noted) == NOTED_MAX
        self._noted.append(call)


def _last_at_s(run: _Run) -> float:
    return run.unwritten.at_s if run.unwritten else 0.0
