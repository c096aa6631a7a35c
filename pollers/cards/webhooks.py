"""The work on one webhook: a hint, whoever signed it. Nothing in it is believed but the card's id.

    of a card of ours       its transactions, if it is about one; and the card is due for a look: each once for many
    of one nobody knows     the card is fetched: what creation may it have come of?
                              one       adopted: the answer to it was lost
                              unsure    put off while an answer may still come, then left to the operators
                              none      left to the operators: a card upstream that is nobody's here

A creation that was given up has its money back: its card is told to the operators and never adopted.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from pollers.cards.contract import Card, CardProvider
from pollers.cards.desk import Desk
from pollers.cards.evidence import Doubt, Unsure, which_creation
from pollers.cards.schedule import ANSWER_WINDOW
from pollers.cards.settings import STROWALLET
from pollers.providers.contract import ProviderError, Unavailable, UnknownOrder
from pollers.schedule import retry_at
from wallet_db import card_jobs, card_notices
from wallet_db.card_notices import WebhookJob
from wallet_db.cards import ask_card_refresh
from wallet_db.errors import UnknownCard
from wallet_db.sealing import Unsealable

log = structlog.get_logger()

LISTINGS_MAX = 1_000
"""Of so many cards is remembered when they were listed."""
UNSEALABLE_PAUSE = timedelta(minutes=1)
TRYING_MAX = timedelta(days=1)
SHOWN_WITHIN = timedelta(minutes=10)
"""A card that is told of can be fetched by then, or never."""
GIVEN_UP_FOR = timedelta(days=90)
"""So long a creation that was given up is thought of when a card turns up."""


@dataclass(slots=True)
class _Listing:
    """When a card's transactions were asked for last. lock: held meanwhile."""

    begun_at: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class WebhookWorker:
    """Works on claimed webhooks."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._listing: OrderedDict[UUID, _Listing] = OrderedDict()

    async def work(self, job: WebhookJob) -> None:
        """Do what it bids, and say what came of it."""
        if job.provider_card_id is None:
            await self._finish(job, "ignored", "NO_CARD")
            return
        try:
            provider = self._desk.provider(STROWALLET)
            if job.card_id is not None:
                if "transaction" in job.event or "funded" in job.event:
                    await self._list(job, provider, job.card_id, job.provider_card_id)
                await ask_card_refresh(self._desk.pool, job.card_id)
                await self._finish(job, "applied")
            else:
                await self._adopt(job, provider, job.provider_card_id)
        except (UnknownOrder, UnknownCard):
            await self._finish(job, "ignored", "UNKNOWN_CARD")
        except Unsealable:  # the key may be given again
            await card_notices.reschedule_webhook(self._desk.pool, job, job.now() + UNSEALABLE_PAUSE)
        except ProviderError as fault:
            await self._later(job, fault)

    async def _list(self, job: WebhookJob, provider: CardProvider, card_id: UUID, provider_card_id: str) -> None:
        """Write down the card's transactions, unless that was done since this webhook came."""
        listing = self._listing.setdefault(card_id, _Listing())
        self._listing.move_to_end(card_id)
        while len(self._listing) > LISTINGS_MAX:
            self._listing.popitem(last=False)
        async with listing.lock:
            now = job.now()
            if listing.begun_at is not None and listing.begun_at > job.received_at:
                return
            listed = await provider.transactions(provider_card_id)
            await self._desk.record_transactions(card_id, listed, now)
            listing.begun_at = now

    async def _adopt(self, job: WebhookJob, provider: CardProvider, provider_card_id: str) -> None:
        doubts = await self._doubts(job.now() - GIVEN_UP_FOR)
        waiting = [doubt for doubt in doubts if not doubt.is_given_up]
        try:
            card = await provider.card(provider_card_id)
        except UnknownOrder:
            if not waiting or job.now() >= job.received_at + SHOWN_WITHIN:
                raise
            await card_notices.reschedule_webhook(self._desk.pool, job, job.now() + ANSWER_WINDOW)
            return
        # Those of other customers do not hold it up: where many cards are made, one always waits for its answer.
        begun = [doubt.begun_at for doubt in waiting if card.provider_customer_id in {None, doubt.provider_customer_id}]
        latest = max(begun, default=None)
        if latest is not None and job.now() < latest + ANSWER_WINDOW:
            # It may be the card whose answer is on its way.
            await card_notices.reschedule_webhook(self._desk.pool, job, latest + ANSWER_WINDOW)
            return
        found = which_creation(card, doubts)
        if found is None or isinstance(found, Unsure):
            await self._leave(job, card, "which of several creations" if found else "no creation of ours")
            return
        outcome = await card_jobs.record_created(
            self._desk.pool, found, card.provider_card_id, reference=card.reference, due_at=job.now()
        )
        if outcome in {"recorded", "replayed"}:
            log.warning("card adopted", card_id=str(found))
            await self._finish(job, "applied")
        else:  # decided meanwhile: which one it is now is another question
            await card_notices.reschedule_webhook(self._desk.pool, job, retry_at(job.now(), None))

    async def _doubts(self, since: datetime) -> list[Doubt]:
        """Raises Unsealable where one that waits cannot be read: nobody can say then that a card is not that one's."""
        doubts = []
        for each in await card_jobs.read_doubts(self._desk.pool, STROWALLET, since=since):
            try:
                name = self._desk.name_on_card(each.card_id, each.name_on_card_sealed)
            except (Unsealable, ProviderError) as fault:
                await self._desk.operators.tell("error", "CARD_UNSEALABLE", str(fault), card_id=each.card_id)
                if isinstance(fault, Unsealable) and each.status != "failed":
                    raise
                continue
            given_up = each.status == "failed"
            doubts.append(Doubt(each.card_id, each.provider_customer_id, name, each.usd, each.begun_at, given_up))
        return doubts

    async def _leave(self, job: WebhookJob, card: Card, why: str) -> None:
        reason = f"card {card.provider_card_id} of {STROWALLET}, {card.status} with {card.balance} USD: {why}"
        await self._desk.operators.tell("error", "CARD_UNOWNED", reason, about=card.provider_card_id)
        await self._finish(job, "ignored", "CARD_UNOWNED")

    async def _later(self, job: WebhookJob, fault: ProviderError) -> None:
        log.warning("provider fault", webhook_id=job.id, error_code=fault.error_code, reason=fault.reason)
        if not isinstance(fault, Unavailable):
            await self._desk.operators.tell("error", fault.error_code, fault.reason, webhook_id=job.id)
        if job.now() >= job.received_at + TRYING_MAX:
            await self._finish(job, "failed", fault.error_code)
            return
        pause_s = fault.retry_after_s if isinstance(fault, Unavailable) else None
        await card_notices.reschedule_webhook(self._desk.pool, job, retry_at(job.now(), pause_s))

    async def _finish(self, job: WebhookJob, status: str, error: str | None = None) -> None:
        await card_notices.finish_webhook(self._desk.pool, job, status, error=error)
