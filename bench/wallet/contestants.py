"""Who runs, and which ratios are told of them: two tables. Pure.

B is the baseline of most ratios: what a careful application would do without the wallet's functions, as statements of
its own in one transaction, on tables with the same columns, constraints and indexes. It has no hold, no idempotency and
no event, so a freeze that keeps up with it does those for nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.figures import Finding, Goal, paired_ratios, spread

CLIENTS = 16
CLIENTS_MANY = 32
USERS = 10_000


@dataclass(frozen=True, slots=True)
class Contestant:
    """A pgbench script and how it is run."""

    name: str
    title: str
    script: str
    """Its file in `sql/`, without the suffix."""
    clients: int = CLIENTS
    users: int = USERS
    """It draws one of so many users each time; 1: all clients want the same one."""
    transactions: int = 1
    """That one run of the script makes."""
    followed: bool = False
    """A notifier runs beside it. Otherwise an idle session holds the lock of a follower that is awake."""


B = Contestant("b", "B: careful application statements, no hold, no event", "b")
BARE = Contestant("bare", "bare B: the same without constraints, figures not read", "bare")
FREEZE = Contestant("freeze", "atomic_freeze", "freeze")
FOLLOWED = Contestant("followed", "atomic_freeze with a live follower", "freeze", followed=True)
NOTIFY = Contestant("notify", "atomic_freeze and a NOTIFY in each transaction", "freeze_notify")
FREEZE_COMMIT = Contestant("freeze_commit", "atomic_freeze, then atomic_commit", "freeze_commit", transactions=2)
B_HOT = Contestant("b_hot", "B on one user", "b", users=1)
FREEZE_HOT = Contestant("freeze_hot", "atomic_freeze on one user", "freeze", users=1)
REPLAY = Contestant("replay", "atomic_freeze again, a replay", "replay")
PEER_NO_LOCK = Contestant(
    "peer_no_lock", "application statements, no lock: SELECT balance; UPDATE; INSERT hold; INSERT audit", "peer_no_lock"
)
PEER_FOR_UPDATE = Contestant("peer_for_update", "the same with SELECT … FOR UPDATE", "peer_for_update")

QUICK = (B, FREEZE, FOLLOWED, NOTIFY, FREEZE_COMMIT, B_HOT, FREEZE_HOT, REPLAY, PEER_NO_LOCK)
MANY = tuple(
    replace(each, name=f"{each.name}_many", title=f"{each.title}, {CLIENTS_MANY} clients", clients=CLIENTS_MANY)
    for each in (B, FREEZE, FOLLOWED, NOTIFY)
)
FULL = (*QUICK, BARE, PEER_FOR_UPDATE, *MANY)


@dataclass(frozen=True, slots=True)
class Measure:
    """A ratio of two contestants' figures in the same round."""

    title: str
    over: str
    under: str
    goal: Goal | None = None
    figure: str = "transactions_per_s"
    """Of a sample: `wal_bytes_per_transaction`, `cpu_us_per_transaction`."""


MEASURES = (
    Measure("freeze / B", "freeze", "b", Goal("at least", 0.95)),
    Measure("freeze then commit / B, per transaction", "freeze_commit", "b", Goal("at least", 0.95)),
    Measure("freeze / B, all on one user", "freeze_hot", "b_hot", Goal("at least", 1.0)),
    Measure("replay / B", "replay", "b", Goal("at least", 1.5)),
    Measure("freeze with a live follower / without", "followed", "freeze", Goal("at least", 0.90)),
    Measure("freeze with a live follower / NOTIFY in each", "followed", "notify", Goal("at least", 2.5)),
    Measure("WAL of a freeze / of B", "freeze", "b", Goal("at most", 2.2), "wal_bytes_per_transaction"),
    Measure("server's CPU for a freeze / for B", "freeze", "b", None, "cpu_us_per_transaction"),
    Measure("freeze / application statements, no lock", "freeze", "peer_no_lock"),
    Measure("freeze / application statements, FOR UPDATE", "freeze", "peer_for_update"),
    Measure("freeze / bare B", "freeze", "bare"),
    Measure("freeze / B, 32 clients", "freeze_many", "b_many", Goal("at least", 0.95)),
    Measure("live follower / without, 32 clients", "followed_many", "freeze_many", Goal("at least", 0.90)),
    Measure("live follower / NOTIFY in each, 32 clients", "followed_many", "notify_many", Goal("at least", 2.5)),
)


def findings(figures: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Finding]:
    """What the rounds say: `figures[figure][contestant]` has one number a round. Who did not run is left out."""
    return [
        Finding(
            measure.title,
            "x",
            spread(paired_ratios(figures[measure.figure][measure.over], figures[measure.figure][measure.under])),
            measure.goal,
        )
        for measure in MEASURES
        if {measure.over, measure.under} <= figures[measure.figure].keys()
    ]
