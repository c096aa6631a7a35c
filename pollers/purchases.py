"""Buying a number for one order: routes are asked one after the other until one sells, or none does.

    sold                            pending
    surely not sold                 the next route at once, in the transaction that ends this attempt
    nobody knows                    the order stays begun with this provider; after the window its orphan is adopted
    still nobody after DOUBT_MAX    failed and refunded, and told to the operators: what was sold, if it was, has ended
    no route left, one was away     again in some seconds, for ORDERING_MAX_S from the order's creation
    no route left                   failed and refunded, with the most telling refusal; a retry is tried again elsewhere

Invariant: at any moment the order's row names the one provider that may have sold, and no other is asked meanwhile.
Who began a purchase ends it, under the lease it was begun with; whoever has the order later may only adopt.
A retry asks nobody whom the orders before it have asked for a number of this country.
An order asks ROUTES_MAX routes in a row at most, and begins no new row of them after ATTEMPTS_MAX.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import asyncpg
import structlog

from pollers.adoption import DOUBT_MAX, PURCHASE_WINDOW, RIVALS_MAX, doubt_pause, find_orphan
from pollers.open_lists import OpenLists
from pollers.providers.contract import (
    AccountProblem,
    Cancelled,
    NoNumbers,
    OutcomeUnknown,
    PriceTooLow,
    Provider,
    ProviderError,
    Purchase,
    Refused,
    Unavailable,
)
from pollers.routing import Plan, plan
from pollers.schedule import expiry, next_look, retry_at
from pollers.settings import PollerSettings
from wallet_db import jobs
from wallet_db.connect import Pool
from wallet_db.jobs import ActivationJob
from wallet_db.routes import KnownRoute, read_routes

log = structlog.get_logger()

ATTEMPTS_MAX = 40

BUY_S_MAX = 25.0
"""A purchase, with its turns, is cut off well before PURCHASE_WINDOW ends and its number may be taken for an orphan."""
RETURN_S_MAX = 25.0
"""Likewise the return of a number left over: who begins a purchase meanwhile looks for orphans only after it."""

TELLING = (PriceTooLow, NoNumbers, Unavailable, Refused, AccountProblem)
"""Which of several refusals the user hears of: the first of these says most about what to do instead."""

TellOperator = Callable[[ActivationJob, ProviderError], Awaitable[None]]
LogForOperator = Callable[..., Awaitable[None]]
"""Takes a job, a level and an error code, and by keyword what else there is to say."""


class Purchases:
    """Buys, and finds what was bought, over the routes of several providers.

    random: for `routing.plan`. tell_operator: of a fault that a person has to look at. log_for_operator: of an order.
    """

    def __init__(
        self,
        pool: Pool,
        providers: Mapping[str, Provider],
        settings: PollerSettings,
        random: Random,
        tell_operator: TellOperator,
        log_for_operator: LogForOperator,
        covers: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._pool = pool
        self._providers = providers
        self._settings = settings
        self._random = random
        self._tell_operator = tell_operator
        self._log_for_operator = log_for_operator
        self._covers = covers
        self._lists = OpenLists()

    async def buy(self, job: ActivationJob) -> None:
        """Buy for an order for which nothing is begun."""
        tried = await jobs.tried_providers(self._pool, job)
        usable = [provider for provider in self._providers if provider not in tried]
        known = await read_routes(self._pool, job.service, job.country, usable)
        planned = plan(known, job.price, self._random)
        if not planned.routes:
            await self._fail(job, PriceTooLow.error_code if planned.is_too_dear else NoNumbers.error_code)
            return
        if job.attempts >= ATTEMPTS_MAX:  # only who was away is ever asked again
            await self._fail(job, Unavailable.error_code)
            return
        if not await jobs.begin_purchase(self._pool, job, planned.routes[0].provider):
            return  # cancelled, or another's by now: in either case not ours to buy
        await self._ask(replace(job, provider=planned.routes[0].provider), planned)

    async def _ask(self, job: ActivationJob, planned: Plan) -> None:
        """Ask the routes in turn; the first one is begun."""
        lease = timedelta(seconds=self._settings.lease_s)
        faults: list[ProviderError] = []
        following = [route.provider for route in planned.routes[1:]]
        for route in planned.routes:
            begun_at = job.now()
            try:
                purchase = await self._buy_over(job, route)
            except OutcomeUnknown as fault:
                log.warning("purchase without an answer", activation_id=str(job.id), reason=fault.reason)
                await jobs.reschedule(self._pool, job, begun_at + PURCHASE_WINDOW)
                return
            except ProviderError as fault:
                faults.append(fault)
                if isinstance(fault, AccountProblem):
                    await self._tell_operator(job, fault)
            else:
                await self.record(job, purchase, begun_at)
                return
            log.info("not sold", activation_id=str(job.id), provider=route.provider, reason=faults[-1].reason)
            if following:
                passed = await jobs.pass_purchase(self._pool, job, faults[-1].error_code, following.pop(0), lease)
                if passed is None:
                    return
                job = passed
        await self._give_up(job, faults, planned)

    async def _buy_over(self, job: ActivationJob, route: KnownRoute) -> Purchase:
        provider = self._providers[route.provider]
        try:
            async with asyncio.timeout(BUY_S_MAX):
                return await provider.buy(str(job.id), route.service_code, route.country_code, job.price)
        except TimeoutError:
            raise OutcomeUnknown(f"no answer within {BUY_S_MAX:.0f} s") from None

    async def _give_up(self, job: ActivationJob, faults: list[ProviderError], planned: Plan) -> None:
        """Nobody sold: again soon if somebody may then, or never, if that would be later than the user is to wait."""
        last = faults[-1].error_code
        away = [fault for fault in faults if isinstance(fault, Unavailable)]
        if away:
            pause = timedelta(seconds=min(fault.retry_after_s or 0 for fault in away))
            again_at = max(job.now() + pause, retry_at(job.now(), None))
            if again_at <= job.created_at + timedelta(seconds=self._settings.ordering_max_s):
                await jobs.abandon_purchase(self._pool, job, again_at, last)
                return
        error_code = PriceTooLow.error_code if planned.is_too_dear else _most_telling(faults).error_code
        await self._fail(job, error_code, outcome=last)

    async def _fail(self, job: ActivationJob, error_code: str, *, outcome: str | None = None) -> bool:
        """Whether it was ours to decide: that nobody sold is certain under the lease only."""
        return await jobs.end_unserved(
            self._pool,
            job.id,
            "failed",
            error_code,
            providers=list(self._providers),
            outcome=outcome,
            leased_until=job.leased_until,
        )

    async def adopt(self, job: ActivationJob, begun_at: datetime, provider: Provider) -> None:
        """Only when no answer can come any more, and no other purchase could be mistaken for ours."""
        if job.now() < begun_at + PURCHASE_WINDOW:
            await jobs.reschedule(self._pool, job, begun_at + PURCHASE_WINDOW)
            return
        orders = await self._lists.read(job.provider or "", begun_at, provider.active)
        # In this order: a purchase recorded between the two is known, and not in flight any more.
        has_rivals = await jobs.is_purchase_in_flight(self._pool, job, PURCHASE_WINDOW)
        known = await jobs.known_provider_orders(
            self._pool, job.provider or "", [order.provider_order_id for order in orders]
        )
        taken: set[str] = set()
        while (orphan := find_orphan(orders, known | taken, job.service_code, job.country_code)) is not None:
            if has_rivals and job.now() < begun_at + PURCHASE_WINDOW + RIVALS_MAX:
                await jobs.reschedule(self._pool, job, retry_at(job.now(), None))
                return
            purchase = Purchase(orphan.provider_order_id, orphan.phone, orphan.cost)
            try:
                await self._write_down(job, purchase, begun_at)
            except asyncpg.UniqueViolationError:
                taken.add(orphan.provider_order_id)  # one alike was first; there may be another number
            else:
                log.warning("orphan adopted", activation_id=str(job.id), provider_order_id=orphan.provider_order_id)
                return
        if taken:  # others adopted since this list was read: only the next one says that there is none for us
            await jobs.reschedule(self._pool, job, retry_at(job.now(), None))
            return
        log.info("purchase was not made", activation_id=str(job.id))
        await self._fail(job, OutcomeUnknown.error_code)

    async def doubt(self, job: ActivationJob, begun_at: datetime, fault: ProviderError) -> None:
        """The provider cannot be asked whether it sold: later, more and more seldom, and at last never.

        A number that was sold all the same has ended by then, and its SMS, if one came, was seen by nobody: the user
        has got nothing, and is given the money back. That the provider may charge us for it is told to the operators.
        """
        now = job.now()
        if now < begun_at + DOUBT_MAX:
            retry_after_s = fault.retry_after_s if isinstance(fault, Unavailable) else None
            await jobs.reschedule(self._pool, job, max(now + doubt_pause(now - begun_at), retry_at(now, retry_after_s)))
        elif await self._fail(job, OutcomeUnknown.error_code):
            reason = f"nobody could tell whether it was sold, refunded: {fault.reason}"
            await self._log_for_operator(job, "error", OutcomeUnknown.error_code, reason=reason)

    async def record(self, job: ActivationJob, purchase: Purchase, begun_at: datetime) -> None:
        """Write down what was bought."""
        try:
            await self._write_down(job, purchase, begun_at)
        except asyncpg.UniqueViolationError:
            # Another order adopted this number first. Ours is still "begun", and looks for an orphan in its turn.
            await jobs.reschedule(self._pool, job, retry_at(job.now(), None))

    async def _write_down(self, job: ActivationJob, purchase: Purchase, begun_at: datetime) -> None:
        """Raises UniqueViolationError if another order has this number."""
        now = job.now()
        expires_at = expiry(purchase.expires_at, begun_at, self._settings.order_lifetime_s)
        recorded = await jobs.record_purchase(
            self._pool,
            job.id,
            provider_order_id=purchase.provider_order_id,
            phone=purchase.phone,
            cost=purchase.cost,
            expires_at=expires_at,
            due_at=next_look(now, now, expires_at, is_covered=self._covers(job.provider or "")),
        )
        if not recorded:
            await self._return(job, purchase)

    async def _return(self, job: ActivationJob, purchase: Purchase) -> None:
        """Our order was decided without its number, because we took longer than the window: nobody is to pay for it.

        Unless somebody has it by now, or may adopt it. Who begins a purchase later is no danger: see RETURN_S_MAX.
        """
        id_ = purchase.provider_order_id
        if await jobs.known_provider_orders(self._pool, job.provider or "", [id_]):
            return
        log.warning("number left over", activation_id=str(job.id), provider_order_id=id_)
        if await jobs.is_purchase_in_flight(self._pool, job):
            level, became = "warning", "left to an order whose purchase is in doubt"
        else:
            try:
                async with asyncio.timeout(RETURN_S_MAX):
                    outcome = await self._providers[job.provider or ""].cancel(id_)
                is_returned = isinstance(outcome, Cancelled)
                level, became = ("info", "returned") if is_returned else ("warning", f"not returned: {outcome}")
            except (ProviderError, TimeoutError) as fault:
                level, became = "warning", f"not returned: {str(fault) or 'no answer'}"
        reason = f"number {id_} came after its order was decided, {became}"
        await self._log_for_operator(job, level, "NUMBER_LEFT_OVER", reason=reason)


def _most_telling(faults: list[ProviderError]) -> ProviderError:
    return min(
        faults,
        key=lambda fault: next((rank for rank, kind in enumerate(TELLING) if isinstance(fault, kind)), len(TELLING)),
    )
