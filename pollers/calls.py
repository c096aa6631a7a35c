"""Calls to one account at a provider, as the provider wants to be called.

    rate       a turn for each request (`limiter.py`), purchases and cancels first, users in turn
    limits     told to wait (`Unavailable.retry_after_s`) or banned, it leaves that alone (`rests.py`)
    breaker    after requests without answers nothing is sent, then a single harmless one (`breaker.py`)

What is not sent raises `Held`, an `Unavailable`; a purchase at a banned account `AccountProblem`. Both come at once, so
that the caller can take another route. Invariant: what is raised here was surely not executed; what the provider
raises passes unchanged. The rate is as much as `lend` says, see `sharing.py`; nobody lending, it is all of it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from math import inf
from typing import Generic, Protocol, TypeAlias, TypeVar

import structlog

from notifier.retry import DATABASE_FAULTS
from pollers import metrics
from pollers.breaker import Breaker, State
from pollers.call_log import CUT_OFF, Note
from pollers.excerpts import masked
from pollers.limiter import Priority
from pollers.providers.contract import (
    AccountProblem,
    AlreadyBought,
    OutcomeUnknown,
    ProviderError,
    Unavailable,
    UnknownAnswer,
)
from pollers.rests import Rest, Rests, Scope
from pollers.turns import Held, Turns
from wallet_db.tracing import span

log = structlog.get_logger(category="provider")  # also where an order is being worked on

T = TypeVar("T")


class Probed(Protocol):
    """What every provider can be asked without harm, whatever it sells."""

    async def balance(self) -> Decimal:
        """Tell the funds left."""
        ...


ProviderT = TypeVar("ProviderT", bound=Probed)

BURST_MIN = 5
FIGURES_EVERY_S = 60.0
UNKNOWN_QUIET_S = 60.0
"""An unknown answer of a method is told to the operator this often; all are counted."""
BAN_S_MIN, BAN_S_MAX = 30.0, 900.0
"""How long a ban is believed before it is tried again: providers tell its end in a zone that may be misread."""

PROBED_S_MAX = 1.0
"""A purchase that has waited longer for a probe is not sent: with its turn and its answer it would come too late."""

Tell: TypeAlias = Callable[[str, str, Mapping[str, object]], Awaitable[None]]
"""Takes a level, an error code and data to the operator; raises what a lost database raises."""
SpreadRest: TypeAlias = Callable[[str, Rest, float], Awaitable[None]]
"""Takes the provider's name, what it wants left alone and for how long to the other processes; raises likewise."""


class Calls(Generic[ProviderT]):
    """Those of one account. name: of the provider, for logs. per_s, burst: of its requests, see `Limiter`.

    calls: how often each method ended how ("ok", an error code, "HELD", "CUT_OFF"), from the start; logged once in
    FIGURES_EVERY_S while there are any.
    note: is told of each call that was sent, with its answer.
    """

    def __init__(
        self,
        provider: ProviderT,
        name: str,
        *,
        per_s: float,
        burst: int = BURST_MIN,
        tell: Tell | None = None,
        spread: SpreadRest | None = None,
        note: Note | None = None,
    ) -> None:
        self.name = name
        self.calls: Counter[tuple[str, str]] = Counter()
        self._provider = provider
        self._tell = tell
        self._spread = spread
        self._note = note
        self._per_s, self._burst = per_s, burst
        self.share = 1.0
        """This process's part of the rate."""
        self._turns = Turns(per_s=per_s, burst=burst)
        self._breaker = Breaker()
        self._figures_at_s = _now_s() + FIGURES_EVERY_S
        self._rests = Rests()
        self._unknown_quiet_until_s: dict[str, float] = {}

    @property
    def requests(self) -> int:
        """How many turns were given."""
        return self._turns.given

    @property
    def waited_s(self) -> float:
        """How long was waited for them, in all."""
        return self._turns.waited_s

    @property
    def rests(self) -> int:
        """How many pauses and bans hold."""
        return self._rests.count(_now_s()) + self._turns.is_paused

    @property
    def state(self) -> State:
        """Of the breaker."""
        return self._breaker.state(_now_s())

    def lend(self, share: float, for_s: float) -> None:
        """Take so much of the account's rate for so long, and then nothing until more is lent."""
        self.share = share
        burst = max(1, int(self._burst * share))
        self._turns.lend(per_s=self._per_s * share, burst=burst, for_s=for_s)

    def rest(self, rest: Rest, for_s: float) -> None:
        """Leave this alone for so long, whoever was told."""
        if rest.scope is Scope.PAUSE:
            self._turns.pause(for_s)
        else:
            self._rests.note(rest, _now_s() + for_s, _now_s())

    async def _spend(self, method: str, request: Callable[[], Awaitable[T]], route: tuple[str, str] | None = None) -> T:
        with span("provider call", provider=self.name, method=method):
            return await self._call(method, request, Priority.PURCHASE, spends=True, route=route)

    async def _ask(self, method: str, request: Callable[[], Awaitable[T]], priority: Priority = Priority.LOOK) -> T:
        with span("provider call", provider=self.name, method=method):
            return await self._call(method, request, priority, spends=False)

    async def _call(
        self,
        method: str,
        request: Callable[[], Awaitable[T]],
        priority: Priority,
        *,
        spends: bool,
        route: tuple[str, str] | None = None,
    ) -> T:
        outcome, begun_s = "ok", inf
        answer: object = CUT_OFF
        try:
            self._refuse_while_banned(spends=spends, route=route)
            if spends:
                self._turns.refuse_in_a_pause()
            asked_s = _now_s()
            await self._probe_unless_closed()
            if spends and _now_s() - asked_s > PROBED_S_MAX:
                raise Held("the provider answers again, but slowly")
            await self._turns.take(priority)
            begun_s = _now_s()
            answer = told = await self._watched(request, priority, spends=spends, route=route)
        except ProviderError as fault:
            answer = fault
            outcome = "HELD" if isinstance(fault, Held) else fault.error_code
            await self._note_unknown_answer(method, fault)
            raise
        except BaseException:
            outcome = CUT_OFF
            raise
        else:
            return told
        finally:
            self._count(method, outcome, begun_s)
            if self._note is not None and begun_s < inf and outcome != "HELD":
                self._note(self.name, method, answer, _now_s() - begun_s)

    def _refuse_while_banned(self, *, spends: bool, route: tuple[str, str] | None) -> None:
        if (refusal := self._rests.refusal(_now_s(), spends=spends, route=route)) is None:
            return
        rest, left_s = refusal
        if spends:
            of_route = rest.scope is Scope.ROUTE
            raise AccountProblem(rest.reason, banned_until=rest.until, banned_for_s=left_s, of_route=of_route)
        raise Held(f"the account is banned: {rest.reason}", retry_after_s=left_s)

    async def _probe_unless_closed(self) -> None:
        now_s = _now_s()
        if self._breaker.state(now_s) is State.CLOSED:
            return
        if not self._breaker.begin_probe(now_s):
            raise Held("the provider does not answer", retry_after_s=self._breaker.retry_after_s(now_s))
        try:
            await self._turns.take(Priority.PURCHASE)
            await self._watched(self._provider.balance, Priority.PURCHASE, spends=False)
        except (Held, Unavailable, OutcomeUnknown):
            retry_after_s = self._breaker.retry_after_s(_now_s())
            raise Held("the provider does not answer", retry_after_s=retry_after_s) from None
        except ProviderError:
            pass  # an answer
        finally:
            self._breaker.gave_up()

    async def _watched(
        self,
        request: Callable[[], Awaitable[T]],
        priority: Priority,
        *,
        spends: bool,
        route: tuple[str, str] | None = None,
    ) -> T:
        """Make a request and learn from what comes of it."""
        try:
            with self._turns.paced(priority):
                answer = await request()
        except (AlreadyBought, Held) as fault:
            if not isinstance(fault, Held):
                await self._note_answer()
            raise
        except (Unavailable, OutcomeUnknown) as fault:
            await self._note_fault(fault)
            raise
        except AccountProblem as fault:
            await self._note_answer()
            await self._note_ban(fault, spends=spends, route=route)
            raise
        except ProviderError:
            await self._note_answer()
            raise
        await self._note_answer()
        return answer

    async def _note_answer(self) -> None:
        if self._breaker.succeeded():
            await self._say("info", "PROVIDER_ANSWERS_AGAIN")

    async def _note_fault(self, fault: ProviderError) -> None:
        now_s = _now_s()
        if isinstance(fault, Unavailable) and fault.retry_after_s:
            # A limit is an answer, and it says for how long.
            is_new = self._turns.pause(fault.retry_after_s)
            await self._note_answer()
            if is_new:
                await self._let_others_rest(Rest(Scope.PAUSE, fault.reason), fault.retry_after_s)
                await self._say("warning", "PROVIDER_LIMIT", reason=fault.reason, pause_s=fault.retry_after_s)
        elif self._breaker.failed(now_s):
            pause_s = round(self._breaker.retry_after_s(now_s), 1)
            await self._say("error", "PROVIDER_NOT_ANSWERING", reason=fault.reason, pause_s=pause_s)

    async def _note_ban(self, fault: AccountProblem, *, spends: bool, route: tuple[str, str] | None) -> None:
        until, left_s = fault.banned_until, fault.banned_for_s
        if left_s is None and until is not None:
            left_s = (until - datetime.now(UTC)).total_seconds()
        if left_s is None or (fault.of_route and route is None):
            return
        left_s = min(max(left_s, BAN_S_MIN), BAN_S_MAX)
        if fault.of_route and route is not None:
            rest = Rest(Scope.ROUTE, fault.reason, until, *route)
        else:
            rest = Rest(Scope.PURCHASES if spends else Scope.ACCOUNT, fault.reason, until)
        self.rest(rest, left_s)
        await self._let_others_rest(rest, left_s)
        told = {"service": rest.service, "country": rest.country} if rest.scope is Scope.ROUTE else {}
        until_text = until.isoformat() if until else None
        await self._say("error", "PROVIDER_BAN", reason=fault.reason, until=until_text, scope=str(rest.scope), **told)

    async def _let_others_rest(self, rest: Rest, for_s: float) -> None:
        if self._spread is None:
            return
        try:
            await self._spread(self.name, rest, for_s)
        except DATABASE_FAULTS as error:
            log.warning("the other processes were not told", error=str(error) or type(error).__name__)

    async def _note_unknown_answer(self, method: str, fault: ProviderError) -> None:
        """Counted and, once in a while, kept in `system_logs`: somebody has to teach the protocol what it means."""
        is_unreadable = isinstance(fault, OutcomeUnknown) and fault.raw and not isinstance(fault, AlreadyBought)
        if not isinstance(fault, UnknownAnswer) and not is_unreadable:
            return
        metrics.UNKNOWN_ANSWERS.labels(self.name, method).inc()
        now_s = _now_s()
        if now_s >= self._unknown_quiet_until_s.get(method, 0.0):
            self._unknown_quiet_until_s[method] = now_s + UNKNOWN_QUIET_S
            await self._say("error", "UNKNOWN_ANSWER", method=method, reason=fault.reason, raw=masked(fault.raw))

    async def _say(self, level: str, error_code: str, **said: object) -> None:
        (log.info if level == "info" else log.warning)(error_code.lower(), provider=self.name, **said)
        if self._tell is None:
            return
        try:
            await self._tell(level, error_code, {"provider": self.name, **said})
        except DATABASE_FAULTS as error:
            log.warning("the operator was not told", error=str(error) or type(error).__name__)

    def _count(self, method: str, outcome: str, begun_s: float) -> None:
        """begun_s: when the request was sent; infinity if it was not."""
        now_s = _now_s()
        self.calls[method, outcome] += 1
        metrics.CALLS.labels(self.name, method, outcome).inc()
        if begun_s < inf:
            metrics.CALL_S.labels(self.name, method).observe(now_s - begun_s)
        if now_s < self._figures_at_s:
            return
        self._figures_at_s = now_s + FIGURES_EVERY_S
        calls = {f"{method} {outcome}": count for (method, outcome), count in sorted(self.calls.items())}
        log.info(
            "account",
            provider=self.name,
            state=str(self.state),
            requests=self.requests,
            waited_s=round(self.waited_s, 1),
            calls=calls,
        )


def _now_s() -> float:
    return asyncio.get_running_loop().time()
