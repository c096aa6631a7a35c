"""The work on one customer: make them known to the provider, once. Killed anywhere, the row tells how to go on.

    nothing begun       look, write the intent, register    → registered, or failed: refused, or there before
    begun, no answer    look by the address                 → registered, or nobody there: register
    cannot be asked     again for REGISTERING_MAX           → failed

Registering costs nothing, but a second customer of the same address is refused, and that refusal would look like the
first's. So whoever finds it begun looks first. And who begins looks before, for nobody is taken over who was there
already: an address proves nothing about who typed it.
"""

import asyncio
from datetime import datetime, timedelta

import structlog

from pollers.cards.contract import CardProvider
from pollers.cards.desk import Desk
from pollers.cards.schedule import ANSWER_WINDOW, REQUEST_S_MAX, next_look
from pollers.providers.contract import (
    AccountProblem,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unavailable,
    UnknownAnswer,
)
from pollers.schedule import retry_at
from wallet_db import card_customers
from wallet_db.card_customers import CustomerJob
from wallet_db.sealing import Unsealable

log = structlog.get_logger()

REGISTERING_MAX = timedelta(days=1)
SEARCH_MAX = timedelta(minutes=10)
"""Who does not show by then was not registered."""
UNSEALABLE_PAUSE = timedelta(minutes=1)


class CustomerWorker:
    """Works on claimed customers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def work(self, job: CustomerJob) -> None:
        """Do what is due, and say when it is due next."""
        try:
            if job.submitted_at is None:
                await self._register(job)
            else:
                await self._find(job, job.submitted_at)
        except Unsealable as fault:
            await self._desk.operators.tell("error", "CARD_UNSEALABLE", str(fault), customer_id=job.id)
            await card_customers.reschedule(self._desk.pool, job, job.now() + UNSEALABLE_PAUSE)
        except ProviderError as fault:
            await self._later(job, fault)

    async def _register(self, job: CustomerJob) -> None:
        provider = self._desk.provider(job.provider)
        try:
            person = self._desk.person(job.id, job.details)
            sealed = await card_customers.read_documents(self._desk.pool, job.id)
            documents = [self._desk.document(each) for each in sealed]
        except Refused as fault:
            await self._fail(job, fault)
            return
        if await _is_known(provider, person.email):
            log.warning("customer is known upstream", customer_id=str(job.id))
            await card_customers.fail(self._desk.pool, job, "CUSTOMER_EXISTS", purge_at=self._purge_at(job))
            return
        if not await card_customers.begin(self._desk.pool, job):
            return
        begun_at = job.now()
        try:
            async with asyncio.timeout(REQUEST_S_MAX):
                customer_id = await provider.register(person, documents)
        except (OutcomeUnknown, TimeoutError) as fault:
            log.warning("registration without an answer", customer_id=str(job.id), reason=str(fault) or "took too long")
            await card_customers.reschedule(self._desk.pool, job, begun_at + ANSWER_WINDOW)
        except Unavailable as fault:
            again_at = retry_at(job.now(), fault.retry_after_s)
            if again_at <= job.created_at + REGISTERING_MAX:
                await card_customers.abandon(self._desk.pool, job, again_at)
            else:
                await self._fail(job, fault)
        except ProviderError as fault:
            await self._fail(job, fault)
            if isinstance(fault, AccountProblem):
                await self._desk.operators.tell("error", fault.error_code, fault.reason, customer_id=job.id)
        else:
            await self._record(job, customer_id)

    async def _find(self, job: CustomerJob, begun_at: datetime) -> None:
        now = job.now()
        if now < begun_at + ANSWER_WINDOW:
            await card_customers.reschedule(self._desk.pool, job, begun_at + ANSWER_WINDOW)
            return
        person = self._desk.person(job.id, job.details)
        customer_id = await self._desk.provider(job.provider).find_customer(person.email)
        if customer_id is not None:
            await self._record(job, customer_id)
        elif now < begun_at + SEARCH_MAX:
            await card_customers.reschedule(self._desk.pool, job, next_look(job.now(), begun_at))
        else:
            await card_customers.abandon(self._desk.pool, job, job.now())

    async def _record(self, job: CustomerJob, customer_id: str) -> None:
        await card_customers.record(self._desk.pool, job.id, customer_id, purge_at=self._purge_at(job))

    async def _fail(self, job: CustomerJob, fault: ProviderError) -> None:
        log.warning("customer refused", customer_id=str(job.id), error_code=fault.error_code, reason=fault.reason)
        await card_customers.fail(self._desk.pool, job, fault.error_code, purge_at=self._purge_at(job))

    async def _later(self, job: CustomerJob, fault: ProviderError) -> None:
        log.warning("provider fault", customer_id=str(job.id), error_code=fault.error_code, reason=fault.reason)
        if isinstance(fault, AccountProblem | UnknownAnswer):
            await self._desk.operators.tell("error", fault.error_code, fault.reason, customer_id=job.id)
        if job.submitted_at is None and job.now() >= job.created_at + REGISTERING_MAX:
            await self._fail(job, fault)
            return
        pause_s = fault.retry_after_s if isinstance(fault, Unavailable) else None
        await card_customers.reschedule(self._desk.pool, job, retry_at(job.now(), pause_s))

    def _purge_at(self, job: CustomerJob) -> datetime:
        return job.now() + timedelta(days=self._desk.settings.kyc_kept_days)


async def _is_known(provider: CardProvider, email: str) -> bool:
    """Whether the provider knows somebody of this address; if it will not say, registering shows it."""
    try:
        return await provider.find_customer(email) is not None
    except (Refused, UnknownAnswer) as fault:
        log.warning("customer cannot be looked for", error_code=fault.error_code, reason=fault.reason)
        return False
