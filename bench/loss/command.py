"""The command: draw the plan, run it while showing how far it is, print the verdict."""

import argparse
import asyncio
import logging
import secrets
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uvloop

from bench.loss.control import SPOILINGS
from bench.loss.database import Database, running_database
from bench.loss.plan import CLIENTS_MAX, Plan
from bench.loss.report import report
from bench.loss.result import Result
from bench.loss.run import LossError, Show, check
from bench.loss.schedule import FAULTS
from wallet_db.connect import DatabaseUnavailable
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.errors import WalletError
from wallet_db.migrate import MigrationError
from wallet_db.progress import Progress

if TYPE_CHECKING:
    from argparse import _SubParsersAction

SECONDS, SECONDS_MAX = 45.0, 3_600.0
USERS, CONNECTIONS_MAX = 60, 5_000
RATE, RATE_MAX = 300.0, 20_000.0
EVERY_S = 1.2
DESCRIPTION = """\
Start PostgreSQL, two gateways and two followers, let clients follow their users' events over all three
transports while writers write and everything is broken in turn, and compare what each client was told
with the table `events`. Takes about a minute. Exit status 1 for a breach."""


def add_command(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m bench loss`."""
    parser = commands.add_parser(
        "loss",
        help="whether every client gets every event once and in order, whatever breaks meanwhile",
        description=DESCRIPTION,
        epilog="faults:\n" + "\n".join(f"  {name:9} {what}" for name, what in FAULTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, help="of users, intents and faults (default: another each time)")
    parser.add_argument("--users", type=_whole(1, CONNECTIONS_MAX), default=USERS, help=f"(default: {USERS})")
    parser.add_argument(
        "--connections",
        type=_whole(1, CONNECTIONS_MAX),
        help=f"in all, 1 to {CLIENTS_MAX} for each user (default: 2 for each)",
    )
    parser.add_argument(
        "--seconds", type=_figure(1, SECONDS_MAX), help=f"of writing (default: {SECONDS:.0f}; with --events, an hour)"
    )
    parser.add_argument("--events", type=_whole(1, 100_000_000), help="stop when so many have been delivered")
    parser.add_argument(
        "--rate", type=_figure(1, RATE_MAX), default=RATE, help=f"events written a second (default: {RATE:.0f})"
    )
    parser.add_argument(
        "--faults",
        type=_kinds,
        default=tuple(FAULTS),
        help="which, with commas between them; none: none (default: all)",
    )
    parser.add_argument(
        "--fault-every", type=_figure(0.1, SECONDS_MAX), default=EVERY_S, help=f"seconds (default: {EVERY_S})"
    )
    parser.add_argument(
        "--control",
        choices=SPOILINGS,
        help="spoil one event on its way to a client: the verdict has to find it, and the exit status is 1",
    )
    parser.add_argument("--logs", type=Path, help="a directory to keep the processes' logs in")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 0 nothing lost, 1 a breach or no verdict, 2 wrong usage, 130 or 143 interrupted."""
    plan = Plan(
        seed=arguments.seed if arguments.seed is not None else secrets.randbelow(1_000_000),
        users=arguments.users,
        connections=arguments.connections or 2 * arguments.users,
        seconds=arguments.seconds or (SECONDS if arguments.events is None else SECONDS_MAX),
        events=arguments.events,
        rate=arguments.rate,
        faults=arguments.faults,
        fault_every_s=arguments.fault_every,
        control=arguments.control,
    )
    try:
        plan.people()
    except ValueError as error:
        print(f"bench loss: {error}", file=sys.stderr)
        return 2
    # A server that is away is what this is about: nobody needs to be told by a log between the progress's lines.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    # Before the loop takes over: unwinds the blocks that stop what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with ExitStack() as stack:
            progress = stack.enter_context(Progress(sys.stderr, "bench loss"))
            progress.update(0, plan.seconds, "starting PostgreSQL")
            logs = arguments.logs or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onesms-loss-logs-")))
            logs.mkdir(parents=True, exist_ok=True)
            database = stack.enter_context(running_database())
            runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
            result = runner.run(_check(plan, database, logs, _shown_by(progress)))
    except (LossError, WalletError, DatabaseUnavailable, EmbeddedPostgresError, MigrationError, OSError) as error:
        print(f"bench loss: {error} (seed {plan.seed})", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except asyncio.CancelledError:
        return 143
    print(report(result))
    return 0 if result.verdict.is_clean else 1


async def _check(plan: Plan, database: Database, logs: Path, show: Show) -> Result:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await check(plan, database, logs, show)


def _shown_by(progress: Progress) -> Show:
    def show(result: Result, seconds: float, note: str) -> None:
        plan, delivered = result.plan, result.tally.delivered
        breaches = sum(result.verdict.counts.values())
        told = f"{delivered:,} events  {result.faults.total()} faults  {breaches} breaches  {note}"
        if plan.events is None:
            progress.update(seconds, plan.seconds, told)
        else:
            progress.update(delivered, plan.events, told)

    return show


def _whole(least: int, most: int) -> "_Bounded":
    return _Bounded(int, least, most)


def _figure(least: float, most: float) -> "_Bounded":
    return _Bounded(float, least, most)


class _Bounded:
    """A number within bounds, for argparse."""

    def __init__(self, kind: type[int] | type[float], least: float, most: float) -> None:
        self._kind = kind
        self._least = least
        self._most = most

    def __call__(self, text: str) -> float:
        try:
            value = self._kind(text)
            if self._least <= value <= self._most:
                return value
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"expected {self._least:g} to {self._most:g}, got {text!r}")


def _kinds(text: str) -> tuple[str, ...]:
    kinds = () if text == "none" else tuple(text.split(","))
    if unknown := [kind for kind in kinds if kind not in FAULTS]:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(FAULTS)}, got {unknown[0]!r}")
    return kinds
