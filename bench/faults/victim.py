"""A worker in a process of its own that is killed at its point: no handler runs, nothing is said goodbye to.

Forked from a server that has everything imported and no connection open, so that a death costs milliseconds.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
from multiprocessing.context import ForkServerContext

import structlog

from bench.faults.point import Cutter, Fault
from bench.faults.ware import Job
from bench.faults.worker import Control, kind_of, work

DEADLINE_S = 30.0


def nursery() -> ForkServerContext:
    """Where victims are born."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.faults.victim"])
    return context


def kill(
    context: ForkServerContext,
    url: str,
    base_url: str,
    kind: str,
    job: Job,
    nth: int,
    fault: Fault,
    control: Control | None,
    refused_by: str | None,
) -> bool:
    """Work on the order in a process that is killed at this point. False: the work ended before. Blocks.

    Raises RuntimeError if the process ended otherwise, or not in time.
    """
    said = (url, base_url, kind, job, nth, fault, control, refused_by)
    victim = context.Process(target=_die_at, args=said, daemon=True)
    victim.start()
    victim.join(DEADLINE_S)
    if victim.exitcode not in (0, -signal.SIGKILL):
        victim.kill()
        raise RuntimeError(f"expected the worker to be killed at step {nth}, it ended with {victim.exitcode}")
    return victim.exitcode != 0


def _die_at(
    url: str,
    base_url: str,
    kind: str,
    job: Job,
    nth: int,
    fault: Fault,
    control: Control | None,
    refused_by: str | None,
) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    cutter = Cutter(nth, fault, lambda: os.kill(os.getpid(), signal.SIGKILL))
    asyncio.run(work(url, base_url, kind_of(kind), job, cutter, control, refused_by))
