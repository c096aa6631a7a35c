"""`python -m wallet_db stress`: the options, the bar, Ctrl-C, and the verdict printed."""

import argparse
import asyncio
import signal
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

from wallet_db import arguments
from wallet_db.progress import Progress
from wallet_db.stress import CALLS_MAX, Plan, run
from wallet_db.stress.verdict import lines, verdict

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it


def add_parser(commands: "Commands") -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "stress",
        help="many callers on few wallets at once; status 1 unless every promise was kept",
        description="Purchases, commits, refunds and replays at once, on users made for it, called stress-<run>-<n>. "
        "These stay in the database, for its audit is never deleted. Ctrl-C ends it early, with the verdict so far.",
    )
    plan = Plan()
    option = parser.add_argument
    option("--concurrent", type=arguments.positive, default=plan.concurrent, metavar="N", help="callers (%(default)s)")
    option("--amount", type=arguments.amount, default=plan.amount, help="of a purchase (%(default)s)")
    option("--users", type=arguments.positive, default=plan.users, metavar="N", help="wallets (%(default)s)")
    option("--balance", type=_balance, default=plan.balance, help="what each user begins with (%(default)s)")
    option("--seed", type=int, default=plan.seed, metavar="N", help="decides what each caller calls (%(default)s)")
    until = parser.add_mutually_exclusive_group()
    until.add_argument(
        "--seconds", type=arguments.seconds, default=plan.seconds, metavar="S", help="how long (%(default)s)"
    )
    until.add_argument("--operations", type=_calls, metavar="N", help="how many calls, instead of how long")
    parser.set_defaults(run=_run)


def _balance(text: str) -> Decimal:
    return Decimal("0.00") if text == "0" else arguments.amount(text)


def _calls(text: str) -> int:
    calls = arguments.positive(text)
    if calls > CALLS_MAX:
        raise argparse.ArgumentTypeError(f"expected at most {CALLS_MAX}, got {text}")
    return calls


async def _run(url: str, chosen: argparse.Namespace) -> int:
    plan = Plan(
        concurrent=chosen.concurrent,
        amount=chosen.amount,
        users=chosen.users,
        balance=chosen.balance,
        seconds=chosen.seconds,
        operations=chosen.operations,
        seed=chosen.seed,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    try:
        with Progress(sys.stderr, "stress", "" if plan.operations is None else "calls") as progress:
            done = await run(url, plan, stop=stop, on_progress=progress.update)
    finally:
        loop.remove_signal_handler(signal.SIGINT)  # the verdict may be interrupted like anything else
    promises, report = await verdict(url, done)
    print("\n".join(lines(done, promises, report)))  # noqa: T201 - the answer
    return 0 if all(promise.is_kept for promise in promises) else 1
