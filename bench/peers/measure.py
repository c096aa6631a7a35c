"""The run: contestants take turns in every round, each round beginning with another one; then the writers alone."""

import resource
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from bench.delivery.clients import Face
from bench.peers.contract import Contestant, PeersMissing
from bench.peers.findings import Kind
from bench.peers.plan import Plan
from bench.peers.turn import SQL, Bench, Sample, turn
from bench.peers.writing import running_writers
from bench.wallet.contestants import Contestant as Script
from bench.wallet.measure import AWAKE
from bench.wallet.pgbench import turn as pgbench_turn
from bench.wallet.server import BenchError, Server, live_follower, session_on
from wallet_db.connect import pool

SPARE_DESCRIPTORS = 1_024
"""Beside the connections: the bench's own files, pipes and sessions."""
SCRIPTS: dict[Kind, str] = {
    "event": "event",
    "event, followed": "event",
    "row, silent": "silent",
    "row, notified": "row",
}

Report: TypeAlias = Callable[[float, str], None]
"""Told the share of the run that is behind us, and what comes next."""


async def install(contestants: Sequence[Contestant], cache: Path, note: Callable[[str], None]) -> dict[str, str]:
    """Have them all; returns versions by package. Raises `PeersMissing`, with everything that is missing at once."""
    lacking = {each.name: how for each in contestants if (how := each.lacks())}
    if lacking:
        raise PeersMissing(lacking)
    versions: dict[str, str] = {}
    for each in contestants:
        note(f"installing what {each.name} needs")
        try:
            versions |= await each.install(cache)
        except BenchError as error:
            raise PeersMissing({each.name: str(error)}) from error
    return versions


def raise_descriptors(connections: int) -> None:
    """Have as many file descriptors as so many connections need, here and in what is started. Raises `BenchError`.

    Twice as many, if they are to be had: who comes back at once is there before the server has seen that he was gone.
    """
    wanted = connections + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchError(
            f"{connections:,} connections need {wanted:,} file descriptors, and this shell's hard limit is {hard:,}:"
            f" raise it (ulimit -Hn, or LimitNOFILE), or ask for fewer --connections"
        )
    better = wanted + connections if hard == resource.RLIM_INFINITY else min(hard, wanted + connections)
    if soft != resource.RLIM_INFINITY and soft < better:
        resource.setrlimit(resource.RLIMIT_NOFILE, (better, hard))


@asynccontextmanager
async def bench_on(server: Server, users: int, cache: Path, database: str = "peers") -> AsyncIterator[Bench]:
    """A database with so many users and the peers' tables, and writers on it."""
    url = await server.create(database, "users", users=users)
    await server.psql(url, str(SQL / "messages"))
    async with pool(url, "bench", connections_max=2) as db, running_writers(url) as writers:
        yield Bench(server, url, db, writers, cache)


async def measure(
    bench: Bench, contestants: Sequence[Contestant], plan: Plan, report: Report
) -> dict[tuple[str, Face, int], list[Sample]]:
    """Everybody's samples. Raises `BenchError`."""
    turns = [(contestant, face, count) for count in plan.connections for contestant, face in plan.turns(contestants)]
    samples: dict[tuple[str, Face, int], list[Sample]] = {
        (contestant.name, face, count): [] for contestant, face, count in turns
    }
    done, total = 0, plan.rounds * len(turns)
    for number in range(plan.rounds):
        first = number * len(turns) // plan.rounds
        for contestant, face, count in turns[first:] + turns[:first]:
            report(done / total, f"round {number + 1} of {plan.rounds}: {contestant.name}, {face}, {count:,}")
            samples[contestant.name, face, count].append(await turn(bench, contestant, face, count, plan))
            done += 1
    return samples


async def measure_writers(bench: Bench, plan: Plan, users: int, report: Report) -> dict[Kind, list[float]]:
    """Transactions a second of 32 clients who do not wait: told of by a follower or NOTIFY, and not."""
    speeds: dict[Kind, list[float]] = {kind: [] for kind in SCRIPTS}
    kinds = list(SCRIPTS)
    async with session_on(bench.url) as session, session_on(bench.url) as listener:
        await session.execute("select pg_advisory_lock($1, $2)", *AWAKE)
        await listener.add_listener("peer_messages", lambda *_: None)
        for number in range(plan.rounds):
            report(number / plan.rounds, f"writers alone: round {number + 1} of {plan.rounds}")
            for kind in kinds[number % len(kinds) :] + kinds[: number % len(kinds)]:
                script = Script(kind, kind, str(SQL / SCRIPTS[kind]), clients=32, users=users)
                if kind == "event, followed":
                    await session.execute("select pg_advisory_unlock($1, $2)", *AWAKE)
                    async with live_follower(bench.url, session):
                        sample = await pgbench_turn(bench.server, bench.url, session, script, plan.writers_s)
                    await session.execute("select pg_advisory_lock($1, $2)", *AWAKE)
                else:
                    sample = await pgbench_turn(bench.server, bench.url, session, script, plan.writers_s)
                speeds[kind].append(sample.transactions_per_s)
    return speeds
