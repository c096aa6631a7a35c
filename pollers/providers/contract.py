"""What the pollers ask of a provider of phone numbers, whatever protocol it speaks.

Invariant: a method that spends money (`buy`, `rent`, `extend`) either returns what was bought, or raises an error that
says which of three things is true: the provider surely did not sell (every error but one kind), it surely sold
(`AlreadyBought`), or nobody knows (`OutcomeUnknown`). Every other method may be repeated without harm, and so never
raises `OutcomeUnknown`.

    ProviderError
    ├── NoNumbers            this service and country are sold out: try the next route
    ├── PriceTooLow          numbers exist, above the price offered: .minimum
    ├── Refused              the request itself is wrong (service, country, state): do not repeat it
    │   └── NotOffered       this provider has no such thing at all: rentals, extension, another SMS
    ├── AccountProblem       key, funds or a ban: an operator must look: .banned_until, .banned_for_s, .of_route
    ├── Unavailable          surely not executed, or harmless to repeat: later: .retry_after_s
    ├── UnknownOrder         the provider knows no order of this id
    ├── UnknownAnswer        an answer the protocol does not know: .raw
    └── OutcomeUnknown       sent, but no readable answer: the purchase may exist. Look for it, never buy again blindly
        └── AlreadyBought    the provider has an order under this order id: adopt it from `active`

This module has no I/O and decides nothing: routes, retries and refunds belong to the caller.
"""

from collections.abc import Collection, Mapping
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
    """An order the provider holds open. service, country: the provider's own codes. phone: digits without `+`.

    cost: in the account's currency; None if the provider did not say.
    """

    provider_order_id: str
    phone: str
    service: str
    country: str
    started_at: datetime | None = None
    messages: tuple[Message, ...] = ()
    cost: Decimal | None = None


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


@dataclass(frozen=True, slots=True)
class TooLate:
    """Not cancelled: a rental can be returned only soon after its purchase, and is paid for by now."""


@dataclass(frozen=True, slots=True)
class Rented:
    """A rental that runs, with all its SMS so far, oldest first. ends_at: None if the provider does not say."""

    messages: tuple[Message, ...]
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Extended:
    """A rental that lasts longer. total_cost: of all of it, with this extension. None: the provider did not say."""

    ends_at: datetime | None = None
    total_cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ActiveRental:
    """A rental the provider holds open. service, country, ends_at: None if the provider does not say."""

    provider_order_id: str
    phone: str
    service: str | None = None
    country: str | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """What a number of this service and country costs now. service, country: the provider's own codes.

    cost: in the account's currency. count: how many the provider says it has in stock, physical ones if it tells them
    apart. success: the share of its orders that got an SMS, 0 to 1; None if the provider does not say.
    """

    service: str
    country: str
    cost: Decimal
    count: int
    success: float | None = None


CheckResult: TypeAlias = Waiting | Delivered | Ended
RentalResult: TypeAlias = Rented | Ended
RentalCancelResult: TypeAlias = Cancelled | TooEarly | TooLate | AlreadyEnded
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


class NotOffered(Refused):
    """This provider, or its protocol, has no such thing."""

    error_code = "NOT_OFFERED"


class AccountProblem(ProviderError):
    """The account cannot buy: bad key, no funds, inactive, banned.

    banned_until, banned_for_s: as the provider tells, each None if it does not. of_route: the ban concerns the service
    and country that were asked for, and nothing else.
    """

    error_code = "PROVIDER_ACCOUNT_PROBLEM"

    def __init__(
        self,
        reason: str,
        *,
        raw: str = "",
        banned_until: datetime | None = None,
        banned_for_s: float | None = None,
        of_route: bool = False,
    ) -> None:
        super().__init__(reason, raw=raw)
        self.banned_until = banned_until
        self.banned_for_s = banned_for_s
        self.of_route = of_route


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

    Every method may raise `AccountProblem`, `Unavailable`, `Refused`; all but `buy`, `rent`, `extend` also
    `UnknownAnswer`.
    """

    async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
        """Buy one number. order_id: ours, passed on if the provider takes one. service, country: the provider's codes.

        Raises NoNumbers, PriceTooLow, OutcomeUnknown, AlreadyBought. A cancelled call is an unknown outcome, too.
        """
        ...

    async def check(self, provider_order_id: str) -> CheckResult:
        """Look for SMS. Raises UnknownOrder."""
        ...

    async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
        """Look for the SMS of many orders in as few requests as the provider allows.

        Those in the answer were looked at. Of an order that is not nothing is known: it may have ended, or the list may
        have been too long or in motion; only `check` tells.
        """
        ...

    async def request_another_sms(self, provider_order_id: str) -> None:
        """Ask that the number, which has had its SMS, wait for one more. Asked for already is fine.

        Raises UnknownOrder, NotOffered, and Refused if the order has had none or has ended.
        """
        ...

    async def cancel(self, provider_order_id: str) -> CancelResult:
        """Return a number without SMS. Raises UnknownOrder, and Refused if the order is neither delivered nor ended."""
        ...

    async def finish(self, provider_order_id: str) -> None:
        """Tell the provider that the SMS has served. An order already ended or forgotten is fine."""
        ...

    async def active(self, since: datetime | None = None) -> list[ActiveOrder]:
        """List all orders the provider holds open: complete, or an error.

        since: orders begun well before are of no interest, and a provider whose list is long may leave them out.
        """
        ...

    async def rent(self, order_id: str, service: str, country: str, hours: int, max_price: Decimal | None) -> Purchase:
        """Rent one number; `Purchase.expires_at` is when the rental ends. Otherwise as `buy`. Raises NotOffered."""
        ...

    async def rental_cost(self, service: str, country: str, hours: int) -> Decimal | None:
        """Tell what `rent` would cost now; None if the provider does not say, or has none. Raises NotOffered."""
        ...

    async def rental_messages(self, provider_order_id: str) -> RentalResult:
        """Read all SMS of a rental. Raises UnknownOrder."""
        ...

    async def extension_cost(self, provider_order_id: str, hours: int) -> Decimal | None:
        """Tell what `extend` would cost now; None if the provider does not say. Raises UnknownOrder, NotOffered."""
        ...

    async def extend(self, provider_order_id: str, hours: int) -> Extended:
        """Let a rental last longer, at a price.

        Raises OutcomeUnknown, UnknownOrder, NotOffered, and Refused if it cannot be extended (by so much).
        """
        ...

    async def cancel_rental(self, provider_order_id: str) -> RentalCancelResult:
        """Return a rental and its price. Raises UnknownOrder."""
        ...

    async def finish_rental(self, provider_order_id: str) -> None:
        """End a rental before its time, without money back. One already ended or forgotten is fine."""
        ...

    async def active_rentals(self) -> list[ActiveRental]:
        """List all rentals the provider holds open: complete, or an error."""
        ...

    async def prices(self, service: str | None = None, country: str | None = None) -> list[Price]:
        """List what is for sale, of one service or country or of all. Sold out: not in the list, or count 0."""
        ...

    async def balance(self) -> Decimal:
        """Tell the funds left, in the account's currency."""
        ...
