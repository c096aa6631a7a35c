"""The work on one funding: money put on a card, once. Killed anywhere, the row tells how to go on.

    nothing begun       note what the card's list shows, write the intent, pay    → pending, or failed and refunded
    begun, no answer    look for it in the card's list                           → as there, or given up and refunded
    pending             look for what became of it                               → completed, or failed and refunded

It is never paid again. What cannot be found is given up after FUNDING_DOUBT_S, and operators are told that it may have
been paid; what the provider has accepted is waited for as long as the card lives. The provider's word needs no lease.
"""

import asyncio
from datetime import datetime, timedelta

import structlog

from pollers.cards.contract import CardTransaction, TransactionStatus
from pollers.cards.desk import Desk
from pollers.cards.evidence import Unsure, find_funding
from pollers.cards.schedule import (
    ANSWER_WINDOW,
    AWAY_MAX,
    REQUEST_S_MAX,
    UNCONFIRMED_AFTER,
    next_look,
    next_search,
)
from pollers.providers.contract import (
    AccountProblem,
    OutcomeUnknown,
    ProviderError,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
)
from pollers.schedule import retry_at
from wallet_db import card_fundings
from wallet_db.card_fundings import FundingJob
from wallet_db.cards import ask_card_refresh

log = structlog.get_logger()

MAY_EXIST = "CARD_FUNDING_MAY_EXIST"
OVER = frozenset({"terminated", "failed"})


class FundingWorker:
    """Works on claimed fundings."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def work(self, job: FundingJob) -> None:
        """Do what is due, and say when it is due next."""
        try:
            if job.begun_at is None:
                await self._fund(job)
            elif job.now() < job.begun_at + ANSWER_WINDOW and job.status == "ordering":
                await card_fundings.reschedule(self._desk.pool, job, job.begun_at + ANSWER_WINDOW)
            else:
                await self._find(job, job.begun_at)
        except ProviderError as fault:
            await self._later(job, fault)

    async def _fund(self, job: FundingJob) -> None:
        provider = self._desk.provider(job.provider)
        try:
            seen = [each.provider_transaction_id for each in await self._listed(job)]
        except ProviderError as fault:
            await self._not_funded(job, fault, is_begun=False)
            return
        if not await card_fundings.begin(self._desk.pool, job, seen):
            return  # another's by now, or the card is not to be used any more
        begun_at = job.now()
        try:
            async with asyncio.timeout(REQUEST_S_MAX):
                funding = await provider.fund(job.provider_card_id, job.usd)
        except (OutcomeUnknown, TimeoutError) as fault:
            log.warning("funding without an answer", funding_id=str(job.id), reason=str(fault) or "took too long")
            await card_fundings.reschedule(self._desk.pool, job, begun_at + ANSWER_WINDOW)
        except ProviderError as fault:
            await self._not_funded(job, fault, is_begun=True)
        else:
            now = job.now()
            reference = funding.reference or funding.transaction_id
            await card_fundings.accept(self._desk.pool, job.id, reference=reference, due_at=next_look(now, begun_at))

    async def _not_funded(self, job: FundingJob, fault: ProviderError, *, is_begun: bool) -> None:
        """Surely not: again soon, or never, if somebody has to decide or the user would wait for too long."""
        if isinstance(fault, Unavailable | UnknownAnswer):
            again_at = retry_at(job.now(), fault.retry_after_s if isinstance(fault, Unavailable) else None)
            if again_at <= job.created_at + timedelta(seconds=self._desk.settings.ordering_max_s):
                if is_begun:
                    await card_fundings.abandon(self._desk.pool, job, again_at)
                else:
                    await card_fundings.reschedule(self._desk.pool, job, again_at)
                return
        log.warning("funding refused", funding_id=str(job.id), error_code=fault.error_code, reason=fault.reason)
        await card_fundings.fail(self._desk.pool, job, fault.error_code)
        if isinstance(fault, AccountProblem):
            await self._desk.operators.tell("error", fault.error_code, fault.reason, card_id=job.card_id)

    async def _find(self, job: FundingJob, begun_at: datetime) -> None:
        listed, taken = await self._listed(job), await card_fundings.taken(self._desk.pool, job)
        found = find_funding(
            [each for each in listed if each.provider_transaction_id not in taken],
            usd=job.usd,
            reference=job.provider_reference,
            seen=job.seen or (),
            has_rivals=await card_fundings.has_rivals(self._desk.pool, job),
        )
        if isinstance(found, CardTransaction):
            await self._decide(job, found, begun_at)
        elif job.status == "pending" and job.card_status not in OVER:
            await self._wait(job, begun_at)
        elif job.now() < begun_at + timedelta(seconds=self._desk.settings.funding_doubt_s):
            await self._wait_in_doubt(job, begun_at, is_unsure=isinstance(found, Unsure))
        else:
            await card_fundings.fail(self._desk.pool, job, MAY_EXIST)

    async def _decide(self, job: FundingJob, found: CardTransaction, begun_at: datetime) -> None:
        if found.status is TransactionStatus.FAILED:
            await card_fundings.fail(self._desk.pool, job, "FUNDING_DECLINED", is_final=True)
        elif found.status is TransactionStatus.COMPLETED:
            completed = await card_fundings.complete(
                self._desk.pool, job.id, provider_transaction_id=found.provider_transaction_id
            )
            if completed:
                await ask_card_refresh(self._desk.pool, job.card_id)
        elif job.status == "ordering":
            log.warning("funding found", funding_id=str(job.id))
            reference = found.reference or found.provider_transaction_id
            due_at = next_look(job.now(), begun_at)
            await card_fundings.accept(self._desk.pool, job.id, reference=reference, due_at=due_at)
        else:
            await self._wait(job, begun_at)

    async def _wait(self, job: FundingJob, begun_at: datetime) -> None:
        if job.now() >= begun_at + UNCONFIRMED_AFTER:
            reason = f"accepted at {job.accepted_at}, and not on the card yet"
            await self._desk.operators.tell(
                "warning", "FUNDING_UNCONFIRMED", reason, about=str(job.id), card_id=job.card_id, funding_id=job.id
            )
        await card_fundings.reschedule(self._desk.pool, job, next_look(job.now(), begun_at))

    async def _wait_in_doubt(self, job: FundingJob, begun_at: datetime, *, is_unsure: bool) -> None:
        doubt = timedelta(seconds=self._desk.settings.funding_doubt_s)
        reason = "a payment upstream may be this one's or another's" if is_unsure else "no answer, and not on the card"
        await self._desk.operators.tell(
            "warning", "FUNDING_IN_DOUBT", reason, about=str(job.id), card_id=job.card_id, funding_id=job.id
        )
        await card_fundings.reschedule(self._desk.pool, job, next_search(job.now(), begun_at, doubt))

    async def _listed(self, job: FundingJob) -> list[CardTransaction]:
        listed = await self._desk.provider(job.provider).transactions(job.provider_card_id)
        await self._desk.record_transactions(job.card_id, listed, job.now())
        return listed

    async def _later(self, job: FundingJob, fault: ProviderError) -> None:
        log.warning("provider fault", funding_id=str(job.id), error_code=fault.error_code, reason=fault.reason)
        if not isinstance(fault, Unavailable):
            await self._desk.operators.tell("error", fault.error_code, fault.reason, card_id=job.card_id)
        doubt = max(AWAY_MAX, timedelta(seconds=self._desk.settings.funding_doubt_s))
        # What was accepted is waited for; not where the card is over and the provider does not list it any more.
        is_in_doubt = job.status == "ordering" or (job.card_status in OVER and isinstance(fault, UnknownOrder))
        if is_in_doubt and job.begun_at is not None and job.now() >= job.begun_at + doubt:
            await card_fundings.fail(self._desk.pool, job, MAY_EXIST)
            return
        pause_s = fault.retry_after_s if isinstance(fault, Unavailable) else None
        await card_fundings.reschedule(self._desk.pool, job, retry_at(job.now(), pause_s))
