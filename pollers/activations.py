"""The work on one activation: ask the provider, write down what it said. Killed anywhere, the row tells how to go on.

    ordering, nothing begun   write the intent, buy                                → pending, or failed and refunded
    the same, cancel wanted   a purchase was tried, and surely not made            → cancelled
    ordering, begun           the answer was lost: adopt the orphan, never buy     → pending, or failed and refunded
    pending, cancel wanted    ask the provider to cancel                           → cancelled, received, or refused
    pending                   look for SMS; after the expiry a last look           → received, or timeout
    received                  at the expiry tell the provider it is done           → completed

Provider calls are made outside of transactions; what they said is applied by SQL functions that decide under the
wallet's lock and change nothing the second time. Money never moves by a clock alone, and the only clock is the
database's (`job.now()`): a poller whose own is wrong settles nothing early or late.
"""

import asyncio
import re
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import orjson
import structlog

from pollers.adoption import PURCHASE_WINDOW, RIVALS_MAX, find_orphan
from pollers.providers.contract import (
    AccountProblem,
    AlreadyDelivered,
    Cancelled,
    Delivered,
    Ended,
    OutcomeUnknown,
    Provider,
    ProviderError,
    Purchase,
    Refused,
    TooEarly,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
    Waiting,
)
from pollers.schedule import cancel_allowed_at, expiry, has_run_out, next_look, retry_at
from pollers.settings import PollerSettings
from wallet_db import jobs
from wallet_db.connect import Pool
from wallet_db.jobs import ActivationJob

log = structlog.get_logger()

OPERATOR_QUIET_S = 60.0
"""A fault of the account meets every order; the operator is told of it this often."""

UNKNOWN_MAX = 10_000
"""So many orders unknown upstream are remembered as logged; each is looked at hundreds of times."""

_NOT_FOR_LOGS = re.compile(r"[\w-]*\d[\w-]*|[^\w\s!-~]")
"""What may be an SMS code, which no log may hold, and what is no text, which no JSON column takes."""


class ActivationWorker:
    """Works on claimed activations with one provider account."""

    def __init__(self, pool: Pool, provider: Provider, provider_name: str, settings: PollerSettings) -> None:
        self._pool = pool
        self._provider = provider
        self._provider_name = provider_name
        self._settings = settings
        self._quiet_until_s: dict[str, float] = {}
        self._known_unknown: dict[UUID, None] = {}  # a set that forgets its oldest

    async def work(self, job: ActivationJob) -> None:
        """Do what is due, and say when it is due next."""
        try:
            if job.status == "ordering" and job.purchase_started_at is not None:
                await self._adopt(job, job.purchase_started_at)
            elif job.status == "ordering" and job.cancel_requested_at is not None:
                await jobs.close_activation(self._pool, job.id, "cancelled")
            elif job.status == "ordering":
                await self._buy(job)
            elif job.status == "received":
                await self._finish(job)
            elif job.cancel_requested_at is not None:
                await self._cancel(job)
            else:
                await self._look(job)
        except Unavailable as fault:
            await self._later(job, fault, fault.retry_after_s)
        except ProviderError as fault:
            await self._later(job, fault, None)
            await self._tell_operator(job, fault)

    async def _buy(self, job: ActivationJob) -> None:
        if not await jobs.begin_purchase(self._pool, job.id, self._provider_name):
            return  # cancelled, or begun by another: in either case not ours to buy
        begun_at = job.now()
        try:
            purchase = await self._provider.buy(str(job.id), job.service_code, job.country_code, job.price)
        except OutcomeUnknown as fault:
            log.warning("purchase without an answer", activation_id=str(job.id), reason=fault.reason)
            await jobs.reschedule(self._pool, job, begun_at + PURCHASE_WINDOW)
        except Unavailable as fault:
            await self._buy_later(job, fault)
        except ProviderError as fault:
            await jobs.close_activation(self._pool, job.id, "failed", fault.error_code)
            if isinstance(fault, AccountProblem):
                await self._tell_operator(job, fault)
        else:
            await self._record(job, purchase, begun_at)

    async def _buy_later(self, job: ActivationJob, fault: Unavailable) -> None:
        """Surely not sold: again soon, or never, if that would be later than the user is to wait."""
        pause = timedelta(seconds=fault.retry_after_s or 0)
        again_at = max(job.now() + pause, retry_at(job.now(), None))
        if again_at > job.created_at + timedelta(seconds=self._settings.ordering_max_s):
            await jobs.close_activation(self._pool, job.id, "failed", fault.error_code)
        else:
            await jobs.abandon_purchase(self._pool, job.id, again_at)

    async def _adopt(self, job: ActivationJob, begun_at: datetime) -> None:
        """Only when no answer can come any more, and no other purchase could be mistaken for ours."""
        if job.now() < begun_at + PURCHASE_WINDOW:
            await jobs.reschedule(self._pool, job, begun_at + PURCHASE_WINDOW)
            return
        orders = await self._provider.active()
        # In this order: a purchase recorded between the two is known, and not in flight any more.
        has_rivals = await jobs.is_purchase_in_flight(self._pool, job, PURCHASE_WINDOW)
        known = await jobs.known_provider_orders(
            self._pool, self._provider_name, [order.provider_order_id for order in orders]
        )
        orphan = find_orphan(orders, known, job.service_code, job.country_code)
        if orphan is None:
            log.info("purchase was not made", activation_id=str(job.id))
            await jobs.close_activation(self._pool, job.id, "failed", OutcomeUnknown.error_code)
        elif has_rivals and job.now() < begun_at + PURCHASE_WINDOW + RIVALS_MAX:
            await jobs.reschedule(self._pool, job, retry_at(job.now(), None))
        else:
            log.warning("orphan adopted", activation_id=str(job.id), provider_order_id=orphan.provider_order_id)
            await self._record(job, Purchase(orphan.provider_order_id, orphan.phone), begun_at)

    async def _record(self, job: ActivationJob, purchase: Purchase, begun_at: datetime) -> None:
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
                due_at=next_look(now, now, expires_at),
            )
        except asyncpg.UniqueViolationError:
            # Another order adopted this number first. Ours is still "begun", and looks for an orphan in its turn.
            await jobs.reschedule(self._pool, job, retry_at(now, None))
            return
        if not recorded:
            # Decided without us, because we took longer than the window. The next order to look for an orphan finds it.
            log.warning("number left over", activation_id=str(job.id), provider_order_id=purchase.provider_order_id)

    async def _look(self, job: ActivationJob) -> None:
        found = await self._check(job)
        now = job.now()
        expires_at = job.expires_at or now
        if isinstance(found, Delivered):
            await self._deliver(job, found)
        elif isinstance(found, Ended):
            await self._end(job)
        elif now >= expires_at:
            await self._time_out(job)
        else:
            await jobs.reschedule(self._pool, job, next_look(now, job.purchased_at or job.created_at, expires_at))

    async def _time_out(self, job: ActivationJob) -> None:
        """The last look saw nothing; the provider has the last word, for an SMS may come before our cancel does."""
        try:
            outcome = await self._provider.cancel(_upstream_id(job))
        except UnknownOrder:
            outcome = Cancelled()
        if isinstance(outcome, AlreadyDelivered):
            await self._deliver_late(job)
        elif isinstance(outcome, TooEarly):
            await jobs.reschedule(self._pool, job, retry_at(job.now(), outcome.retry_after_s))
        else:
            await jobs.close_activation(self._pool, job.id, "timeout", "NO_SMS")

    async def _end(self, job: ActivationJob) -> None:
        """The provider has ended it and showed no SMS: as the user wanted, or by its age, or by itself."""
        if job.cancel_requested_at is not None:
            await jobs.close_activation(self._pool, job.id, "cancelled")
        elif has_run_out(job.now(), job.expires_at or job.now()):
            await jobs.close_activation(self._pool, job.id, "timeout", "NO_SMS")
        elif await jobs.close_activation(self._pool, job.id, "cancelled", "ENDED"):
            # Nobody here asked for it, and their word for it may also mean completed, which they would charge.
            reason = "ended by the provider without an SMS, refunded"
            await self._log_for_operator(job, "warning", "PROVIDER_ENDED", reason=reason)

    async def _cancel(self, job: ActivationJob) -> None:
        now = job.now()
        due_at = next_look(now, job.purchased_at or job.created_at, job.expires_at or now)
        try:
            outcome = await self._provider.cancel(_upstream_id(job))
        except (AccountProblem, UnknownAnswer, Unavailable):
            raise
        except ProviderError as fault:
            log.warning("cancel refused", activation_id=str(job.id), reason=fault.reason)
            await jobs.refuse_cancel(self._pool, job.id, "CANCEL_REFUSED", allowed_at=None, due_at=due_at)
            return
        if isinstance(outcome, Cancelled):
            await jobs.close_activation(self._pool, job.id, "cancelled")
        elif isinstance(outcome, TooEarly):
            allowed_at = cancel_allowed_at(
                now, job.purchased_at or job.created_at, outcome.retry_after_s, self._settings.early_cancel_s
            )
            await jobs.refuse_cancel(self._pool, job.id, "EARLY_CANCEL_DENIED", allowed_at=allowed_at, due_at=due_at)
        else:
            await self._deliver_late(job)

    async def _deliver_late(self, job: ActivationJob) -> None:
        """The provider says that the order is served, or over: an SMS decides, and is looked for before any refund."""
        found = await self._check(job)
        if isinstance(found, Delivered):
            await self._deliver(job, found)
        elif isinstance(found, Ended):
            await self._end(job)
        else:
            await jobs.reschedule(self._pool, job, retry_at(job.now(), None))

    async def _check(self, job: ActivationJob) -> Waiting | Delivered | Ended:
        try:
            return await self._provider.check(_upstream_id(job))
        except UnknownOrder as fault:
            # We bought it and they do not know it: no word on whether an SMS came, so nothing moves before the expiry.
            if job.id not in self._known_unknown:
                log.warning("order unknown upstream", activation_id=str(job.id), reason=fault.reason)
                self._known_unknown[job.id] = None
                if len(self._known_unknown) > UNKNOWN_MAX:
                    del self._known_unknown[next(iter(self._known_unknown))]
            return Waiting()

    async def _deliver(self, job: ActivationJob, delivered: Delivered) -> None:
        await self._apply(job, delivered)
        await jobs.reschedule(self._pool, job, max(job.expires_at or job.now(), job.now()))

    async def _apply(self, job: ActivationJob, delivered: Delivered) -> None:
        for message in delivered.messages:
            outcome = await jobs.apply_activation_sms(
                self._pool, job.id, code=message.code or None, text=message.text or message.code
            )
            log.info("sms", activation_id=str(job.id), outcome=outcome)

    async def _finish(self, job: ActivationJob) -> None:
        if job.expires_at is not None and job.now() < job.expires_at:
            await jobs.reschedule(self._pool, job, job.expires_at)
            return
        found = await self._check(job)
        if isinstance(found, Delivered):
            await self._apply(job, found)
        try:
            await self._provider.finish(_upstream_id(job))
        except Refused as fault:
            # It is paid and its time is over: the provider ends it by itself.
            log.warning("finish refused", activation_id=str(job.id), reason=fault.reason)
        await jobs.close_activation(self._pool, job.id, "completed")

    async def _later(self, job: ActivationJob, fault: ProviderError, retry_after_s: float | None) -> None:
        log.warning("provider fault", activation_id=str(job.id), error_code=fault.error_code, reason=fault.reason)
        await jobs.reschedule(self._pool, job, retry_at(job.now(), retry_after_s))

    async def _tell_operator(self, job: ActivationJob, fault: ProviderError) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._quiet_until_s.get(fault.error_code, 0.0):
            return
        self._quiet_until_s[fault.error_code] = now_s + OPERATOR_QUIET_S
        raw = _NOT_FOR_LOGS.sub("…", fault.raw)
        await self._log_for_operator(job, "error", fault.error_code, reason=fault.reason, raw=raw)

    async def _log_for_operator(self, job: ActivationJob, level: str, error_code: str, **said: str) -> None:
        data = orjson.dumps({"activation_id": str(job.id), "provider": self._provider_name, **said})
        await jobs.log_for_operator(self._pool, level, "pollers", error_code, data.decode())


def _upstream_id(job: ActivationJob) -> str:
    if job.provider_order_id is None:
        raise ValueError(f"expected activation {job.id} to have a provider's order id: it is {job.status}")
    return job.provider_order_id
