"""What a run has done so far, and what came of it. Pure."""

from collections import Counter
from dataclasses import dataclass, field

from bench.loss.account import Verdict
from bench.loss.plan import Plan


@dataclass(slots=True)
class Tally:
    """What happened to all clients together."""

    delivered: int = 0
    ends: Counter[int] = field(default_factory=Counter)
    """How connections ended: close codes and HTTP statuses; 1006: cut off; 1001: the client left."""
    resumes: int = 0
    """Connections that went on from a cursor."""
    away_s: float = 0.0
    """The longest that a client was without a stream."""
    late_s: float = 0.0
    """The longest from the beginning of a transaction until its event was with a client."""


@dataclass(slots=True)
class Result:
    """All of it."""

    plan: Plan
    verdict: Verdict = field(default_factory=Verdict)
    tally: Tally = field(default_factory=Tally)
    faults: Counter[str] = field(default_factory=Counter)
    """Those carried out, by kind."""
    transactions: Counter[str] = field(default_factory=Counter)
    """Writers', by how they ended."""
    rows: int = 0
    """Of `events`, that clients were compared with."""
    resets: int = 0
    """Snapshots for a client that had a cursor."""
    covered: int = 0
    """Events that these stood for."""
    restarts: int = 0
    unasked: int = 0
    """Ends of processes that no fault brought about."""
    settled_s: float = 0.0
    seconds: float = 0.0
