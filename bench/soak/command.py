"""The command: a database, a simulator, the run, the verdict."""

import argparse
import asyncio
import logging
import secrets
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import structlog
import uvloop

from bench.loss.database import Database, running_database
from bench.soak.plan import Plan
from bench.soak.report import report
from bench.soak.run import Result, Show, SoakError, soak
from pollers.simulator import SimulatorSettings, running
from pollers.simulator.scenarios import ScenarioName
from wallet_db.connect import DatabaseUnavailable
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.migrate import MigrationError
from wallet_db.progress import Progress

if TYPE_CHECKING:
    from argparse import _SubParsersAction

ORDERS, ORDERS_MAX = 200, 40_000
ORDERS_PER_S = 12.0
HIT_EVERY_S = 3.0
EARLY_CANCEL_S = 2.0


def add_command(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m bench soak`."""
    parser = commands.add_parser(
        "soak",
        help="many orders over HTTP, nasty providers, processes killed: does every cent and number come out right",
        description="Start PostgreSQL, a gateway, two pollers and the simulator; place orders and cancel some, while"
        " pollers, gateway and PostgreSQL are killed; let every order come to its end in bent time; then check every"
        " wallet and both sides' books. Takes about a minute. Exit status 1 if anything is wrong.",
    )
    parser.add_argument("--seed", type=int, help="of orders, cancels and hits (default: another each time)")
    parser.add_argument("--orders", type=int, default=ORDERS, help=f"1 to {ORDERS_MAX:,} (default: {ORDERS})")
    parser.add_argument(
        "--seconds", type=float, help=f"in which they are placed (default: {ORDERS_PER_S:.0f} orders a second)"
    )
    parser.add_argument("--scenario", choices=get_args(ScenarioName), default="nasty", help="(default: nasty)")
    parser.add_argument(
        "--hit-every", type=float, default=HIT_EVERY_S, help=f"seconds; 0: nothing is killed (default: {HIT_EVERY_S})"
    )
    parser.add_argument("--control", action="store_true", help="buy a number behind the books' back: see it found")
    parser.add_argument("--logs", type=Path, help="a directory to keep the processes' logs in")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 0 all right, 1 wrong or no verdict, 2 wrong usage, 130 or 143 interrupted."""
    if not 1 <= arguments.orders <= ORDERS_MAX:
        print(f"bench soak: expected 1 to {ORDERS_MAX} orders, got {arguments.orders}", file=sys.stderr)
        return 2
    plan = Plan(
        seed=arguments.seed if arguments.seed is not None else secrets.randbelow(1_000_000),
        orders=arguments.orders,
        seconds=arguments.seconds or arguments.orders / ORDERS_PER_S,
        scenario=arguments.scenario,
        hit_every_s=arguments.hit_every,
        control=arguments.control,
    )
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    nasty = SimulatorSettings(port=0, scenario=plan.scenario, seed=plan.seed, early_cancel_s=EARLY_CANCEL_S)
    try:
        with ExitStack() as stack:
            progress = stack.enter_context(Progress(sys.stderr, "bench soak"))
            progress.update(0, 1, "starting PostgreSQL")
            logs = arguments.logs or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onesms-soak-")))
            logs.mkdir(parents=True, exist_ok=True)
            database = stack.enter_context(running_database())
            simulator_url = stack.enter_context(running(nasty))
            runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))

            def show(done: float, note: str) -> None:
                progress.update(done, 1, note)

            result = runner.run(_soak(plan, database, simulator_url, logs, show))
    except (SoakError, DatabaseUnavailable, EmbeddedPostgresError, MigrationError, OSError) as error:
        print(f"bench soak: {error} (seed {plan.seed})", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except asyncio.CancelledError:
        return 143
    print(report(result))
    return 1 if result.verdict.wrong else 0


async def _soak(plan: Plan, database: Database, simulator_url: str, logs: Path, show: Show) -> Result:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await soak(plan, database, simulator_url, logs, show)
