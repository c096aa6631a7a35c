"""One row of another application's table of cards: accepted as ours, or refused with every reason. Pure.

Columns: card_id, user_id, balance, status, currency, expiry, last4; others are looked at for what must not be there and
otherwise left out. A row that has a full number or a security code anywhere is refused as a whole, and no reason quotes
a value, so that a report may be passed on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from wallet_db.card_numbers import has_card_number, is_secret_name

COLUMNS = ("card_id", "user_id", "balance", "status", "currency", "expiry", "last4")
STATUSES: Mapping[str, str] = {
    "active": "active",
    "inactive": "inactive",
    "disabled": "inactive",
    "blocked": "blocked",
    "frozen": "blocked",
    "freeze": "blocked",
    "terminated": "terminated",
    "closed": "terminated",
    "deleted": "terminated",
    "failed": "failed",
}
"""Words of the table, in any case, and ours. One whose creation is not decided has none: nobody here could tell it."""
UNDECIDED = frozenset({"pending", "pending_activation", "processing"})
CENT = Decimal("0.01")

_CARD_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_LAST4 = re.compile(r"[0-9]{4}")
_EXPIRIES = (
    re.compile(r"(?P<month>[0-9]{1,2})/(?:20)?(?P<year>[0-9]{2})"),
    re.compile(r"20(?P<year>[0-9]{2})-(?P<month>[0-9]{2})(?:-[0-9]{2}(?:[ T][0-9:.]+Z?)?)?"),
)
_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,8})?")


@dataclass(frozen=True, slots=True)
class ImportedCard:
    """A card as the other application knew it. expiry: MM/YY, last4: four digits; either None if it had none."""

    provider_card_id: str
    user_id: UUID
    balance: Decimal
    status: str
    expiry: str | None
    last4: str | None


def lacking_columns(header: list[str]) -> list[str]:
    """Those a file of cards must have and this one has not."""
    return [column for column in COLUMNS if column not in header]


def card_of(row: Mapping[str, str]) -> ImportedCard | list[str]:
    """The card, or why not: a line for each fault."""
    if leaks := leaks_of(row):
        return leaks
    faults: list[str] = []
    card_id = row["card_id"].strip()
    if not _CARD_ID.fullmatch(card_id):
        faults.append("card_id: expected 1 to 64 letters, digits, - and _")
    user_id = _user_id(row["user_id"], faults)
    balance = _balance(row["balance"], faults)
    status = _status(row["status"].strip().lower(), faults)
    if row["currency"].strip().upper() != "USD":
        faults.append("currency: expected USD")
    expiry, last4 = _expiry(row["expiry"], faults), row["last4"].strip() or None
    if last4 is not None and not _LAST4.fullmatch(last4):
        faults.append("last4: expected four digits, zeros in front included")
    if faults or user_id is None:
        return faults
    return ImportedCard(card_id, user_id, balance, status, expiry, last4)


def shown_card_id(row: Mapping[str, str]) -> str | None:
    """The card's id, if it is one and may be shown."""
    card_id = row["card_id"].strip()
    return card_id if _CARD_ID.fullmatch(card_id) and not has_card_number(card_id) else None


def leaks_of(row: Mapping[str, str]) -> list[str]:
    """What must not be in any row: a line for each."""
    return [
        *(
            f"{column}: holds what must never be stored; leave the column out"
            for column, value in row.items()
            if is_secret_name(column) and value.strip()
        ),
        *(
            f"{column}: looks like a full card number"
            for column, value in row.items()
            if has_card_number(value) and not is_secret_name(column)
        ),
    ]


def _user_id(text: str, faults: list[str]) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        faults.append("user_id: expected the uuid of a user")
        return None


def _status(word: str, faults: list[str]) -> str:
    if word in UNDECIDED:
        faults.append("status: the card's creation is not decided yet; import it when it is")
    elif word not in STATUSES:
        faults.append(f"status: expected one of {', '.join(STATUSES)}")
    return STATUSES.get(word, "")


def _balance(text: str, faults: list[str]) -> Decimal:
    amount = Decimal(text.strip()) if _AMOUNT.fullmatch(text.strip()) else None
    if amount is None or amount != amount.quantize(CENT):
        faults.append("balance: expected an amount like 12.50, not negative, in whole cents")
        return Decimal(0)
    return amount.quantize(CENT)


def _expiry(text: str, faults: list[str]) -> str | None:
    text = text.strip()
    if not text:
        return None
    for pattern in _EXPIRIES:
        if (found := pattern.fullmatch(text)) is not None and 1 <= int(found["month"]) <= 12:
            return f"{int(found['month']):02}/{found['year']}"
    faults.append("expiry: expected MM/YY, MM/YYYY or YYYY-MM-DD")
    return None
