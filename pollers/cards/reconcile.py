"""`python -m pollers reconcile-cards`: our cards beside every configured provider's, for an operator.

It asks for a reconciliation as the night does (one that is open is gone on with), works on it to its end, and prints
the integrity report: a row for each provider and a line for each card to look at. With --correct the provider's word
becomes ours where a card can make that step; without it nothing is changed. The exit status is 0 only if every card
could be asked about and all agree, or what did not was set right.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg
import httpx
import orjson

from pollers.cards.reconciling import LEASE, ProviderAway, Reconciler
from pollers.cards.service import open_card_accounts
from pollers.settings import PollerSettings
from wallet_db import card_reconciliations as rows
from wallet_db.card_reconciliations import Report
from wallet_db.connect import Pool, pool
from wallet_db.roles import POLLERS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

COMMAND = "reconcile-cards"
LOOK_S = 0.5
"""How often to look whether a poller that is at it is done."""
HINTS = {
    "balance": "money moved and nobody told us: do webhooks arrive?",
    "status": "it changed there and nobody told us",
    "missing": "open here, and the provider does not know it: ask the provider with this card's id",
}


def is_sound(report: Report) -> bool:
    """Whether nothing is left to look at."""
    return report.ended_at is not None and report.unread == 0 and report.mismatches == report.corrected


def as_json(reports: Sequence[Report]) -> str:
    """For machines. Money is decimal strings."""
    return orjson.dumps(
        {"sound": all(map(is_sound, reports)), "providers": [_document(report) for report in reports]}, default=str
    ).decode()


def _document(report: Report) -> dict[str, object]:
    names = (
        "provider", "asked_by", "correct", "started_at", "ended_at", "cards", "moving", "unread", "mismatches",
        "corrected", "beyond", "usd_ours", "usd_theirs", "agrees", "kinds", "worst",
    )  # fmt: skip
    return {"reconciliation": report.id, "sound": is_sound(report)} | {name: getattr(report, name) for name in names}


def lines(reports: Sequence[Report]) -> list[str]:
    """For people: a row for each provider, then what to look at; the last line is the verdict."""
    head = ("provider", "cards", "left out", "unread", "USD here", "USD there", "mismatches", "corrected")
    table = [
        head,
        *(
            (
                each.provider,
                str(each.cards),
                str(each.moving),
                str(each.unread),
                f"{each.usd_ours:.2f}",
                f"{each.usd_theirs:.2f}",
                str(each.mismatches),
                str(each.corrected),
            )
            for each in reports
        ),
    ]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    written = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in table
    ]
    for each in reports:
        written += [
            f"{each.provider}: {found['kind']}: card {found['card_id']}: ours {found['ours'] or '-'}, theirs"
            f" {found['theirs'] or '-'}: {'corrected' if found['corrected'] else HINTS[found['kind']]}"
            for found in each.worst
        ]
        if (more := each.mismatches - len(each.worst)) > 0:
            written.append(f"{each.provider}: and {more} more: card_mismatches of reconciliation {each.id}")
    left = sum(each.mismatches - each.corrected + each.unread for each in reports)
    if not left:
        corrected = sum(each.corrected for each in reports)
        return [*written, f"the cards agree: {corrected} corrected" if corrected else "the cards agree"]
    return [*written, f"the cards do NOT agree: {left} to look at"]


def add_parser(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m pollers reconcile-cards`."""
    parser = commands.add_parser(
        COMMAND,
        help="compare every card with its provider's; status 1 unless they agree",
        description="Compare state and balance of every card with what its provider says, one request a card.",
    )
    parser.add_argument("--correct", action="store_true", help="let the provider's word be ours, where a card can")
    parser.add_argument("--json", action="store_true", help="one JSON object")


async def run(settings: PollerSettings, database_url: str, chosen: argparse.Namespace) -> int:
    """The exit status: 0 the cards agree, or do now; 1 they do not, or could not all be asked about; 2 no provider."""
    async with pool(database_url, COMMAND, role=POLLERS) as connections, httpx.AsyncClient() as client:
        providers = open_card_accounts(settings, client)
        if not providers:
            print("no provider of cards is configured", file=sys.stderr)  # noqa: T201
            return 2
        reconciler = Reconciler(connections, providers, differs_percent=settings.card_balance_differs_percent)
        try:
            reports = [
                await _reconcile(connections, reconciler, provider, correct=chosen.correct) for provider in providers
            ]
        except ProviderAway as away:
            print(f"{away}; pollers go on with it", file=sys.stderr)  # noqa: T201
            return 1
        except asyncpg.UndefinedFunctionError:
            print("no schema of ours here, or an older one: python -m wallet_db migrate", file=sys.stderr)  # noqa: T201
            return 1
    print(as_json(reports) if chosen.json else "\n".join(lines(reports)))  # noqa: T201 - the answer
    return 0 if all(map(is_sound, reports)) else 1


async def _reconcile(connections: Pool, reconciler: Reconciler, provider: str, *, correct: bool) -> Report:
    """Ask for one and see it through, whoever works on it. Raises ProviderAway."""
    id_ = await rows.ask_card_reconciliation(connections, provider, correct=correct, asked_by=COMMAND)
    while True:
        for job in await rows.claim_card_reconciliations(connections, [provider], limit=1, lease=LEASE):
            await reconciler.step(job)
        report = await rows.read_card_reconciliation(connections, id_)
        if report is not None and report.ended_at is not None:
            return report
        await asyncio.sleep(LOOK_S)
