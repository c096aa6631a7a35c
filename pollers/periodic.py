"""What is done again and again: wallets are checked against their holds, holds whose time is over go back, old events
and provider calls are removed, codes are taken out of those that stay, routes are judged, their prices (`prices`) read
anew, numbers given back that nobody waits for any more (`returns`), operators told of orders that nobody can end, and
of all else (`alerts`).

Each job is a row of `periodic_jobs`, claimed under a lease like an order; here is what it does and which figures it
leaves there. Every step is a transaction of its own and does nothing the second time, so a run that is cut off, or
overtaken by another, costs nothing but the work. A total counts on from the run before.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

import asyncpg
import structlog

from pollers.alert_channels import open_channels
from pollers.alerts import tell_alerts
from pollers.cards.upkeep import card_jobs
from pollers.loop import DueLoop
from pollers.prices import price_jobs
from pollers.providers.contract import Provider
from pollers.readings import read_balances
from pollers.returns import return_numbers
from pollers.settings import PollerSettings
from wallet_db import periodic, routes
from wallet_db.connect import Pool
from wallet_db.errors import WalletBusy, WalletError
from wallet_db.periodic import PeriodicJob, claim_periodic_jobs, finish_periodic_job
from wallet_db.provider_calls import forget_provider_calls as forget_calls_batch

log = structlog.get_logger()

POLL_S = 1.0
FINISH_S = 1.0
"""Given to a reading when the process is to end."""
EXPIRE_BATCH = 100
FORGET_BATCH = 1_000
"""Events in one transaction: some milliseconds."""
REDACT_BATCH = 100
"""Orders, likewise."""
BATCHES_MAX = 200
"""In a run, a minute apart: three times what a thousand events a second need, and over long before the lease is."""

OVERDUE_AFTER = timedelta(hours=3)
"""Longer than any doubt and any last look lasts: what is open then, its account cannot be asked about."""

Result = Mapping[str, int]
Job = Callable[[Pool, Result], Awaitable[Result]]


async def check_wallets(pool: Pool, before: Result) -> Result:
    """Correct every wallet that is not OK.

    checked; corrected (and corrected_total); critical: broken beyond what may be corrected; left: others that need a
    person, or were busy. A wallet may count as corrected and left.
    """
    checked, faulty = await periodic.find_faulty_wallets(pool)
    corrected = critical = left = 0
    for user_id in faulty:
        try:
            correction = await periodic.correct_frozen_balance(pool, user_id)
        except (WalletBusy, WalletError, asyncpg.PostgresError, TimeoutError) as error:
            log.warning(
                "wallet not corrected this time", user_id=str(user_id), error=str(error) or type(error).__name__
            )
            left += 1
            continue
        after = correction.after
        corrected += bool(correction.operations)
        critical += after.status == "CRITICAL"
        left += after.status == "WARNING"
        if correction.operations:
            log.warning("wallet corrected", user_id=str(user_id), operations=correction.operations)
        if correction.alerted:
            log.error("wallet needs a person", user_id=str(user_id), status=after.status, problem=after.problem)
    if critical:
        log.error("there are CRITICAL wallets", wallets=critical)
    return {
        "checked": checked,
        "corrected": corrected,
        "critical": critical,
        "left": left,
        "corrected_total": before.get("corrected_total", 0) + corrected,
    }


async def expire_holds(pool: Pool, before: Result) -> Result:
    """Refund the holds whose time is over. expired (and expired_total)."""
    expired, batch = 0, EXPIRE_BATCH
    while batch == EXPIRE_BATCH:
        try:
            batch = await periodic.expire_holds(pool, EXPIRE_BATCH)
        except WalletBusy as error:
            # Not a wallet, those are skipped: a table is locked for longer than a sweep waits. The rest stays due.
            log.info("holds not swept this time", error=str(error))
            break
        expired += batch
    return {"expired": expired, "expired_total": before.get("expired_total", 0) + expired}


async def forget_events(pool: Pool, before: Result, *, kept: timedelta) -> Result:
    """Remove the events that are older than `kept`. forgotten (and forgotten_total)."""
    forgotten = after = 0
    for _ in range(BATCHES_MAX):
        batch, after = await periodic.forget_events(pool, FORGET_BATCH, kept=kept, after=after)
        forgotten += batch
        if batch < FORGET_BATCH:
            break
    return {"forgotten": forgotten, "forgotten_total": before.get("forgotten_total", 0) + forgotten}


async def forget_provider_calls(pool: Pool, before: Result, *, kept: timedelta) -> Result:
    """Remove what is older than `kept` of what providers were asked about orders. forgotten (and forgotten_total)."""
    forgotten = 0
    for _ in range(BATCHES_MAX):
        batch = await forget_calls_batch(pool, FORGET_BATCH, kept=kept)
        forgotten += batch
        if batch < FORGET_BATCH:
            break
    return {"forgotten": forgotten, "forgotten_total": before.get("forgotten_total", 0) + forgotten}


async def redact_events(pool: Pool, before: Result, *, closed_for: timedelta) -> Result:
    """Take codes out of the events of orders closed that long ago. redacted: orders (and redacted_total)."""
    redacted = 0
    for _ in range(BATCHES_MAX):
        batch = await periodic.redact_events(pool, REDACT_BATCH, closed_for=closed_for)
        redacted += batch
        if batch < REDACT_BATCH:
            break
    return {"redacted": redacted, "redacted_total": before.get("redacted_total", 0) + redacted}


async def tell_overdue(pool: Pool, before: Result) -> Result:
    """Tell of orders that no poller can bring to an end. overdue: how many there are now."""
    overdue = await periodic.tell_overdue(pool, after=OVERDUE_AFTER)
    if overdue:
        log.error("there are orders open long after their end", category="order", overdue=overdue)
    return {"overdue": overdue}


async def judge_routes(pool: Pool, before: Result, *, rule: str, success_min: float, tries_min: int) -> Result:
    """Warn about routes and services with little success, or disable the routes. changed (and changed_total)."""
    changed = await routes.judge_routes(pool, rule, success_min=success_min, tries_min=tries_min)
    if changed:
        log.warning("routes judged anew", category="provider", changed=changed)
    return {"changed": changed, "changed_total": before.get("changed_total", 0) + changed}


def jobs_of(settings: PollerSettings) -> Mapping[str, Job]:
    """What each row of `periodic_jobs` means."""
    return {
        "check_wallets": check_wallets,
        "expire_holds": expire_holds,
        "forget_events": partial(forget_events, kept=timedelta(days=settings.events_kept_days)),
        "forget_provider_calls": partial(forget_provider_calls, kept=timedelta(days=settings.events_kept_days)),
        "redact_events": partial(redact_events, closed_for=timedelta(seconds=settings.sms_redacted_after_s)),
        "judge_routes": partial(
            judge_routes,
            rule=settings.route_rule,
            success_min=settings.route_success_min,
            tries_min=settings.route_tries_min,
        ),
        "tell_overdue": tell_overdue,
        "tell_alerts": partial(
            tell_alerts, channels=open_channels(settings), quiet=timedelta(seconds=settings.alert_quiet_s)
        ),
        **card_jobs(settings, list(settings.card_accounts())),
    }


def periodic_loop(
    pool: Pool, settings: PollerSettings, providers: Mapping[str, Provider] | None = None
) -> DueLoop[PeriodicJob]:
    """The loop that runs them when they are due, one run of each at a time among all processes.

    providers: at whom numbers are left over, by name.
    """
    jobs: dict[str, Job] = {**jobs_of(settings)}
    if providers:
        jobs["return_numbers"] = partial(return_numbers, providers=providers)
    return _loop(pool, settings, jobs)


def readings_loop(pool: Pool, settings: PollerSettings, providers: Mapping[str, Provider]) -> DueLoop[PeriodicJob]:
    """The same for what only reads at providers: prices, and balances to remember.

    Who does not answer is asked again for many seconds. The end of the process does not wait for that.
    """
    jobs: dict[str, Job] = {**price_jobs(providers), "read_balances": partial(read_balances, providers=providers)}
    return _loop(pool, settings, jobs, finish_s=FINISH_S)


def _loop(
    pool: Pool, settings: PollerSettings, jobs: Mapping[str, Job], *, finish_s: float | None = None
) -> DueLoop[PeriodicJob]:
    lease = timedelta(seconds=settings.lease_s)

    async def claim(limit: int) -> Sequence[PeriodicJob]:
        return await claim_periodic_jobs(pool, jobs, limit=limit, lease=lease)

    async def work(job: PeriodicJob) -> None:
        await finish_periodic_job(pool, job, await jobs[job.name](pool, job.result))

    return DueLoop(claim, work, concurrency_max=len(jobs), poll_s=POLL_S, kind="periodic", finish_s=finish_s)
