"""The 5sim protocol without I/O: from an answer to values of the contract.

Invariant: a parse function returns what it says or raises an error of the contract, whatever the answer; and
`parse_purchase` raises `OutcomeUnknown` for everything that does not clearly say "not sold".
Only an SMS proves that one came: a fresh order may call itself RECEIVED, which means "waits for an SMS". An ended order
goes on showing its SMS. Lists of orders and prices are in `lists.py`.

Source: 5sim API documentation v1, and observed answers where they differ.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from pollers.providers.answer import Answer, amount_of, cost_of, field_of, id_of, message_of, phone_of, time_of
from pollers.providers.contract import (
    ActiveOrder,
    AlreadyDelivered,
    AlreadyEnded,
    Cancelled,
    CancelResult,
    CheckResult,
    Delivered,
    Ended,
    Message,
    OutcomeUnknown,
    Purchase,
    Refused,
    RentalResult,
    Rented,
    TooEarly,
    UnknownAnswer,
    Waiting,
)
from pollers.providers.fivesim.refusals import SERVER_FAULTS, raise_refusal, refusal_in

RENTAL_PRODUCTS = {3: "3hours", 24: "1day", 240: "10days", 720: "1month"}
"""What a rental is called, by its hours. It is of no service: it takes the SMS of all."""


class Status(StrEnum):
    """An order's state in 5sim's words; CANCELED is spelt as 5sim does."""

    PENDING = "PENDING"
    RECEIVED = "RECEIVED"
    CANCELED = "CANCELED"
    TIMEOUT = "TIMEOUT"
    FINISHED = "FINISHED"
    BANNED = "BANNED"


OPEN = frozenset({Status.PENDING, Status.RECEIVED})


@dataclass(frozen=True, slots=True)
class Order:
    """An order as 5sim shows it, of an activation or a rental. messages: oldest first."""

    id: str
    phone: str
    product: str
    country: str
    status: Status
    cost: Decimal | None
    created_at: datetime | None
    expires_at: datetime | None
    messages: tuple[Message, ...]

    @property
    def is_open(self) -> bool:
        """Whether it may still get an SMS."""
        return self.status in OPEN

    def looked_at(self) -> CheckResult:
        """What the order says about its SMS."""
        if self.messages:
            return Delivered(self.messages)
        return Waiting() if self.is_open else Ended()

    def as_active(self) -> ActiveOrder:
        """The order as a row of `active`."""
        return ActiveOrder(self.id, self.phone, self.product, self.country, self.created_at, self.messages, self.cost)


def parse_balance(answer: Answer) -> Decimal:
    """Parse the `balance` of user/profile. What is frozen for open orders is not in it."""
    raise_refusal(answer)
    balance = amount_of(field_of(answer.document(), "balance"))
    if balance is None:
        raise unknown(answer)
    return balance


def parse_purchase(answer: Answer) -> Purchase:
    """Parse the order that user/buy/… answers with."""
    refusal = refusal_in(answer)
    if refusal in SERVER_FAULTS or (refusal is None and answer.http_status >= 500):
        raise OutcomeUnknown(refusal or f"HTTP {answer.http_status}", raw=answer.excerpt)
    try:
        raise_refusal(answer)
    except UnknownAnswer as error:
        raise OutcomeUnknown(error.reason, raw=error.raw) from None
    document = answer.document()
    provider_order_id, phone = id_of(field_of(document, "id")), phone_of(field_of(document, "phone"))
    if provider_order_id is None or phone is None:
        raise OutcomeUnknown(unknown(answer).reason, raw=answer.excerpt)
    # The rest may be missing: an unreadable price is no reason to lose a number that is bought.
    cost, expires_at = cost_of(field_of(document, "price")), time_of(field_of(document, "expires"), UTC)
    return Purchase(provider_order_id, phone, cost, expires_at)


def parse_order(answer: Answer) -> Order:
    """Parse the order of user/check. Raises UnknownOrder."""
    raise_refusal(answer)
    order = order_of(answer.document())
    if order is None:
        raise unknown(answer)
    return order


def parse_cancel(answer: Answer) -> CancelResult:
    """Parse the answer of user/cancel: the cancelled order, or a refusal.

    Raises UnknownOrder also for an order that ended before: user/check tells the two apart.
    """
    match refusal_in(answer):
        case "order has sms":
            return AlreadyDelivered()
        case "order expired":
            return AlreadyEnded()
        case "you need to wait time":
            return TooEarly()
    order = parse_order(answer)
    if order.status is Status.CANCELED:
        return Cancelled()
    if order.messages:
        return AlreadyDelivered()
    if order.is_open:
        raise unknown(answer)
    return AlreadyEnded()


def parse_finish(answer: Answer) -> None:
    """Parse the answer of user/finish: an order that is open no more. Expired and forgotten ones are fine."""
    if refusal_in(answer) in {"order expired", "order not found"}:
        return
    if parse_order(answer).is_open:
        raise unknown(answer)


def parse_inbox(answer: Answer) -> tuple[Message, ...]:
    """Parse the SMS of user/sms/inbox, oldest first. A row without code and text is no SMS."""
    raise_refusal(answer)
    rows = field_of(answer.document(), "Data")
    if not isinstance(rows, list) and field_of(answer.document(), "Total") != "0":
        raise unknown(answer)
    return messages_of(rows)


def rental_result(order: Order, inbox: tuple[Message, ...]) -> RentalResult:
    """Put a rental's order and its inbox together; after its end only if it had no SMS is it `Ended`."""
    messages = inbox or order.messages
    return Rented(messages, order.expires_at) if messages or order.is_open else Ended()


def rental_product(hours: int) -> str:
    """Name the product that lasts so long. Raises Refused: only these lengths are sold."""
    try:
        return RENTAL_PRODUCTS[hours]
    except KeyError:
        lengths = ", ".join(map(str, RENTAL_PRODUCTS))
        raise Refused(f"expected a rental of {lengths} hours, got {hours}") from None


def order_of(document: object) -> Order | None:
    """Read an order; None if its id, phone or state cannot be read."""
    id_, phone = id_of(field_of(document, "id")), phone_of(field_of(document, "phone"))
    product, country = field_of(document, "product"), field_of(document, "country")
    status = field_of(document, "status")
    if id_ is None or phone is None or not isinstance(product, str) or not isinstance(country, str):
        return None
    if not isinstance(status, str) or status not in set(Status):
        return None
    return Order(
        id=id_,
        phone=phone,
        product=product,
        country=country,
        status=Status(status),
        cost=cost_of(field_of(document, "price")),
        created_at=time_of(field_of(document, "created_at"), UTC),
        expires_at=time_of(field_of(document, "expires"), UTC),
        messages=messages_of(field_of(document, "sms")),
    )


def messages_of(rows: object) -> tuple[Message, ...]:
    """Read a list of SMS, oldest first; in the order they stand in if one of them has no time."""
    found = [message for row in (rows if isinstance(rows, list) else []) if (message := _message(row))]
    times = [message.received_at for message in found if message.received_at]
    if len(times) == len(found):
        found = [message for _, _, message in sorted(zip(times, range(len(found)), found, strict=True))]
    return tuple(found)


def unknown(answer: Answer) -> UnknownAnswer:
    """Say that the protocol does not know this answer."""
    reason = f"HTTP {answer.http_status} with an answer of {len(answer.text)} characters the protocol does not know"
    return UnknownAnswer(reason, raw=answer.excerpt)


def _message(row: object) -> Message | None:
    return message_of(field_of(row, "code"), field_of(row, "text"), time_of(field_of(row, "created_at", "date"), UTC))
