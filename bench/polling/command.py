"""The command: start what is needed, measure, print the table, write JSON, stop everything."""

import argparse
import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from bench.polling.measure import Plan, measure
from bench.results import write
from bench.table import findings_table
from bench.wallet.server import BenchError, running_server
from wallet_db.connect import DatabaseUnavailable
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.migrate import MigrationError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

PLAN = Plan()


def add_command(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m bench polling`."""
    parser = commands.add_parser(
        "polling",
        help="how many requests looking for SMS takes, and how soon a code is in the database",
        description="Measure pollers, one and then two, with a simulated provider and an embedded PostgreSQL:"
        " requests to the provider and the delay of codes, for all open orders of one account.",
        epilog="bench/README.md says what each line means.",
    )
    parser.add_argument("--orders", type=int, default=PLAN.orders, help="open at once (default: %(default)s)")
    parser.add_argument("--sms", type=int, default=PLAN.sms, help="that arrive in a run (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=PLAN.seconds, help="of SMS in a run (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 0 measured, whatever the figures; 1 could not; 130 or 143 interrupted."""
    plan = Plan(arguments.orders, min(arguments.sms, arguments.orders), arguments.seconds)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with running_server() as server:
            findings = asyncio.run(
                measure(server, plan, lambda note: print(f"bench polling: {note}", file=sys.stderr, flush=True))
            )
    except (BenchError, DatabaseUnavailable, EmbeddedPostgresError, MigrationError, OSError) as error:
        print(f"bench polling: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(findings_table(findings))
    print(f"\nWritten: {write('polling', 'Polling', findings, {})}")
    return 0
