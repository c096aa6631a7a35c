"""One HTTP answer and the careful reading of what stands in it: documents, amounts, digits, times, texts.

Invariant: nothing a provider sends makes these functions raise; what cannot be read is None.
They know no action of the protocol and no meaning of a word.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from pollers.providers.contract import RAW_CHARS_MAX, Message

AMOUNT_MAX = Decimal(10**9)
TEXT_CHARS_MAX = 4_000
CODE_CHARS_MAX = 200
_AMOUNT_CHARS_MAX = 32
_TIME_CHARS_MAX = 40
_AMOUNT_STEP = Decimal("1e-8")
_BAN_TIME = "%Y-%m-%d %H-%M-%S"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. retry_after_s: of the header Retry-After. secret: what an echo must not carry into an error.

    Its `repr` shows no text, which may hold a code, or the number of a card.
    """

    http_status: int
    text: str = field(repr=False)
    retry_after_s: float | None = None
    secret: str = field(default="", repr=False)

    @property
    def excerpt(self) -> str:
        """The beginning of the text, without the secret: for `ProviderError.raw`."""
        text = self.text.replace(self.secret, "[secret]") if self.secret else self.text
        return text[:RAW_CHARS_MAX]

    @property
    def line(self) -> str:
        """The text without surrounding space and byte order mark: the form of the plain-text answers."""
        return self.text.strip("\ufeff \t\r\n")

    def document(self) -> Any:
        """The JSON object or array in the answer, its numbers as the strings they were sent as; None if it has none."""
        line = self.line
        if not line.startswith(("{", "[")):
            return None
        try:
            return json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError):
            return None


def amount_of(value: object) -> Decimal | None:
    """Read an amount of money: finite, |amount| < 10^9, rounded to 8 places. None: absent or absurd."""
    if not isinstance(value, str) or len(value) > _AMOUNT_CHARS_MAX:
        return None
    try:
        amount = Decimal(value.strip())
        # Compared, not computed with: arithmetic on 1e99999999 overflows.
        if not (amount.is_finite() and -AMOUNT_MAX < amount < AMOUNT_MAX):
            return None
        exponent = amount.as_tuple().exponent
        return amount.quantize(_AMOUNT_STEP) if isinstance(exponent, int) and not -8 <= exponent <= 0 else amount
    except ArithmeticError:
        return None


def cost_of(value: object) -> Decimal | None:
    """Read an amount that cannot be negative."""
    amount = amount_of(value)
    return amount if amount is not None and amount >= 0 else None


def count_of(value: object) -> int | None:
    """Read a count: a whole number of at most nine digits."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value) else None


def phone_of(value: object) -> str | None:
    """Read a phone number: 5 to 20 digits, a leading `+` dropped."""
    if not isinstance(value, str):
        return None
    found = re.fullmatch(r"\+?([0-9]{5,20})", value.strip())
    return found[1] if found else None


def id_of(value: object) -> str | None:
    """Read an order's id: numbers with the classic providers, up to 64 characters with their imitators."""
    return value if isinstance(value, str) and re.fullmatch(r"[0-9A-Za-z_-]{1,64}", value) else None


def text_of(value: object) -> str:
    """Read a text; empty if there is none. NUL and lone surrogates, which PostgreSQL refuses, do not get through."""
    if not isinstance(value, str):
        return ""
    return value[:TEXT_CHARS_MAX].replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def message_of(code: object, text: object, received_at: datetime | None = None) -> Message | None:
    """Read an SMS; None if it has neither code nor text. What is too long to be a code is the text of an SMS."""
    code, text = text_of(code).strip(), text_of(text)
    if len(code) > CODE_CHARS_MAX:
        code, text = "", text or code
    return Message(code, text, received_at) if code or text else None


def time_of(value: object, zone: tzinfo) -> datetime | None:
    """Read a time as UTC: ISO 8601, `2022-06-01 17:30:57`, `2022-06-01 17-30-57` (bans). zone: if it names none."""
    if not isinstance(value, str) or len(value) > _TIME_CHARS_MAX:
        return None
    for read in (datetime.fromisoformat, _ban_time):
        try:
            time = read(value)
            return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def field_of(document: object, *names: str) -> Any:
    """The first of these fields that is there and not null."""
    if not isinstance(document, Mapping):
        return None
    return next((document[name] for name in names if document.get(name) is not None), None)


def _ban_time(value: str) -> datetime:
    return datetime.strptime(value, _BAN_TIME)  # noqa: DTZ007 - time_of gives it its zone
