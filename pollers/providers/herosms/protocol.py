"""Where HeroSMS's answers differ from the classic ones: a list in pages, and rents. No I/O.

Invariant: as in `sms_activate/protocol.py`, whatever the answer. Error envelopes, statuses and ISO times are read there
already, for dialects mix them.

Source: HeroSMS OpenAPI and rules; published probes. The form of getAllSms is taken to be that of getStatusV2, whose
rows are the same SMS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from pollers.providers.answer import Answer, count_of, field_of, time_of
from pollers.providers.contract import ActiveOrder, Ended, Rented
from pollers.providers.sms_activate.protocol import read_active_orders, read_messages
from pollers.providers.sms_activate.refusals import raise_refusal, read_spending, refusal_in, unknown

PAGE_ROWS = 100
"""The most that HeroSMS gives."""


@dataclass(frozen=True, slots=True)
class ActivePage:
    """A page of active orders. num_rows: as told; whether of the page or of the list is not documented."""

    orders: tuple[ActiveOrder, ...]
    num_rows: int


class ListMoved(Exception):
    """The list is not the one that was begun: read it anew."""


class ActivePages:
    """A list that moves while it is read, put together from pages that overlap by one row.

    Invariant: when `next_start` is None, every order that was open throughout is in `orders`. For orders keep their
    places relative to one another: if the last row of a page is the first of the next, nothing open has slipped from
    behind the one to before the other.
    """

    def __init__(self) -> None:
        self.next_start: int | None = 0
        self._orders: dict[str, ActiveOrder] = {}
        self._last: str | None = None

    @property
    def orders(self) -> list[ActiveOrder]:
        """What was read so far, each order once, as it was told last."""
        return list(self._orders.values())

    def add(self, page: ActivePage) -> None:
        """Add the page that begins at `next_start`. Raises ListMoved."""
        rows = page.orders
        if self._last is not None and (not rows or rows[0].provider_order_id != self._last):
            raise ListMoved
        self._orders.update((order.provider_order_id, order) for order in rows)
        end = (self.next_start or 0) + len(rows)
        overlap = 0 if self._last is None else 1
        # A page shorter than asked for is the last, unless the provider gives fewer and counts more.
        is_last = len(rows) <= overlap or (len(rows) < PAGE_ROWS and page.num_rows <= end)
        if is_last and page.num_rows > end:
            raise ListMoved
        self.next_start = None if is_last else end - 1
        self._last = rows[-1].provider_order_id if rows else None


def parse_active_page(answer: Answer, zone: tzinfo = UTC) -> ActivePage:
    """Parse one page of getActiveActivations. A row that cannot be read fails the page."""
    raise_refusal(answer, zone)
    document = answer.document()
    if answer.line == "NO_ACTIVATIONS" or field_of(document, "message", "error", "title") == "NO_ACTIVATIONS":
        return ActivePage((), 0)
    rows = field_of(document, "data")
    count = count_of(field_of(field_of(document, "activeActivations"), "num_rows"))
    if not isinstance(rows, list) or count is None:
        raise unknown(answer)
    return ActivePage(tuple(read_active_orders(rows, answer, zone)), count)


def parse_all_sms(answer: Answer, zone: tzinfo = UTC) -> Rented | Ended:
    """Parse getAllSms: `{"data":[{id,phoneFrom,code,text,service,date,type}]}`."""
    refusal = refusal_in(answer)
    if (refusal.word if refusal else answer.line) in {"ACTIVATION_NOT_ACTIVE", "STATUS_CANCEL"}:
        return Ended()
    raise_refusal(answer, zone)
    document = answer.document()
    if not isinstance(document, Mapping) or not isinstance(document.get("data"), list):
        raise unknown(answer)
    messages = read_messages({"data": document["data"]}, zone)
    never = datetime.max.replace(tzinfo=UTC)
    return Rented(tuple(sorted(messages, key=lambda message: message.received_at or never)))


def parse_prolonged(answer: Answer, zone: tzinfo = UTC) -> datetime | None:
    """Parse the object that prolong answers, for the rental's new end."""

    def read(answer: Answer) -> datetime | None:
        raise_refusal(answer, zone)
        document = answer.document()
        if not isinstance(document, Mapping) or "activationId" not in document:
            raise unknown(answer)
        return time_of(document.get("activationEndTime"), zone)

    return read_spending(answer, read)
