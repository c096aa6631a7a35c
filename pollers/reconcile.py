"""`python -m pollers reconcile`: our books beside every configured provider's, for an operator. Nothing is changed.

It prints a row for each account and a line for each thing to look at; what they mean stands in `books`. The exit status
is 0 only if every provider could be asked and everything agrees.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import asyncpg
import httpx
import orjson

from pollers.books import Comparison
from pollers.origins import origin_of
from pollers.readings import compare
from pollers.service import open_providers
from pollers.settings import PollerSettings
from wallet_db import arguments
from wallet_db.connect import pool
from wallet_db.roles import POLLERS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

CHECKS_MAX = 100
"""Orders of one provider that are asked about singly, each a request."""


def as_json(compared: Sequence[Comparison]) -> str:
    """For machines. Money is decimal strings."""
    return orjson.dumps(
        {
            "agrees": all(each.agrees for each in compared),
            "providers": [
                {
                    "provider": each.provider,
                    "agrees": each.agrees,
                    "open_here": each.open_here,
                    "open_there": each.open_there,
                    "balance": each.balance,
                    "expected": each.expected,
                    "difference": each.difference,
                    "tolerance": each.tolerance,
                    "fault": each.fault,
                    "findings": [
                        {
                            "kind": found.kind,
                            "order_id": found.order_id,
                            "provider_order_id": found.provider_order_id,
                            "amount": found.amount,
                            "hint": found.hint,
                        }
                        for found in each.findings
                    ],
                }
                for each in compared
            ],
        },
        default=str,
    ).decode()


def lines(compared: Sequence[Comparison]) -> list[str]:
    """For people: a row for each provider, then what to look at; the last line is the verdict."""
    head = ("provider", "open here", "open there", "balance", "expected", "difference", "tolerance")
    rows = [
        (
            each.provider,
            str(each.open_here),
            str(each.open_there),
            _money(each.balance),
            _money(each.expected),
            _money(each.difference),
            _money(each.tolerance),
        )
        for each in compared
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    written = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in (head, *rows)
    ]
    for each in compared:
        if each.fault is not None:
            written.append(f"{each.provider}: could not be asked: {each.fault}")
        if each.fault is None and each.expected is None:
            written.append(f"{each.provider}: the first reading: from now on there is something to compare with")
        written += [
            f"{each.provider}: {found.kind}: {_whose(found.order_id, found.provider_order_id)}"
            f"{'' if found.amount is None else f'{_money(found.amount)}: '}{found.hint}"
            for found in each.findings
        ]
    findings = sum(len(each.findings) for each in compared)
    agree = all(each.agrees for each in compared)
    if agree:
        return [*written, "the books agree"]
    if not findings:
        return [*written, "the books could not be compared"]
    return [*written, f"the books do NOT agree: {findings} to look at"]


def _whose(order_id: str | None, provider_order_id: str | None) -> str:
    ours = f"order {order_id}, " if order_id else ""
    return ours + (f"theirs {provider_order_id}: " if provider_order_id else "")


def _money(amount: Decimal | None) -> str:
    return "-" if amount is None else f"{amount:.2f}"


def add_parser(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m pollers reconcile`."""
    parser = commands.add_parser(
        "reconcile",
        help="compare our books with every configured provider's; status 1 unless they agree",
        description="Compare open orders, what was refunded or charged lately, and the movement of each account's"
        " balance. Nothing is changed; each line says what to look at.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--paid-in",
        type=_paid_in,
        action="append",
        default=[],
        metavar="PROVIDER=AMOUNT",
        help="so much was paid into the account (negative: went out of it) since the reading before",
    )
    parser.add_argument(
        "--checks",
        type=arguments.count,
        default=CHECKS_MAX,
        metavar="N",
        help=f"orders to ask about singly ({CHECKS_MAX})",
    )


def _paid_in(text: str) -> tuple[str, Decimal]:
    name, _, amount = text.partition("=")
    try:
        value = Decimal(amount)
    except InvalidOperation:
        value = Decimal("NaN")
    if not name or not value.is_finite() or not abs(value) < 10**12:
        raise argparse.ArgumentTypeError(f"expected PROVIDER=AMOUNT, got {text!r}")
    return name, value


async def run(settings: PollerSettings, database_url: str, chosen: argparse.Namespace) -> int:
    """The exit status: 0 the books agree, 1 they do not, 2 an account that is not configured."""
    paid_in: dict[str, Decimal] = dict(chosen.paid_in)
    async with pool(database_url, "reconcile", role=POLLERS) as connections, httpx.AsyncClient() as client:
        providers = open_providers(settings, client)
        if unknown := sorted(paid_in.keys() - providers.keys()):
            print(f"--paid-in: no account at {unknown[0]} is configured", file=sys.stderr)  # noqa: T201
            return 2
        try:
            compared = await asyncio.gather(
                *(
                    compare(
                        connections, name, provider, paid_in=paid_in.get(name, Decimal(0)), checks_max=chosen.checks
                    )
                    for name, provider in providers.items()
                )
            )
        except asyncpg.UndefinedFunctionError:
            print("no schema of ours here, or an older one: python -m wallet_db migrate", file=sys.stderr)  # noqa: T201
            return 1
    for each in compared:
        if each.fault is not None:
            each.fault += f" ({origin_of(settings.accounts()[each.provider][0])})"
    print(as_json(compared) if chosen.json else "\n".join(lines(compared)))  # noqa: T201 - the answer
    return 0 if all(each.agrees for each in compared) else 1
