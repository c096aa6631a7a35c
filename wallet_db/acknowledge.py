"""`python -m wallet_db acknowledge`: a break of the audit that was looked into, so that `check` fails on others only.

A wallet that was changed by hand and then used leaves an operation that does not begin where the one before it ended.
The audit is not rewritten; a row of `acknowledged_breaks`, which is not rewritten either, says who knows of it and why.
It corrects nothing. Locks and refusals: `acknowledge_break`.
"""

import argparse
import sys
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from wallet_db import arguments
from wallet_db.connect import Connection, connect
from wallet_db.errors import WalletError, refusals

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it


async def acknowledge(connection: Connection, user_id: UUID, number: int, reason: str) -> dict[str, Any]:
    """Acknowledge the break at the user's operation `number`; returns the row. Raises UnknownUser, InvalidArgument."""
    with refusals():
        row: dict[str, Any] = orjson.loads(
            await connection.fetchval("select acknowledge_break($1, $2, $3)", user_id, number, reason)
        )
    return row


def add_parser(commands: "Commands") -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "acknowledge", help="a break that `check` found and somebody looked into: told from then on, and no mismatch"
    )
    parser.add_argument("--user", type=UUID, metavar="UUID", required=True, help="whose")
    parser.add_argument(
        "--operation", type=arguments.positive, metavar="N", required=True, help="that `check` names; no other is taken"
    )
    parser.add_argument("--reason", metavar="TEXT", required=True, help="what was found out; kept, with who says it")
    parser.set_defaults(run=_run)


async def _run(url: str, chosen: argparse.Namespace) -> int:
    connection = await connect(url, "acknowledge")
    try:
        row = await acknowledge(connection, chosen.user, chosen.operation, chosen.reason)
    except WalletError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the answer
        return 1
    finally:
        await connection.close()
    print(  # noqa: T201
        f"acknowledged: user {row['user_id']}, operation {row['number']} found {row['balance_difference']} more balance"
        f" and {row['frozen_difference']} more frozen; by {row['actor']}, {row['acknowledged_at']}: {row['reason']}"
    )
    return 0
