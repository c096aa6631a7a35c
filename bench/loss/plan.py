"""How large a run is, and who takes part: drawn from the seed. Pure."""

from dataclasses import dataclass
from random import Random
from uuid import UUID

from bench.loss.control import Spoiling

CLIENTS_MAX = 3
"""Of one user."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for."""

    seed: int
    users: int
    connections: int
    """In all: 1 to 3 clients a user, each with one."""
    seconds: float
    """Of writing, at most."""
    events: int | None
    """Delivered ones, after which writing ends; None: only time ends it."""
    rate: float
    """Operations a second, each an event."""
    faults: tuple[str, ...]
    fault_every_s: float
    control: Spoiling | None = None

    def chance(self, what: str) -> Random:
        """A source of chance of its own for each part of the run, whatever the others draw."""
        return Random(f"{self.seed}/{what}")  # noqa: S311 - to be had again, not to be secret

    def people(self) -> dict[UUID, int]:
        """The users, and how many clients each has. Raises ValueError if so many do not go into so many."""
        if not self.users <= self.connections <= CLIENTS_MAX * self.users:
            raise ValueError(
                f"expected 1 to {CLIENTS_MAX} connections for each of {self.users} users, got {self.connections} in all"
            )
        chance, left = self.chance("users"), self.connections
        people = {}
        for others in range(self.users - 1, -1, -1):
            count = min(max(chance.randint(1, CLIENTS_MAX), left - CLIENTS_MAX * others), left - others)
            left -= count
            people[UUID(int=chance.getrandbits(128), version=4)] = count
        return people
