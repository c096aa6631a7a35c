"""The command: load, measure, print the tables, write JSON and plot, stop everything."""

import argparse
import asyncio
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import uvloop

from bench.growth.measure import findings, measure, sizes_table
from bench.growth.stand import AXES, FULL_PLAN, QUICK_PLAN, Plan
from bench.peers.measure import raise_descriptors
from bench.results import write
from bench.table import findings_table
from bench.wallet.server import BenchError, running_server
from wallet_db.connect import DatabaseUnavailable
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.migrate import MigrationError
from wallet_db.progress import Progress

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_command(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m bench growth`."""
    parser = commands.add_parser(
        "growth",
        help="whether an event costs the same however much there is",
        description="Measure an event's cost, delay and the rate of connecting with few and with many stored events,"
        " connections, users, open orders and gateways, in turns, on an embedded PostgreSQL of its own: takes about"
        f" {FULL_PLAN.seconds / 60:.0f} minutes, with --quick one. Sizes are options; an axis without sizes"
        " (--users with nothing behind it) is not measured.",
        epilog="bench/README.md says what each line means.",
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes, short turns: a look, no measurement")
    parser.add_argument("--rounds", type=int, metavar="N", help="repetitions of each size")
    for axis in AXES:
        sizes = ", ".join(f"{size:,}" for size in FULL_PLAN.sizes[axis.name])
        parser.add_argument(
            f"--{axis.name}", type=int, nargs="*", metavar="N", help=f"sizes, growing (default: {sizes})"
        )
    parser.set_defaults(run=run)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """The plan that the options ask for."""
    plan = QUICK_PLAN if arguments.quick else FULL_PLAN
    asked = {axis.name: sorted(sizes) for axis in AXES if (sizes := getattr(arguments, axis.name)) is not None}
    return replace(plan, sizes={**plan.sizes, **asked}, rounds=arguments.rounds or plan.rounds)


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 0 measured, whatever the figures; 1 could not; 130 or 143 interrupted."""
    plan = plan_of(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        stands = [plan.stand_of(name, size) for name, sizes in plan.sizes.items() for size in sizes]
        if not stands:
            raise BenchError("no axis has a size")
        raise_descriptors(max(stand.connections for stand in stands))
        with (
            running_server() as server,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            Progress(sys.stderr, "bench growth") as progress,
        ):
            samples = runner.run(measure(server, plan, lambda share, note: progress.update(share, 1, note)))
    except (BenchError, DatabaseUnavailable, EmbeddedPostgresError, MigrationError, OSError) as error:
        print(f"bench growth: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except asyncio.CancelledError:
        return 143
    told = findings(samples, plan)
    name = "growth-quick" if arguments.quick else "growth"
    more = {"samples": {f"{axis}, {size}": of_rounds for (axis, size), of_rounds in samples.items()}}
    written = write(name, "Growth: the greatest size beside the least", told, more)
    print("\n\n".join([sizes_table(samples, plan), findings_table(told), f"Written: {written}"]))
    return 0
