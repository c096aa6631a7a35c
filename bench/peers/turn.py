"""One turn: one contestant over one transport does everything once, and is looked at from outside.

What is counted of a contestant is its own processes; PostgreSQL's, the writers' and the clients' are counted apart. A
figure that cannot be had (a floor without a server has no memory) is left out of the sample.
"""

import asyncio
import secrets
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bench.delivery.clients import WITHIN_S, Face, Stream, Subscriber, Tally, all_ready
from bench.delivery.gateways import free_port
from bench.peers.contract import Contestant, EventsLost, Running, Stage, Write
from bench.peers.plan import Plan
from bench.peers.writing import FLOODS, PAYLOAD, USER, Order, Writers, arrived
from bench.processor import cpu_s, memory_bytes, with_children
from bench.wallet.pgbench import parse_report
from bench.wallet.server import BenchError, Server, run
from wallet_db.connect import Pool

Sample: TypeAlias = dict[str, float]
"""A round's figures by name: `memory_kb`, `p99_ms@1000`, …"""

WARM_UP = 200
"""Connections, or a tenth of all, that come and go before memory is first looked at: what a process allocates once is
not theirs."""
WRITERS = 32
MISSED_WITHIN_S = 2.0
QUIET_S = 0.1
QUIET_SHARE = 0.1
"""Of a processor: who uses less has nothing to do."""
QUIET_LOOKS_MAX = 100
PORTS_PER_ADDRESS = 10_000
SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Bench:
    """What all turns share."""

    server: Server
    url: str
    db: Pool
    writers: Writers
    cache: Path


@dataclass(frozen=True, slots=True)
class Opened:
    """A contestant with its clients connected."""

    bench: Bench
    write: Write
    running: Running
    clients: Sequence[Subscriber]
    tally: Tally
    users: int


@dataclass(frozen=True, slots=True)
class Used:
    """Of the processor, in seconds."""

    all_s: float
    front_s: float
    database_s: float
    bench_s: float
    """Of this process: the clients'."""

    @classmethod
    def until_now(cls, bench: Bench, running: Running) -> "Used":
        """Since each process began."""
        front_s = cpu_s(with_children(running.front))
        return cls(front_s + cpu_s(with_children(running.behind)), front_s, bench.server.cpu_s(), time.process_time())

    def since(self, before: "Used") -> "Used":
        """The difference."""
        return Used(
            self.all_s - before.all_s,
            self.front_s - before.front_s,
            self.database_s - before.database_s,
            self.bench_s - before.bench_s,
        )

    def figures(self, events: int, suffix: str) -> Sample:
        """Microseconds for an event; what is nothing is left out."""
        named = {"cpu_us": self.all_s, "front_cpu_us": self.front_s, "database_cpu_us": self.database_s}
        return {name + suffix: used_s * 1e6 / events for name, used_s in named.items() if used_s > 0}


async def turn(bench: Bench, contestant: Contestant, face: Face, connections: int, plan: Plan) -> Sample:
    """Everything, in order. Raises `BenchError` if it does not start, or loses a connection.

    A peer that loses events, which none of them rules out, has `lost_events` and no figures from there on; ours keeps
    its events, so a lost one is a fault and ends the run.
    """
    sample: Sample = {}
    try:
        with tempfile.TemporaryDirectory(prefix="onesms-peers-") as directory:
            stage = Stage(bench.url, bench.cache, Path(directory), free_port())
            async with contestant.running(stage) as running:
                opened = await open_all(bench, contestant, running, face, connections, plan.settle_s, sample)
                for rate in plan.rates:
                    sample |= await paced(opened, rate, plan.rate_s)
                sample |= await flood(opened, plan.floods)
                if plan.sustained_s:
                    sample |= await sustained(opened, plan.sustained_s)
                if plan.back and running.front:
                    sample |= await come_back(opened)
                close_all(opened.clients)
                if plan.fan_outs and running.front and face != "poll":
                    sample |= await fan_out(opened, face, plan.fan_outs)
    except EventsLost as lost:
        if contestant.write == "event":
            raise BenchError(f"{contestant.name} over {face}: {lost}") from lost
        sample["lost_events"] = lost.missing
    except BenchError as error:
        raise BenchError(f"{contestant.name} over {face}: {error}") from error
    return sample


async def open_all(
    bench: Bench,
    contestant: Contestant,
    running: Running,
    face: Face,
    connections: int,
    settle_s: float,
    sample: Sample,
) -> Opened:
    """A connection for each of so many users; adds `memory_kb` and `connects_per_s` to the sample."""
    clients_count = min(connections, contestant.connections_max or connections)
    before = 0
    if running.front:
        warm = Tally()
        first = _clients(running, face, min(WARM_UP, clients_count // 10), warm)
        await all_ready(first, warm)
        close_all(first)
        await _settled(running, settle_s)
        before = memory_bytes(with_children(running.processes))
    tally = Tally()
    clients = _clients(running, face, clients_count, tally)
    began = time.monotonic()
    await all_ready(clients, tally)
    if running.front:
        sample["connects_per_s"] = clients_count / (time.monotonic() - began)
        await _settled(running, settle_s)
        grown = memory_bytes(with_children(running.processes)) - before
        if grown > 0:  # a few connections may fit into what those before them have left
            sample["memory_kb"] = grown / clients_count / 1024
    return Opened(bench, contestant.write, running, clients, tally, connections)


async def _settled(running: Running, settle_s: float) -> None:
    """So long, and until it has nothing more to do: what came before is not to be measured with what follows."""
    await asyncio.sleep(settle_s)
    for _ in range(QUIET_LOOKS_MAX):
        before = cpu_s(with_children(running.processes))
        await asyncio.sleep(QUIET_S)
        if cpu_s(with_children(running.processes)) - before < QUIET_SHARE * QUIET_S:
            return


def _clients(running: Running, face: Face, count: int, tally: Tally, *, user: int | None = None) -> list[Subscriber]:
    return [
        running.client(face, USER.format(user or number + 1), tally, f"127.0.0.{2 + number // PORTS_PER_ADDRESS}")
        for number in range(count)
    ]


def close_all(clients: Sequence[Subscriber]) -> None:
    """For good."""
    for client in clients:
        client.close()


async def paced(opened: Opened, rate: float, seconds: float) -> Sample:
    """Events at an even rate: how late each comes, and what it costs."""
    bench, tally = opened.bench, opened.tally
    order = Order(opened.write, secrets.token_hex(4), opened.users, rate, seconds)
    tally.arrivals = {}
    before, began = Used.until_now(bench, opened.running), time.monotonic()
    written = await bench.writers.write(order, tally)
    took_s = time.monotonic() - began
    used = Used.until_now(bench, opened.running).since(before)
    arrivals, tally.arrivals = tally.arrivals, None
    _expect_none_lost(tally)
    at = [arrivals[order.transaction_id(number)] for number in range(len(written.sent))]
    whole_ms = sorted((there - sent) * 1000 for there, sent in zip(at, written.sent, strict=True))
    commit_ms = sorted((there - done) * 1000 for there, done in zip(at, written.acknowledged, strict=True))
    suffix = f"@{rate:g}"
    return {
        f"rate{suffix}": written.rate,
        **{f"{name}_ms{suffix}": quantile(whole_ms, share) for name, share in SHARES.items()},
        **{f"commit_{name}_ms{suffix}": quantile(commit_ms, share) for name, share in SHARES.items()},
        **used.figures(len(at), suffix),
        f"clients_share{suffix}": used.bench_s / took_s,
        f"writers_share{suffix}": written.cpu_s / took_s,
    }


SHARES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}


def quantile(ordered: Sequence[float], share: float) -> float:
    """The least value that so great a share does not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def flood(opened: Opened, turns: int) -> Sample:
    """An event for every user in one transaction, several times: what delivering costs when there is no lack of it."""
    events, users = turns * opened.users, [USER.format(user + 1) for user in range(opened.users)]
    await _write_to(opened, users, 0, opened.tally, opened.users)  # the first is dearer
    before, began = Used.until_now(opened.bench, opened.running), time.monotonic()
    for number in range(turns):
        await _write_to(opened, users, number, opened.tally, opened.users)
    took_s = time.monotonic() - began
    used = Used.until_now(opened.bench, opened.running).since(before)
    _expect_none_lost(opened.tally)
    if opened.running.front and used.front_s <= 0:
        raise BenchError("its processes did nothing, so others of it did: they are not counted")
    figures = used.figures(events, "@flood")
    if used.all_s > 0:
        figures["per_core_s"] = events / used.all_s
    return {"flood_per_s": events / took_s, "clients_share@flood": used.bench_s / took_s, **figures}


async def fan_out(opened: Opened, face: Face, turns: int) -> Sample:
    """One user's event to as many connections as there were, several times: how other servers' figures are taken."""
    tally = Tally()
    clients = _clients(opened.running, face, len(opened.clients), tally, user=1)
    await all_ready(clients, tally)
    await _write_to(opened, [USER.format(1)], 0, tally, len(clients))  # the first is dearer
    before = Used.until_now(opened.bench, opened.running)
    for number in range(turns):
        await _write_to(opened, [USER.format(1)], number, tally, len(clients))
    used = Used.until_now(opened.bench, opened.running).since(before)
    _expect_none_lost(tally)
    close_all(clients)
    return used.figures(turns * len(clients), "@fan_out")


async def sustained(opened: Opened, seconds: float) -> Sample:
    """Writers who do not wait, a transaction for each event: events a second, until the last has arrived."""
    bench = opened.bench
    before, expected, began = Used.until_now(bench, opened.running), opened.tally.events, time.monotonic()
    output = await run(
        bench.server.bin_dir / "pgbench", "--no-vacuum", "--protocol=prepared", f"--client={WRITERS}", "--jobs=1",
        f"--time={seconds:.0f}", f"--define=users={opened.users}", f"--file={SQL / f'{opened.write}.sql'}", bench.url,
    )  # fmt: skip
    events = int(parse_report(output).scripts)
    await arrived(opened.tally, expected + events)
    took_s = time.monotonic() - began
    used = Used.until_now(bench, opened.running).since(before)
    _expect_none_lost(opened.tally)
    return {
        "sustained_per_s": events / took_s,
        "clients_share@sustained": used.bench_s / took_s,
        **used.figures(events, "@sustained"),
    }


async def come_back(opened: Opened) -> Sample:
    """Everybody's line is cut, everybody misses an event, and comes back at once: how fast, and who has it then.

    A contestant without memory of what was sent has nothing to give; its `missed_percent` says so.
    """
    away, again = Tally(), Tally()
    streams = [client for client in opened.clients if isinstance(client, Stream)]
    for stream in streams:
        stream.tally = away
        stream.cut()
    await away.until(lambda seen: seen.lost == len(streams), WITHIN_S)
    await _write_to(opened, [USER.format(user + 1) for user in range(opened.users)], 0, away, 0)
    for stream in streams:
        stream.tally = again
    began = time.monotonic()
    await all_ready(streams, again)
    took_s = time.monotonic() - began
    try:
        await again.until(lambda seen: seen.events >= len(streams), MISSED_WITHIN_S)
        took_s = time.monotonic() - began
    except TimeoutError:
        pass  # told below
    return {"backs_per_s": len(streams) / took_s, "missed_percent": 100 * (1 - again.events / len(streams))}


async def _write_to(opened: Opened, users: Sequence[str], number: int, tally: Tally, expected: int) -> None:
    """An event for each of these users in one transaction, and wait until the tally has so many more."""
    before = tally.events
    payload = PAYLOAD.replace("TURN", f"flood-{number}")
    try:
        await opened.bench.db.execute(FLOODS[opened.write], users, payload, timeout=WITHIN_S)
    except TimeoutError:
        raise BenchError(f"{len(users)} events were not committed within {WITHIN_S:.0f} s") from None
    await arrived(tally, before + expected)


def _expect_none_lost(tally: Tally) -> None:
    if tally.lost:
        raise BenchError(f"{tally.lost} connections were lost")
