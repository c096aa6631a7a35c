"""The run itself: rounds of all contestants, the growth of the audit, the health view. Returns figures, prints nothing.

Contestants take turns, each round beginning with another one, so that none always follows the same. While no follower
is measured, an idle session holds the lock an awake follower would hold: no one is woken, and nobody else reads.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

from bench.figures import Finding, Goal, paired_ratios, spread
from bench.wallet.contestants import FREEZE, findings
from bench.wallet.pgbench import Sample, turn
from bench.wallet.plan import FOLLOWER_START_S, START_S, Plan
from bench.wallet.server import BenchError, Server, live_follower, session_on
from wallet_db.connect import Connection

AWAKE = (20307, 1)
HEALTH_SCANS = 5
HEALTH_LOOKS = 50

Report: TypeAlias = Callable[[float, str], None]
"""Told the seconds of the plan that are behind us, and what comes next."""


@dataclass(slots=True)
class Result:
    """Everything a run has found."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    """Of each contestant, one a round."""
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is not a figure beside a goal, but belongs beside the figures."""


async def measure(server: Server, plan: Plan, report: Report) -> Result:
    """Raises `BenchError`, also if a wallet is not in order afterwards: then the figures are worth nothing."""
    result = Result()
    report(0, "users and baselines")
    url = await server.create("bench", "users", users=max(contestant.users for contestant in plan.contestants))
    await server.psql(url, "baselines")
    async with session_on(url) as session:
        result.samples = await rounds(server, url, session, plan, report)
        await _check_books(session)
        result.notes.append(await _lost_updates(session))
    result.findings = ratios(result.samples)
    done_s = START_S + plan.rounds_s
    if plan.growth_pairs_per_user:
        result.findings.append(await _growth(server, plan, result, lambda s, note: report(done_s + s, note)))
    report(done_s + plan.growth_s, "v_frozen_balance_health")
    result.findings += await _health(server, plan)
    return result


def ratios(samples: Mapping[str, Sequence[Sample]]) -> list[Finding]:
    """What the contestants' rounds say, of all pairs that ran."""
    return findings(
        {
            figure: {name: [getattr(sample, figure) for sample in of_rounds] for name, of_rounds in samples.items()}
            for figure in Sample.__dataclass_fields__
        }
    )


async def rounds(server: Server, url: str, session: Connection, plan: Plan, report: Report) -> dict[str, list[Sample]]:
    """Each contestant's samples, one a round, on a database that has users and baselines."""
    contestants = plan.contestants
    samples: dict[str, list[Sample]] = {contestant.name: [] for contestant in contestants}
    done_s = float(START_S)
    await session.execute("select pg_advisory_lock($1, $2)", *AWAKE)
    for number in range(plan.rounds):
        first = number % len(contestants)
        for contestant in contestants[first:] + contestants[:first]:
            report(done_s, f"round {number + 1} of {plan.rounds}: {contestant.name}")
            if contestant.followed:
                await session.execute("select pg_advisory_unlock($1, $2)", *AWAKE)
                async with live_follower(url, session):
                    sample = await turn(server, url, session, contestant, plan.turn_s)
                await session.execute("select pg_advisory_lock($1, $2)", *AWAKE)
                done_s += FOLLOWER_START_S
            else:
                sample = await turn(server, url, session, contestant, plan.turn_s)
            samples[contestant.name].append(sample)
            done_s += plan.whole_turn_s
    return samples


async def _check_books(session: Connection) -> None:
    unwell = await session.fetchval("select count(*) from v_frozen_balance_health where status <> 'OK'")
    deadlocks = await session.fetchval("select deadlocks from pg_stat_database where datname = current_database()")
    if unwell or deadlocks:
        raise BenchError(f"after the rounds {unwell} wallets are not in order, and there were {deadlocks} deadlocks")


async def _lost_updates(session: Connection) -> str:
    held = await session.fetchval("select sum(amount) from peer_holds")
    frozen = await session.fetchval("select sum(frozen_balance) from peer_users")
    return (
        f"Of {held:,} held by the application statements, {held - frozen:,} is frozen nowhere: without a lock two of"
        " them read the same balance, and the later update undoes the earlier one's."
    )


async def _growth(server: Server, plan: Plan, result: Result, report: Report) -> Finding:
    """A freeze on a small and on a large audit, in turns, on two databases of the same server."""
    users = plan.growth_users
    rows = users * (1 + 2 * plan.growth_pairs_per_user)
    report(0, f"loading an audit of {rows:,} rows")
    small = await server.create("small", "users", users=users)
    large = await server.create("large", "users", users=users)
    await server.psql(large, "growth", users=users, pairs=plan.growth_pairs_per_user)
    contestants = {
        url: replace(FREEZE, name=name, title=f"atomic_freeze, an audit of {count:,} rows", users=users)
        for url, name, count in ((small, "audit_small", users), (large, "audit_large", rows))
    }
    turns_s = plan.rounds * plan.whole_turn_s
    async with session_on(small) as small_session, session_on(large) as large_session:
        sessions = {small: small_session, large: large_session}
        for session in sessions.values():
            await session.execute("select pg_advisory_lock($1, $2)", *AWAKE)
        for number in range(plan.rounds):
            report(plan.growth_s - 2 * turns_s * (1 - number / plan.rounds), f"growth: round {number + 1}")
            for url, contestant in list(contestants.items())[:: 1 if number % 2 else -1]:
                sample = await turn(server, url, sessions[url], contestant, plan.turn_s)
                result.samples.setdefault(contestant.name, []).append(sample)
    tps = {name: [sample.transactions_per_s for sample in samples] for name, samples in result.samples.items()}
    return Finding(
        f"freeze, audit of {rows / 1e6:.0f} M rows / of {users / 1e3:.0f} k",
        "x",
        spread(paired_ratios(tps["audit_large"], tps["audit_small"])),
        Goal("at least", 0.95),
    )


async def _health(server: Server, plan: Plan) -> list[Finding]:
    users, holds = plan.health_users, plan.health_holds_per_user
    url = await server.create("health", "health", users=users, holds=holds)
    size = f"{users * holds:,} holds, {users:,} users"
    async with session_on(url) as session:
        unwell = await session.fetchval("select count(*) from v_frozen_balance_health where status <> 'OK'")
        if unwell != 0:
            raise BenchError(f"expected every loaded wallet to be in order, {unwell} are not")
        scan = await session.prepare("select count(*) from v_frozen_balance_health where status <> 'OK'")
        look = await session.prepare("select * from v_frozen_balance_health where user_id = $1")
        ids = await session.fetch("select id from users where name like 'bench %' order by random() limit $1",
                                  HEALTH_LOOKS)  # fmt: skip
        scans_ms = [await _duration_ms(scan.fetch()) for _ in range(HEALTH_SCANS)]
        looks_ms = [await _duration_ms(look.fetch(row[0])) for row in ids]
    return [
        Finding(f"v_frozen_balance_health, {size}: all", "ms", spread(scans_ms), Goal("at most", 250)),
        Finding(f"v_frozen_balance_health, {size}: one user", "ms", spread(looks_ms), Goal("at most", 2)),
    ]


async def _duration_ms(statement: Awaitable[object]) -> float:
    began = time.perf_counter()
    await statement
    return (time.perf_counter() - began) * 1000


def as_json(samples: Mapping[str, Sequence[Sample]]) -> dict[str, Any]:
    """Each contestant's figures, a round after the other."""
    return {name: [asdict(sample) for sample in of_rounds] for name, of_rounds in samples.items()}
