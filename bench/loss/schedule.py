"""Which faults, when, and how long: drawn from a seed, so that a run can be had again.

Pure. Kinds come as from a shuffled deck: each once before any comes twice. The seed fixes users, what writers and
clients mean to do, and this schedule; how the processes interleave it cannot fix.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

FAULTS = {
    "gateway": "SIGKILL of a gateway process",
    "leave": "SIGTERM of a gateway process: it sends its clients away",
    "follower": "SIGKILL of the follower that leads; another stands by",
    "pause": "a gateway or a follower is stopped for a while (SIGSTOP), and goes on",
    "backend": "SIGKILL of one of PostgreSQL's sessions, after which the server ends all of them",
    "postgres": "immediate shutdown of PostgreSQL, and recovery",
    "cut": "TCP connections reset",
    "stall": "TCP connections that carry nothing for a while",
    "halfopen": "TCP connections whose one side is gone without the other being told",
    "roam": "clients leave and come back over another transport, to another gateway",
    "slow": "a client that stops reading while its user's events flood",
    "deaf": "gateways lose the bus again and again for a while, and with it what is published then",
    "double": "what is on the bus comes once more, late",
    "clock": "a client's token is over already, or a moment later, as for a clock that jumps",
    "epoch": "history is declared rewritten: every cursor is void",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to come."""

    number: int
    at_s: float
    """Since the schedule began."""
    kind: str
    lasts_s: float
    share: float
    """Of those it may hit, 0 to 1."""


def schedule(seed: int, kinds: Sequence[str], every_s: float) -> Iterator[Fault]:
    """Faults without end, one every `every_s` on average."""
    chance = Random(f"{seed}/faults")  # noqa: S311 - to be had again, not to be secret
    at_s, number = 0.0, 0
    while kinds:
        deck = list(kinds)
        chance.shuffle(deck)
        for kind in deck:
            number += 1
            at_s += every_s * chance.uniform(0.5, 1.5)
            yield Fault(number, at_s, kind, chance.uniform(0.5, 3.0), chance.uniform(0.05, 0.5))
