"""The command: start what is needed, measure, print the table, write JSON and plot, stop everything."""

import argparse
import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import uvloop

from bench.delivery.measure import Plan, measure
from bench.figures import Finding
from bench.results import write
from bench.table import findings_table
from bench.wallet.server import BenchError, Server, running_server
from wallet_db.connect import DatabaseUnavailable
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.migrate import MigrationError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

PLAN = Plan()


def add_command(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m bench delivery`."""
    parser = commands.add_parser(
        "delivery",
        help="how soon, and at what cost, a committed event reaches an open connection",
        description="Measure a gateway, a follower and an embedded PostgreSQL of their own: memory of idle connections,"
        " CPU and delay of delivered events, and how long everybody takes to come back after the gateway was killed.",
        epilog="bench/README.md says what each line means.",
    )
    parser.add_argument("--connections", type=int, default=PLAN.connections, help="open at once (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=PLAN.rate, help="events a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=PLAN.seconds, help="of events a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=PLAN.rounds, help="of each transport (default: %(default)s)")
    parser.add_argument(
        "--gateways", type=int, default=PLAN.gateways, help="on one port, for a second return (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 0 measured, whatever the figures; 1 could not; 130 or 143 interrupted."""
    plan = Plan(arguments.connections, arguments.rate, arguments.seconds, arguments.rounds, arguments.gateways)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with running_server() as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            findings = runner.run(_measure(server, plan))
    except (BenchError, DatabaseUnavailable, EmbeddedPostgresError, MigrationError, OSError) as error:
        print(f"bench delivery: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(findings_table(findings))
    print(f"\nWritten: {write('delivery', 'Delivery', findings, {})}")
    return 0


async def _measure(server: Server, plan: Plan) -> list[Finding]:
    return await measure(server, plan, lambda note: print(f"bench delivery: {note}", file=sys.stderr, flush=True))
