"""The rents of the classic dialect without I/O: one parse function for each action.

Invariant: as in `protocol.py`, whatever the answer. All is JSON, errors too: `{"status":"error","message":"X"}`, where
STATUS_WAIT_CODE is none (no SMS yet) and STATUS_FINISH, STATUS_CANCEL, STATUS_REVOKE tell an end. A list is an object
with the keys "0", "1", …, which PHP writes as an array when it likes.

Source: SMS-Activate api2 documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from pollers.providers.answer import Answer, cost_of, count_of, field_of, id_of, phone_of, text_of, time_of
from pollers.providers.contract import (
    ActiveRental,
    AlreadyEnded,
    Cancelled,
    Ended,
    Message,
    Purchase,
    RentalCancelResult,
    TooLate,
    UnknownAnswer,
)
from pollers.providers.sms_activate.refusals import raise_refusal, read_spending, refusal_in, unknown

ENDS = frozenset({"STATUS_FINISH", "STATUS_CANCEL", "STATUS_REVOKE"})
ENDED_BEFORE = frozenset({"ALREADY_FINISH", "ALREADY_CANCEL"})
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RentPage:
    """A page of a rental's SMS. quantity: of all pages. A message without text stands for a row that has none."""

    quantity: int
    messages: tuple[Message, ...]


class RentedMessages:
    """The SMS of one rental, gathered page by page, whether pages are counted from 0 or 1.

    Where the first page is 0, page 0 may be told as page 1 again; and an SMS that comes between two requests moves the
    rest by one. So what an earlier page has told counts once.
    """

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._seen: set[Message] = set()
        self._idle_pages = 0

    def add(self, page: RentPage) -> bool:
        """Add the next page; True if that was all. Raises UnknownAnswer if pages only repeat what was told."""
        fresh = [message for message in page.messages if message not in self._seen]
        self._messages += fresh
        self._seen.update(fresh)
        if len(self._messages) >= page.quantity:
            return True
        self._idle_pages = 0 if fresh else self._idle_pages + 1
        if self._idle_pages < 2:
            return False
        if page.messages or not self._messages:
            raise UnknownAnswer(f"{len(self._messages)} of {page.quantity} SMS, and no page with the rest")
        return True

    def oldest_first(self) -> tuple[Message, ...]:
        """All that was told, those without a time last."""
        told = (message for message in self._messages if message.text)
        return tuple(sorted(told, key=lambda message: message.received_at or _NEVER))


def parse_offer(answer: Answer, service: str) -> Decimal | None:
    """Parse getRentServicesAndCountries for what this service costs; None if it is not for rent or sold out."""
    raise_refusal(answer)
    services = field_of(answer.document(), "services")
    if services == []:
        return None
    if not isinstance(services, Mapping):
        raise unknown(answer)
    offer = services.get(service)
    return cost_of(field_of(offer, "cost")) if count_of(field_of(offer, "quant")) != 0 else None


def parse_rented(answer: Answer, zone: tzinfo = UTC, cost: Decimal | None = None) -> Purchase:
    """Parse the answer to getRentNumber. cost: what is known of it, for the answer tells none."""

    def read(answer: Answer) -> Purchase:
        raise_refusal(answer, zone)
        phone = field_of(answer.document(), "phone")
        provider_order_id, digits = id_of(field_of(phone, "id")), phone_of(field_of(phone, "number"))
        if provider_order_id is None or digits is None:
            raise unknown(answer)
        return Purchase(provider_order_id, digits, cost, time_of(field_of(phone, "endDate"), zone))

    return read_spending(answer, read)


def parse_extension_cost(answer: Answer) -> Decimal | None:
    """Parse getContinueRentPriceNumber: `{"status":"success","price":"6.50"}`; None where the action is not known."""
    if _word(answer) == "BAD_ACTION":
        return None
    raise_refusal(answer)
    cost = cost_of(field_of(answer.document(), "price"))
    if cost is None:
        raise unknown(answer)
    return cost


def parse_extended(answer: Answer, zone: tzinfo = UTC) -> datetime | None:
    """Parse the answer to continueRentNumber for the rental's new end."""

    def read(answer: Answer) -> datetime | None:
        raise_refusal(answer, zone)
        document = answer.document()
        phone = field_of(document, "phone")
        if phone is None and field_of(document, "status") != "success":
            raise unknown(answer)
        return time_of(field_of(phone, "endDate"), zone)

    return read_spending(answer, read)


def parse_rent_page(answer: Answer, zone: tzinfo = UTC) -> RentPage | Ended:
    """Parse one page of getRentStatus."""
    word = _word(answer)
    if word == "STATUS_WAIT_CODE":
        return RentPage(0, ())
    if word in ENDS:
        return Ended()
    raise_refusal(answer, zone)
    document = answer.document()
    quantity, rows = count_of(field_of(document, "quantity")), _rows(field_of(document, "values"))
    if quantity is None or rows is None:
        raise unknown(answer)
    return RentPage(quantity, tuple(_message(row, zone) for row in rows))


def parse_rent_cancel(answer: Answer) -> RentalCancelResult:
    """Parse the answer to setRentStatus 2."""
    word = _word(answer)
    if word == "CANT_CANCEL":
        return TooLate()
    if word in ENDED_BEFORE | ENDS:
        return AlreadyEnded()
    _check_success(answer)
    return Cancelled()


def parse_rent_finish(answer: Answer) -> None:
    """Parse the answer to setRentStatus 1, or that it had ended before."""
    if _word(answer) not in ENDED_BEFORE | ENDS:
        _check_success(answer)


def parse_rents(answer: Answer) -> list[ActiveRental]:
    """Parse getRentList; NO_NUMBERS is the empty one. A row that cannot be read fails the whole list."""
    if _word(answer) == "NO_NUMBERS":
        return []
    raise_refusal(answer)
    rows = _rows(field_of(answer.document(), "values"))
    if rows is None:
        raise unknown(answer)
    return [_rental(row, answer) for row in rows]


def _rental(row: object, answer: Answer) -> ActiveRental:
    provider_order_id, phone = id_of(field_of(row, "id")), phone_of(field_of(row, "phone"))
    if provider_order_id is None or phone is None:
        raise unknown(answer)
    return ActiveRental(provider_order_id, phone)


def _message(row: object, zone: tzinfo) -> Message:
    return Message(code="", text=text_of(field_of(row, "text")), received_at=time_of(field_of(row, "date"), zone))


def _word(answer: Answer) -> str | None:
    if refusal := refusal_in(answer):
        return refusal.word
    document = answer.document()
    said = answer.line if document is None else field_of(document, "message")
    return said if isinstance(said, str) else None


def _check_success(answer: Answer) -> None:
    raise_refusal(answer)
    if field_of(answer.document(), "status") != "success":
        raise unknown(answer)


def _rows(values: object) -> list[object] | None:
    if isinstance(values, Mapping):
        return list(values.values())
    return values if isinstance(values, list) else None
