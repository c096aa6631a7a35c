"""Reconciling cards: each is looked at with its provider, what differs is written down, and set right where it may be.

The row is the job: a step compares for STEP_S and gives the row back, so a process can leave, and the next goes on
where it stood. A card that changes while its provider is asked is asked about again; one at which something is under
way is left out, for whoever works on it brings the provider's word anyway. A correction is that word like any other
(`record_card_state`), in one transaction with the note of it. No money of a wallet moves here.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

import orjson
import structlog

from pollers.cards.comparison import Mismatch, mismatches_of
from pollers.cards.contract import Card, CardProvider, CardStatus
from pollers.cards.patience import is_worth_another_try, patiently
from pollers.cards.thresholds import difference_percent
from pollers.loop import DueLoop
from pollers.providers.contract import AccountProblem, ProviderError, Unavailable, UnknownOrder
from wallet_db import card_reconciliations as rows
from wallet_db.card_reconciliations import ComparedCard, ReconciliationJob, Tally
from wallet_db.connect import Pool
from wallet_db.jobs import log_for_operator

log = structlog.get_logger()

PAGE = 20
STEP_S = 30.0
LEASE = timedelta(minutes=3)
"""Longer than a page may take with a provider that answers slowly."""
PUT_OFF = timedelta(minutes=1)
"""When the provider cannot be asked at all."""
LOOKS_MAX = 3
"""At a card that changes while its provider is asked."""
POLL_S = 1.0


class ProviderAway(Exception):
    """The account cannot be asked now. Its text is the provider's fault, fit for logs."""


@dataclass(frozen=True, slots=True)
class Comparing:
    """What a comparison needs. differs_percent: a balance that differs by more is worth an alarm."""

    pool: Pool
    provider: CardProvider
    differs_percent: float
    random: Random


class Reconciler:
    """Works on reconciliations. providers: by name."""

    def __init__(
        self, pool: Pool, providers: Mapping[str, CardProvider], *, differs_percent: float, random: Random | None = None
    ) -> None:
        self._pool = pool
        self._providers = providers
        self._differs_percent = differs_percent
        self._random = random or Random()  # noqa: S311 - pauses, not secrets

    async def work(self, job: ReconciliationJob) -> None:
        """Do a step, or the last one; a provider that cannot be asked puts it off."""
        try:
            await self.step(job)
        except ProviderAway as away:
            log.warning("reconciliation put off", category="provider", provider=job.provider, error=str(away))

    async def step(self, job: ReconciliationJob) -> None:
        """Compare for STEP_S at most. Raises ProviderAway when it has put the rest off."""
        comparing = Comparing(self._pool, self._providers[job.provider], self._differs_percent, self._random)
        until_s = time.monotonic() + STEP_S
        while cards := await rows.read_cards_to_compare(self._pool, job.provider, job.after_id, PAGE):
            tally, after_id, away = Tally(), job.after_id, None
            for card in cards:
                try:
                    await _compare(comparing, job, card, tally)
                except ProviderAway as fault:
                    away = fault
                    break
                after_id = card.id
                if time.monotonic() >= until_s:
                    break
            is_over = time.monotonic() >= until_s
            due_at = datetime.now(UTC) + (PUT_OFF if away else timedelta(0) if is_over else LEASE)
            if not await rows.advance_card_reconciliation(self._pool, job, after_id, tally, due_at=due_at):
                return  # another has it by now
            if away:
                raise away
            if is_over:
                return
            job = replace(job, after_id=after_id, leased_until=due_at)
        if await rows.finish_card_reconciliation(self._pool, job):
            await self._tell(job)

    async def _tell(self, job: ReconciliationJob) -> None:
        report = await rows.read_card_reconciliation(self._pool, job.id)
        if report is None:
            return
        log.info(
            "cards reconciled",
            category="provider",
            provider=job.provider,
            cards=report.cards,
            mismatches=report.mismatches,
            corrected=report.corrected,
            unread=report.unread,
        )
        figures = {"provider": job.provider, "reconciliation": job.id, "cards": report.cards}
        if report.beyond:
            await self._tell_operators(
                "CARD_BALANCES_DIFFER",
                **figures,
                beyond=report.beyond,
                percent_max=self._differs_percent,
                usd_ours=str(report.usd_ours),
                usd_theirs=str(report.usd_theirs),
            )
        if report.mismatches > report.corrected:
            await self._tell_operators("CARDS_DIFFER", **figures, kinds=report.kinds, corrected=report.corrected)

    async def _tell_operators(self, message: str, **data: object) -> None:
        await log_for_operator(self._pool, "error", "reconcile_cards", message, orjson.dumps(data).decode())


async def _compare(comparing: Comparing, job: ReconciliationJob, card: ComparedCard, tally: Tally) -> None:
    """Compare a card and note what differs. Raises ProviderAway."""
    if card.is_moving:
        tally.moving += 1
        return
    for _ in range(LOOKS_MAX):
        asked_at = datetime.now(UTC)
        try:
            theirs = await _look(comparing, card.provider_card_id)
        except ProviderError as fault:
            if _is_of_account(fault):
                raise ProviderAway(str(fault)) from None
            log.warning("card not compared", category="provider", card_id=str(card.id), error=str(fault))
            tally.unread += 1
            return
        now = await rows.reread_card_to_compare(comparing.pool, card)
        if now is not None and now == card:
            break
        card = now or card
    else:
        tally.moving += 1
        return
    found = mismatches_of(card, theirs)
    if found:
        await _note(comparing.pool, job, card, theirs, found, asked_at)
    tally.cards += 1
    if theirs is not None and theirs.balance is not None:
        tally.usd_ours += card.balance
        tally.usd_theirs += theirs.balance
        is_differing = any(mismatch.kind == "balance" for mismatch in found)
        tally.beyond += is_differing and difference_percent(card.balance, theirs.balance) > comparing.differs_percent


async def _look(comparing: Comparing, provider_card_id: str) -> Card | None:
    try:
        return await patiently(lambda: comparing.provider.card(provider_card_id), comparing.random)
    except UnknownOrder:
        return None


def _is_of_account(fault: ProviderError) -> bool:
    """Whether another card would meet the same now: a limit, a key that is refused, what is held back here."""
    return isinstance(fault, AccountProblem) or (isinstance(fault, Unavailable) and not is_worth_another_try(fault))


async def _note(
    pool: Pool,
    job: ReconciliationJob,
    card: ComparedCard,
    theirs: Card | None,
    found: Sequence[Mismatch],
    asked_at: datetime,
) -> None:
    async with pool.acquire() as connection, connection.transaction():
        outcome = ""
        # A card that was usable here and failed there is a person's: no transition of ours leads there.
        if job.correct and theirs is not None and theirs.status is not CardStatus.FAILED:
            outcome = await rows.correct_card(connection, card.id, str(theirs.status), theirs.balance, asked_at)
        for mismatch in found:
            # 'refused': all but the status was written.
            corrected = outcome == "recorded" or (outcome == "refused" and mismatch.kind == "balance")
            await rows.record_card_mismatch(
                connection,
                job.id,
                card.id,
                mismatch.kind,
                ours=mismatch.ours,
                theirs=mismatch.theirs,
                corrected=corrected,
            )


def reconciliation_loop(pool: Pool, reconciler: Reconciler, providers: Sequence[str]) -> DueLoop[ReconciliationJob]:
    """The loop that does what is asked for, one step at a time."""

    async def claim(limit: int) -> Sequence[ReconciliationJob]:
        return await rows.claim_card_reconciliations(pool, providers, limit=limit, lease=LEASE)

    return DueLoop(claim, reconciler.work, concurrency_max=1, poll_s=POLL_S, kind="card_reconciliation")
