"""The run: one poller, then two, over the same open orders of one account, with SMS arriving at even chance.

Compared with looking at each order by itself every NAIVE_S, which needs no run: its requests are orders times seconds
over NAIVE_S, its delay is even between 0 and NAIVE_S, and that without the time a request takes. A delay is from the
moment the SMS was there at the provider to the transaction that wrote the code; provider, pollers and database share a
machine and its clock.
"""

import asyncio
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import httpx

from bench.figures import Finding, Goal, spread
from bench.polling.orders import Upstream, buy_upstream, insert_orders
from bench.wallet.server import BenchError, Server, started
from wallet_db.connect import connect, pool
from wallet_db.migrate import migrate

NAIVE_S = 3.0
START_S = 6.0
"""For the processes to be up before the first SMS."""
WITHIN_S = 15.0
"""After the last SMS, for its code to be there."""
SHARE_GOAL = 5.0
LOOKS = frozenset({"getActiveActivations", "getStatus", "getStatusV2"})


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    orders: int = 10_000
    sms: int = 300
    seconds: float = 10


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one. requests: looks, while SMS came; other: requests of other kinds. delays_s: one an SMS."""

    requests: int
    other: int
    delays_s: list[float]


async def measure(server: Server, plan: Plan, report: Callable[[str], None]) -> list[Finding]:
    """Both runs. Raises `BenchError` if a code was not delivered: then the figures mean nothing."""
    upstream = buy_upstream(plan.orders, time.time())
    session = await connect(server.url, "bench")
    try:
        await session.execute("create database polling")
        url = server.url_of("polling")
        await migrate(url)
        report(f"{plan.orders} orders are bought")
        async with pool(url, "bench", connections_max=2) as db:
            if await insert_orders(db, upstream) != plan.orders:
                raise BenchError("not all orders are pending")
        await session.execute("create database polling_by_two template polling")
    finally:
        await session.close()
    runs = []
    for pollers, name in ((1, "polling"), (2, "polling_by_two")):
        report(f"{plan.sms} SMS in {plan.seconds:g} s, pollers: {pollers}")
        runs.append(await _run(server.url_of(name), plan, upstream, pollers))
    return _findings(plan, *runs)


async def _run(url: str, plan: Plan, upstream: Upstream, pollers: int) -> Run:
    with tempfile.TemporaryDirectory(prefix="onesms-bench-") as directory:
        state_file, port = Path(directory) / "account.json", _free_port()
        begin_s = time.time() + START_S
        sms_at = upstream.write(state_file, sms=plan.sms, begin_s=begin_s, seconds=plan.seconds)
        environment = os.environ | {
            "DATABASE_URL": url,
            "DEMO": "0",
            "SMS_ACTIVATE_URL": f"http://127.0.0.1:{port}",
            "SMS_ACTIVATE_KEY": "demo",
        }
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}"))
            command = (sys.executable, "-m", "bench.polling.upstream", str(state_file), str(port))
            await stack.enter_async_context(started(*command, environment=environment))
            await _until_served(http)
            for _ in range(pollers):
                await stack.enter_async_context(started(sys.executable, "-m", "pollers", environment=environment))
            await asyncio.sleep(max(0.0, begin_s - time.time()))
            before = (await http.get("/count")).json()
            await asyncio.sleep(max(0.0, begin_s + plan.seconds - time.time()))
            after = (await http.get("/count")).json()
            delays_s = await _delays_s(url, sms_at, within_s=WITHIN_S)
        counts = {action: after[action] - before.get(action, 0) for action in after}
        looks = sum(count for action, count in counts.items() if action in LOOKS)
        return Run(looks, sum(counts.values()) - looks, delays_s)


async def _delays_s(url: str, sms_at: dict[str, float], *, within_s: float) -> list[float]:
    session = await connect(url, "bench")
    try:
        for _ in range(int(within_s / 0.25)):
            rows = await session.fetch(
                "select a.provider_order_id, extract(epoch from m.received_at)::float8 as at"
                " from sms_messages m join activations a on a.id = m.activation_id"
            )
            if len(rows) >= len(sms_at):
                return [row["at"] - sms_at[row["provider_order_id"]] for row in rows]
            await asyncio.sleep(0.25)
    finally:
        await session.close()
    raise BenchError(f"{len(rows)} of {len(sms_at)} codes were there {within_s:g} s after the last SMS")


def _findings(plan: Plan, alone: Run, by_two: Run) -> list[Finding]:
    naive = plan.orders * plan.seconds / NAIVE_S

    def one(title: str, unit: str, value: float, goal: Goal | None = None) -> Finding:
        return Finding(title, unit, spread([value]), goal)

    findings = [
        one(f"looking at {plan.orders:,} orders one by one every {NAIVE_S:g} s", "requests/s", naive / plan.seconds)
    ]
    for title, run in (("one poller", alone), ("two pollers", by_two)):
        findings += [
            one(f"{title}: looks", "requests/s", run.requests / plan.seconds),
            one(f"{title}: looks, of the one by one", "%", 100 * run.requests / naive, Goal("at most", SHARE_GOAL)),
            one(f"{title}: SMS to code, median", "s", median(run.delays_s), Goal("at most", NAIVE_S / 2)),
            one(f"{title}: SMS to code, p99", "s", quantiles(run.delays_s, n=100)[98]),
        ]
    # Two may begin their window at another point between two looks.
    findings.append(
        one("two pollers: looks more than one makes", "requests", by_two.requests - alone.requests, Goal("at most", 1))
    )
    return findings


async def _until_served(http: httpx.AsyncClient) -> None:
    for _ in range(200):
        try:
            await http.get("/count")
        except httpx.TransportError:
            await asyncio.sleep(0.05)
        else:
            return
    raise BenchError("the simulated provider did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
