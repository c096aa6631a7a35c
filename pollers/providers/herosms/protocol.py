"""Where HeroSMS's answers differ from the classic ones: a list in pages, and rents. No I/O.

Invariant: as in `sms_activate/protocol.py`, whatever the answer. Error envelopes, statuses and ISO times are read there
already, for dialects mix them.

Source: HeroSMS OpenAPI and rules; published probes. The form of getAllSms is taken to be that of getStatusV2, whose
rows are the same SMS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from pollers.providers.answer import Answer, cost_of, count_of, field_of, time_of
from pollers.providers.contract import ActiveOrder, Ended, Extended, Rented
from pollers.providers.sms_activate.protocol import read_active_orders, read_messages
from pollers.providers.sms_activate.refusals import raise_refusal, read_spending, refusal_in, unknown

PAGE_ROWS = 100
"""The most that HeroSMS gives."""
MOVED_OVERLAP_ROWS = 10
STEP_ROWS = 50
"""So far the reading steps back when it has lost its place, and twice as far each time that was not enough."""


@dataclass(frozen=True, slots=True)
class ActivePage:
    """A page of active orders. num_rows: as told; whether of the page or of the list is not documented."""

    orders: tuple[ActiveOrder, ...]
    num_rows: int


class ActivePages:
    """A list that moves while it is read, put together from pages that overlap.

    Invariant: when `next_start` is None, every order that was open throughout is in `orders`. For orders keep their
    places relative to one another: what stands before the last row of what has been read so far has been read. A page
    with any of those rows in it continues them without a gap, wherever the others have moved; one without is set aside,
    and the reading steps back. A list that has moved once is read with more overlap, for it will move again.
    """

    def __init__(self) -> None:
        self.next_start: int | None = 0
        self._orders: dict[str, ActiveOrder] = {}
        self._read: set[str] = set()
        """Those read without a gap; `orders` has also those of pages set aside."""
        self._overlap = 1
        self._step = STEP_ROWS

    @property
    def orders(self) -> list[ActiveOrder]:
        """What was read so far, each order once, as it was told last."""
        return list(self._orders.values())

    def add(self, page: ActivePage) -> None:
        """Add the page that begins at `next_start`."""
        start = self.next_start or 0
        ids = [order.provider_order_id for order in page.orders]
        self._orders.update(zip(ids, page.orders, strict=True))
        if start > 0 and self._read.isdisjoint(ids):
            self.next_start = max(0, start - self._step)
            self._step *= 2
            self._overlap = MOVED_OVERLAP_ROWS
            return
        self._read.update(ids)
        self._step = STEP_ROWS
        end = start + len(ids)
        # A page shorter than asked for is the last, unless the provider gives fewer and counts more.
        is_last = len(ids) < PAGE_ROWS and page.num_rows <= end
        self.next_start = None if is_last else end - min(self._overlap, max(1, len(ids) // 2))


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


def parse_prolonged(answer: Answer, zone: tzinfo = UTC) -> Extended:
    """Parse the object that prolong answers. It is the rental's, so its cost is taken to be that of all of it."""

    def read(answer: Answer) -> Extended:
        raise_refusal(answer, zone)
        document = answer.document()
        if not isinstance(document, Mapping) or "activationId" not in document:
            raise unknown(answer)
        return Extended(time_of(document.get("activationEndTime"), zone), cost_of(document.get("activationCost")))

    return read_spending(answer, read)
