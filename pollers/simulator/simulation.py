"""What one simulator holds: its account, the faults armed, the requests seen; and the file the account outlives it in.

Invariant: with a file, a change is in it before anybody is told of the change, so no end of the process, however rough,
takes back what a client has seen. The file is replaced as a whole. Not kept: faults, the log, times bent by control.
"""

import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pollers.simulator.faults import FaultPlan
from pollers.simulator.record import from_json, to_json
from pollers.simulator.settings import SimulatorSettings
from pollers.simulator.state import SimulatedAccount, Timing

LOG_MAX = 1_000


@dataclass(slots=True)
class Simulation:
    """Used from one event loop only, and never across an await: that is its whole locking."""

    account: SimulatedAccount
    state_file: Path | None = None
    faults: FaultPlan = field(default_factory=FaultPlan)
    log: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LOG_MAX))
    _changes_kept: int = 0

    def keep(self) -> None:
        """Write the account down if it has changed; a file that cannot be written is told on stderr."""
        if self.state_file is None or self.account.changes == self._changes_kept:
            return
        unfinished = self.state_file.with_name(f"{self.state_file.name}.new")
        try:
            self.state_file.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(to_json(self.account.record()))
            unfinished.replace(self.state_file)
        except OSError as error:
            _complain(self.state_file, f"not written: {error.strerror}")
        else:
            self._changes_kept = self.account.changes


def new_simulation(settings: SimulatorSettings) -> Simulation:
    """Begin with the account of the state file, or with a fresh one if there is none to be had."""
    timing = Timing(settings.sms_delay_s, settings.early_cancel_s, settings.lifetime_s)
    random = Random(settings.seed)  # noqa: S311 - numbers to play with, and a seed is to repeat them
    simulation = Simulation(SimulatedAccount(timing, random), settings.state_file)
    if settings.state_file is not None:
        _load(simulation.account, settings.state_file)
    return simulation


def _load(account: SimulatedAccount, state_file: Path) -> None:
    try:
        account.resume(from_json(state_file.read_bytes()))
    except FileNotFoundError:
        return
    except OSError as error:
        _complain(state_file, f"a new account begins, for it cannot be read: {error.strerror}")
    except ValueError as error:
        _complain(state_file, f"a new account begins, for it holds none: {error}")


def _complain(state_file: Path, what: str) -> None:
    sys.stderr.write(f"simulator: SIM_STATE_FILE {state_file}: {what}\n")
    sys.stderr.flush()
