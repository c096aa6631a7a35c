"""What is done to cards again and again, as periodic jobs: reconciling by night, rules, alarms, days, retention.

Each is a row of `periodic_jobs`. Every step is a transaction of its own and does nothing the second time.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from pollers.cards.alarms import watch_cards
from pollers.cards.judging import judge_card_rules
from pollers.cards.upkeep_settings import CardUpkeepSettings
from wallet_db import card_upkeep as rows
from wallet_db.card_customers import purge_documents
from wallet_db.card_jobs import purge_numbers
from wallet_db.card_reconciliations import ask_card_reconciliation
from wallet_db.connect import Pool

Result = Mapping[str, int]

DAYS_SUMMED = 3
"""The day, and those before it of which something may still be heard."""
PURGE_BATCH = 100
BATCHES_MAX = 200
"""In a run; the rest is the next one's."""
REVEALS_KEPT = timedelta(days=1)
"""Longer than any limit on asking again looks back; the audit has them for ever."""
NIGHTLY = "nightly"


async def reconcile_cards(pool: Pool, before: Result, *, providers: Collection[str], correct: bool) -> Result:
    """Ask that each provider's cards be reconciled; the loop beside does it. asked (and asked_total)."""
    for provider in providers:
        await ask_card_reconciliation(pool, provider, correct=correct, asked_by=NIGHTLY)
    return {"asked": len(providers), "asked_total": before.get("asked_total", 0) + len(providers)}


async def sum_card_days(pool: Pool, before: Result) -> Result:
    """Write the sums of today and the days before anew. days, rows."""
    today = datetime.now(UTC).date()
    rows_written = [await rows.sum_card_day(pool, today - timedelta(days=back)) for back in range(DAYS_SUMMED)]
    return {"days": DAYS_SUMMED, "rows": sum(rows_written)}


async def purge_card_data(pool: Pool, before: Result, *, numbers_kept: timedelta, payloads_kept: timedelta) -> Result:
    """Forget what was kept long enough. documents, numbers (of cards), payloads, reveals, each with its …_total."""
    closed_before = datetime.now(UTC) - numbers_kept
    purged = {
        "documents": await _in_batches(lambda limit: purge_documents(pool, limit=limit)),
        "numbers": await _in_batches(lambda limit: purge_numbers(pool, limit=limit, closed_before=closed_before)),
        "payloads": await _in_batches(lambda limit: rows.purge_card_payloads(pool, limit, kept=payloads_kept)),
        "reveals": await _in_batches(lambda limit: rows.forget_card_reveals(pool, limit, kept=REVEALS_KEPT)),
    }
    return purged | {f"{kind}_total": before.get(f"{kind}_total", 0) + count for kind, count in purged.items()}


async def _in_batches(purge: Callable[[int], Awaitable[int]]) -> int:
    purged = 0
    for _ in range(BATCHES_MAX):
        batch = await purge(PURGE_BATCH)
        purged += batch
        if batch < PURGE_BATCH:
            break
    return purged


def card_jobs(
    settings: CardUpkeepSettings, providers: Collection[str]
) -> Mapping[str, Callable[[Pool, Result], Awaitable[Result]]]:
    """What each row of `periodic_jobs` about cards means. providers: of cards, those that are configured."""
    return {
        "reconcile_cards": partial(reconcile_cards, providers=providers, correct=settings.card_corrections),
        "judge_card_rules": judge_card_rules,
        "watch_cards": partial(
            watch_cards,
            webhook_failures_percent=settings.card_webhook_failures_percent,
            blocked_sigmas=settings.card_blocked_sigmas,
        ),
        "sum_card_days": sum_card_days,
        "purge_card_data": partial(
            purge_card_data,
            numbers_kept=timedelta(days=settings.card_numbers_kept_days),
            payloads_kept=timedelta(days=settings.card_payloads_kept_days),
        ),
    }
