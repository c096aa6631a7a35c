"""More time for a rental: asked for once, and found out about if the answer was lost.

    wanted               ask what it would cost, write that and the intent down, extend  → a later end, or refunded
    begun, no answer     the rental's own life decides                                  → a later end, or refunded

An extension whose answer was lost stays held: if the rental runs on after its old end, or the provider tells a later
one, it was sold; else the extra goes back. What it cost is told before or afterwards, by whichever the provider does.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from pollers.providers.contract import (
    AccountProblem,
    Extended,
    OutcomeUnknown,
    Provider,
    ProviderError,
    Rented,
    Unavailable,
    UnknownAnswer,
)
from pollers.rental_schedule import EXTENSION_PROOF, end_of, is_extended, next_look
from pollers.schedule import retry_at
from pollers.settings import PollerSettings
from wallet_db import rental_jobs
from wallet_db.connect import Pool
from wallet_db.rental_jobs import RentalJob

log = structlog.get_logger()

TellOperator = Callable[[RentalJob, str, str, str], Awaitable[None]]
"""Takes a level, an error code and a reason."""


class Extensions:
    """The work on extensions. tell_operator: of what a person has to look at."""

    def __init__(self, pool: Pool, settings: PollerSettings, tell_operator: TellOperator) -> None:
        self._pool = pool
        self._settings = settings
        self._tell_operator = tell_operator

    async def decide(self, job: RentalJob, found: Rented | None, started_at: datetime) -> None:
        """Its answer was lost: not before it is certain does the extra go the one way or the other."""
        now, ends_at = job.now(), job.ends_at or job.now()
        extended = is_extended(now, started_at, ends_at, found.ends_at) if found is not None else None
        if extended:
            log.warning("extension found", rental_id=str(job.id))
            await self._record(job, Extended(found.ends_at if found is not None else None))
        elif extended is False:
            await rental_jobs.refuse_extension(
                self._pool, job.id, OutcomeUnknown.error_code, started_at=started_at, due_at=now
            )
        else:
            due_at = next_look(now, job.purchased_at or now, ends_at)
            if now >= ends_at:
                due_at = max(ends_at + EXTENSION_PROOF, retry_at(now, None))
            await rental_jobs.reschedule(self._pool, job, due_at)

    async def extend(self, job: RentalJob, provider: Provider, upstream_id: str) -> None:
        """Ask the provider for it, once what it would cost is written down."""
        now = job.now()
        ends_at = job.ends_at or now
        due_at = next_look(now, job.purchased_at or now, ends_at)
        if now >= ends_at:
            await rental_jobs.refuse_extension(self._pool, job.id, "RENTAL_ENDED", started_at=None, due_at=now)
            return
        given_up_at = (job.extension_requested_at or now) + timedelta(seconds=self._settings.ordering_max_s)
        try:
            cost = await provider.extension_cost(upstream_id, job.extension_hours or 0)
        except ProviderError as fault:
            cost = None  # what is wrong shows when the extension itself is asked for
            again_at = retry_at(job.now(), fault.retry_after_s if isinstance(fault, Unavailable) else None)
            if isinstance(fault, Unavailable | UnknownAnswer) and again_at <= given_up_at:
                await rental_jobs.reschedule(self._pool, job, again_at)
                return
        started_at = await rental_jobs.begin_extension(self._pool, job.id, cost=cost)
        if started_at is None:
            return  # begun by another, or a cancel is wanted, which made it due
        try:
            told = await provider.extend(upstream_id, job.extension_hours or 0)
        except OutcomeUnknown as fault:
            log.warning("extension without an answer", rental_id=str(job.id), reason=fault.reason)
            await self._tell_operator(job, "warning", "EXTENSION_IN_DOUBT", fault.reason)
            await rental_jobs.reschedule(self._pool, job, due_at)
        except Unavailable as fault:
            again_at = retry_at(job.now(), fault.retry_after_s)
            if again_at > given_up_at:
                await self._refuse(job, fault, started_at, due_at)
            else:
                await rental_jobs.abandon_extension(self._pool, job.id, started_at, again_at)
        except ProviderError as fault:
            await self._refuse(job, fault, started_at, due_at)
            if isinstance(fault, AccountProblem):
                await self._tell_operator(job, "error", fault.error_code, fault.reason)
        else:
            await self._record(job, told)

    async def _refuse(self, job: RentalJob, fault: ProviderError, started_at: datetime, due_at: datetime) -> None:
        await rental_jobs.refuse_extension(self._pool, job.id, fault.error_code, started_at=started_at, due_at=due_at)

    async def _record(self, job: RentalJob, told: Extended) -> None:
        now = job.now()
        ends_at = end_of(told.ends_at, job.ends_at or now, job.extension_hours or 0)
        due_at = next_look(now, job.purchased_at or now, ends_at)
        await rental_jobs.record_extension(
            self._pool, job.id, ends_at=ends_at, total_cost=told.total_cost, due_at=due_at
        )
