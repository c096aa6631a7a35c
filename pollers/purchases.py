"""Buying a number for one order: routes are asked one after the other until one sells, or none does.

    sold                            pending
    surely not sold                 the next route at once, in the transaction that ends this attempt
    nobody knows                    the order stays begun with this provider; after the window its orphan is adopted
    no route left, one was away     again in some seconds, for ORDERING_MAX_S from the order's creation
    no route left                   failed and refunded, with the most telling refusal

Invariant: at any moment the order's row names the one provider that may have sold, and no other is asked meanwhile.
An order asks ROUTES_MAX routes in a row at most, and begins no new row of them after ATTEMPTS_MAX.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import asyncpg
import structlog

from pollers.adoption import PURCHASE_WINDOW, RIVALS_MAX, find_orphan
from pollers.providers.contract import (
    AccountProblem,
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

TELLING = (PriceTooLow, NoNumbers, Unavailable, Refused, AccountProblem)
"""Which of several refusals the user hears of: the first of these says most about what to do instead."""

TellOperator = Callable[[ActivationJob, ProviderError], Awaitable[None]]


class Purchases:
    """Buys, and finds what was bought, over the routes of several providers.

    random: for `routing.plan`. tell_operator: of a fault that a person has to look at.
    """

    def __init__(
        self,
        pool: Pool,
        providers: Mapping[str, Provider],
        settings: PollerSettings,
        random: Random,
        tell_operator: TellOperator,
        covers: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._pool = pool
        self._providers = providers
        self._settings = settings
        self._random = random
        self._tell_operator = tell_operator
        self._covers = covers

    async def buy(self, job: ActivationJob) -> None:
        """Buy for an order for which nothing is begun."""
        known = await read_routes(self._pool, job.service, job.country, list(self._providers))
        planned = plan(known, job.price, self._random)
        if not planned.routes:
            error_code = PriceTooLow.error_code if planned.is_too_dear else NoNumbers.error_code
            await jobs.close_activation(self._pool, job.id, "failed", error_code)
            return
        if job.attempts >= ATTEMPTS_MAX:  # only who was away is ever asked again
            await jobs.close_activation(self._pool, job.id, "failed", Unavailable.error_code)
            return
        if not await jobs.begin_purchase(self._pool, job.id, planned.routes[0].provider):
            return  # cancelled, or begun by another: in either case not ours to buy
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
        return await provider.buy(str(job.id), route.service_code, route.country_code, job.price)

    async def _give_up(self, job: ActivationJob, faults: list[ProviderError], planned: Plan) -> None:
        """Nobody sold: again soon if somebody may then, or never, if that would be later than the user is to wait."""
        last = faults[-1].error_code
        away = [fault for fault in faults if isinstance(fault, Unavailable)]
        if away:
            pause = timedelta(seconds=min(fault.retry_after_s or 0 for fault in away))
            again_at = max(job.now() + pause, retry_at(job.now(), None))
            if again_at <= job.created_at + timedelta(seconds=self._settings.ordering_max_s):
                await jobs.abandon_purchase(self._pool, job.id, again_at, last)
                return
        error_code = PriceTooLow.error_code if planned.is_too_dear else _most_telling(faults).error_code
        await jobs.close_activation(self._pool, job.id, "failed", error_code, outcome=last)

    async def adopt(self, job: ActivationJob, begun_at: datetime, provider: Provider) -> None:
        """Only when no answer can come any more, and no other purchase could be mistaken for ours."""
        if job.now() < begun_at + PURCHASE_WINDOW:
            await jobs.reschedule(self._pool, job, begun_at + PURCHASE_WINDOW)
            return
        orders = await provider.active()
        # In this order: a purchase recorded between the two is known, and not in flight any more.
        has_rivals = await jobs.is_purchase_in_flight(self._pool, job, PURCHASE_WINDOW)
        known = await jobs.known_provider_orders(
            self._pool, job.provider or "", [order.provider_order_id for order in orders]
        )
        orphan = find_orphan(orders, known, job.service_code, job.country_code)
        if orphan is None:
            log.info("purchase was not made", activation_id=str(job.id))
            await jobs.close_activation(self._pool, job.id, "failed", OutcomeUnknown.error_code)
        elif has_rivals and job.now() < begun_at + PURCHASE_WINDOW + RIVALS_MAX:
            await jobs.reschedule(self._pool, job, retry_at(job.now(), None))
        else:
            log.warning("orphan adopted", activation_id=str(job.id), provider_order_id=orphan.provider_order_id)
            await self.record(job, Purchase(orphan.provider_order_id, orphan.phone, orphan.cost), begun_at)

    async def record(self, job: ActivationJob, purchase: Purchase, begun_at: datetime) -> None:
        """Write down what was bought."""
        now = job.now()
        expires_at = expiry(purchase.expires_at, begun_at, self._settings.order_lifetime_s)
        try:
            recorded = await jobs.record_purchase(
                self._pool,
                job.id,
                provider_order_id=purchase.provider_order_id,
                phone=purchase.phone,
                cost=purchase.cost,
                expires_at=expires_at,
                due_at=next_look(now, now, expires_at, is_covered=self._covers(job.provider or "")),
            )
        except asyncpg.UniqueViolationError:
            # Another order adopted this number first. Ours is still "begun", and looks for an orphan in its turn.
            await jobs.reschedule(self._pool, job, retry_at(now, None))
            return
        if not recorded:
            # Decided without us, because we took longer than the window. The next order to look for an orphan finds it.
            log.warning("number left over", activation_id=str(job.id), provider_order_id=purchase.provider_order_id)


def _most_telling(faults: list[ProviderError]) -> ProviderError:
    return min(
        faults,
        key=lambda fault: next((rank for rank, kind in enumerate(TELLING) if isinstance(fault, kind)), len(TELLING)),
    )
