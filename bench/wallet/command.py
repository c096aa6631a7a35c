"""The command: start a server, measure, print the tables, write JSON and plot, stop the server."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import spread
from bench.results import write
from bench.stopping import cancel_on_sigterm
from bench.table import figure, findings_table, table
from bench.wallet.contestants import FREEZE, FULL
from bench.wallet.measure import Result, as_json, measure
from bench.wallet.plan import FULL_PLAN, QUICK_PLAN, Plan
from bench.wallet.server import BenchError, Server, running_server
from wallet_db.connect import DatabaseUnavailable
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.migrate import MigrationError
from wallet_db.progress import Progress

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_command(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m bench wallet`."""
    parser = commands.add_parser(
        "wallet",
        help="what the wallet's functions cost, beside an application's own statements",
        description="Measure the wallet's functions beside what an application would do without them, on an embedded"
        f" PostgreSQL of its own with fsync on. Takes about {FULL_PLAN.seconds / 60:.0f} minutes, with --quick less"
        " than one; leave the machine alone meanwhile.",
        epilog="bench/README.md says what each line means.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="shorter turns, fewer rounds, smaller tables: a look, not a measurement"
    )
    parser.add_argument(
        "--directory",
        type=Path,
        help="where the server's data goes for the time of the run; on the disk to be measured (default: the system's"
        " directory for temporary files)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 0 measured, whatever the figures; 1 could not; 130 or 143 interrupted."""
    plan = QUICK_PLAN if arguments.quick else FULL_PLAN
    # Before the loop takes over: unwinds the blocks that stop what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Progress(sys.stderr, "bench wallet") as progress:
            progress.update(0, plan.seconds, "starting PostgreSQL")
            with running_server(arguments.directory) as server:
                result = asyncio.run(_measure(server, plan, progress))
    except (BenchError, DatabaseUnavailable, EmbeddedPostgresError, MigrationError, OSError) as error:
        print(f"bench wallet: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except asyncio.CancelledError:
        return 143
    _tell(result, "wallet-quick" if arguments.quick else "wallet", plan)
    return 0


async def _measure(server: Server, plan: Plan, progress: Progress) -> Result:
    cancel_on_sigterm()
    return await measure(server, plan, lambda done_s, note: progress.update(done_s, plan.seconds, note))


def _tell(result: Result, name: str, plan: Plan) -> None:
    titles = {contestant.name: contestant.title for contestant in FULL}
    rows = []
    for contestant, samples in result.samples.items():
        speed = spread([sample.transactions_per_s for sample in samples])
        wal = spread([sample.wal_bytes_per_transaction for sample in samples])
        cpu = spread([sample.cpu_us_per_transaction for sample in samples])
        title = titles.get(contestant, f"{FREEZE.title} ({contestant})")
        speeds = f"{figure(speed.low)}, {figure(speed.high)}"
        rows.append((title, figure(speed.median), speeds, figure(cpu.median), figure(wal.median)))
    more = {"samples": as_json(result.samples), "notes": result.notes}
    clients = f"{FREEZE.clients} clients, {plan.rounds} rounds of {plan.turn_s} s"
    parts = [
        table((clients, "transactions/s", "least, most", "CPU µs each", "WAL bytes each"), rows),
        findings_table(result.findings),
        *result.notes,
        f"Written: {write(name, 'The wallet beside application statements: ratios', result.findings, more)}",
    ]
    print("\n\n".join(parts))
