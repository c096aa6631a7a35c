"""Alarms of cards: figures of the database looked at every few minutes, and how long calls take, as they are made.

What is wrong goes to `system_logs`, whence it is folded into an alert and told; as long as it lasts it is written
again, so that the alert ends when it does. What is too much says `thresholds`, which is pure. Balances that differ are
told by the reconciliation that finds them.
"""

import asyncio
from collections.abc import Collection, Mapping
from math import floor

import orjson
import structlog

from notifier.retry import DATABASE_FAULTS
from pollers.cards.thresholds import SlowWatch, are_failing, blocked_limit
from pollers.metrics import CALL_S
from wallet_db.card_upkeep import card_alarm_figures
from wallet_db.connect import Pool
from wallet_db.jobs import log_for_operator

log = structlog.get_logger()

SOURCE = "watch_cards"
MINUTE_S = 60.0
SLOW_MINUTES = 5


async def watch_cards(
    pool: Pool, before: Mapping[str, int], *, webhook_failures_percent: float, blocked_sigmas: float
) -> Mapping[str, int]:
    """Look at webhooks and blocked cards.

    webhooks_received, webhooks_failed: of the last hour; blocked_day, blocked_beyond: cards of 24 hours, and how many
    of them are too many (0 while there is no baseline). mismatches_left, balances_beyond: of the last reconciliations;
    reconciliation_open_s: for how long one is open.
    """
    figures = await card_alarm_figures(pool)
    if are_failing(figures.webhooks_failed, figures.webhooks_received, webhook_failures_percent):
        await _tell(
            pool,
            "CARD_WEBHOOKS_FAIL",
            failed=figures.webhooks_failed,
            received=figures.webhooks_received,
            percent_max=webhook_failures_percent,
        )
    limit = blocked_limit(figures.blocked_days, blocked_sigmas)
    if limit is not None and figures.blocked_day > limit:
        await _tell(pool, "CARDS_BLOCKED", blocked=figures.blocked_day, limit=floor(limit), sigmas=blocked_sigmas)
    return {
        "webhooks_received": figures.webhooks_received,
        "webhooks_failed": figures.webhooks_failed,
        "blocked_day": figures.blocked_day,
        "blocked_beyond": max(figures.blocked_day - floor(limit), 0) if limit is not None else 0,
        "mismatches_left": figures.mismatches_left,
        "balances_beyond": figures.balances_beyond,
        "reconciliation_open_s": int(figures.reconciliation_open.total_seconds()),
    }


async def watch_calls(pool: Pool, providers: Collection[str], *, slow_s: float, minute_s: float = MINUTE_S) -> None:
    """For ever: tell of these providers while this process's calls to them are slow; log when they are no more."""
    watch = SlowWatch(slow_s, SLOW_MINUTES)
    while True:
        await asyncio.sleep(minute_s)
        _, recovered = watch.note_minute(call_totals(providers))
        for provider in sorted(recovered):
            log.info("calls are fast again", category="provider", provider=provider)
        for provider in sorted(watch.slow):
            mean_s = round(watch.mean_s(provider), 1)
            log.warning("calls are slow", category="provider", provider=provider, mean_s=mean_s)
            try:
                await _tell(pool, "CARD_CALLS_SLOW", provider=provider, mean_s=mean_s, minutes=SLOW_MINUTES)
            except DATABASE_FAULTS as error:
                log.warning("the operator was not told", error=str(error) or type(error).__name__)


def call_totals(providers: Collection[str]) -> dict[str, tuple[float, float]]:
    """Calls that this process has made to these providers, and the seconds they took, since it began."""
    totals = dict.fromkeys(providers, (0.0, 0.0))
    for metric in CALL_S.collect():
        for sample in metric.samples:
            provider = sample.labels.get("provider")
            if provider not in totals:
                continue
            calls, seconds = totals[provider]
            if sample.name.endswith("_count"):
                totals[provider] = (calls + sample.value, seconds)
            elif sample.name.endswith("_sum"):
                totals[provider] = (calls, seconds + sample.value)
    return totals


async def _tell(pool: Pool, message: str, **data: object) -> None:
    await log_for_operator(pool, "error", SOURCE, message, orjson.dumps(data).decode())
