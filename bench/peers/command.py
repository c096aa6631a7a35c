"""The command: install what is missing and can be, start what is needed, measure, tell, stop everything."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import uvloop

from bench.figures import Finding
from bench.peers.contestants import ALL
from bench.peers.contract import Contestant
from bench.peers.findings import delays_table, figures_table, findings, totals_table, warnings, writers_findings
from bench.peers.measure import bench_on, install, measure, measure_writers, raise_descriptors
from bench.peers.plan import FULL_PLAN, QUICK_PLAN, Plan
from bench.results import RESULTS, write
from bench.stopping import cancel_on_sigterm
from bench.table import findings_table
from bench.wallet.server import BenchError, Server, running_server
from wallet_db.connect import DatabaseUnavailable
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.migrate import MigrationError
from wallet_db.progress import Progress

if TYPE_CHECKING:
    from argparse import _SubParsersAction

CACHE = RESULTS / "peers"
QUICK = ("listen", "ours", "nchan", "node-ws", "socketio")


def add_command(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m bench peers`."""
    parser = commands.add_parser(
        "peers",
        help="ours beside Nchan, Socket.IO, node ws and others, on the same work",
        description="Measure everybody who brings a committed row to its user's open connection, in turns, on an"
        f" embedded PostgreSQL of its own: takes about {FULL_PLAN.seconds(ALL) / 60:.0f} minutes, with --quick less"
        " than one. Packages of npm and PyPI are installed below bench/results/ the first time; what the system has to"
        " bring is told.",
        epilog="bench/README.md says what each line means.",
    )
    parser.add_argument("--quick", action="store_true", help="few connections, short turns: a look, no measurement")
    parser.add_argument("--connections", type=int, nargs="+", metavar="N", help="open at once; several: in turn")
    parser.add_argument("--rate", type=float, nargs="+", metavar="N", help="events a second; several: in turn")
    parser.add_argument("--faces", nargs="+", choices=FULL_PLAN.faces, metavar="FACE", help="of ws, sse, poll")
    parser.add_argument("--rounds", type=int, metavar="N", help="repetitions, everybody in turn")
    parser.add_argument("--only", metavar="NAME,…", help=f"contestants: {', '.join(each.name for each in ALL)}")
    parser.set_defaults(run=run)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """The plan that the options ask for."""
    plan = QUICK_PLAN if arguments.quick else FULL_PLAN
    if arguments.connections:
        plan = replace(plan, connections=tuple(arguments.connections))
    if arguments.rate:
        plan = replace(plan, rates=tuple(arguments.rate))
    if arguments.faces:
        plan = replace(plan, faces=tuple(arguments.faces))
    if arguments.rounds:
        plan = replace(plan, rounds=arguments.rounds)
    return plan


def contestants_of(arguments: argparse.Namespace) -> list[Contestant]:
    """Who takes part. Raises `BenchError` for an unknown name."""
    names = arguments.only.split(",") if arguments.only else QUICK if arguments.quick else [each.name for each in ALL]
    known = {each.name: each for each in ALL}
    if unknown := [name for name in names if name not in known]:
        raise BenchError(f"no contestant {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names]


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 0 measured, whatever the figures; 1 could not; 130 or 143 interrupted."""
    plan = plan_of(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        contestants = contestants_of(arguments)
        raise_descriptors(max(plan.connections))
        versions = asyncio.run(install(contestants, CACHE, _note))
        with (
            running_server() as server,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            Progress(sys.stderr, "bench peers") as progress,
        ):
            told, parts, more = runner.run(_measure(server, contestants, plan, progress))
    except (BenchError, DatabaseUnavailable, EmbeddedPostgresError, MigrationError, OSError) as error:
        print(f"bench peers: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except asyncio.CancelledError:
        return 143
    name = "peers-quick" if arguments.quick else "peers"
    more |= {"versions": versions}
    written = write(name, "Ours beside peers: ratios", told, more)
    print("\n\n".join([*parts, findings_table(told), f"Written: {written}"]))
    return 0


def _note(text: str) -> None:
    print(f"bench peers: {text}", file=sys.stderr, flush=True)


async def _measure(
    server: Server, contestants: Sequence[Contestant], plan: Plan, progress: Progress
) -> tuple[list[Finding], list[str], dict[str, Any]]:
    cancel_on_sigterm()
    users = max(plan.connections)
    writers_share = 0.1
    async with bench_on(server, users, CACHE) as bench:
        samples = await measure(
            bench, contestants, plan, lambda share, note: progress.update(share * (1 - writers_share), 1, note)
        )
        speeds = await measure_writers(
            bench, plan, users, lambda share, note: progress.update(1 - writers_share * (1 - share), 1, note)
        )
    told = [*findings(samples), *writers_findings(speeds)]
    parts = [
        *(delays_table(samples, plan.rates, committed=committed) for committed in (False, True)),
        *(figures_table(samples, count) for count in plan.connections),
        *(totals_table(samples, count) for count in plan.connections),
    ]
    parts += warnings(samples)
    more = {
        "plan": {"connections": plan.connections, "rates": plan.rates, "rounds": plan.rounds},
        "samples": {f"{name}, {face}, {count}": of_rounds for (name, face, count), of_rounds in samples.items()},
        "writers": speeds,
    }
    return told, parts, more
