"""`python -m bench quick`: main ratios of wallet and peers in one table, within a minute. A look, no measurement."""

import argparse
import asyncio
import signal
import sys
import time
from typing import TYPE_CHECKING

import uvloop

from bench.figures import Finding
from bench.peers import findings as peers
from bench.peers.command import CACHE
from bench.peers.contestants import ALL
from bench.peers.measure import Report, bench_on, install, measure, raise_descriptors
from bench.peers.plan import QUICK_PLAN
from bench.results import write
from bench.stopping import cancel_on_sigterm
from bench.table import findings_table
from bench.wallet.contestants import FOLLOWED, FREEZE, NOTIFY, B
from bench.wallet.measure import ratios, rounds
from bench.wallet.plan import Plan
from bench.wallet.server import BenchError, Server, running_server, session_on
from wallet_db.connect import DatabaseUnavailable
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.migrate import MigrationError
from wallet_db.progress import Progress

if TYPE_CHECKING:
    from argparse import _SubParsersAction

WALLET_PLAN = Plan((B, FREEZE, FOLLOWED, NOTIFY), rounds=2, turn_s=1, health_users=0, health_holds_per_user=0)
NAMES = ("listen", "ours", "nchan", "node-ws")
CONTESTANTS = [each for each in ALL if each.name in NAMES]
PEERS_SHARE = 0.5
"""Of the time."""


def add_command(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m bench quick`."""
    parser = commands.add_parser(
        "quick",
        help="the main ratios of wallet and peers in one table, within a minute",
        description="A look, no measurement: a few short turns of the wallet beside plain statements and of ours beside"
        f" {', '.join(NAMES)}. The first time, packages of npm are installed before the minute begins.",
        epilog="bench/README.md says what each line means.",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 0 measured, whatever the figures; 1 could not; 130 or 143 interrupted."""
    del arguments
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        raise_descriptors(max(QUICK_PLAN.connections))
        versions = asyncio.run(install(CONTESTANTS, CACHE, lambda _: None))
        began = time.monotonic()
        with (
            running_server() as server,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            Progress(sys.stderr, "bench quick") as progress,
        ):
            told = runner.run(_measure(server, lambda share, note: progress.update(share, 1, note)))
        took_s = time.monotonic() - began
    except (BenchError, DatabaseUnavailable, EmbeddedPostgresError, MigrationError, OSError) as error:
        print(f"bench quick: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except asyncio.CancelledError:
        return 143
    written = write("quick", "A quick look: ratios", told, {"versions": versions, "took_s": took_s})
    print(f"{findings_table(told)}\n\nTook {took_s:.0f} s. Written: {written}")
    return 0


async def _measure(server: Server, report: Report) -> list[Finding]:
    cancel_on_sigterm()
    async with bench_on(server, max(QUICK_PLAN.connections), CACHE) as bench:
        samples = await measure(bench, CONTESTANTS, QUICK_PLAN, lambda share, note: report(PEERS_SHARE * share, note))
    told = [finding for finding in peers.findings(samples) if finding.goal]
    url = await server.create("wallet", "users", users=max(each.users for each in WALLET_PLAN.contestants))
    await server.psql(url, "baselines")
    async with session_on(url) as session:
        wallet = await rounds(
            server, url, session, WALLET_PLAN,
            lambda done_s, note: report(PEERS_SHARE + (1 - PEERS_SHARE) * done_s / WALLET_PLAN.seconds, note),
        )  # fmt: skip
    return [*told, *ratios(wallet)]
