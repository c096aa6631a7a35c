"""What one simulator holds: an account with each provider it plays, the faults armed, the requests seen; and the files
the accounts outlive it in.

Invariant: with a file, a change is in it before anybody is told of the change, so no end of the process, however rough,
takes back what a client has seen. A file is replaced as a whole. Not kept: faults, webhooks, the log, times and routes
bent by control. No id is in two accounts.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from pollers.simulator.clock import Clock
from pollers.simulator.faults import ArmedFault, FaultPlan
from pollers.simulator.fivesim_account import FiveSimAccount
from pollers.simulator.limits import RateLimit, RateLimiter
from pollers.simulator.record import from_json, to_json
from pollers.simulator.scenarios import SCENARIOS, Scenario
from pollers.simulator.settings import SimulatorSettings
from pollers.simulator.state import SimulatedAccount
from pollers.simulator.strowallet_account import StrowalletAccount
from pollers.simulator.strowallet_record import cards_from_json, cards_to_json
from pollers.simulator.till import FIRST_ID, Timing

LOG_MAX = 1_000
SMS_ACTIVATE = "sms_activate"
HEROSMS = "herosms"
FIVESIM = "fivesim"
FIRST_IDS = {SMS_ACTIVATE: FIRST_ID, HEROSMS: 2 * FIRST_ID, FIVESIM: 3 * FIRST_ID}
"""The providers of numbers played, and where the ids of each begin."""
STROWALLET = "strowallet"
"""And that of cards, whose account is another kind of thing."""


@dataclass(slots=True)
class Simulation:
    """Used from one event loop only, and never across an await: that is its whole locking.

    state_file: of the classic account; another provider's name stands before the suffix of its own. random: for what a
    scenario does to requests. limiters: by name, those of `Scenario.limits`. card_webhook_secret: None for unsigned.
    """

    accounts: dict[str, SimulatedAccount]
    strowallet: StrowalletAccount
    random: Random
    scenario: Scenario = SCENARIOS["calm"]
    clock: Clock = field(default_factory=Clock)
    limiters: dict[str, RateLimiter] = field(default_factory=dict)
    state_file: Path | None = None
    faults: FaultPlan = field(default_factory=FaultPlan)
    webhook_urls: dict[str, tuple[str, ...]] = field(default_factory=dict)
    card_webhook_secret: str | None = None
    log: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LOG_MAX))
    _changes_kept: dict[str, int] = field(default_factory=dict)
    five: FiveSimAccount = field(init=False)

    def __post_init__(self) -> None:
        """Bring the scenario about."""
        self.five = FiveSimAccount(self.accounts[FIVESIM])
        self.limiters = {name: RateLimiter(limit) for name, limit in self.scenario.limits.items()} | self.limiters
        for provider, account in self.accounts.items():
            account.routes = self.scenario.routes(provider)

    @property
    def account(self) -> SimulatedAccount:
        """The account with the classic SMS-Activate."""
        return self.accounts[SMS_ACTIVATE]

    def exceeded(self, names: Iterable[str], now: float) -> RateLimit | None:
        """Count a request to these limits, and tell the first that it exceeds."""
        for name in names:
            limiter = self.limiters.get(name)
            if limiter and not limiter.admit(now):
                return limiter.limit
        return None

    def draw_fault(self, action: str, *, buys: bool) -> ArmedFault | None:
        """Find the fault that a request meets: one armed for it, or else one that the scenario draws."""
        return self.faults.take(action) or self.scenario.draw_fault(buys=buys, random=self.random)

    def keep(self) -> None:
        """Write down the accounts that have changed; a file that cannot be written is told on stderr."""
        if self.state_file is None:
            return
        for provider, account in self.accounts.items():
            self._keep(provider, account.changes, partial(_record_of, account))
        self._keep(STROWALLET, self.strowallet.changes, lambda: cards_to_json(self.strowallet.record()))

    def _keep(self, provider: str, changes: int, record: Callable[[], bytes]) -> None:
        if (
            self.state_file is not None
            and changes != self._changes_kept.get(provider, 0)
            and _write(record(), _file_of(provider, self.state_file))
        ):
            self._changes_kept[provider] = changes


def new_simulation(settings: SimulatorSettings) -> Simulation:
    """Begin with the accounts of the state files, or with fresh ones if there are none to be had."""
    timing = Timing(
        settings.sms_delay_s,
        settings.early_cancel_s,
        settings.lifetime_s,
        settings.rental_cancel_s,
        settings.rental_hour_s,
    )
    accounts = {
        provider: SimulatedAccount(timing, _random(settings.seed, provider), first_id=first_id)
        for provider, first_id in FIRST_IDS.items()
    }
    strowallet = StrowalletAccount(_random(settings.seed, STROWALLET))
    if settings.state_file is not None:
        for provider, account in accounts.items():
            _load(_file_of(provider, settings.state_file), partial(_resume, account))
        _load(_file_of(STROWALLET, settings.state_file), lambda content: strowallet.resume(cards_from_json(content)))
    random = _random(settings.seed, "scenario")
    return Simulation(accounts, strowallet, random, SCENARIOS[settings.scenario], state_file=settings.state_file)


def _random(seed: int | None, provider: str) -> Random:
    # Each account draws its own: what one sells does not change the other's course.
    return Random(seed if seed is None or provider == SMS_ACTIVATE else f"{seed} {provider}")  # noqa: S311 - a game


def _file_of(provider: str, state_file: Path) -> Path:
    return state_file if provider == SMS_ACTIVATE else state_file.with_suffix(f".{provider}{state_file.suffix}")


def _write(content: bytes, state_file: Path) -> bool:
    unfinished = state_file.with_name(f"{state_file.name}.new")
    try:
        state_file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(state_file)
    except OSError as error:
        _complain(state_file, f"not written: {error.strerror}")
        return False
    return True


def _record_of(account: SimulatedAccount) -> bytes:
    return to_json(account.record())


def _resume(account: SimulatedAccount, content: bytes) -> None:
    account.resume(from_json(content))


def _load(state_file: Path, resume: Callable[[bytes], None]) -> None:
    try:
        resume(state_file.read_bytes())
    except FileNotFoundError:
        return
    except OSError as error:
        _complain(state_file, f"a new account begins, for it cannot be read: {error.strerror}")
    except ValueError as error:
        _complain(state_file, f"a new account begins, for it holds none: {error}")


def _complain(state_file: Path, what: str) -> None:
    sys.stderr.write(f"simulator: SIM_STATE_FILE {state_file}: {what}\n")
    sys.stderr.flush()
