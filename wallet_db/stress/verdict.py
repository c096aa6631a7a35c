"""The verdict on a stress run: what was answered against what the database holds, and the rules of `check`.

Each line of it is one promise, kept or broken, with the figures it rests on. A call whose answer never came leaves it
open whether it was carried out; the wallets it was for are then judged by the rules alone, not by the ledger.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from wallet_db.check import Report, check
from wallet_db.connect import Connection, connect
from wallet_db.stress import Run
from wallet_db.stress.ledger import entry

HOLD_RULES = {"operation_has_its_hold", "hold_has_its_freeze", "hold_ends_whole", "hold_has_its_settlement",
              "open_hold_has_no_settlement"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Promise:
    """One line of the verdict."""

    name: str
    is_kept: bool
    figures: str


@dataclass(frozen=True, slots=True)
class Books:
    """What the database holds of the run's users. The last four count users or operations, acknowledged or not."""

    audited: int
    coherent: int
    overspent: int
    as_acknowledged: int
    judged: int


async def verdict(url: str, run: Run) -> tuple[list[Promise], Report]:
    """Judge a run that has ended. Raises `DatabaseUnavailable`."""
    connection = await connect(url, "stress")
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            books = await _read(connection, run)
    finally:
        await connection.close(timeout=10)
    report = await check(url, user_ids=list(run.ledger.accounts))
    return judge(run, books, report), report


async def _read(connection: Connection, run: Run) -> Books:
    accounts = run.ledger.accounts
    audited = coherent = overspent = as_acknowledged = judged = 0
    async for row in connection.cursor(
        "select user_id, number, type, amount, balance_after, frozen_after from balance_operations"
        " where user_id = any ($1)",
        list(accounts),
        prefetch=5_000,
    ):
        audited += 1
        text = entry(row["type"], row["amount"], row["balance_after"], row["frozen_after"])
        coherent += accounts[row["user_id"]].acknowledged.get(row["number"]) == text
    for row in await connection.fetch(
        "select id, balance, frozen_balance from users where id = any ($1)", list(accounts)
    ):
        account = accounts[row["id"]]
        overspent += not 0 <= row["frozen_balance"] <= row["balance"] or row["frozen_balance"] > account.deposited
        if not account.unanswered:
            judged += 1
            as_acknowledged += (row["balance"], row["frozen_balance"]) == (account.balance, account.frozen)
    return Books(audited, coherent, overspent, as_acknowledged, judged)


def judge(run: Run, books: Books, report: Report) -> list[Promise]:
    """The promises, in the order they are told."""
    ledger = run.ledger
    acknowledged = sum(len(account.acknowledged) for account in ledger.accounts.values())
    unanswered = sum(account.unanswered for account in ledger.accounts.values())
    broken_holds = sum(count for rule, count in report.mismatches.items() if rule in HOLD_RULES)
    # A call that was not answered may have left its rows: one, or two if it ended a hold in parts.
    is_complete = 0 <= books.audited - acknowledged <= 2 * unanswered
    return [
        Promise(
            "every lock acquired",
            not run.lock_faults,
            f"{run.lock_faults.total():,} timeouts, deadlocks or busy wallets in {run.calls:,} calls",
        ),
        Promise(
            "every answer right", not ledger.contradictions, f"{ledger.contradictions:,} wrong, {unanswered:,} lost"
        ),
        Promise(
            "nothing overspent",
            not ledger.overspent and not books.overspent,
            f"{ledger.overspent:,} answers, {books.overspent:,} wallets beyond 0 <= frozen <= balance",
        ),
        Promise(
            "audit complete", is_complete, f"{acknowledged:,} operations acknowledged, {books.audited:,} in the audit"
        ),
        Promise(
            f"coherence {_percent(books.coherent, acknowledged)}",
            books.coherent == acknowledged,
            f"{books.coherent:,} of {acknowledged:,} operations audited as they were answered",
        ),
        Promise(
            "each hold one end",
            not ledger.ended_twice and not broken_holds,
            f"{ledger.frozen_holds:,} frozen, {ledger.ended_holds:,} ended, {ledger.ended_twice:,} of them twice; "
            f"{broken_holds:,} holds broken",
        ),
        Promise(
            "wallets as answered",
            books.as_acknowledged == books.judged,
            f"{books.as_acknowledged:,} of {books.judged:,}",
        ),
        Promise(
            "money conserved",
            report.balance == report.earned,
            f"balances {report.balance}, deposits {report.deposited} - commits {report.committed}",
        ),
        Promise("rules of check", report.is_clean, f"{report.mismatches.total():,} mismatches"),
    ]


def _percent(part: int, whole: int) -> str:
    """Rounded down: 100 % is all of them."""
    hundredths = 10_000 * part // whole if whole else 10_000
    return "100 %" if hundredths == 10_000 else f"{hundredths / 100:.2f} %"


def percentile_ms(latencies_s: Iterable[float], percent: float) -> float:
    """The time that `percent` of the calls did not exceed; of at least one call."""
    ordered = sorted(latencies_s)
    return 1000 * ordered[math.ceil(len(ordered) * percent / 100) - 1]


def lines(run: Run, promises: list[Promise], report: Report) -> list[str]:
    """The verdict as an operator reads it; the last line says whether all promises were kept, or which were not."""
    plan = run.plan
    callers = f"{plan.concurrent} callers on {run.connections} connections"
    columns = ("count", "done", "replayed", "refused", "p50 ms", "p95 ms", "p99 ms", "max ms")
    written = [
        f"{run.name}: {plan.users} users, {callers}, {run.elapsed_s:.1f} s, seed {plan.seed}",
        "",
        f"{'call':<16}" + "".join(f"{column:>10}" for column in columns),
    ]
    for name, outcomes in sorted(run.outcomes.items()):
        done, replayed = outcomes["done"], outcomes["replayed"]
        count = outcomes.total()
        figures = f"{name:<16}{count:>10,}{done:>10,}{replayed:>10,}{count - done - replayed:>10,}"
        if run.latencies_s[name]:
            times = (percentile_ms(run.latencies_s[name], percent) for percent in (50, 95, 99, 100))
            figures += "".join(f"{time_ms:>10.1f}" for time_ms in times)
        written.append(figures)
    written += [f"{run.calls_per_s:,.0f} calls a second", ""]
    written += [f"{'ok    ' if p.is_kept else 'BROKEN'}  {p.name:<20}  {p.figures}" for p in promises]
    written += [f"        {fault}" for fault in run.ledger.faults]
    written += [f"        {rule}: {count:,}" for rule, count in sorted(report.mismatches.items())]
    broken = [promise.name for promise in promises if not promise.is_kept]
    written.append(f"BROKEN: {', '.join(broken)}" if broken else "all promises kept: coherence 100 %")
    return written
