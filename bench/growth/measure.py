"""The run: on each axis the sizes take turns, each on its database, with processes of its own; and what that says."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from bench.delivery.gateways import free_port
from bench.figures import Finding, paired_ratios, spread
from bench.growth.stand import AXES, Axis, Plan, Stand
from bench.peers.contestants.ours import Ours
from bench.peers.contract import Stage
from bench.peers.measure import Report, bench_on
from bench.peers.turn import Bench, Sample, close_all, flood, open_all, paced
from bench.stopping import cancel_on_sigterm
from bench.table import figure, table
from bench.wallet.server import BenchError, Server

Samples: TypeAlias = dict[tuple[str, int], list[Sample]]
"""By axis and size, one a round."""

SQL = Path(__file__).parent / "sql"


async def measure(server: Server, plan: Plan, report: Report) -> Samples:
    """All axes that the plan has sizes of. Raises `BenchError`."""
    cancel_on_sigterm()
    samples: Samples = {}
    axes = [axis for axis in AXES if plan.sizes.get(axis.name)]
    turns = plan.rounds * sum(len(plan.sizes[axis.name]) for axis in axes)
    done = 0
    for axis in axes:
        sizes = plan.sizes[axis.name]
        async with AsyncExitStack() as stack:
            benches: dict[str, Bench] = {}
            for size in sizes:
                stand = axis.stand(size)
                if stand.database not in benches:
                    report(done / turns, f"loading {size:,} {axis.title}")
                    benches[stand.database] = await _loaded(stack, server, axis, stand)
            for number in range(plan.rounds):
                for size in sizes if number % 2 else reversed(sizes):
                    report(done / turns, f"{size:,} {axis.title}, round {number + 1} of {plan.rounds}")
                    stand = axis.stand(size)
                    try:
                        sample = await _turn(benches[stand.database], stand, plan)
                    except (BenchError, OSError) as error:  # a timeout of asyncio's has no words
                        raise BenchError(f"{size:,} {axis.title}: {error or type(error).__name__}") from error
                    samples.setdefault((axis.name, size), []).append(sample)
                    done += 1
    return samples


async def _loaded(stack: AsyncExitStack, server: Server, axis: Axis, stand: Stand) -> Bench:
    """The stand's database, which is the axis' own: what one axis has written does not slow another."""
    database = f"{stand.database}_{axis.name}"
    bench = await stack.enter_async_context(bench_on(server, stand.users, Path(), database))
    for script, rows in (("events", stand.events), ("orders", stand.orders)):
        if each := rows // stand.users:
            await server.psql(bench.url, str(SQL / script), each=each)
    return bench


async def _turn(bench: Bench, stand: Stand, plan: Plan) -> Sample:
    sample: Sample = {}
    ours = Ours(gateways=stand.gateways)
    with TemporaryDirectory(prefix="onesms-growth-") as directory:
        stage = Stage(bench.url, bench.cache, Path(directory), free_port())
        async with ours.running(stage) as running:
            opened = await open_all(bench, ours, running, "ws", stand.connections, plan.settle_s, sample)
            sample |= await paced(opened, plan.rate, plan.rate_s)
            sample |= await flood(opened, plan.floods)
            close_all(opened.clients)
    for suffix in (f"@{plan.rate:g}", "@flood"):
        sample[f"cost_us{suffix}"] = sample[f"cpu_us{suffix}"] + sample[f"database_cpu_us{suffix}"]
    return sample


def findings(samples: Mapping[tuple[str, int], Sequence[Sample]], plan: Plan) -> list[Finding]:
    """The greatest size beside the least, of each axis."""
    rate = f"@{plan.rate:g}"
    told = []
    for axis in AXES:
        sizes = plan.sizes.get(axis.name, ())
        if len(sizes) < 2:
            continue
        least, greatest = samples[axis.name, sizes[0]], samples[axis.name, sizes[-1]]
        for title, name, goal in (
            (f"an event's CPU at {plan.rate:,.0f}/s, all processes and PostgreSQL", f"cost_us{rate}", axis.goal),
            ("… in a flood", "cost_us@flood", axis.goal),
            ("written to client, p50", f"p50_ms{rate}", None),
            ("connections taken a second", "connects_per_s", None),
        ):
            ratios = paired_ratios([each[name] for each in greatest], [each[name] for each in least])
            told.append(Finding(f"{sizes[-1]:,} {axis.title} / {sizes[0]:,}: {title}", "x", spread(ratios), goal))
    return told


def sizes_table(samples: Mapping[tuple[str, int], Sequence[Sample]], plan: Plan) -> str:
    """Medians of everything, a row for each size."""
    rate = f"@{plan.rate:g}"
    columns = {
        f"µs at {plan.rate:,.0f}/s": f"cost_us{rate}",
        "of it gateways": f"front_cpu_us{rate}",
        "PostgreSQL": f"database_cpu_us{rate}",
        "µs in a flood": "cost_us@flood",
        "gateways": "front_cpu_us@flood",
        "of PostgreSQL": "database_cpu_us@flood",
        "p50 ms": f"p50_ms{rate}",
        "p99 ms": f"p99_ms{rate}",
        "KB idle": "memory_kb",
        "connects/s": "connects_per_s",
    }
    titles = {axis.name: axis.title for axis in AXES}
    rows = [
        (f"{size:,} {titles[name]}", *(figure(spread([each[c] for each in of]).median) for c in columns.values()))
        for name, sizes in plan.sizes.items()
        for size in sizes
        if (of := samples.get((name, size)))
    ]
    return table(("an event's cost", *columns), rows)
