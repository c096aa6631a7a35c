"""The work on one card: ask the provider, write down what it said. Killed anywhere, the row tells how to go on.

    pending_activation, no id upstream    see `creations.py`
    pending_activation                    look until it is active          → active, or failed and refunded
    an action wanted                      ask for it, then look            → blocked or active again, or refused
    a refresh asked                       look                             → as the provider says

A look is one request; the card's transactions are listed besides when its balance has moved or nobody has looked
before. What the provider said is applied by SQL functions that change nothing the second time; blocking twice is
harmless. A number is never read here, only its last four digits, which are sealed before they are written.
"""

import asyncio
from datetime import datetime, timedelta

import structlog

from pollers.cards.contract import Card, CardStatus
from pollers.cards.creations import Creations
from pollers.cards.desk import Desk
from pollers.cards.schedule import REQUEST_S_MAX, UNCONFIRMED_AFTER, UNKNOWN_S, next_look
from pollers.providers.contract import AccountProblem, ProviderError, Refused, Unavailable, UnknownAnswer, UnknownOrder
from pollers.schedule import retry_at
from wallet_db import card_jobs
from wallet_db.card_jobs import CardJob
from wallet_db.sealing import Unsealable, place

log = structlog.get_logger()

UNSEALABLE_PAUSE = timedelta(minutes=1)


class CardWorker:
    """Works on claimed cards."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._creations = Creations(desk)

    async def work(self, job: CardJob) -> None:
        """Do what is due, and say when it is due next."""
        try:
            if job.provider_card_id is not None:
                await self._act_and_look(job, job.provider_card_id)
            elif job.creation_begun_at is not None:
                await self._creations.wait_in_doubt(job, job.creation_begun_at)
            else:
                await self._creations.create(job)
        except Unsealable as fault:
            await self._desk.operators.tell("error", "CARD_UNSEALABLE", str(fault), card_id=job.id)
            await card_jobs.reschedule(self._desk.pool, job, job.now() + UNSEALABLE_PAUSE)
        except ProviderError as fault:
            await self._later(job, fault)

    async def _act_and_look(self, job: CardJob, provider_card_id: str) -> None:
        if job.wanted_action is None or await self._act(job, provider_card_id):
            await self._look(job, provider_card_id)

    async def _act(self, job: CardJob, provider_card_id: str) -> bool:
        """Whether the card is ours to look at afterwards."""
        provider = self._desk.provider(job.provider)
        action = await card_jobs.begin_action(self._desk.pool, job)
        if action is None:
            return False  # another's by now
        try:
            async with asyncio.timeout(REQUEST_S_MAX):  # when the lease is over the opposite may be wanted
                await (provider.block if action == "block" else provider.unblock)(provider_card_id)
        except AccountProblem:
            raise
        except (Unavailable, UnknownAnswer, TimeoutError) as fault:
            log.warning("card action put off", card_id=str(job.id), reason=str(fault) or "took too long")
            pause_s = fault.retry_after_s if isinstance(fault, Unavailable) else None
            await card_jobs.abandon_action(self._desk.pool, job, retry_at(job.now(), pause_s))
            return False
        except ProviderError as fault:
            log.warning("card action refused", card_id=str(job.id), error_code=fault.error_code, reason=fault.reason)
            await card_jobs.refuse_action(self._desk.pool, job.id, action, fault.error_code)
        return True

    async def _look(self, job: CardJob, provider_card_id: str) -> None:
        provider, checked_at = self._desk.provider(job.provider), job.now()
        card = await provider.card(provider_card_id)
        if card.status is CardStatus.FAILED and job.status == "pending_activation":
            await card_jobs.fail_card(self._desk.pool, job, "CARD_DECLINED", is_final=True)
            return
        due_at = await self._next_look(job) if card.status is CardStatus.PENDING_ACTIVATION else None
        if job.checked_at is None or card.balance != job.balance:
            try:
                listed = await provider.transactions(provider_card_id)
            except Unavailable as fault:
                due_at = retry_at(job.now(), fault.retry_after_s)
            except ProviderError as fault:
                await self._desk.operators.tell("error", fault.error_code, fault.reason, card_id=job.id)
            else:
                has_history = job.checked_at is None and job.customer_id is None
                await self._desk.record_transactions(job.id, listed, job.now(), tell=not has_history)
        last4, expiry = self._sealed(job, card)
        outcome = await card_jobs.record_state(
            self._desk.pool,
            job.id,
            # One that failed after it was active is one no more.
            status=str(CardStatus.TERMINATED if card.status is CardStatus.FAILED else card.status),
            balance=card.balance,
            checked_at=checked_at,
            last4_sealed=last4,
            expiry_sealed=expiry,
            brand=card.brand,
            due_at=due_at,
            leased_until=job.leased_until,
        )
        if outcome == "refused":
            reason = f"the provider says {card.status}, which does not follow {job.status}"
            await self._desk.operators.tell("error", "CARD_STATUS_REFUSED", reason, about=str(job.id), card_id=job.id)
        elif outcome == "stale":
            await card_jobs.reschedule(self._desk.pool, job, due_at or retry_at(job.now(), None))
        elif job.wanted_at is not None and (card.status is CardStatus.BLOCKED) != (job.wanted_action == "block"):
            await self._tell_unconfirmed(job, job.wanted_at)

    async def _tell_unconfirmed(self, job: CardJob, wanted_at: datetime) -> None:
        """The provider says yes to what is wanted, and the card stays as it is: it is asked again and again."""
        if job.now() >= wanted_at + UNCONFIRMED_AFTER:
            reason = f"{job.wanted_action} wanted at {wanted_at}, and not so yet"
            await self._desk.operators.tell(
                "warning", "CARD_ACTION_UNCONFIRMED", reason, about=str(job.id), card_id=job.id
            )

    async def _next_look(self, job: CardJob) -> datetime:
        """At a card that is being made."""
        since = job.creation_accepted_at or job.created_at
        if job.now() >= since + UNCONFIRMED_AFTER:
            reason = f"accepted at {since}, and not active yet"
            await self._desk.operators.tell("warning", "CARD_UNCONFIRMED", reason, about=str(job.id), card_id=job.id)
        return next_look(job.now(), since)

    def _sealed(self, job: CardJob, card: Card) -> tuple[bytes | None, bytes | None]:
        """Last digits and expiry to be written; None: as they are, or not told."""
        if not card.last4:
            return None, None
        at = place("cards", "last4_sealed", job.id)
        if job.last4_sealed is not None:
            try:
                if self._desk.keys.open(job.last4_sealed, at) == card.last4.encode():
                    return None, None
            except Unsealable:
                pass  # under a key that is gone: written anew
        expiry = self._desk.keys.seal(card.expiry.encode(), place("cards", "expiry_sealed", job.id))
        return self._desk.keys.seal(card.last4.encode(), at), expiry if card.expiry else None

    async def _later(self, job: CardJob, fault: ProviderError) -> None:
        log.warning("provider fault", card_id=str(job.id), error_code=fault.error_code, reason=fault.reason)
        pause_s = fault.retry_after_s if isinstance(fault, Unavailable) else None
        again_at = retry_at(job.now(), pause_s)
        if isinstance(fault, UnknownOrder):
            again_at = job.now() + timedelta(seconds=UNKNOWN_S)
        if isinstance(fault, AccountProblem | UnknownAnswer | Refused | UnknownOrder):
            await self._desk.operators.tell("error", fault.error_code, fault.reason, card_id=job.id)
        await card_jobs.reschedule(self._desk.pool, job, again_at)
