"""The work on one rental: ask the provider, write down what it said. Killed anywhere, the row tells how to go on.

    ordering, nothing begun    note what is listed, write the intent, rent        → active, or failed and refunded
    the same, cancel wanted    a purchase was tried, and surely not made          → cancelled
    ordering, begun            the answer was lost: adopt the orphan, never rent  → active, or failed and refunded
    active, cancel wanted      ask the provider to take it back                   → cancelled, or refused
    active, finish wanted      a last look, and give the number up                → completed
    active, more time wanted   see `rental_extensions.py`                         → a later end, or refused and refunded
    active                     look for SMS; after the end a last look            → expired

A purchase whose answer was lost and that nobody
can decide, for want of a list or because others are in doubt beside it, is never repeated: its money stays held for an
operator, who may record or close it, and goes back after DOUBT_MAX, for the user has got nothing. As with activations,
what the provider said is applied by SQL functions that change nothing the second time. Whoever decides by what was so
when it was claimed does so under its lease, which the database looks at in the same statement: see `rental_jobs.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg
import orjson
import structlog

from pollers.activations import OPERATOR_QUIET_S
from pollers.adoption import PURCHASE_WINDOW
from pollers.metrics import SMS_FOUND
from pollers.providers.contract import (
    AccountProblem,
    ActiveRental,
    Cancelled,
    Ended,
    NotOffered,
    OutcomeUnknown,
    Provider,
    ProviderError,
    Purchase,
    Refused,
    Rented,
    TooEarly,
    TooLate,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
)
from pollers.rental_adoption import Unsure, find_rental_orphan, told_once
from pollers.rental_extensions import Extensions
from pollers.rental_schedule import (
    DOUBT_MAX,
    DOUBT_PAUSE_S,
    LAST_LOOK_MAX,
    end_of,
    has_run_out,
    is_served,
    next_look,
    unused_hours,
)
from pollers.schedule import cancel_allowed_at, retry_at
from pollers.settings import PollerSettings
from wallet_db import jobs, rental_jobs
from wallet_db.connect import Pool
from wallet_db.rental_jobs import RentalJob

log = structlog.get_logger()

RENT_S_MAX = 20.0
"""A rent may be two requests; they end well before PURCHASE_WINDOW does, when an orphan is looked for."""


class RentalWorker:
    """Works on claimed rentals. A new one is rented from the first of the providers that offers rentals at all."""

    def __init__(self, pool: Pool, providers: Mapping[str, Provider], settings: PollerSettings) -> None:
        self._pool = pool
        self._providers = providers
        self._settings = settings
        self._extensions = Extensions(pool, settings, self._tell_operator)
        self._quiet_until_s: dict[str, float] = {}

    async def work(self, job: RentalJob) -> None:
        """Do what is due, and say when it is due next."""
        try:
            if job.status == "ordering" and job.purchase_started_at is not None:
                await self._adopt(job, job.purchase_started_at)
            elif job.status == "ordering" and job.cancel_requested_at is not None:
                await rental_jobs.close_rental(self._pool, job, "cancelled")
            elif job.status == "ordering":
                await self._rent(job)
            elif job.cancel_requested_at is not None:
                await self._cancel(job)
            elif job.finish_requested_at is not None:
                await self._finish(job)
            elif job.extension_status == "requested" and job.extension_started_at is None:
                await self._extensions.extend(job, self._provider_of(job)[1], _upstream_id(job))
            else:
                await self._look(job)
        except Unavailable as fault:
            await self._later(job, fault, fault.retry_after_s)
        except ProviderError as fault:
            await self._later(job, fault, None)
            await self._tell_operator(job, "error", fault.error_code, fault.reason)

    async def _rent(self, job: RentalJob) -> None:
        for name, provider in self._providers.items():
            codes = await rental_jobs.codes_at(self._pool, name, job.service, job.country)
            if codes is None:
                continue
            try:
                seen = await self._unknown(name, await _list(provider))
            except ProviderError as fault:
                await self._not_rented(job, fault, rental_jobs.reschedule)
                return
            if not await rental_jobs.begin_purchase(self._pool, job, name, seen):
                return  # cancelled, or another's by now: in either case not ours to rent
            begun_at = job.now()
            try:
                async with asyncio.timeout(RENT_S_MAX):
                    purchase = await provider.rent(str(job.id), *codes, job.hours, job.price)
            except NotOffered:
                await rental_jobs.abandon_purchase(self._pool, job, job.leased_until)
                continue
            except (OutcomeUnknown, TimeoutError) as fault:
                log.warning("rent without an answer", rental_id=str(job.id), reason=str(fault) or "took too long")
                await rental_jobs.reschedule(self._pool, job, begun_at + PURCHASE_WINDOW)
            except ProviderError as fault:
                await self._not_rented(job, fault, rental_jobs.abandon_purchase)
            else:
                await self._record(job, name, purchase, begun_at)
            return
        await rental_jobs.close_rental(self._pool, job, "failed", NotOffered.error_code)

    async def _not_rented(
        self, job: RentalJob, fault: ProviderError, again: Callable[[Pool, RentalJob, datetime], Awaitable[None]]
    ) -> None:
        """Surely not: again soon, or never, if somebody has to decide or the user would wait for too long."""
        if isinstance(fault, Unavailable | UnknownAnswer):
            again_at = retry_at(job.now(), fault.retry_after_s if isinstance(fault, Unavailable) else None)
            if again_at <= job.created_at + timedelta(seconds=self._settings.ordering_max_s):
                await again(self._pool, job, again_at)
                return
        await rental_jobs.close_rental(self._pool, job, "failed", fault.error_code)
        if isinstance(fault, AccountProblem):
            await self._tell_operator(job, "error", fault.error_code, fault.reason)

    async def _adopt(self, job: RentalJob, begun_at: datetime) -> None:
        """Only when no answer can come any more, and no other purchase could be mistaken for ours."""
        if job.now() < begun_at + PURCHASE_WINDOW:
            await rental_jobs.reschedule(self._pool, job, begun_at + PURCHASE_WINDOW)
            return
        name, provider = self._provider_of(job)
        codes = await rental_jobs.codes_at(self._pool, name, job.service, job.country)
        listed = await _list(provider)
        # In this order: whose rental is on the list is in doubt still, or was recorded since and is known.
        beside = await rental_jobs.doubts_beside(self._pool, job)
        if listed is None or codes is None:
            await self._wait_in_doubt(job, begun_at, "the provider has no list of rentals")
            return
        orphan = find_rental_orphan(
            listed,
            unknown=await self._unknown(name, listed) or (),
            seen=job.purchase_seen,
            codes=codes,
            is_alone=all(doubt == (job.service, job.country, job.hours) for doubt in beside),
        )
        if orphan is None:
            log.info("rental was not made", rental_id=str(job.id))
            await rental_jobs.close_rental(self._pool, job, "failed", Unavailable.error_code)
        elif isinstance(orphan, Unsure):
            await self._wait_in_doubt(job, begun_at, "a rental upstream may be this one's or another's")
        else:
            log.warning("orphan adopted", rental_id=str(job.id), provider_order_id=orphan.provider_order_id)
            # No list tells what was paid; the price of now is that of a minute ago.
            cost = await provider.rental_cost(*codes, job.hours)
            purchase = Purchase(orphan.provider_order_id, orphan.phone, cost, orphan.ends_at)
            await self._record(job, name, purchase, begun_at)

    async def _wait_in_doubt(self, job: RentalJob, begun_at: datetime, reason: str) -> None:
        if job.now() < begun_at + DOUBT_MAX:
            await self._tell_operator(job, "warning", "RENTAL_IN_DOUBT", reason)
            await rental_jobs.reschedule(self._pool, job, job.now() + timedelta(seconds=DOUBT_PAUSE_S))
        elif await rental_jobs.close_rental(self._pool, job, "failed", OutcomeUnknown.error_code):
            reason = f"{reason}; refunded, but it may be running upstream"
            await self._log_for_operator(job, "error", OutcomeUnknown.error_code, reason)

    async def _record(self, job: RentalJob, name: str, purchase: Purchase, begun_at: datetime) -> None:
        now = job.now()
        ends_at = end_of(purchase.expires_at, begun_at, job.hours)
        try:
            recorded = await rental_jobs.record_purchase(
                self._pool,
                job.id,
                provider_order_id=purchase.provider_order_id,
                phone=purchase.phone,
                cost=purchase.cost,
                ends_at=ends_at,
                due_at=next_look(now, now, ends_at),
            )
        except asyncpg.UniqueViolationError:
            # One alike adopted this number first. Ours is still "begun", and looks for an orphan in its turn.
            await rental_jobs.reschedule(self._pool, job, retry_at(now, None))
            return
        if not recorded and await rental_jobs.unknown_of(self._pool, name, [purchase.provider_order_id]):
            reason = f"rental {purchase.provider_order_id} of {name} is left over: ours was decided without it"
            await self._log_for_operator(job, "error", "RENTAL_LEFT_OVER", reason)

    async def _look(self, job: RentalJob) -> None:
        found = await self._read(job)
        now, ends_at = job.now(), job.ends_at or job.now()
        begun_at = job.purchase_started_at or job.created_at
        if isinstance(found, Ended):
            await self._end(job)
        elif job.extension_started_at is not None and (found is not None or now < ends_at + LAST_LOOK_MAX):
            await self._extensions.decide(job, found, job.extension_started_at)
        elif is_served(now, begun_at, job.hours, ends_at):
            await rental_jobs.close_rental(self._pool, job, "expired")
        else:
            await rental_jobs.reschedule(self._pool, job, next_look(now, job.purchased_at or now, ends_at))

    async def _cancel(self, job: RentalJob) -> None:
        now = job.now()
        due_at = next_look(now, job.purchased_at or now, job.ends_at or now)
        _, provider = self._provider_of(job)
        try:
            outcome = await provider.cancel_rental(_upstream_id(job))
        except (AccountProblem, UnknownAnswer, Unavailable):
            raise
        except ProviderError as fault:
            log.warning("cancel refused", rental_id=str(job.id), reason=fault.reason)
            await rental_jobs.refuse_cancel(self._pool, job.id, "CANCEL_REFUSED", allowed_at=None, due_at=due_at)
            return
        if isinstance(outcome, Cancelled):
            await rental_jobs.close_rental(self._pool, job, "cancelled", is_final=True)
        elif isinstance(outcome, TooLate):
            await rental_jobs.refuse_cancel(self._pool, job.id, "CANCEL_TOO_LATE", allowed_at=None, due_at=due_at)
        elif isinstance(outcome, TooEarly):
            allowed_at = cancel_allowed_at(
                now, job.purchased_at or now, outcome.retry_after_s, self._settings.early_cancel_s
            )
            await rental_jobs.refuse_cancel(
                self._pool, job.id, "EARLY_CANCEL_DENIED", allowed_at=allowed_at, due_at=due_at
            )
        elif isinstance(await self._read(job), Ended):
            await self._end(job)
        else:
            await rental_jobs.reschedule(self._pool, job, retry_at(job.now(), None))

    async def _end(self, job: RentalJob) -> None:
        """The provider has ended it: as the user wanted, or by its age, or by itself."""
        now = job.now()
        ends_at = job.ends_at or now
        if job.cancel_requested_at is not None:
            await rental_jobs.close_rental(self._pool, job, "cancelled", is_final=True)
        elif has_run_out(now, ends_at):
            await rental_jobs.close_rental(self._pool, job, "expired")
        elif await rental_jobs.close_rental(
            self._pool, job, "cancelled", "ENDED", unused_hours=unused_hours(now, ends_at)
        ):
            reason = f"ended by the provider {unused_hours(now, ends_at)} hours early, which were refunded"
            await self._log_for_operator(job, "warning", "PROVIDER_ENDED", reason)

    async def _finish(self, job: RentalJob) -> None:
        await self._read(job)
        _, provider = self._provider_of(job)
        try:
            await provider.finish_rental(_upstream_id(job))
        except Refused as fault:
            # It is paid, and where it cannot be ended it ends with its time.
            log.warning("finish refused", rental_id=str(job.id), reason=fault.reason)
        await rental_jobs.close_rental(self._pool, job, "completed", is_final=True)

    async def _read(self, job: RentalJob) -> Rented | Ended | None:
        """Show its SMS. None: the provider does not know it, which is no word on anything."""
        _, provider = self._provider_of(job)
        try:
            found = await provider.rental_messages(_upstream_id(job))
        except UnknownOrder as fault:
            await self._tell_operator(job, "warning", fault.error_code, fault.reason)
            return None
        if isinstance(found, Rented):
            applied = await rental_jobs.apply_sms(self._pool, job.id, told_once(found.messages))
            if applied:
                SMS_FOUND.labels(job.provider, "rental").inc(applied)
                log.info("sms of a rental", rental_id=str(job.id), applied=applied)
        return found

    async def _unknown(self, name: str, listed: Sequence[ActiveRental] | None) -> list[str] | None:
        if listed is None:
            return None
        return await rental_jobs.unknown_of(self._pool, name, [rental.provider_order_id for rental in listed])

    def _provider_of(self, job: RentalJob) -> tuple[str, Provider]:
        name = job.provider or ""
        if name not in self._providers:
            raise AccountProblem(f"no account at the rental's provider {name}")
        return name, self._providers[name]

    async def _later(self, job: RentalJob, fault: ProviderError, retry_after_s: float | None) -> None:
        log.warning("provider fault", rental_id=str(job.id), error_code=fault.error_code, reason=fault.reason)
        begun_at = job.purchase_started_at
        if job.ends_at is not None and job.now() >= job.ends_at + LAST_LOOK_MAX:
            if await rental_jobs.close_rental(self._pool, job, "expired") and job.extension_started_at is not None:
                reason = f"nobody could tell whether {job.extension_hours} hours more were sold; refunded"
                await self._log_for_operator(job, "error", "EXTENSION_IN_DOUBT", reason)
        elif job.status == "ordering" and begun_at is not None and job.now() >= begun_at + DOUBT_MAX:
            await self._wait_in_doubt(job, begun_at, "the provider could not be asked")
        else:
            await rental_jobs.reschedule(self._pool, job, retry_at(job.now(), retry_after_s))

    async def _tell_operator(self, job: RentalJob, level: str, error_code: str, reason: str) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._quiet_until_s.get(error_code, 0.0):
            self._quiet_until_s[error_code] = now_s + OPERATOR_QUIET_S
            await self._log_for_operator(job, level, error_code, reason)

    async def _log_for_operator(self, job: RentalJob, level: str, error_code: str, reason: str) -> None:
        data = orjson.dumps({"rental_id": str(job.id), "provider": job.provider, "reason": reason})
        await jobs.log_for_operator(self._pool, level, "pollers", error_code, data.decode())


async def _list(provider: Provider) -> list[ActiveRental] | None:
    """The provider's open rentals; None: it has no list."""
    try:
        return await provider.active_rentals()
    except NotOffered:
        return None


def _upstream_id(job: RentalJob) -> str:
    if job.provider_order_id is None:
        raise ValueError(f"expected rental {job.id} to have a provider's order id: it is {job.status}")
    return job.provider_order_id
