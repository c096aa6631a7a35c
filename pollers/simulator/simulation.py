"""What one simulator holds in memory: its account, the faults armed, the requests seen."""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pollers.simulator.faults import FaultPlan
from pollers.simulator.settings import SimulatorSettings
from pollers.simulator.state import SimulatedAccount, Timing

LOG_MAX = 1_000


@dataclass(slots=True)
class Simulation:
    """Used from one event loop only, and never across an await: that is its whole locking."""

    account: SimulatedAccount
    faults: FaultPlan = field(default_factory=FaultPlan)
    log: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LOG_MAX))


def new_simulation(settings: SimulatorSettings) -> Simulation:
    """Begin with a fresh account."""
    timing = Timing(settings.sms_delay_s, settings.early_cancel_s, settings.lifetime_s)
    random = Random(settings.seed)  # noqa: S311 - numbers to play with, and a seed is to repeat them
    return Simulation(SimulatedAccount(timing, random))
