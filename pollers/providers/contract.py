"""What the pollers ask of a provider of phone numbers, whatever protocol it speaks.

Invariant: `buy` either returns a purchase, or raises an error that says which of three things is true: the provider
surely did not sell (every error but one kind), it surely sold (`AlreadyBought`), or nobody knows (`OutcomeUnknown`).
Every other method may be repeated without harm, and so never raises `OutcomeUnknown`.

    ProviderError
    ├── NoNumbers            this service and country are sold out: try the next route
    ├── PriceTooLow          numbers exist, above the price offered: .minimum
    ├── Refused              the request itself is wrong (service, country, state): do not repeat it
    ├── AccountProblem       key, funds or a ban: an operator must look: .banned_until
    ├── Unavailable          surely not executed, or harmless to repeat: later: .retry_after_s
    ├── UnknownOrder         the provider knows no order of this id
    ├── UnknownAnswer        an answer the protocol does not know: .raw
    └── OutcomeUnknown       sent, but no readable answer: the purchase may exist. Look for it, never buy again blindly
        └── AlreadyBought    the provider has an order under this order id: adopt it from `active`

This module has no I/O and decides nothing: routes, retries and refunds belong to the caller.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Protocol, TypeAlias

RAW_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Message:
    """One SMS (or call) as the provider tells it; at least one of code and text is not empty.

    code: empty if the provider found none in the text. text: empty if the provider tells only the code.
    """

    code: str
    text: str
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """A number bought. phone: digits without `+`. cost: in the account's currency. None: the provider did not say."""

    provider_order_id: str
    phone: str
    cost: Decimal | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ActiveOrder:
    """An order the provider holds open. service, country: the provider's own codes. phone: digits without `+`."""

    provider_order_id: str
    phone: str
    service: str
    country: str
    started_at: datetime | None = None
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """No SMS yet."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """At least one SMS is there, oldest first. A provider may tell only the newest: the caller merges."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The provider says cancelled *or* completed, does not say which, and shows no SMS.

    As the answer of `check` it is a look for an SMS that found none, and so the best ground for a refund there is. But
    a completed order that shows its SMS no more looks the same: a refund nobody asked for is told to an operator.
    """


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The provider confirms this cancel: it takes nothing for the number."""


@dataclass(frozen=True, slots=True)
class TooEarly:
    """Numbers cannot be returned yet. retry_after_s: None if the provider does not say for how long."""

    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class AlreadyDelivered:
    """Not cancelled: an SMS has arrived and the number is to be paid for."""


@dataclass(frozen=True, slots=True)
class AlreadyEnded:
    """Not cancelled now: it was cancelled *or* completed before. No ground for a refund until `check` finds no SMS."""


CheckResult: TypeAlias = Waiting | Delivered | Ended
CancelResult: TypeAlias = Cancelled | TooEarly | AlreadyDelivered | AlreadyEnded


class ProviderError(Exception):
    """Base of the tree above.

    reason: the provider's own word, or ours for what happened on the line; never a secret, fit for logs.
    raw: the beginning of the answer, for an operator's eyes. It may hold an SMS, so it is not part of `str(error)`.
    """

    error_code: ClassVar[str] = "PROVIDER_ERROR"

    def __init__(self, reason: str, *, raw: str = "") -> None:
        super().__init__(f"{self.error_code}: {reason}")
        self.reason = reason
        self.raw = raw[:RAW_CHARS_MAX]


class NoNumbers(ProviderError):
    """Sold out for this service and country."""

    error_code = "NO_NUMBERS"


class PriceTooLow(ProviderError):
    """The numbers in stock cost more than max_price. minimum: what would do; None if the provider did not say."""

    error_code = "PRICE_TOO_LOW"

    def __init__(self, reason: str, *, raw: str = "", minimum: Decimal | None = None) -> None:
        super().__init__(reason, raw=raw)
        self.minimum = minimum


class Refused(ProviderError):
    """Our request is wrong (service, country, parameter) or does not fit the order's state."""

    error_code = "PROVIDER_REFUSED"


class AccountProblem(ProviderError):
    """The account cannot buy: bad key, no funds, inactive, banned. banned_until: None if the provider does not say."""

    error_code = "PROVIDER_ACCOUNT_PROBLEM"

    def __init__(self, reason: str, *, raw: str = "", banned_until: datetime | None = None) -> None:
        super().__init__(reason, raw=raw)
        self.banned_until = banned_until


class Unavailable(ProviderError):
    """Not now: no connection, rate limit, server fault. retry_after_s: None if the provider does not say."""

    error_code = "PROVIDER_UNAVAILABLE"

    def __init__(self, reason: str, *, raw: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(reason, raw=raw)
        self.retry_after_s = retry_after_s


class UnknownOrder(ProviderError):
    """The provider knows no order of this id."""

    error_code = "UNKNOWN_ORDER"


class UnknownAnswer(ProviderError):
    """The provider answered something the protocol does not know, on a request that may be repeated."""

    error_code = "UNKNOWN_ANSWER"


class OutcomeUnknown(ProviderError):
    """The purchase was sent and no readable answer came back: the number may be bought and paid for."""

    error_code = "OUTCOME_UNKNOWN"


class AlreadyBought(OutcomeUnknown):
    """The provider refuses the order id as used: an earlier attempt did buy, and its number is in `active`."""

    error_code = "ALREADY_BOUGHT"


class Provider(Protocol):
    """One account at one provider. Safe for concurrent use; makes no attempt twice, waits no longer than its deadline.

    Every method may raise `AccountProblem`, `Unavailable`, `Refused`; all but `buy` also `UnknownAnswer`.
    """

    async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
        """Buy one number. order_id: ours, passed on if the provider takes one. service, country: the provider's codes.

        Raises NoNumbers, PriceTooLow, OutcomeUnknown, AlreadyBought. A cancelled call is an unknown outcome, too.
        """
        ...

    async def check(self, provider_order_id: str) -> CheckResult:
        """Look for SMS. Raises UnknownOrder."""
        ...

    async def cancel(self, provider_order_id: str) -> CancelResult:
        """Return a number without SMS. Raises UnknownOrder, and Refused if the order is neither delivered nor ended."""
        ...

    async def finish(self, provider_order_id: str) -> None:
        """Tell the provider that the SMS has served. An order already ended or forgotten is fine."""
        ...

    async def active(self) -> list[ActiveOrder]:
        """List all orders the provider holds open: complete, or an error."""
        ...

    async def balance(self) -> Decimal:
        """Tell the funds left, in the account's currency."""
        ...
