"""What an analysis found, as values. Pure.

Shares are of the decided orders: those still open, or refunded by an operator, are counted beside them, for nobody
knows what they will be or would have been.
Durations are seconds, distances milliseconds; times, days and hours are UTC's; money is exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import sqrt

RECEIVED, CANCELLED, TIMEOUT, EXPIRED, FAILED, REFUNDED, OPEN = OUTCOMES = (
    "received",
    "cancelled",
    "timeout",
    "expired",
    "failed",
    "refunded",
    "open",
)
"""As `v_activation_outcomes` defines them."""

RACE_WINDOW_MS = 500.0
"""Operations of one user that began so close together are looked at."""
STEPS_MS = (0, 1, 5, 20, 50, 100, 200, 500)
"""Where the steps of distances begin, as in `races.sql`; the last one is of transactions that surely overlapped."""
AT_20_MIN_S = 30.0
"""An end this near to 20 minutes counts as one at 20 minutes."""
LAST_MINUTE = 40
"""Stands for all later ones, too."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many orders ended how, and what came of them."""

    orders: Mapping[str, int] = field(default_factory=dict)
    """By outcome; one that never came is missing."""
    price_paid: Decimal = Decimal("0.00")
    cost: Decimal = Decimal("0.0000")
    late: int = 0
    """Had an SMS after their money went back."""

    def count(self, outcome: str) -> int:
        """0 if it never came."""
        return self.orders.get(outcome, 0)

    @property
    def total(self) -> int:
        """Open ones included."""
        return sum(self.orders.values())

    @property
    def decided(self) -> int:
        """All but the open ones, and those an operator refunded: what would have become of them nobody knows."""
        return self.total - self.count(OPEN) - self.count(REFUNDED)

    def share(self, outcome: str) -> float | None:
        """Of the decided orders, 0 to 1; None: nothing is decided."""
        return self.count(outcome) / self.decided if self.decided else None

    @property
    def success(self) -> float | None:
        """The share that had an SMS."""
        return self.share(RECEIVED)


@dataclass(frozen=True, slots=True)
class ResponseTime:
    """Seconds at the 50th, 90th and 99th percentile; None: there was nothing to measure."""

    service: str | None
    """None: all together."""
    bought: int
    served: int
    buy_s: Sequence[float | None]
    """From the user's order to the purchase."""
    sms_s: Sequence[float | None]
    """From the purchase to the first SMS."""


@dataclass(frozen=True, slots=True)
class Ends:
    """When the orders of an outcome that had no SMS ended, counted from the purchase."""

    by_minute: Mapping[int, int]
    """By full minutes; `LAST_MINUTE` holds all from there on."""
    at_20: int
    """Of them within `AT_20_MIN_S` of 20 minutes."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_minute.values())


@dataclass(frozen=True, slots=True)
class CodeUse:
    """How a service is asked for at some providers, and what came of the attempts that are decided."""

    service: str
    code: str
    is_name: bool
    """The code is the service's full name."""
    providers: Sequence[str]
    decided: int
    delivered: int

    @property
    def success(self) -> float:
        """0 to 1."""
        return self.delivered / self.decided


@dataclass(frozen=True, slots=True)
class OperationSum:
    """The operations of one type."""

    type: str
    operations: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class RentalSum:
    """The rentals that stand or ended alike."""

    status: str
    error_code: str
    """"": none was given."""
    rentals: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two operations next to one another in a user's audit: `number` and the one before it."""

    user_id: str
    number: int
    previous_type: str
    type: str
    previous_amount: str
    amount: str
    at: str
    distance_ms: float
    """Below 0: the second began first, and waited for the wallet."""
    overlaps: bool
    """Surely. Otherwise they may have."""
    chains: bool
    """The second found the figures that the first had left."""
    is_acknowledged: bool = False
    """It did not, and an operator has looked into it (`acknowledged_breaks`)."""


@dataclass(frozen=True, slots=True)
class PairTypes:
    """Pairs of the same two types."""

    previous_type: str
    type: str
    pairs: int
    overlapping: int
    nearest_ms: float


@dataclass(frozen=True, slots=True)
class Races:
    """Operations of one user near to one another."""

    pairs: int
    overlapping: int
    unchained: int
    """Those that are acknowledged are not among them."""
    users: int
    distance_ms_p50: float | None
    steps: Mapping[int, int]
    """Pairs by the step of `STEPS_MS`, counted from 1."""
    types: Sequence[PairTypes]
    nearest: Sequence[Pair]
    """Those that do not chain, those acknowledged, then the nearest."""
    acknowledged: int = 0
    """Pairs that do not chain, and an operator knows why."""

    @property
    def verdict(self) -> str:
        """In words."""
        if not self.pairs:
            return "none"
        return "NOT COHERENT" if self.unchained else "coherent but for these" if self.acknowledged else "coherent"


@dataclass(frozen=True, slots=True)
class Coherence:
    """Whether the money adds up: all wallets by `v_frozen_balance_health`, some or all by `check`."""

    wallets: int
    not_ok: int
    checked: int
    """Wallets replayed from zero."""
    operations: int
    """Of those wallets."""
    mismatches: Mapping[str, int]
    """By the rule of `check` that is broken."""

    @property
    def is_coherent(self) -> bool:
        """Nothing was found."""
        return not self.not_ok and not self.mismatches


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that is reported of the orders made and the operations begun from `since` until `until`."""

    since: datetime
    until: datetime
    days: int
    state: Mapping[str, object]
    """The row of `v_dashboard_stats`: what is so now, and of the last 24 hours."""
    orders: Tally
    services: Mapping[str, Tally]
    countries: Mapping[str, Tally]
    providers: Mapping[str, Tally]
    """By the one asked last; "": none was."""
    error_codes: Mapping[str, Tally]
    """Of the expired and failed; "": none was given."""
    by_day: Mapping[date, Tally]
    """Every day of the time, empty ones included."""
    by_hour: Sequence[Tally]
    """24, by the hour in which they were made."""
    response_times: Sequence[ResponseTime]
    """Of all services together first."""
    ends: Mapping[str, Ends]
    codes: Sequence[CodeUse]
    operations: Sequence[OperationSum]
    races: Races
    coherence: Coherence
    rentals: Sequence[RentalSum] = ()
    """The commonest first."""

    @property
    def all_failed(self) -> dict[str, Tally]:
        """The services of which no decided order had an SMS, the most decided first."""
        found = {name: tally for name, tally in self.services.items() if tally.decided and not tally.count(RECEIVED)}
        return dict(sorted(found.items(), key=lambda item: (-item[1].decided, item[0])))


def days_between(since: datetime, until: datetime) -> list[date]:
    """The days that the time touches, in order. `until` is after `since`, and excluded."""
    last = (until - timedelta(microseconds=1)).date()
    return [since.date() + timedelta(days=n) for n in range((last - since.date()).days + 1)]


def interval(delivered: int, decided: int) -> tuple[float, float]:
    """Wilson's interval of 95 % around a share: where it lies if chance alone made the rest. (0, 1) of nothing."""
    if decided == 0:
        return 0.0, 1.0
    z2 = 1.96**2
    share, whole = delivered / decided, 1 + z2 / decided
    middle = share + z2 / (2 * decided)
    spread = sqrt(z2 * (share * (1 - share) + z2 / (4 * decided)) / decided)
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)
