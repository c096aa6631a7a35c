"""The command: a database and a simulator, all points, the table."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from typing import TYPE_CHECKING

import httpx
import structlog

from bench.faults.card_operations import CARD_OPERATIONS
from bench.faults.card_stage import CONFIRMED_S, CardStage
from bench.faults.operations import OPERATIONS
from bench.faults.report import report
from bench.faults.run import AnyOperation, Cell, Show, enumerate_faults
from bench.faults.stage import Stage
from bench.faults.victim import nursery
from bench.faults.worker import CARD_KINDS, CONTROLS, KINDS, kind_of
from bench.loss.database import running_database
from pollers.simulator import SimulatorSettings, running
from wallet_db.connect import DatabaseUnavailable, pool
from wallet_db.demo import set_demo_prices
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.migrate import MigrationError
from wallet_db.progress import Progress

if TYPE_CHECKING:
    from argparse import _SubParsersAction

PATIENT = SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=0, lifetime_s=1e7, seed=1)
"""A simulator where nothing happens by itself."""
PROVIDERS = (*KINDS, *CARD_KINDS)
FUNDS = "1000000.00"
"""At the provider of cards, for thousands of them."""


def add_command(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m bench faults`."""
    parser = commands.add_parser(
        "faults",
        help="whether an order ends right wherever its worker dies or loses an answer, with every provider",
        description="Cut the work on an order at each statement and each request, before its effect, after it, and with"
        " its answer lost; let another worker bring the order to its end, and judge wallet and provider's books. Takes"
        " a minute. Exit status 1 for a wrong outcome.",
    )
    parser.add_argument("--providers", type=_providers, default=PROVIDERS, help=f"of {','.join(PROVIDERS)} (all)")
    parser.add_argument("--operations", default="", metavar="WORD", help="only those whose name has this word")
    parser.add_argument(
        "--kill",
        choices=("main", "all", "none"),
        default="main",
        help="at which operations processes are killed (main)",
    )
    parser.add_argument("--control", choices=CONTROLS, help="with a worker that is wrong on purpose: see it found")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 0 all right, 1 a wrong outcome or none, 2 wrong usage, 130 or 143 interrupted."""
    operations = {provider: _operations(provider, arguments.operations) for provider in arguments.providers}
    if not any(operations.values()):
        known = [each.name for provider in arguments.providers for each in _operations(provider, "")]
        print(f"bench faults: expected a word of {', '.join(dict.fromkeys(known))}", file=sys.stderr)
        return 2
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Before there is a thread or a loop: its server is forked from this process.
    context = nursery() if arguments.kill != "none" else None
    try:
        with Progress(sys.stderr, "bench faults") as progress, running_database() as database, running(PATIENT) as base:
            total = sum(map(len, operations.values()))
            done = 0

            def show(note: str) -> None:
                nonlocal done
                progress.update(done, total, note)
                done += 1

            cells = asyncio.run(_all(database.url, base, operations, arguments, context, show))
    except (DatabaseUnavailable, EmbeddedPostgresError, MigrationError, LookupError, RuntimeError) as error:
        print(f"bench faults: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(report(cells, arguments.providers))
    return 1 if any(cell.wrong for cell in cells) else 0


async def _all(
    url: str,
    base_url: str,
    operations: Mapping[str, Sequence[AnyOperation]],
    arguments: argparse.Namespace,
    context: ForkServerContext | None,
    show: Show,
) -> list[Cell]:
    cells: list[Cell] = []
    await set_demo_prices(url)
    async with pool(url, "faults") as db, httpx.AsyncClient() as http:
        for provider in arguments.providers:
            make = CardStage if provider in CARD_KINDS else Stage
            stage = make(db, url, base_url, http, kind_of(provider), arguments.control)
            if provider in CARD_KINDS:
                await stage.simulate("cards/settings", activation_s=CONFIRMED_S, funding_s=CONFIRMED_S, balance=FUNDS)
            if operations[provider]:
                cells += await enumerate_faults(
                    stage, operations[provider], context, show, kills_all=arguments.kill == "all"
                )
    return cells


def _operations(provider: str, word: str) -> Sequence[AnyOperation]:
    """Those of what it sells whose name has this word."""
    operations: Sequence[AnyOperation] = CARD_OPERATIONS if provider in CARD_KINDS else OPERATIONS
    return [operation for operation in operations if word in operation.name]


def _providers(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if unknown := [name for name in chosen if name not in PROVIDERS]:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(PROVIDERS)}, got {unknown[0]!r}")
    return chosen
