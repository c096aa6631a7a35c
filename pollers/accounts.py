"""An account at a provider, as the provider wants to be asked: `Account` wraps a `Provider` and is one itself.

    rate       a turn for each request (`limiter.py`), purchases and cancels first, users in turn
    limits     told to wait (`Unavailable.retry_after_s`) or banned (`AccountProblem.banned_until`), it sends nothing
    breaker    after requests without answers nothing is sent, then a single harmless one (`breaker.py`)

What is not sent raises `Held`, an `Unavailable`; a purchase at a banned account `AccountProblem`. Both come at once, so
that the caller can take another route. Invariant: what is raised here was surely not executed; what the provider
raises passes unchanged. The rate is of this process: several share an account by dividing it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil
from typing import TypeAlias, TypeVar

import structlog

from notifier.retry import DATABASE_FAULTS
from pollers.breaker import Breaker, State
from pollers.limiter import Priority
from pollers.providers.contract import (
    AccountProblem,
    ActiveOrder,
    ActiveRental,
    AlreadyBought,
    CancelResult,
    CheckResult,
    Delivered,
    OutcomeUnknown,
    Price,
    Provider,
    ProviderError,
    Purchase,
    RentalCancelResult,
    RentalResult,
    Unavailable,
    Waiting,
)
from pollers.turns import Held, Turns

log = structlog.get_logger()

T = TypeVar("T")

BURST_MIN = 5
FIGURES_EVERY_S = 60.0
BAN_S_MIN, BAN_S_MAX = 30.0, 900.0
"""How long a ban is believed before it is tried again: providers tell its end in a zone that may be misread."""

Tell: TypeAlias = Callable[[str, str, Mapping[str, object]], Awaitable[None]]
"""Takes a level, an error code and data to the operator; raises what a lost database raises."""


@dataclass(frozen=True, slots=True)
class _Ban:
    until_s: float
    until: datetime
    reason: str


class Account:
    """One account. name: of the provider, for logs. per_s, burst: of its requests, see `Limiter`.

    calls: how often each method ended how ("ok", an error code, "HELD"), from the start; logged once in FIGURES_EVERY_S
    while there are any.
    """

    def __init__(
        self, provider: Provider, name: str, *, per_s: float, burst: int = BURST_MIN, tell: Tell | None = None
    ) -> None:
        self.name = name
        self.calls: Counter[tuple[str, str]] = Counter()
        self._provider = provider
        self._tell = tell
        self._turns = Turns(per_s=per_s, burst=burst)
        self._breaker = Breaker()
        self._figures_at_s = _now_s() + FIGURES_EVERY_S
        self._bans: dict[bool, _Ban] = {}
        """By whether it concerns purchases only: a ban told to a purchase may not keep an SMS from who has bought."""

    @property
    def requests(self) -> int:
        """How many turns were given."""
        return self._turns.given

    @property
    def state(self) -> State:
        """Of the breaker."""
        return self._breaker.state(_now_s())

    async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
        """As the provider does."""
        return await self._spend("buy", lambda: self._provider.buy(order_id, service, country, max_price))

    async def check(self, provider_order_id: str) -> CheckResult:
        """As the provider does."""
        return await self._ask("check", lambda: self._provider.check(provider_order_id))

    async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
        """As the provider does."""
        return await self._ask("check_many", lambda: self._provider.check_many(provider_order_ids))

    async def request_another_sms(self, provider_order_id: str) -> None:
        """As the provider does."""
        await self._ask(
            "request_another_sms", lambda: self._provider.request_another_sms(provider_order_id), Priority.PURCHASE
        )

    async def cancel(self, provider_order_id: str) -> CancelResult:
        """As the provider does."""
        return await self._ask("cancel", lambda: self._provider.cancel(provider_order_id), Priority.PURCHASE)

    async def finish(self, provider_order_id: str) -> None:
        """As the provider does."""
        await self._ask("finish", lambda: self._provider.finish(provider_order_id))

    async def active(self) -> list[ActiveOrder]:
        """As the provider does."""
        return await self._ask("active", self._provider.active)

    async def rent(self, order_id: str, service: str, country: str, hours: int, max_price: Decimal | None) -> Purchase:
        """As the provider does."""
        return await self._spend("rent", lambda: self._provider.rent(order_id, service, country, hours, max_price))

    async def rental_messages(self, provider_order_id: str) -> RentalResult:
        """As the provider does."""
        return await self._ask("rental_messages", lambda: self._provider.rental_messages(provider_order_id))

    async def extend(self, provider_order_id: str, hours: int) -> datetime | None:
        """As the provider does."""
        return await self._spend("extend", lambda: self._provider.extend(provider_order_id, hours))

    async def cancel_rental(self, provider_order_id: str) -> RentalCancelResult:
        """As the provider does."""
        return await self._ask(
            "cancel_rental", lambda: self._provider.cancel_rental(provider_order_id), Priority.PURCHASE
        )

    async def finish_rental(self, provider_order_id: str) -> None:
        """As the provider does."""
        await self._ask("finish_rental", lambda: self._provider.finish_rental(provider_order_id))

    async def active_rentals(self) -> list[ActiveRental]:
        """As the provider does."""
        return await self._ask("active_rentals", self._provider.active_rentals)

    async def prices(self, service: str | None = None, country: str | None = None) -> list[Price]:
        """As the provider does."""
        return await self._ask("prices", lambda: self._provider.prices(service, country), Priority.LEISURE)

    async def balance(self) -> Decimal:
        """As the provider does."""
        return await self._ask("balance", self._provider.balance, Priority.LEISURE)

    async def _spend(self, method: str, request: Callable[[], Awaitable[T]]) -> T:
        return await self._call(method, request, Priority.PURCHASE, spends=True)

    async def _ask(self, method: str, request: Callable[[], Awaitable[T]], priority: Priority = Priority.LOOK) -> T:
        return await self._call(method, request, priority, spends=False)

    async def _call(self, method: str, request: Callable[[], Awaitable[T]], priority: Priority, *, spends: bool) -> T:
        try:
            self._refuse_while_banned(spends=spends)
            if spends:
                self._turns.refuse_in_a_pause()
            await self._probe_unless_closed()
            await self._turns.take(priority)
            answer = await self._watched(request, priority, spends=spends)
        except Held:
            self.calls[method, "HELD"] += 1
            raise
        except ProviderError as fault:
            self.calls[method, fault.error_code] += 1
            raise
        else:
            self.calls[method, "ok"] += 1
            return answer
        finally:
            self._log_figures()

    def _refuse_while_banned(self, *, spends: bool) -> None:
        now_s = _now_s()
        for of_purchases, ban in self._bans.items():
            if now_s >= ban.until_s or (of_purchases and not spends):
                continue
            if spends:
                raise AccountProblem(ban.reason, banned_until=ban.until)
            raise Held(f"the account is banned: {ban.reason}", retry_after_s=ban.until_s - now_s)

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

    async def _watched(self, request: Callable[[], Awaitable[T]], priority: Priority, *, spends: bool) -> T:
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
            if fault.banned_until is not None:
                await self._note_ban(fault.banned_until, fault.reason, of_purchases=spends)
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
                await self._say("warning", "PROVIDER_LIMIT", reason=fault.reason, pause_s=fault.retry_after_s)
        elif self._breaker.failed(now_s):
            pause_s = round(self._breaker.retry_after_s(now_s), 1)
            await self._say("error", "PROVIDER_NOT_ANSWERING", reason=fault.reason, pause_s=pause_s)

    async def _note_ban(self, until: datetime, reason: str, *, of_purchases: bool) -> None:
        left_s = (until - datetime.now(UTC)).total_seconds()
        self._bans[of_purchases] = _Ban(_now_s() + min(max(left_s, BAN_S_MIN), BAN_S_MAX), until, reason)
        await self._say("error", "PROVIDER_BAN", reason=reason, until=until.isoformat(), of_purchases=of_purchases)

    async def _say(self, level: str, error_code: str, **said: object) -> None:
        (log.info if level == "info" else log.warning)(error_code.lower(), provider=self.name, **said)
        if self._tell is None:
            return
        try:
            await self._tell(level, error_code, {"provider": self.name, **said})
        except DATABASE_FAULTS as error:
            log.warning("the operator was not told", error=str(error) or type(error).__name__)

    def _log_figures(self) -> None:
        now_s = _now_s()
        if now_s < self._figures_at_s:
            return
        self._figures_at_s = now_s + FIGURES_EVERY_S
        calls = {f"{method} {outcome}": count for (method, outcome), count in sorted(self.calls.items())}
        log.info(
            "account",
            provider=self.name,
            state=str(self.state),
            requests=self.requests,
            waited_s=round(self._turns.waited_s, 1),
            calls=calls,
        )


def wrap(
    providers: Mapping[str, Provider], per_s: Callable[[str], float], tell: Tell | None = None
) -> dict[str, Provider]:
    """Each provider as an account. per_s: requests by the provider's name; so many, or BURST_MIN, at once."""
    return {
        name: Account(provider, name, per_s=per_s(name), burst=max(BURST_MIN, ceil(per_s(name))), tell=tell)
        for name, provider in providers.items()
    }


def _now_s() -> float:
    return asyncio.get_running_loop().time()
