"""What the samples of a run say: one table of everybody's figures, and ratios with their goals. Pure.

A ratio pairs two contestants' figures of the same round and the same transport; below 1 we take less, or are sooner,
where the figure is a cost or a delay; above 1 we do more, where it is a speed. The bare LISTEN session is compared with
every transport.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bench.delivery.clients import Face
from bench.figures import Finding, Goal, paired_ratios, spread
from bench.peers.turn import Sample
from bench.table import figure, table

Key: TypeAlias = tuple[str, Face, int]
"""Contestant, transport, connections."""
Samples: TypeAlias = Mapping[Key, Sequence[Sample]]
"""One a round."""

OURS = "ours"
FLOOR = "listen"
GOAL_RATE = 1_000
HIGH_RATE = 5_000
REACHED = 0.95
"""Of a rate: from here on it counts as reached."""


@dataclass(frozen=True, slots=True)
class Column:
    """Of the table of everybody's figures."""

    title: str
    figure: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A ratio of ours to a peer's."""

    title: str
    figure: str
    goal: Goal | None = None
    """For every peer that `goals` does not name."""
    goals: Mapping[tuple[str, Face], Goal] | None = None
    with_floor: bool = False


CPU_GOALS: Mapping[tuple[str, Face], Goal] = {
    ("nchan", "ws"): Goal("at most", 0.6),
    ("node-ws", "ws"): Goal("at most", 0.6),
}
MEMORY_GOALS: Mapping[tuple[str, Face], Goal] = {
    ("nchan", "ws"): Goal("at most", 0.7),
    ("nchan", "sse"): Goal("at most", 1.0),
    ("nchan", "poll"): Goal("at most", 1.0),
}
AHEAD = Goal("at most", 1.0)
MORE = Goal("at least", 1.0)

COLUMNS = (
    Column(f"CPU µs at {GOAL_RATE:,}/s", f"cpu_us@{GOAL_RATE}"),
    Column(f"at {HIGH_RATE:,}/s", f"cpu_us@{HIGH_RATE}"),
    Column("sustained", "cpu_us@sustained"),
    Column("in a flood", "cpu_us@flood"),
    Column("its front", "front_cpu_us@flood"),
    Column("one to all", "cpu_us@fan_out"),
    Column("per core·s", "per_core_s"),
    Column("sustained/s", "sustained_per_s"),
    Column("KB idle", "memory_kb"),
    Column("connects/s", "connects_per_s"),
    Column("back/s", "backs_per_s"),
    Column("missed %", "missed_percent"),
)

MEASURES = (
    Measure("CPU, one to all", "cpu_us@fan_out", goals=CPU_GOALS),
    Measure("CPU, each of another user", "cpu_us@flood", goals=CPU_GOALS),
    Measure(f"CPU at {GOAL_RATE:,}/s", f"cpu_us@{GOAL_RATE}", goals=CPU_GOALS),
    Measure(f"CPU at {HIGH_RATE:,}/s", f"cpu_us@{HIGH_RATE}", goals=CPU_GOALS),
    Measure("CPU, sustained", "cpu_us@sustained", goals=CPU_GOALS),
    Measure("memory of an idle connection", "memory_kb", goals=MEMORY_GOALS),
    Measure(f"p50 at {GOAL_RATE:,}/s", f"p50_ms@{GOAL_RATE}", goals={(FLOOR, "ws"): Goal("at most", 1.5)},
            with_floor=True),
    Measure(f"p99 at {GOAL_RATE:,}/s", f"p99_ms@{GOAL_RATE}", goal=AHEAD),
    Measure("sustained events/s", "sustained_per_s", goal=MORE),
    Measure("connections taken a second", "connects_per_s"),
)  # fmt: skip


def findings(samples: Samples) -> list[Finding]:
    """All ratios of ours to a peer's that the samples have both sides of."""
    told = []
    for measure in MEASURES:
        for (name, face, connections), ours in samples.items():
            if name != OURS:
                continue
            for (peer, peer_face, peer_connections), theirs in samples.items():
                floor = peer == FLOOR
                if peer == OURS or peer_connections != connections or not (floor or peer_face == face):
                    continue
                if floor and not measure.with_floor:
                    continue
                over, under = _of(ours, measure.figure), _of(theirs, measure.figure)
                if not over or len(over) != len(under) or min(*over, *under) <= 0:
                    continue
                title = f"{measure.title}: ours / {peer}, {face}, {connections:,} connections"
                told.append(Finding(title, "x", spread(paired_ratios(over, under)), _goal(measure, peer, peer_face)))
    return told


def _goal(measure: Measure, peer: str, face: Face) -> Goal | None:
    return (measure.goals or {}).get((peer, face), measure.goal)


def _of(samples: Sequence[Sample], name: str) -> list[float]:
    return [sample[name] for sample in samples if name in sample]


def figures_table(samples: Samples, connections: int) -> str:
    """Everybody's medians with so many connections; a column that nobody has is left out."""
    keys = [key for key in samples if key[2] == connections]
    columns = [column for column in COLUMNS if any(_of(samples[key], column.figure) for key in keys)]
    rows = [(f"{key[0]}, {key[1]}", *(_cell_at(samples[key], column.figure) for column in columns)) for key in keys]
    return table((f"{connections:,} connections", *(column.title for column in columns)), rows)


def totals_table(samples: Samples, connections: int) -> str:
    """Everybody's CPU with PostgreSQL's: who has the database do more takes less itself."""
    loads = {f"at {GOAL_RATE:,}/s": f"{GOAL_RATE}", f"at {HIGH_RATE:,}/s": f"{HIGH_RATE}"}
    loads |= {"sustained": "sustained", "in a flood": "flood"}
    rows = []
    for (name, face, count), of_rounds in samples.items():
        parts = [
            (_of(of_rounds, f"cpu_us@{load}"), _of(of_rounds, f"database_cpu_us@{load}")) for load in loads.values()
        ]
        if count == connections and any(own and database for own, database in parts):
            rows.append((f"{name}, {face}", *(_sum(own, database) for own, database in parts)))
    return table((f"{connections:,} connections: CPU µs, its own + PostgreSQL's", *loads), rows)


def _sum(own: Sequence[float], database: Sequence[float]) -> str:
    if not own or not database:
        return ""
    mine, beside = spread(own).median, spread(database).median
    return f"{figure(mine)} + {figure(beside)} = {figure(mine + beside)}"


def delays_table(samples: Samples, rates: Sequence[float], *, committed: bool) -> str:
    """How late an event comes at each rate, in ms, medians: after its statement was sent, or after the commit's answer.

    Where less than the rate was reached, it says how much: then the delay is that of a lower rate.
    """
    prefix = "commit_" if committed else ""
    head = ["commit to client, ms" if committed else "written to client, ms"]
    head += [f"{share} at {rate:,.0f}/s" for rate in rates for share in ("p50", "p99", "p99.9")]
    rows = []
    for (name, face, connections), of_rounds in samples.items():
        cells = [f"{name}, {face}, {connections:,}"]
        for rate in rates:
            cells += [_cell(of_rounds, f"{prefix}{share}_ms@{rate:g}") for share in ("p50", "p99", "p999")]
            cells[-3] += _instead(of_rounds, f"{rate:g}")
        rows.append(cells)
    return table(head, rows)


def _cell_at(samples: Sequence[Sample], name: str) -> str:
    cell = _cell(samples, name)
    return cell + _instead(samples, name.partition("@")[2]) if cell else ""


def _instead(samples: Sequence[Sample], load: str) -> str:
    """What was reached of a rate, if it was not the rate."""
    reached = _of(samples, f"rate@{load}")
    if not reached or spread(reached).median >= REACHED * float(load):
        return ""
    return f" (at {spread(reached).median:,.0f}/s)"


def _cell(samples: Sequence[Sample], name: str) -> str:
    values = _of(samples, name)
    return figure(spread(values).median) if values else ""


def warnings(samples: Samples, limit: float = 0.8) -> list[str]:
    """Who has lost events, and where the bench itself may have been what was measured: it took most of a processor."""
    told = [
        f"{name}, {face}, {connections:,} connections: {lost:,.0f} events did not arrive, and what comes after that in"
        f" round {number + 1} was not measured"
        for (name, face, connections), of_rounds in samples.items()
        for number, sample in enumerate(of_rounds)
        if (lost := sample.get("lost_events", 0))
    ]
    for who in ("clients", "writers"):
        for (name, face, connections), of_rounds in samples.items():
            names = {key for sample in of_rounds for key in sample if key.startswith(f"{who}_share")}
            for key in sorted(names):
                share = spread(_of(of_rounds, key)).median
                if share > limit:
                    told.append(
                        f"{name}, {face}, {connections:,} connections, {key.partition('@')[2]}: the {who} took"
                        f" {share:.0%} of a processor; what is told of this speed and delay is a lower bound"
                    )
    return told


Kind = Literal["event", "event, followed", "row, silent", "row, notified"]


def writers_findings(transactions_per_s: Mapping[Kind, Sequence[float]]) -> list[Finding]:
    """What being told costs whoever writes; a number a round of each."""
    return [
        Finding(
            "writers with an awake follower / without, append_event, 32 clients", "x",
            spread(paired_ratios(transactions_per_s["event, followed"], transactions_per_s["event"])),
            Goal("at least", 0.90),
        ),
        Finding(
            "writers with a NOTIFY in each, as the peers need / without, insert, 32 clients", "x",
            spread(paired_ratios(transactions_per_s["row, notified"], transactions_per_s["row, silent"])),
        ),
        Finding(
            "writers, append_event followed / insert with NOTIFY, 32 clients", "x",
            spread(paired_ratios(transactions_per_s["event, followed"], transactions_per_s["row, notified"])),
        ),
    ]  # fmt: skip
