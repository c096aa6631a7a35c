"""Proof that replaying each user's operations from zero gives that user's wallet, hold by hold, to the cent.

The rules are SQL, in `sql/check/`, set-wise over ranges of user ids: memory stays bounded however many users there are
or operations one of them has. All ranges read one snapshot (REPEATABLE READ, read only), so the figures belong
together while others go on writing. Nothing is locked and nothing corrected; a snapshot held for long only keeps
vacuum from removing what died since.

Every operation lies in one of the ranges, its user existing or not. Every hold is either reached by an operation's name
for it, or missing from their count, and only then looked for.

What it cannot prove without a copy kept elsewhere: that a superuser has not rewritten everything consistently, reasons,
actors and times included; and what hangs on no figure, such as an order's phone or an event's text.
"""

import argparse
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from importlib.resources import files
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import orjson

from wallet_db import arguments
from wallet_db.connect import Connection, DatabaseUnavailable, connect
from wallet_db.health import see_all_wallets
from wallet_db.progress import Progress

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it

USERS_PER_BATCH = 1_000
OPERATIONS_PER_BATCH = 100_000
"""A batch ends with the user who brings it here, so one user may make a longer one."""
STATEMENT_TIMEOUT_S = 6 * 3600.0
LAST_ID = UUID(int=2**128 - 1)

CORRECTION = "correction"
ACKNOWLEDGED = "acknowledged"
RULES = {
    "numbers_without_gap": "operations count 1, 2, 3 … up to the wallet's operation_number",
    "begins_at_zero": "the first operation finds an empty wallet",
    "before_is_previous_after": "each operation begins where the one before it ended",
    "arithmetic": "each operation moves its amount as its type says",
    "never_overspent": "after each operation 0 <= frozen <= balance",
    "last_after_is_wallet": "the wallet is what its last operation left",
    "frozen_is_open_holds": "frozen is the sum of the open holds",
    "operation_has_its_hold": "a freeze, commit or refund names a hold of its user",
    "hold_has_its_freeze": "a hold was frozen by one operation, its number and amount",
    "hold_ends_whole": "a hold is open, or committed + refunded is its amount",
    "hold_has_its_settlement": "a hold that ended was ended by its operations, their numbers and amounts",
    "open_hold_has_no_settlement": "no commit or refund names an open hold",
    "rental_frozen_is_its_holds": "a rental's frozen amount is the sum of its open holds, so 0 once it is closed",
    "funding_frozen_is_its_hold": "a card funding's frozen amount is its open hold's, so 0 once it has ended",
    "events_within_event_seq": "no event is newer than its user's event_seq",
    "events_without_gap": "the events kept are all from the oldest of them to event_seq; older ones may be gone",
    "user_exists": "operations, holds and events are of users who exist",
    "money_conserved": "all balances = deposits + adjustments - commits, and what is acknowledged as unexplained",
}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One fact that breaks one of `RULES`; or none of them any more.

    A `correction` is a fault of frozen found and put right by an operation, what is `acknowledged` a break that an
    operator has looked into (`acknowledge_break`).
    """

    user_id: UUID | None
    """None: of all users together."""
    rule: str
    place: str
    """`operation 7`, `hold <transaction id>`, `wallet`."""
    expected: str
    found: str


@dataclass(slots=True)
class Report:
    """What was looked at and what was found. `mismatches` counts by rule, `shown` is some of them written out."""

    users: int = 0
    operations: int = 0
    holds: int = 0
    balance: Decimal = Decimal("0.00")
    deposited: Decimal = Decimal("0.00")
    adjusted: Decimal = Decimal("0.00")
    committed: Decimal = Decimal("0.00")
    unexplained: Decimal = Decimal("0.00")
    """What acknowledged breaks brought in, or took."""
    corrections: int = 0
    acknowledged: int = 0
    mismatches: Counter[str] = field(default_factory=Counter)
    shown: list[Mismatch] = field(default_factory=list)

    @property
    def earned(self) -> Decimal:
        """What the operations say all balances come to."""
        return self.deposited + self.adjusted - self.committed + self.unexplained

    @property
    def is_clean(self) -> bool:
        """No rule is broken. Corrections break none: they are audited. Nor does what is acknowledged."""
        return not self.mismatches


async def check(
    url: str,
    *,
    user_ids: Sequence[UUID] | None = None,
    shown_max: int = 50,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Check all users, or those named. `on_progress` hears of users done, of users in all.

    Raises `DatabaseUnavailable`, also if the connection breaks in the middle, and `WalletsHidden`.
    """
    connection = await connect(url, "check")
    user_ids = None if user_ids is None else list(dict.fromkeys(user_ids))
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute("set local statement_timeout = 0; set local work_mem = '64MB'")
            await see_all_wallets(connection)
            return await _check(connection, user_ids, shown_max, on_progress)
    except (asyncpg.InterfaceError, asyncpg.OperatorInterventionError, OSError) as error:
        raise DatabaseUnavailable(url, error) from error
    finally:
        await connection.close(timeout=10)


async def _check(
    connection: Connection, user_ids: Sequence[UUID] | None, shown_max: int, on_progress: Callable[[int, int], None]
) -> Report:
    report = Report()
    total = len(user_ids) if user_ids is not None else await connection.fetchval("select count(*) from users")
    judge = await connection.prepare(_sql("users"))
    ranges = _ranges_of(user_ids) if user_ids is not None else _all_ranges(connection)
    on_progress(0, total)
    async for first, last in ranges:
        (row,) = await judge.fetch(first, last, shown_max, timeout=STATEMENT_TIMEOUT_S)
        _add(report, row, shown_max)
        on_progress(report.users, total)
    await _add_unaudited_holds(connection, report, user_ids, shown_max)
    if report.balance != report.earned:
        report.mismatches["money_conserved"] += 1
        expected, found = f"balances {report.earned}", f"balances {report.balance}"
        report.shown.insert(0, Mismatch(None, "money_conserved", "all users", expected, found))
    return report


def _add(report: Report, row: asyncpg.Record, shown_max: int) -> None:
    for name in ("users", "operations", "holds", "balance", "deposited", "adjusted", "committed", "unexplained"):
        setattr(report, name, getattr(report, name) + row[name])
    faults: dict[str, int] = orjson.loads(row["faults"])
    report.corrections += faults.pop(CORRECTION, 0)
    report.acknowledged += faults.pop(ACKNOWLEDGED, 0)
    report.mismatches.update(faults)
    for fault in orjson.loads(row["shown"]):
        _show(report, Mismatch(**{**fault, "user_id": UUID(fault["user_id"])}), shown_max)


def _show(report: Report, mismatch: Mismatch, shown_max: int) -> None:
    if len(report.shown) < shown_max:
        report.shown.append(mismatch)


async def _add_unaudited_holds(
    connection: Connection, report: Report, user_ids: Sequence[UUID] | None, shown_max: int
) -> None:
    """Names are unique, so as many holds as were reached by name means that each was; counting is far cheaper."""
    held = await connection.fetchval(
        "select count(*) from wallet_holds where $1::uuid[] is null or user_id = any ($1)",
        user_ids,
        timeout=STATEMENT_TIMEOUT_S,
    )
    if held == report.holds:
        return
    query = _sql("unaudited_holds")
    async for row in connection.cursor(query, user_ids, held - report.holds, timeout=STATEMENT_TIMEOUT_S):
        rule, expected = ("hold_has_its_freeze", "a freeze") if row["user_exists"] else ("user_exists", "a user")
        report.mismatches[rule] += 1
        _show(report, Mismatch(row["user_id"], rule, f"hold {row['transaction_id']}", expected, "none"), shown_max)
    if held < report.holds:  # reached by name more often than there are names
        report.mismatches["operation_has_its_hold"] += 1
    report.holds = held


async def _ranges_of(user_ids: Sequence[UUID]) -> AsyncIterator[tuple[UUID, UUID]]:
    for user_id in user_ids:
        yield user_id, user_id


async def _all_ranges(connection: Connection) -> AsyncIterator[tuple[UUID, UUID]]:
    """Ranges that leave no id out, ending at users so that each is about as much work."""
    first = UUID(int=0)
    while True:
        rows = await connection.fetch(
            "select id, operation_number from users where id >= $1 order by id limit $2", first, USERS_PER_BATCH
        )
        operations = 0
        for row in rows:
            operations += row["operation_number"]
            if operations >= OPERATIONS_PER_BATCH:
                break
        if not rows or (row is rows[-1] and len(rows) < USERS_PER_BATCH) or row["id"] == LAST_ID:
            yield first, LAST_ID
            return
        yield first, row["id"]
        first = UUID(int=row["id"].int + 1)


def _sql(name: str) -> str:
    return (files("wallet_db") / "sql" / "check" / f"{name}.sql").read_text(encoding="utf-8")


def lines(report: Report) -> list[str]:
    """The report as an operator reads it; the last line is the summary."""
    written = []
    for mismatch in report.shown:
        rule = mismatch.rule if mismatch.rule in (ACKNOWLEDGED, CORRECTION) else f"MISMATCH {mismatch.rule}"
        place = f"user {mismatch.user_id}, {mismatch.place}" if mismatch.user_id else mismatch.place
        written.append(f"{rule}: {place}: expected {mismatch.expected}; found {mismatch.found}")
    rest = report.mismatches.total() + report.corrections + report.acknowledged - len(report.shown)
    if rest > 0:
        written.append(f"… and {rest:,} more")
    written += [f"{count:,} x {rule}: {RULES[rule]}" for rule, count in sorted(report.mismatches.items())]
    written.append(
        f"{report.users:,} users, {report.operations:,} operations, {report.holds:,} holds; balances {report.balance}"
        f" {'=' if report.balance == report.earned else '≠'} deposits {report.deposited} + adjustments"
        f" {report.adjusted} - commits {report.committed}"
        + (f" + unexplained {report.unexplained}" if report.unexplained else "")
        + f"; {report.corrections:,} corrections"
        + (f", {report.acknowledged:,} acknowledged: " if report.acknowledged else ": ")
        + ("coherent" if report.is_clean else f"{report.mismatches.total():,} MISMATCHES")
    )
    return written


def as_json(report: Report) -> str:
    """The report for machines: its fields, and `clean`. Money is decimal strings."""
    facts = {each.name: getattr(report, each.name) for each in fields(report)}
    return orjson.dumps({"clean": report.is_clean, **facts}, default=str).decode()


def add_parser(commands: "Commands") -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "check", help="prove that each wallet is what its operations make of it, from zero; status 1 if one is not"
    )
    parser.add_argument("--user", type=UUID, metavar="UUID", help="check this user only")
    parser.add_argument("--show", type=arguments.count, default=50, metavar="N", help="how many to write out (50)")
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    parser.set_defaults(run=_run)


async def _run(url: str, chosen: argparse.Namespace) -> int:
    user_ids = None if chosen.user is None else [chosen.user]
    with Progress(sys.stderr, "checking", "users") as progress:
        report = await check(url, user_ids=user_ids, shown_max=chosen.show, on_progress=progress.update)
    if user_ids and report.users == 0 and report.is_clean:
        print(f"no user {chosen.user}", file=sys.stderr)  # noqa: T201
        return 1
    print(as_json(report) if chosen.json else "\n".join(lines(report)))  # noqa: T201 - the answer
    return 0 if report.is_clean else 1
