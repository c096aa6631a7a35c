"""The run: connections at rest, events at an even rate, and everybody back at once after a kill.

One gateway, one follower and the embedded PostgreSQL, all on this machine with the clients and writers beside them; so
a busy machine shows in every figure, and the bare LISTEN session of the same run says how busy it was.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import quantiles
from uuid import UUID, uuid4

import psutil

from bench.delivery.clients import WITHIN_S, Client, Face, Tally, all_ready
from bench.delivery.gateways import all_answer, free_port, ready_gateway
from bench.delivery.writers import held_open, listen, write
from bench.figures import Finding, Goal, spread
from bench.processor import cpu_s
from bench.wallet.server import BenchError, Server, started
from gateway.auth import Authenticator
from wallet_db.connect import Pool, connect, pool
from wallet_db.migrate import migrate

WARM_UP = 200
"""Connections that come and go before memory is first looked at: what a process allocates once is not theirs."""
SETTLED_S = 1.0
FLOODS = 10
FAN_OUTS = 20
PAYLOAD = (
    '{"balance": "36.00", "frozen": "5.00", "available": "31.00", "operation": "deposit", "amount": "0.01",'
    ' "transaction_id": "flood TURN"}'
)
"""Like a deposit's."""
MEMORY_GOAL_KB = {"ws": 8.0, "sse": 12.0, "poll": 12.0}
CPU_GOAL_US = {"ws": 10.0, "sse": 13.0}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    connections: int = 5_000
    rate: float = 1_000
    seconds: float = 5
    rounds: int = 3
    gateways: int = 2
    """On one port, for the clients that come back once more."""
    faces: tuple[Face, ...] = ("ws", "sse", "poll")


@dataclass(slots=True)
class Figures:
    """Of one face, a number a round."""

    memory_kb: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    fan_out_us: list[float] = field(default_factory=list)
    flood_us: list[float] = field(default_factory=list)
    flood_s: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    p999_ms: list[float] = field(default_factory=list)
    held_p50_ms: list[float] = field(default_factory=list)
    held_p99_ms: list[float] = field(default_factory=list)
    floor_p50_ms: list[float] = field(default_factory=list)
    floor_p99_ms: list[float] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    queries: list[float] = field(default_factory=list)
    shared_back_s: list[float] = field(default_factory=list)
    shared_queries: list[float] = field(default_factory=list)


async def measure(server: Server, plan: Plan, report: Callable[[str], None]) -> list[Finding]:
    """All faces. Raises `BenchError` if an event or a connection was lost: then the figures mean nothing."""
    session = await connect(server.url, "bench")
    await session.execute("create database delivery")
    await session.close()
    url = server.url_of("delivery")
    await migrate(url)
    secret = secrets.token_hex(32)
    users = [str(uuid4()) for _ in range(plan.connections)]
    findings: list[Finding] = []
    async with pool(url, "bench", connections_max=12) as db:
        await db.execute("insert into users (id) select unnest($1::text[])::uuid", users)
        environment = os.environ | {"DATABASE_URL": url, "BUS": "postgres", "JWT_SECRET": secret}
        async with started(sys.executable, "-m", "notifier", environment=environment):
            for face in plan.faces:
                figures = Figures()
                for number in range(plan.rounds):
                    report(f"{face}: round {number + 1} of {plan.rounds}")
                    await _round(db, plan, face, users, environment, Authenticator(secret), figures)
                    if face in CPU_GOAL_US:
                        await _fan_out(db, plan, face, users[0], environment, Authenticator(secret), figures)
                findings += _findings(face, plan, figures)
    return findings


async def _round(
    db: Pool,
    plan: Plan,
    face: Face,
    users: Sequence[str],
    environment: dict[str, str],
    authenticator: Authenticator,
    figures: Figures,
) -> None:
    port = free_port()
    tally = Tally()
    clients = [Client(face, port, _token(authenticator, user), tally) for user in users]
    async with ready_gateway(port, environment) as gateway:
        warm = Tally()
        first = [Client(face, port, _token(authenticator, user), warm) for user in users[:WARM_UP]]
        await all_ready(first, warm)
        for client in first:
            client.close()
        await asyncio.sleep(SETTLED_S)
        before = gateway.memory_full_info().uss
        await all_ready(clients, tally)
        await asyncio.sleep(SETTLED_S)
        figures.memory_kb.append((gateway.memory_full_info().uss - before) / len(clients) / 1024)

        used = cpu_s([gateway])
        late_ms, floor = await asyncio.gather(
            _delays_ms(db, plan, users, tally), listen(db, rate=20, seconds=plan.seconds)
        )
        figures.cpu_us.append((cpu_s([gateway]) - used) * 1e6 / len(late_ms))
        cuts = quantiles(late_ms, n=1000)
        figures.p50_ms.append(cuts[499])
        figures.p99_ms.append(cuts[989])
        figures.p999_ms.append(cuts[998])
        floor_cuts = quantiles([late * 1000 for late in floor], n=100)
        figures.floor_p50_ms.append(floor_cuts[49])
        figures.floor_p99_ms.append(floor_cuts[98])
        async with held_open(db, users[0]):
            held = quantiles(await _delays_ms(db, plan, users[1:], tally), n=100)
        figures.held_p50_ms.append(held[49])
        figures.held_p99_ms.append(held[98])
        cpu_us, events_s = await _flood(db, users, FLOODS, len(users), tally, gateway)
        figures.flood_us.append(cpu_us)
        figures.flood_s.append(events_s)
        if tally.lost:
            raise BenchError(f"{tally.lost} connections were lost")
        gateway.kill()
        await tally.until(lambda seen: seen.lost == len(clients), WITHIN_S)
    await _come_back(db, clients, port, environment, 1, figures.back_s, figures.queries)
    if plan.gateways > 1:
        await _come_back(db, clients, port, environment, plan.gateways, figures.shared_back_s, figures.shared_queries)
    for client in clients:
        client.close()


async def _come_back(
    db: Pool,
    clients: Sequence[Client],
    port: int,
    environment: dict[str, str],
    gateways: int,
    seconds: list[float],
    queries: list[float],
) -> None:
    """All clients at once, to gateways that have just begun; and then they are killed."""
    again = Tally()
    for client in clients:
        client.tally = again
    await asyncio.sleep(2 * SETTLED_S)  # until the sessions of what was before have reported it
    before = await _queries(db)
    async with AsyncExitStack() as stack:
        shared = environment | {"PORT_SHARED": str(int(gateways > 1))}
        running = [await stack.enter_async_context(ready_gateway(port, shared)) for _ in range(gateways)]
        await all_answer(port, gateways)
        began = time.monotonic()
        await all_ready(clients, again)
        seconds.append(time.monotonic() - began)
        if again.resumed != len(clients):
            raise BenchError(f"{len(clients) - again.resumed} clients came back and could not resume")
        await asyncio.sleep(2 * SETTLED_S)  # until the sessions have reported what they did
        queries.append(await _queries(db) - before)
        for each in running:
            each.kill()
        await again.until(lambda seen: seen.lost == len(clients), WITHIN_S)


async def _fan_out(
    db: Pool,
    plan: Plan,
    face: Face,
    user: str,
    environment: dict[str, str],
    authenticator: Authenticator,
    figures: Figures,
) -> None:
    """One user's events to all connections at once, which is how other servers' figures are taken."""
    port = free_port()
    tally = Tally()
    clients = [Client(face, port, _token(authenticator, user), tally) for _ in range(plan.connections)]
    async with ready_gateway(port, environment | {"CONNECTIONS_PER_USER_MAX": "0"}) as gateway:
        await all_ready(clients, tally)
        await _flood(db, [user], 1, len(clients), tally, gateway)  # the first is dearer
        cpu_us, _ = await _flood(db, [user], FAN_OUTS, len(clients), tally, gateway)
        figures.fan_out_us.append(cpu_us)
        for client in clients:
            client.close()


async def _delays_ms(db: Pool, plan: Plan, users: Sequence[str], tally: Tally) -> list[float]:
    """From the commit's acknowledgement to the client, of every event of an even rate."""
    tally.arrivals = {}
    delivered = tally.events
    committed = await write(db, users, rate=plan.rate, seconds=plan.seconds, name=secrets.token_hex(4))
    try:
        await tally.until(lambda seen: seen.events - delivered >= len(committed), WITHIN_S)
    except TimeoutError:
        raise BenchError(f"{len(committed) - (tally.events - delivered)} events did not arrive") from None
    arrivals, tally.arrivals = tally.arrivals, None
    return [(arrivals[each] - at) * 1000 for each, at in committed.items()]


async def _flood(
    db: Pool, users: Sequence[str], turns: int, connections: int, tally: Tally, gateway: psutil.Process
) -> tuple[float, float]:
    """An event for everybody, several times: what delivering costs when there is no lack of it.

    Returns the gateway's CPU microseconds for a delivered event, and events a second.
    """
    used, delivered, began = cpu_s([gateway]), tally.events, time.monotonic()
    for turn in range(turns):
        await db.execute(
            "select append_event(id::uuid, 'balance.changed', $2::text::jsonb) from unnest($1::text[]) as id",
            users,
            PAYLOAD.replace("TURN", str(turn)),
            timeout=WITHIN_S,
        )
    total = turns * connections
    try:
        await tally.until(lambda seen: seen.events - delivered >= total, WITHIN_S)
    except TimeoutError:
        raise BenchError(f"{total - (tally.events - delivered)} events of the flood did not arrive") from None
    return (cpu_s([gateway]) - used) * 1e6 / total, total / (time.monotonic() - began)


def _findings(face: Face, plan: Plan, figures: Figures) -> list[Finding]:
    many = f"{plan.connections:,} connections"
    fan_out = [
        Finding(f"{face}: gateway's CPU for a delivered event, one to {many}", "µs", spread(figures.fan_out_us),
                Goal("at most", CPU_GOAL_US[face])),
    ] if figures.fan_out_us else []  # fmt: skip
    return [
        Finding(f"{face}: memory of an idle connection, {many}", "KB", spread(figures.memory_kb),
                Goal("at most", MEMORY_GOAL_KB[face])),
        *fan_out,
        Finding(f"{face}: gateway's CPU for a delivered event, each of another user", "µs", spread(figures.flood_us)),
        Finding(f"{face}: events a second in a flood, database and clients included", "", spread(figures.flood_s)),
        Finding(f"{face}: gateway's CPU for an event at {plan.rate:,.0f}/s", "µs", spread(figures.cpu_us)),
        Finding(f"{face}: commit to client at {plan.rate:,.0f}/s, p50", "ms", spread(figures.p50_ms),
                Goal("at most", 2.0)),
        Finding(f"{face}: commit to client, p99", "ms", spread(figures.p99_ms), Goal("at most", 10.0)),
        Finding(f"{face}: commit to client, p99.9", "ms", spread(figures.p999_ms)),
        Finding(f"{face}: commit to client beside a transaction open for {plan.seconds:g} s, p50", "ms",
                spread(figures.held_p50_ms)),
        Finding(f"{face}: commit to client beside it, p99", "ms", spread(figures.held_p99_ms)),
        Finding("bare LISTEN session in the same run, p50", "ms", spread(figures.floor_p50_ms)),
        Finding("bare LISTEN session in the same run, p99", "ms", spread(figures.floor_p99_ms)),
        Finding(f"{face}: {many} back at once after a kill", "s", spread(figures.back_s), Goal("at most", 3.0)),
        Finding(f"{face}: transactions of the database for that", "", spread(figures.queries)),
        *([
            Finding(f"{face}: back at once to {plan.gateways} gateways on one port", "s", spread(figures.shared_back_s),
                    Goal("at most", 3.0)),
            Finding(f"{face}: transactions of the database for that", "", spread(figures.shared_queries)),
        ] if figures.shared_back_s else []),
    ]  # fmt: skip


async def _queries(db: Pool) -> int:
    count: int = await db.fetchval("select xact_commit from pg_stat_database where datname = current_database()")
    return count


def _token(authenticator: Authenticator, user: str) -> str:
    return authenticator.issue(UUID(user))
