"""The making of one card: asked for once, and waited for if the answer was lost.

    nothing begun       write the intent, ask for the card       → pending upstream, or failed and refunded
    begun, no answer    wait for word of it (`webhooks.py`)      → adopted, or after FUNDING_DOUBT_S failed and refunded

A provider's cards cannot be listed, so a card whose answer was lost shows only when it is told of. Until then its money
stays held; when it is given up, operators are told that it may exist. It is never asked for again.
"""

import asyncio
from datetime import datetime, timedelta

import structlog

from pollers.cards.contract import CardMade, CardOrder
from pollers.cards.desk import Desk
from pollers.cards.schedule import REQUEST_S_MAX, next_look
from pollers.providers.contract import AccountProblem, OutcomeUnknown, ProviderError, Refused, Unavailable
from pollers.schedule import retry_at
from wallet_db import card_jobs
from wallet_db.card_jobs import CardJob

log = structlog.get_logger()


class Creations:
    """Makes cards."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def create(self, job: CardJob) -> None:
        """Ask the provider for it. Raises AccountProblem, Unsealable before anything is begun."""
        provider = self._desk.provider(job.provider)
        try:
            order = self._order(job)
        except Refused as fault:
            await self._fail(job, fault)
            return
        if not await card_jobs.begin_creation(self._desk.pool, job):
            return
        begun_at = job.now()
        try:
            async with asyncio.timeout(REQUEST_S_MAX):
                made = await provider.create(order)
        except (OutcomeUnknown, TimeoutError) as fault:
            log.warning("card without an answer", card_id=str(job.id), reason=str(fault) or "took too long")
            await card_jobs.reschedule(self._desk.pool, job, self._given_up_at(begun_at))
        except Unavailable as fault:
            again_at = retry_at(job.now(), fault.retry_after_s)
            if again_at <= job.created_at + timedelta(seconds=self._desk.settings.ordering_max_s):
                await card_jobs.abandon_creation(self._desk.pool, job, again_at)
            else:
                await self._fail(job, fault)
        except ProviderError as fault:
            await self._fail(job, fault)
        else:
            await self._record(job, made)

    async def wait_in_doubt(self, job: CardJob, begun_at: datetime) -> None:
        """Nobody knows whether it was made: wait for word, but not for ever."""
        given_up_at = self._given_up_at(begun_at)
        if job.now() < given_up_at:
            await card_jobs.reschedule(self._desk.pool, job, given_up_at)
        else:
            await card_jobs.fail_card(self._desk.pool, job, "CARD_MAY_EXIST")

    def _given_up_at(self, begun_at: datetime) -> datetime:
        return begun_at + timedelta(seconds=self._desk.settings.funding_doubt_s)

    def _order(self, job: CardJob) -> CardOrder:
        if job.customer_id is None or job.provider_customer_id is None or job.usd is None:
            raise Refused("the card has no customer")
        return CardOrder(
            job.provider_customer_id,
            self._desk.person(job.customer_id, job.customer_details).email,
            self._desk.name_on_card(job.id, job.name_on_card_sealed),
            job.usd,
        )

    async def _record(self, job: CardJob, made: CardMade) -> None:
        now = job.now()
        outcome = await card_jobs.record_created(
            self._desk.pool, job.id, made.provider_card_id, reference=made.reference, due_at=next_look(now, now)
        )
        if outcome in {"taken", "decided"}:
            reason = f"card {made.provider_card_id} of {job.provider} is left over: ours was {outcome} without it"
            await self._desk.operators.tell("error", "CARD_LEFT_OVER", reason, about=str(job.id), card_id=job.id)

    async def _fail(self, job: CardJob, fault: ProviderError) -> None:
        log.warning("card refused", card_id=str(job.id), error_code=fault.error_code, reason=fault.reason)
        await card_jobs.fail_card(self._desk.pool, job, fault.error_code)
        if isinstance(fault, AccountProblem):
            await self._desk.operators.tell("error", fault.error_code, fault.reason, card_id=job.id)
