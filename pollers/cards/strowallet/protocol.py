"""What Strowallet is asked and what its answers say: fields in, the contract's values out. Pure.

Amounts come as numbers and as text, with either sign, with `centAmount` or without: cents are whole and leave no doubt,
so they count before `amount`, and the direction counts before the sign. An answer that lacks what it is about is
`UnknownAnswer`, or `OutcomeUnknown` if it was to a request that may not be repeated.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from pollers.cards.contract import (
    Card,
    CardMade,
    CardOrder,
    CardStatus,
    CardTransaction,
    Details,
    Document,
    Funding,
    Person,
    TransactionStatus,
)
from pollers.cards.strowallet.answers import contents, unreadable
from pollers.providers.answer import Answer, amount_of, field_of, id_of, text_of, time_of
from pollers.providers.contract import Refused

CENT = Decimal("0.01")
CARD_TYPE = "visa"

CARD_STATUSES: Mapping[str, CardStatus] = {
    "pending": CardStatus.PENDING_ACTIVATION,
    "processing": CardStatus.PENDING_ACTIVATION,
    "active": CardStatus.ACTIVE,
    "inactive": CardStatus.INACTIVE,
    "blocked": CardStatus.BLOCKED,
    "freeze": CardStatus.BLOCKED,
    "frozen": CardStatus.BLOCKED,
    "canceled": CardStatus.TERMINATED,
    "cancelled": CardStatus.TERMINATED,
    "closed": CardStatus.TERMINATED,
    "deleted": CardStatus.TERMINATED,
    "terminated": CardStatus.TERMINATED,
    "declined": CardStatus.FAILED,
    "failed": CardStatus.FAILED,
}
TRANSACTION_STATUSES: Mapping[str, TransactionStatus] = {
    "pending": TransactionStatus.PENDING,
    "processing": TransactionStatus.PENDING,
    "approved": TransactionStatus.COMPLETED,
    "completed": TransactionStatus.COMPLETED,
    "settled": TransactionStatus.COMPLETED,
    "success": TransactionStatus.COMPLETED,
    "successful": TransactionStatus.COMPLETED,
    "declined": TransactionStatus.FAILED,
    "failed": TransactionStatus.FAILED,
    "reversed": TransactionStatus.FAILED,
}
_OUTGOING = frozenset({"debit", "withdrawal", "purchase", "payment", "fee"})
_FUNDING_METHODS = frozenset({"topup", "top_up", "fund", "funding"})


def registration(person: Person, documents: Sequence[Document]) -> dict[str, str]:
    """The fields of create-user."""
    return {
        "houseNumber": person.house_number,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "idNumber": person.id_number,
        "customerEmail": person.email,
        "phoneNumber": person.phone.removeprefix("+"),
        "dateOfBirth": f"{person.date_of_birth:%m/%d/%Y}",
        "line1": person.line1,
        "city": person.city,
        "state": person.state,
        "zipCode": person.zip_code,
        "country": person.country,
        "idType": person.id_type,
        **{"userPhoto" if each.kind == "user_photo" else "idImage": _data_url(each) for each in documents},
    }


def creation(order: CardOrder) -> dict[str, str]:
    """The fields of create-card."""
    return {
        "name_on_card": order.name_on_card,
        "card_type": CARD_TYPE,
        "amount": amount_text(order.usd),
        "customerEmail": order.email,
    }


def amount_text(usd: Decimal) -> str:
    """`5.00`."""
    return f"{usd:.2f}"


def parse_customer(answer: Answer) -> str:
    """The customer's id, of create-user."""
    found = field_of(contents(answer, spends=True), "bitvcard_customer_id", "customerId", "customer_id")
    if (customer_id := id_of(found)) is None:
        raise unreadable(answer, spends=True)
    return customer_id


def parse_holder(answer: Answer, email: str) -> str | None:
    """The id of the customer of this address, of getcardholder: one object, or a list of them."""
    found = contents(answer, spends=False)
    for holder in found if isinstance(found, list) else [found]:
        told = text_of(field_of(holder, "customerEmail", "email"))
        if told.lower() == email.lower():
            return id_of(field_of(holder, "bitvcard_customer_id", "customerId", "customer_id"))
    return None


def parse_made(answer: Answer) -> CardMade:
    """The card begun, of create-card."""
    found = contents(answer, spends=True)
    if (card_id := id_of(field_of(found, "card_id", "cardId"))) is None:
        raise unreadable(answer, spends=True)
    return CardMade(card_id, id_of(field_of(found, "reference")))


def parse_card(answer: Answer) -> Card:
    """A card's state, of fetch-card-detail, without what only its owner may see."""
    detail = _detail(answer)
    card_id = id_of(field_of(detail, "card_id", "cardId"))
    status = CARD_STATUSES.get(text_of(field_of(detail, "card_status", "status")).lower())
    if card_id is None or status is None:
        raise unreadable(answer, spends=False)
    return Card(
        card_id,
        status,
        balance=_usd(field_of(detail, "balance", "available_balance")),
        brand=text_of(field_of(detail, "card_brand", "cardBrand", "brand")).lower() or None,
        provider_customer_id=id_of(field_of(detail, "customer_id", "customerId")),
        reference=id_of(field_of(detail, "reference")),
        last4=_last4(detail),
        expiry=_expiry(detail),
        name_on_card=text_of(field_of(detail, "card_holder_name", "name_on_card", "card_name")),
    )


def parse_details(answer: Answer) -> Details:
    """What its owner pays with, of fetch-card-detail. Raises Refused while there is no number."""
    detail = _detail(answer)
    number = re.sub(r"[ -]", "", text_of(field_of(detail, "card_number", "cardNumber", "pan")))
    cvv = text_of(field_of(detail, "cvv", "cvv2", "cvc"))
    if not number or "*" in number:
        raise Refused("the card has no number to be shown")
    # A CVV sent as a number has lost the zeros before it.
    cvv = cvv.zfill(3) if cvv.isdecimal() else cvv
    if not re.fullmatch(r"[0-9]{12,19}", number) or not re.fullmatch(r"[0-9]{3,4}", cvv):
        raise unreadable(answer, spends=False)
    return Details(number, cvv, _expiry(detail), text_of(field_of(detail, "card_holder_name", "name_on_card")))


def parse_funding(answer: Answer) -> Funding:
    """The money on its way, of fund-card; accepted, even if the answer names nothing to find it by."""
    found = contents(answer, spends=True)
    if TRANSACTION_STATUSES.get(text_of(field_of(found, "status")).lower()) is TransactionStatus.FAILED:
        raise Refused("the funding has failed at once")
    return Funding(id_of(field_of(found, "reference")), id_of(field_of(found, "id", "transaction_id")))


def parse_transactions(answer: Answer) -> list[CardTransaction]:
    """A card's transactions; one that cannot be read makes all unreadable, for its absence would mean something."""
    found = contents(answer, spends=False)
    for _ in range(2):  # {"card_transactions": [...]}, or {"card_transactions": {"data": [...]}}
        if isinstance(found, Mapping):
            found = field_of(found, "card_transactions", "transactions", "data")
    if not isinstance(found, list):
        raise unreadable(answer, spends=False)
    rows = [_transaction(row) for row in found]
    readable = [row for row in rows if row is not None]
    if len(readable) < len(rows):
        raise unreadable(answer, spends=False)
    return readable


def parse_balance(answer: Answer) -> Decimal:
    """Our funds, of the wallet."""
    found = contents(answer, spends=False)
    balance = _usd(field_of(found, "balance", "available_balance", "USD"))
    if balance is None:
        raise unreadable(answer, spends=False)
    return balance


def parse_done(answer: Answer) -> None:
    """An answer of which only matters whether it is yes."""
    contents(answer, spends=False)


def _transaction(row: object) -> CardTransaction | None:
    transaction_id = id_of(field_of(row, "id", "transaction_id"))
    status = TRANSACTION_STATUSES.get(text_of(field_of(row, "status")).lower())
    usd = _usd_of(row)
    if transaction_id is None or status is None or usd is None:
        return None
    kind, method = text_of(field_of(row, "type")).lower(), text_of(field_of(row, "method")).lower()
    if kind in _OUTGOING:
        usd = -abs(usd)
    elif kind == "credit":
        usd = abs(usd)
    return CardTransaction(
        transaction_id,
        usd,
        status,
        type=kind,
        method=method,
        narrative=text_of(field_of(row, "narrative", "description")),
        reference=id_of(field_of(row, "reference")),
        at=time_of(field_of(row, "createdAt", "created_at", "date"), UTC),
        is_funding=method in _FUNDING_METHODS and usd > 0,
    )


def _usd_of(row: object) -> Decimal | None:
    cents = amount_of(field_of(row, "centAmount", "cent_amount"))
    return _usd(field_of(row, "amount")) if cents is None else (cents * CENT).quantize(CENT, ROUND_HALF_EVEN)


def _usd(value: object) -> Decimal | None:
    """An amount in dollars, with or without a sign for them and commas between thousands."""
    plain = re.sub(r"[$,]", "", value) if isinstance(value, str) else value
    amount = amount_of(plain)
    return None if amount is None else amount.quantize(CENT, ROUND_HALF_EVEN)


def _detail(answer: Answer) -> Any:
    found = contents(answer, spends=False)
    return field_of(found, "card_detail", "card_details") or found


def _last4(detail: object) -> str:
    told = text_of(field_of(detail, "last4", "lastFour", "card_last4"))
    found = re.search(r"([0-9]{4})$", told or text_of(field_of(detail, "card_number")))
    return found[1] if found else ""


def _expiry(detail: object) -> str:
    """`MM/YY` of `12/27`, `12/2027`, `2027-12` or `1227`; empty if it cannot be read."""
    told = text_of(field_of(detail, "expiry", "expiry_date", "expires")).strip()
    if year_first := re.fullmatch(r"(?:20)([0-9]{2})-([0-9]{1,2})(?:-[0-9]{1,2})?", told):
        year, month = year_first.groups()
    elif month_first := re.fullmatch(r"([0-9]{1,2})\s*[/-]?\s*(?:20)?([0-9]{2})", told):
        month, year = month_first.groups()
    else:
        return ""
    return f"{month:0>2}/{year}" if 1 <= int(month) <= 12 else ""


def _data_url(document: Document) -> str:
    return f"data:{document.content_type};base64,{base64.b64encode(document.content).decode()}"
