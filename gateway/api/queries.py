"""What may be asked of a list: a page of it, and what should be on it. Newest first, and stable while new ones come.

Keyset pagination: `next` of a page is the `before` of the one that follows, null on the last. Filters narrow the list
and do not change its order, so a walk with the same filters misses nothing and repeats nothing.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from gateway.api.requests import Text
from gateway.api.shapes import ActivationStatus, OperationType, RentalStatus
from wallet_db.orders import OrderFilter

PAGE_LIMIT_DEFAULT = 50
PAGE_LIMIT_MAX = 200

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_PLACE = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII
)
_DIGITS = re.compile(r"[0-9]{1,18}")


def _number(value: Any) -> Any:
    """Of what Python takes for a number only digits."""
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("expected a whole number in digits")
    return value


def _moment(text: Any) -> Any:
    if isinstance(text, str):
        if not _MOMENT.fullmatch(text):
            raise ValueError("expected a moment by RFC 3339, with its offset from UTC, as 2026-11-21T00:00:00Z")
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except OverflowError:
            raise ValueError("expected a moment of the years 1 to 9999") from None
    return text


def _place(text: Any) -> Any:
    """What `write_place` wrote."""
    if not isinstance(text, str):
        return text
    try:
        if (named := _PLACE.fullmatch(text)) is None:
            raise ValueError(text)
        return datetime.fromisoformat(named[1]), UUID(named[2])
    except ValueError:
        raise ValueError("expected the `next` of a page") from None


def write_place(at: datetime, order_id: UUID) -> str:
    """A place in a list of orders, for `before`."""
    # With Z: in an address the "+" of "+00:00" would be a space.
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z_{order_id}"


Moment = Annotated[datetime, BeforeValidator(_moment)]
DIGITS = BeforeValidator(_number)
"""In an address a whole number is digits and nothing else."""
Limit = Annotated[
    int, BeforeValidator(_number), Field(ge=1, le=PAGE_LIMIT_MAX, description="How many at most on a page.")
]
Place = Annotated[
    tuple[datetime, UUID],
    BeforeValidator(_place),
    WithJsonSchema({"type": "string", "description": "The `next` of the page before, as it stands there."}),
]
Named = Annotated[Text, Field(min_length=1, max_length=50)]


class Page(BaseModel):
    """How much, and of which time."""

    limit: Limit = PAGE_LIMIT_DEFAULT
    since: Moment | None = Field(None, alias="from", description="Made at this moment or later.")
    until: Moment | None = Field(None, alias="to", description="Made before this moment.")


class _Orders(Page):
    before: Place | None = None
    service: Named | None = Field(None, description="Of this service, by its name.")
    country: Named | None = Field(None, description="Of this country, by its name.")

    def _filter(self, statuses: list[Any]) -> OrderFilter:
        return OrderFilter(statuses or None, self.service, self.country, self.since, self.until)


class ActivationsQuery(_Orders):
    """Which activations."""

    status: list[ActivationStatus] = Field([], description="In one of these states; repeat the name for several.")

    @property
    def filter(self) -> OrderFilter:
        """For the database."""
        return self._filter(self.status)


class RentalsQuery(_Orders):
    """Which rentals."""

    status: list[RentalStatus] = Field([], description="In one of these states; repeat the name for several.")

    @property
    def filter(self) -> OrderFilter:
        """For the database."""
        return self._filter(self.status)


class OperationsQuery(Page):
    """Which operations."""

    before: Annotated[int, BeforeValidator(_number), Field(ge=0, lt=10**18)] | None = Field(
        None, description="The `next` of the page before: an operation's number."
    )
    type: list[OperationType] = Field([], description="Of one of these types; repeat the name for several.")


class StreamQuery(BaseModel):
    """Where a stream begins."""

    cursor: str | None = Field(None, description="Go on after this place; without it with a snapshot.")
    ticket: str | None = Field(None, description="Of `POST /realtime/tickets`, instead of a token.")


class PollQuery(StreamQuery):
    """Where it begins, and how long to wait for something new."""

    wait: float = Field(25, ge=0, description="Seconds; more than 60 is cut to 60.")
