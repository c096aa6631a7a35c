"""The SMS-Activate protocol without I/O: one parse function for each action, from an answer to values of the contract.

Invariant: a parse function returns a value of the contract or raises an error of the contract, whatever the answer; and
`parse_purchase` raises `OutcomeUnknown` for everything that does not clearly say "not sold".
Dialects differ more in form than in meaning, so each function takes all forms seen: text or JSON, numbers or strings,
SMS-Activate's field names or HeroSMS's. It keeps no state and decides nothing.

Source: SMS-Activate api2 documentation; published captures of Tiger-SMS; HeroSMS OpenAPI.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from decimal import Decimal
from itertools import zip_longest

from pollers.providers.answer import (
    Answer,
    amount_of,
    cost_of,
    count_of,
    field_of,
    id_of,
    message_of,
    phone_of,
    time_of,
)
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
    Purchase,
    TooEarly,
    Waiting,
)
from pollers.providers.sms_activate.refusals import raise_refusal, read_spending, refusal_in, unknown


def parse_balance(answer: Answer) -> Decimal:
    """Parse `ACCESS_BALANCE:100.5` of getBalance."""
    raise_refusal(answer)
    word, _, rest = answer.line.partition(":")
    balance = amount_of(rest)
    if word != "ACCESS_BALANCE" or balance is None:
        raise unknown(answer)
    return balance


def parse_purchase(answer: Answer, zone: tzinfo = UTC) -> Purchase:
    """Parse the object of getNumberV2, or `ACCESS_NUMBER:id:phone` of getNumber."""
    return read_spending(answer, lambda answer: _purchase(answer, zone))


def parse_status(answer: Answer, zone: tzinfo = UTC) -> CheckResult:
    """Parse the text of getStatus or the object of getStatusV2, which may be such a text as well.

    `STATUS_WAIT_RETRY:<code>` waits for another SMS: the code is that of the one before, and no news.
    """
    raise_refusal(answer, zone)
    document = answer.document()
    if document is not None:
        messages = read_messages(document, zone)
        if not messages and not (isinstance(document, Mapping) and {"sms", "data"} & document.keys()):
            raise unknown(answer)
        return Delivered(messages) if messages else Waiting()
    word, _, rest = answer.line.partition(":")
    if word in {"STATUS_WAIT_CODE", "STATUS_WAIT_RESEND", "STATUS_WAIT_RETRY"}:
        return Waiting()
    if word in {"STATUS_CANCEL", "ACCESS_CANCEL"}:
        return Ended()
    if word == "STATUS_OK" and (message := message_of(rest.strip(" '"), "")):
        return Delivered((message,))
    raise unknown(answer)


def tells_nothing(answer: Answer) -> bool:
    """Whether getStatusV2 answered well, but in no known form: a document without SMS and without a word of refusal.

    A page of HTML or a document cut short is not one: it says nothing of the order, and is asked for again.
    """
    document = answer.document()
    if not 200 <= answer.http_status < 300 or not (isinstance(document, Mapping) or document == []):
        return False
    return field_of(document, "title", "message", "error") is None and not read_messages(document, UTC)


def parse_another(answer: Answer) -> None:
    """Parse the answer to setStatus 3. Raises Refused("BAD_STATUS") also if another SMS was asked for before."""
    raise_refusal(answer)
    if answer.line != "ACCESS_RETRY_GET":
        raise unknown(answer)


def is_waiting_for_another(answer: Answer) -> bool:
    """Whether getStatus tells of an order that another SMS was asked for."""
    raise_refusal(answer)
    return answer.line.partition(":")[0] in {"STATUS_WAIT_RETRY", "STATUS_WAIT_RESEND"}


def tells_earlier_code(answer: Answer) -> bool:
    """Whether getStatus tells the code of an SMS before the one that is waited for: that one is to be paid."""
    word, _, code = answer.line.partition(":")
    return word == "STATUS_WAIT_RETRY" and bool(code.strip(" '"))


def parse_cancel(answer: Answer) -> CancelResult:
    """Parse the answer to setStatus 8. Raises Refused("BAD_STATUS") for a state in which only a status check helps."""
    refusal = refusal_in(answer)
    match refusal.word if refusal else answer.line:
        case "ACCESS_CANCEL":
            return Cancelled()
        case "EARLY_CANCEL_DENIED":
            # HeroSMS's info.minActivationTime is the whole window, and no answer to this tells when it began.
            return TooEarly(answer.retry_after_s)
        case "OTP_RECEIVED" | "NEW_OTP_RECEIVED":
            return AlreadyDelivered()
        case "STATUS_CANCEL" | "ACTIVATION_NOT_ACTIVE":
            return AlreadyEnded()
    raise_refusal(answer)
    raise unknown(answer)


def parse_finish(answer: Answer) -> None:
    """Parse the answer to setStatus 6: `ACCESS_ACTIVATION`, or that it had ended before."""
    refusal = refusal_in(answer)
    ended = {"ACCESS_ACTIVATION", "ACCESS_CANCEL", "STATUS_CANCEL", "ACTIVATION_NOT_ACTIVE"}
    if (refusal.word if refusal else answer.line) not in ended:
        raise_refusal(answer)
        raise unknown(answer)


def parse_active(answer: Answer, zone: tzinfo = UTC) -> list[ActiveOrder]:
    """Parse the list of getActiveActivations; `NO_ACTIVATIONS` is the empty one.

    A row that cannot be read, or fewer rows than HeroSMS's `num_rows` counts, fails the whole list: what looks absent
    might be bought again or refunded.
    """
    raise_refusal(answer, zone)
    document = answer.document()
    said = answer.line if document is None else field_of(document, "message", "error", "title")
    if said == "NO_ACTIVATIONS":
        return []
    rows = field_of(document, "data", "activeActivations")
    if not isinstance(rows, list):
        raise unknown(answer)
    counted = field_of(field_of(document, "activeActivations"), "num_rows")
    if counted is not None and ((count := count_of(counted)) is None or count > len(rows)):
        raise unknown(answer)
    return read_active_orders(rows, answer, zone)


def read_active_orders(rows: Iterable[object], answer: Answer, zone: tzinfo) -> list[ActiveOrder]:
    """Read the rows of a list. answer: where they stand. Raises UnknownAnswer."""
    return [_active_order(row, answer, zone) for row in rows]


def results_among(orders: Iterable[ActiveOrder], wanted: Collection[str]) -> dict[str, Waiting | Delivered]:
    """What a list of active orders tells of those wanted: an SMS proves delivery, nothing else does."""
    ids = frozenset(wanted)
    return {
        order.provider_order_id: Delivered(order.messages) if order.messages else Waiting()
        for order in orders
        if order.provider_order_id in ids
    }


def _purchase(answer: Answer, zone: tzinfo) -> Purchase:
    raise_refusal(answer, zone)
    document = answer.document()
    if document is None:
        word, _, rest = answer.line.partition(":")
        order_id, _, phone = rest.partition(":")
        document = {"activationId": order_id, "phoneNumber": phone} if word == "ACCESS_NUMBER" else None
    provider_order_id = id_of(field_of(document, "activationId"))
    digits = phone_of(field_of(document, "phoneNumber"))
    if provider_order_id is None or digits is None:
        raise unknown(answer)
    return Purchase(
        provider_order_id=provider_order_id,
        phone=digits,
        # An unreadable price is no reason to lose a number that is bought.
        cost=cost_of(field_of(document, "activationCost")),
        expires_at=time_of(field_of(document, "activationEndTime"), zone),
    )


def _active_order(row: object, answer: Answer, zone: tzinfo) -> ActiveOrder:
    provider_order_id = id_of(field_of(row, "activationId"))
    phone = phone_of(field_of(row, "phoneNumber"))
    service, country = field_of(row, "serviceCode"), field_of(row, "countryCode")
    if provider_order_id is None or phone is None or not isinstance(service, str) or not isinstance(country, str):
        raise unknown(answer)
    codes, texts = (_strings(field_of(row, name)) for name in ("smsCode", "smsText"))
    messages = (message_of(code, text) for code, text in zip_longest(codes, texts, fillvalue=""))
    return ActiveOrder(
        provider_order_id=provider_order_id,
        phone=phone,
        service=service,
        country=country,
        started_at=time_of(field_of(row, "activationTime"), zone),
        messages=tuple(message for message in messages if message),
        cost=cost_of(field_of(row, "activationCost")),
    )


def read_messages(document: object, zone: tzinfo) -> tuple[Message, ...]:
    """Read the SMS and calls of a document of getStatusV2's kind; what is none is left out."""
    parts: list[object] = []
    for name in ("sms", "call", "data"):
        part = field_of(document, name)
        parts.extend(part if isinstance(part, list) else [part])
    found = (
        message_of(field_of(part, "code"), field_of(part, "text"), time_of(field_of(part, "dateTime", "date"), zone))
        for part in parts
    )
    return tuple(message for message in found if message)


def _strings(value: object) -> Sequence[object]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]
