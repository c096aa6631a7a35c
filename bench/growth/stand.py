"""What grows: the axes, and on each the stands that are measured in turn. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.figures import Goal


@dataclass(frozen=True)
class Stand:
    """One size of everything."""

    users: int = 1_000
    connections: int = 1_000
    events: int = 0
    """Stored ones, beside one for each user."""
    orders: int = 0
    """Open ones."""
    gateways: int = 1

    @property
    def database(self) -> str:
        """Stands that differ in connections or gateways alone share one."""
        return f"growth_{self.users}_{self.events}_{self.orders}"


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that grows, all else being equal."""

    name: str
    title: str
    field: str
    """Of a stand."""
    goal: Goal | None = None
    """Of an event's cost at the greatest size beside that at the least."""

    def stand(self, size: int) -> Stand:
        """With so many of it. There are never fewer users than connections."""
        if self.field == "users":
            return Stand(users=size, connections=min(size, Stand.connections))
        base = replace(Stand(), **{self.field: size})
        return replace(base, users=max(base.users, base.connections))


FLAT = Goal("at most", 1.1)
AXES = (
    Axis("events", "stored events", "events", FLAT),
    Axis("connections", "connections", "connections", FLAT),
    Axis("users", "users", "users"),
    Axis("orders", "open orders", "orders"),
    Axis("gateways", "gateway processes", "gateways"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    sizes: Mapping[str, Sequence[int]]
    """By axis, growing."""
    rounds: int
    rate: float
    rate_s: float
    floods: int
    settle_s: float

    @property
    def seconds(self) -> float:
        """Of the whole run, about: loading, and each stand's turns."""
        loads_s = sum(max(sizes, default=0) / LOADED_PER_S[name] for name, sizes in self.sizes.items())
        turns = [(name, size) for name, sizes in self.sizes.items() for size in sizes]
        turns_s = sum(
            START_S
            + 2 * self.settle_s
            + self.rate_s
            + 0.2 * self.floods
            + self.stand_of(name, size).connections / 2_000
            for name, size in turns
        )
        return loads_s + self.rounds * turns_s

    @staticmethod
    def stand_of(name: str, size: int) -> Stand:
        """The axis' stand of this size."""
        return next(axis for axis in AXES if axis.name == name).stand(size)


START_S = 4.0
LOADED_PER_S = {"events": 60_000, "connections": 8_000, "users": 8_000, "orders": 30_000, "gateways": 1e9}
"""Rows; connections need their users."""

FULL_PLAN = Plan(
    {
        "events": (1_000, 100_000, 10_000_000),
        "connections": (1_000, 5_000, 15_000),
        "users": (1_000, 1_000_000),
        "orders": (1_000, 100_000),
        "gateways": (1, 2, 4),
    },
    rounds=3,
    rate=1_000,
    rate_s=5,
    floods=10,
    settle_s=1,
)
QUICK_PLAN = Plan(
    {"events": (1_000, 200_000), "connections": (300, 3_000)}, rounds=2, rate=1_000, rate_s=1, floods=3, settle_s=0.1
)
