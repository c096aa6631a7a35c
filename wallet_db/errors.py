"""The database's refusals as exceptions, by SQLSTATE and never by message text.

    WalletError
     ├─ InsufficientFunds     OS001      ├─ UnknownService        OS010
     ├─ UnknownUser           OS002      ├─ UnknownCountry        OS011
     ├─ UnknownHold           OS003      ├─ NotForSale            OS012
     ├─ AlreadySettled        OS004      ├─ PriceAboveLimit       OS013
     ├─ IdempotencyMismatch   OS005      ├─ InvalidArgument       OS014
     ├─ InvalidAmount         OS006      ├─ SmsAlreadyReceived    OS015
     ├─ UnknownOrder          OS007      ├─ AlreadyClosed         OS016
     ├─ InvalidTransition     OS008      ├─ UnauditedChange       OS017
     ├─ AppendOnly            OS009      ├─ TooManyOpenOrders     OS018
     ├─ InvalidHours          OS020      ├─ CancelTooLate         OS019
     ├─ NotExtendable         OS021      ├─ SmsNotReceived        OS022
     ├─ CheckTooSoon          OS023      ├─ UnknownCard           OS025
     ├─ ExtensionPending      OS024      ├─ CardNotUsable         OS026
     ├─ FundingPending        OS027      ├─ CustomerNotRegistered OS028
     ├─ CustomerExists        OS029      ├─ InvalidCardAmount     OS030
     └─ CardsNotSold          OS031

Class `OS` is ours: SQL leaves classes that begin with I-Z to implementations. Each carries `data`, the JSON object the
SQL function put into DETAIL; money in it is decimal strings.

`WalletBusy` is none of them: nothing was decided, because somebody else was at work there. Trying again may succeed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import asyncpg
import orjson
from prometheus_client import Counter


class WalletError(Exception):
    """A refusal by one of the SQL functions. `code` is stable; the text is for people."""

    sqlstate: ClassVar[str]
    code: ClassVar[str]

    def __init__(self, message: str, data: dict[str, Any]) -> None:
        super().__init__(message)
        self.data = data


class InsufficientFunds(WalletError):
    """data: user_id, needed, available."""

    sqlstate, code = "OS001", "INSUFFICIENT_FUNDS"


class UnknownUser(WalletError):
    """data: user_id."""

    sqlstate, code = "OS002", "UNKNOWN_USER"


class UnknownHold(WalletError):
    """data: user_id, activation_id, rental_id, transaction_id as they were asked for."""

    sqlstate, code = "OS003", "UNKNOWN_HOLD"


class AlreadySettled(WalletError):
    """data: hold_transaction_id, state (committed | refunded), settled_by, settled_at, reason: who won, and when."""

    sqlstate, code = "OS004", "ALREADY_SETTLED"


class IdempotencyMismatch(WalletError):
    """data: field, the argument that differs from the first call's; transaction_id if it was one."""

    sqlstate, code = "OS005", "IDEMPOTENCY_MISMATCH"


class InvalidAmount(WalletError):
    """data: amount; held, if it exceeds a hold."""

    sqlstate, code = "OS006", "INVALID_AMOUNT"


class UnknownOrder(WalletError):
    """data: order_id. Also for another user's order: its existence is not told."""

    sqlstate, code = "OS007", "UNKNOWN_ORDER"


class InvalidTransition(WalletError):
    """data: order_id or card_id, from, to."""

    sqlstate, code = "OS008", "INVALID_TRANSITION"


class AppendOnly(WalletError):
    """The audit may not be rewritten."""

    sqlstate, code = "OS009", "APPEND_ONLY"


class UnknownService(WalletError):
    """data: service."""

    sqlstate, code = "OS010", "UNKNOWN_SERVICE"


class UnknownCountry(WalletError):
    """data: country."""

    sqlstate, code = "OS011", "UNKNOWN_COUNTRY"


class NotForSale(WalletError):
    """data: service. It has no price."""

    sqlstate, code = "OS012", "NOT_FOR_SALE"


class PriceAboveLimit(WalletError):
    """data: price, max_price."""

    sqlstate, code = "OS013", "PRICE_ABOVE_LIMIT"


class InvalidArgument(WalletError):
    """data: argument."""

    sqlstate, code = "OS014", "INVALID_ARGUMENT"


class SmsAlreadyReceived(WalletError):
    """data: order_id, status. Served, so paid: it cannot be cancelled."""

    sqlstate, code = "OS015", "SMS_ALREADY_RECEIVED"


class AlreadyClosed(WalletError):
    """data: order_id, status."""

    sqlstate, code = "OS016", "ALREADY_CLOSED"


class UnauditedChange(WalletError):
    """data: user_id. A balance changes by the wallet's operations only."""

    sqlstate, code = "OS017", "UNAUDITED_CHANGE"


class TooManyOpenOrders(WalletError):
    """data: open, max."""

    sqlstate, code = "OS018", "TOO_MANY_OPEN_ORDERS"


class CancelTooLate(WalletError):
    """data: order_id, cancel_until. Rentals can be given back soon after their purchase only."""

    sqlstate, code = "OS019", "CANCEL_TOO_LATE"


class InvalidHours(WalletError):
    """data: hours, min, max."""

    sqlstate, code = "OS020", "INVALID_HOURS"


class NotExtendable(WalletError):
    """data: order_id, status, reason (not_running | extension_pending | cancel_requested | finish_requested)."""

    sqlstate, code = "OS021", "NOT_EXTENDABLE"


class SmsNotReceived(WalletError):
    """data: order_id, status."""

    sqlstate, code = "OS022", "SMS_NOT_RECEIVED"


class CheckTooSoon(WalletError):
    """data: order_id, retry_after_s."""

    sqlstate, code = "OS023", "CHECK_TOO_SOON"


class ExtensionPending(WalletError):
    """data: order_id. What ends a rental waits until its extension is decided."""

    sqlstate, code = "OS024", "EXTENSION_PENDING"


class UnknownCard(WalletError):
    """data: card_id. Also for another user's card: its existence is not told."""

    sqlstate, code = "OS025", "CARD_NOT_FOUND"


class CardNotUsable(WalletError):
    """data: card_id, status, wanted_action."""

    sqlstate, code = "OS026", "CARD_NOT_USABLE"


class FundingPending(WalletError):
    """data: card_id, funding_id. A card is funded once at a time."""

    sqlstate, code = "OS027", "FUNDING_PENDING"


class CustomerNotRegistered(WalletError):
    """data: provider, status (null: nobody submitted them)."""

    sqlstate, code = "OS028", "CUSTOMER_NOT_REGISTERED"


class CustomerExists(WalletError):
    """data: provider, field (user | email); status, if it is the user's own."""

    sqlstate, code = "OS029", "CUSTOMER_EXISTS"


class InvalidCardAmount(WalletError):
    """data: usd, min, max."""

    sqlstate, code = "OS030", "INVALID_CARD_AMOUNT"


class CardsNotSold(WalletError):
    """data: provider."""

    sqlstate, code = "OS031", "CARDS_NOT_SOLD"


class WalletBusy(Exception):
    """Not done, and not refused either: the rows were locked for too long. Nothing was changed; retryable."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        """One of `BUSY_SQLSTATES`."""


BUSY_SQLSTATES = {
    "55P03": "lock_not_available: lock_timeout ran out",
    "40P01": "deadlock_detected",
    "40001": "serialization_failure",
    "57014": "query_canceled: statement_timeout ran out, or somebody cancelled it",
}
BY_SQLSTATE: dict[str, type[WalletError]] = {error.sqlstate: error for error in WalletError.__subclasses__()}

REFUSED = Counter("onesms_wallet_refusals", "Refusals of the database's functions to this process.", ["error_code"])
for _error in BY_SQLSTATE.values():  # a rate needs the zero before the first
    REFUSED.labels(_error.code)


@contextmanager
def refusals() -> Iterator[None]:
    """Raise our exceptions for our SQLSTATEs, `WalletBusy` for `BUSY_SQLSTATES`; everything else passes as it is."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate in BUSY_SQLSTATES:
            raise WalletBusy(error.sqlstate, error.message or "") from error
        refusal = BY_SQLSTATE.get(error.sqlstate or "")
        if refusal is None:
            raise
        data = orjson.loads(error.detail) if error.detail else {}
        REFUSED.labels(refusal.code).inc()
        raise refusal(error.message or "", data) from None
