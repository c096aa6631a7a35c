"""The work on one activation: ask the provider, write down what it said. Killed anywhere, the row tells how to go on.

    ordering, nothing begun   write the intent, buy over one route after the other → pending, or failed and refunded
    the same, cancel wanted   a purchase was tried, and surely not made            → cancelled
    ordering, begun           the answer was lost: adopt the orphan, never buy     → pending, or failed and refunded
    pending, cancel wanted    ask the provider to cancel                           → cancelled, received, or refused
    pending                   look for SMS; when it is given up a last look        → received, or timeout
    received                  when wanted, have the provider wait for one more; at the expiry, or when its owner is
                              done, tell the provider so                           → completed

Provider calls are made outside of transactions; what they said is applied by SQL functions that decide under the
wallet's lock and change nothing the second time. An order is given up when its number expires, or earlier where an
experiment says so; one that ends without an SMS may be followed by another, written in the same transaction. Money
never moves by a clock alone, but for a purchase in doubt that nobody could decide while its number lived; and the only
clock is the database's (`job.now()`): a poller whose own is wrong settles nothing early or late.

A worker that took longer than its lease decides nothing by what it knew: a purchase is begun, passed on, abandoned and
failed under the lease only. What a provider says of a number that was sold is final, and true whoever tells it.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from uuid import UUID

import orjson
import structlog

from pollers.excerpts import masked
from pollers.metrics import note_sms
from pollers.providers.contract import (
    AccountProblem,
    AlreadyDelivered,
    Cancelled,
    Delivered,
    Ended,
    Provider,
    ProviderError,
    Refused,
    TooEarly,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
    Waiting,
)
from pollers.purchases import Purchases
from pollers.schedule import cancel_allowed_at, has_run_out, next_look, retry_at
from pollers.settings import PollerSettings
from wallet_db import accounts, jobs
from wallet_db.connect import Pool
from wallet_db.jobs import ActivationJob

log = structlog.get_logger()

OPERATOR_QUIET_S = 60.0
"""A fault of the account meets every order; the operator is told of it this often."""

UNKNOWN_MAX = 10_000
"""So many orders unknown upstream are remembered as logged; each is looked at hundreds of times."""


class ActivationWorker:
    """Works on claimed activations with the accounts of several providers, given by their names.

    random: for the choice among routes. covers: whether a provider's open orders are looked at together, see `bulk.py`.
    """

    def __init__(
        self,
        pool: Pool,
        providers: Mapping[str, Provider],
        settings: PollerSettings,
        random: Random | None = None,
        covers: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._pool = pool
        self._providers = providers
        self._settings = settings
        self._covers = covers
        self._purchases = Purchases(
            pool,
            providers,
            settings,
            random or Random(),  # noqa: S311 - chance, not a secret
            self._tell_operator,
            self._log_for_operator,
            covers,
        )
        self._quiet_until_s: dict[tuple[str | None, str], float] = {}
        self._known_unknown: dict[UUID, None] = {}  # a set that forgets its oldest

    async def work(self, job: ActivationJob) -> None:
        """Do what is due, and say when it is due next."""
        try:
            if job.status == "ordering" and job.purchase_started_at is not None:
                await self._purchases.adopt(job, job.purchase_started_at, self._provider_of(job))
            elif job.status == "ordering" and job.cancel_requested_at is not None:
                await jobs.close_activation(self._pool, job.id, "cancelled")
            elif job.status == "ordering":
                await self._purchases.buy(job)
            elif job.status == "received":
                await self._after_sms(job)
            elif job.cancel_requested_at is not None:
                await self._cancel(job)
            else:
                await self._look(job)
        except Unavailable as fault:
            await self._later(job, fault, fault.retry_after_s)
        except ProviderError as fault:
            await self._later(job, fault, None)
            await self._tell_operator(job, fault)

    def _provider_of(self, job: ActivationJob) -> Provider:
        """The provider an order is with. Raises AccountProblem if we have no account there any more."""
        provider = self._providers.get(job.provider or "")
        if provider is None:
            raise AccountProblem(f"no account at {job.provider} is configured")
        return provider

    async def _look(self, job: ActivationJob) -> None:
        found = await self._check(job)
        now = job.now()
        if isinstance(found, Delivered):
            await self._deliver(job, found)
        elif isinstance(found, Ended):
            await self._end(job)
        elif now >= (job.gives_up_at() or now):
            await self._time_out(job)
        else:
            await jobs.reschedule(self._pool, job, self._next_look(job, now))

    def _next_look(self, job: ActivationJob, now: datetime) -> datetime:
        is_covered = job.cancel_requested_at is None and self._covers(job.provider or "")
        return next_look(now, job.purchased_at or job.created_at, job.gives_up_at() or now, is_covered=is_covered)

    async def _time_out(self, job: ActivationJob) -> None:
        """The last look saw nothing; the provider has the last word, for an SMS may come before our cancel does."""
        try:
            outcome = await self._provider_of(job).cancel(_upstream_id(job))
        except UnknownOrder:
            outcome = Cancelled()
        if isinstance(outcome, AlreadyDelivered):
            await self._deliver_late(job)
        elif isinstance(outcome, TooEarly):
            await jobs.reschedule(self._pool, job, retry_at(job.now(), outcome.retry_after_s))
        else:
            await self._no_sms(job)

    async def _no_sms(self, job: ActivationJob) -> None:
        await jobs.end_unserved(self._pool, job.id, "timeout", "NO_SMS", providers=list(self._providers))

    async def _end(self, job: ActivationJob) -> None:
        """The provider has ended it and showed no SMS: as the user or we wanted, or by its age, or by itself."""
        if job.cancel_requested_at is not None:
            await jobs.close_activation(self._pool, job.id, "cancelled")
        elif has_run_out(job.now(), job.gives_up_at() or job.now()):
            await self._no_sms(job)
        elif await jobs.end_unserved(self._pool, job.id, "cancelled", "ENDED", providers=list(self._providers)):
            # Nobody here asked for it, and their word for it may also mean completed, which they would charge.
            reason = "ended by the provider without an SMS, refunded"
            await self._log_for_operator(job, "warning", "PROVIDER_ENDED", reason=reason)

    async def _cancel(self, job: ActivationJob) -> None:
        now = job.now()
        due_at = self._next_look(job, now)
        try:
            outcome = await self._provider_of(job).cancel(_upstream_id(job))
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
            return await self._provider_of(job).check(_upstream_id(job))
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

    async def _apply(self, job: ActivationJob, delivered: Delivered) -> bool:
        """Whether there was one that is new."""
        outcomes = set()
        for message in delivered.messages:
            outcome = await jobs.apply_activation_sms(
                self._pool, job.id, code=message.code or None, text=message.text or message.code
            )
            log.info("sms", activation_id=str(job.id), outcome=outcome)
            outcomes.add(outcome)
            if outcome == "applied":
                hinted = await accounts.was_hinted(self._pool, job.id, job.was_due_at)
                note_sms(job.provider, "webhook" if hinted else "single", message.received_at)
        return bool(outcomes - {"repeated"})

    async def _after_sms(self, job: ActivationJob) -> None:
        now = job.now()
        expires_at = job.expires_at or now
        if job.finish_requested_at is not None or now >= expires_at:
            await self._finish(job)
        elif job.another_sms_requested_at is not None:
            await self._ask_for_another(job)
        elif job.another_sms_asked_at is not None:
            found = await self._check(job)
            fresh = await self._apply(job, found) if isinstance(found, Delivered) else False
            covered = self._covers(job.provider or "")
            due_at = expires_at if fresh else next_look(now, job.another_sms_asked_at, expires_at, is_covered=covered)
            await jobs.reschedule(self._pool, job, due_at)
        else:
            if job.is_check_due():
                found = await self._check(job)
                if isinstance(found, Delivered):
                    await self._apply(job, found)
            await jobs.reschedule(self._pool, job, expires_at)

    async def _ask_for_another(self, job: ActivationJob) -> None:
        now = job.now()
        expires_at = job.expires_at or now
        try:
            await self._provider_of(job).request_another_sms(_upstream_id(job))
        except (Refused, UnknownOrder) as fault:
            log.warning("another SMS refused", activation_id=str(job.id), reason=fault.reason)
            await jobs.record_another_sms(self._pool, job.id, error_code="RETRY_REFUSED", due_at=expires_at)
        else:
            due_at = next_look(now, now, expires_at, is_covered=self._covers(job.provider or ""))
            await jobs.record_another_sms(self._pool, job.id, due_at=due_at)

    async def _finish(self, job: ActivationJob) -> None:
        found = await self._check(job)
        if isinstance(found, Delivered):
            await self._apply(job, found)
        try:
            await self._provider_of(job).finish(_upstream_id(job))
        except Refused as fault:
            # It is paid and its time is over: the provider ends it by itself.
            log.warning("finish refused", activation_id=str(job.id), reason=fault.reason)
        await jobs.close_activation(self._pool, job.id, "completed")

    async def _later(self, job: ActivationJob, fault: ProviderError, retry_after_s: float | None) -> None:
        log.warning("provider fault", activation_id=str(job.id), error_code=fault.error_code, reason=fault.reason)
        if job.status == "ordering" and job.purchase_started_at is not None:
            await self._purchases.doubt(job, job.purchase_started_at, fault)
            return
        await jobs.reschedule(self._pool, job, retry_at(job.now(), retry_after_s))

    async def _tell_operator(self, job: ActivationJob, fault: ProviderError) -> None:
        now_s = asyncio.get_running_loop().time()
        subject = (job.provider, fault.error_code)
        if now_s < self._quiet_until_s.get(subject, 0.0):
            return
        self._quiet_until_s[subject] = now_s + OPERATOR_QUIET_S
        raw = masked(fault.raw)
        await self._log_for_operator(job, "error", fault.error_code, reason=fault.reason, raw=raw)

    async def _log_for_operator(self, job: ActivationJob, level: str, error_code: str, **said: str) -> None:
        data = orjson.dumps({"activation_id": str(job.id), "provider": job.provider, **said})
        await jobs.log_for_operator(self._pool, level, "pollers", error_code, data.decode())


def _upstream_id(job: ActivationJob) -> str:
    if job.provider_order_id is None:
        raise ValueError(f"expected activation {job.id} to have a provider's order id: it is {job.status}")
    return job.provider_order_id
