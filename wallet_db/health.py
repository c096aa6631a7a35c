"""`python -m wallet_db health [--correct]`: the wallets that are not OK, and what was done about them.

It reads `v_frozen_balance_health`; with --correct it does at once what the pollers do every hour, and makes their job
due, so that the metrics soon say what is so now. Status 1 if any wallet needs more than that.
"""

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from wallet_db.connect import Connection, connect
from wallet_db.events import OPERATORS
from wallet_db.periodic import (
    Correction,
    WalletHealth,
    correct_frozen_balance,
    find_faulty_wallets,
    read_wallet_health,
)

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it

COLUMNS = ("user", "status", "balance", "frozen", "held", "held for orders", "ordered", "problem", "done")


def add_parser(commands: "Commands") -> None:
    """The command and its options."""
    parser = commands.add_parser("health", help="the wallets that disagree with their holds or orders; status 1 if any")
    parser.add_argument("--correct", action="store_true", help="set right what can be known, leave the rest")
    parser.set_defaults(run=run)


class WalletsHidden(Exception):
    """Row-level security keeps wallets from this login: whatever is found is not all there is."""


async def see_all_wallets(connection: Connection) -> None:
    """Raise `WalletsHidden` if some row is hidden: the operators' own always exists, and no policy shows it alone."""
    if not await connection.fetchval("select exists (select from users where id = $1::text::uuid)", OPERATORS):
        raise WalletsHidden(
            "this login does not see all wallets (row-level security): log in as the owner or a member of"
            " onesms_operator, which it has to inherit from"
        )


async def run(url: str, arguments: argparse.Namespace) -> int:
    """Print the table; the exit status: 0 every wallet is OK, 1 some are not."""
    connection = await connect(url, "health")
    try:
        await see_all_wallets(connection)
        wallets, faulty = await find_faulty_wallets(connection)
        rows, remaining = [], 0
        for user_id in faulty:
            if arguments.correct:
                correction = await correct_frozen_balance(connection, user_id)
                rows.append(_row(correction.before, _done(correction)))
                remaining += correction.after.status != "OK"
            elif (health := await read_wallet_health(connection, user_id)) is not None:
                rows.append(_row(health, ""))
                remaining += health.status != "OK"
        if arguments.correct:
            await connection.execute("update periodic_jobs set due_at = now() where name = 'check_wallets'")
    finally:
        await connection.close()
    if rows:
        print(table(COLUMNS, rows))  # noqa: T201 - the answer
    print(f"{wallets} wallets, {len(rows)} not OK, {len(rows) - remaining} of them corrected")  # noqa: T201
    return 1 if remaining else 0


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two blanks between them."""
    lines = [tuple(head), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _row(health: WalletHealth, done: str) -> tuple[str, ...]:
    return (
        health.user_id,
        health.status,
        health.balance,
        health.frozen,
        health.held,
        health.held_for_orders,
        health.ordered,
        health.problem or "",
        done,
    )


def _done(correction: Correction) -> str:
    numbers = ", ".join(map(str, correction.operations))
    corrected = f"corrected by operation {numbers}" if numbers else "nothing"
    if correction.after.status == "OK":
        return corrected
    return f"{corrected}; left for a person: {correction.after.problem}"
