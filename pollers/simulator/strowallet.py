"""Strowallet's dialect: which fields its requests have, and how its answers look, with their oddities. Pure.

Amounts are shown as numbers, as text, with a sign that says nothing, or in cents: `CardTerms.amounts`. Refusals come as
`message` or as `error`, with HTTP 200 or 400. A card that is being made has no number yet.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from pollers.simulator.request import API_KEY, plain_time
from pollers.simulator.said import Said
from pollers.simulator.strowallet_account import SimulatedCard, SimulatedTransaction, StrowalletAccount
from pollers.simulator.till import Refusal

IMAGES = frozenset({"idImage", "userPhoto"})
WANTED = (
    "houseNumber",
    "firstName",
    "lastName",
    "idNumber",
    "customerEmail",
    "phoneNumber",
    "dateOfBirth",
    "idImage",
    "userPhoto",
    "line1",
    "state",
    "zipCode",
    "city",
    "country",
    "idType",
)
"""Fields that create-user must have."""
METHODS = {
    "create-user": "POST",
    "getcardholder": "GET",
    "create-card": "POST",
    "fetch-card-detail": "POST",
    "fund-card": "POST",
    "card-transactions": "POST",
    "action/status": "POST",
    "wallet/balance/USD": "GET",
}
BUYING = frozenset({"create-user", "create-card", "fund-card"})
"""What must not be done twice."""


def respond(account: StrowalletAccount, action: str, fields: Mapping[str, str], now: float) -> Said:
    """Answer one request. action: one of METHODS."""
    try:
        if fields.get("public_key") != API_KEY:
            raise Refusal("Invalid public key")
        return Said(200, _answer(account, action, fields, now))
    except Refusal as refusal:
        key = account.terms.refusal_form
        body = {"success": False, "message": refusal.word} if key == "message" else {"error": refusal.word}
        return Said(account.terms.refusal_status, body)


def _answer(account: StrowalletAccount, action: str, fields: Mapping[str, str], now: float) -> dict[str, Any]:
    match action:
        case "create-user":
            return _registered(account, fields)
        case "getcardholder":
            customer = account.customer(fields.get("customerEmail", ""))
            return {"success": True, "data": {"customerEmail": customer.email, "customerId": customer.id}}
        case "create-card":
            name = fields.get("name_on_card", "")
            if not name:
                raise Refusal("The name_on_card field is required")
            card = account.create(fields.get("customerEmail", ""), name, _usd(fields), now)
            return _created(card)
        case "fetch-card-detail":
            card = account.card(_card_id(fields), now)
            return {"success": True, "message": "Card details", "response": {"card_detail": _detail(account, card)}}
        case "fund-card":
            id_ = _card_id(fields)
            transaction = _shown(account, id_, account.fund(id_, _usd(fields), now))
            begun = {"status": True, "message": "card topup in progress", "data": transaction}
            return {"success": True, "message": "Done successfully", "apiresponse": begun}
        case "card-transactions":
            card = account.card(_card_id(fields), now)
            rows = [_shown(account, card.id, each) for each in reversed(card.transactions)]
            return {"success": True, "message": "Transactions", "response": {"card_transactions": rows}}
        case "action/status":
            return _acted(account, fields, now)
    return {"balance": _amount(account, account.till.balance)}


def _registered(account: StrowalletAccount, fields: Mapping[str, str]) -> dict[str, Any]:
    if missing := [name for name in WANTED if not fields.get(name)]:
        raise Refusal(f"The {missing[0]} field is required")
    told = {name: fields[name] for name in WANTED if name not in IMAGES}
    customer = account.register(fields["customerEmail"], told)
    response = {**told, "bitvcard_customer_id": customer.id, "card_brand": "visa"}
    return {"success": True, "message": "successfully registered user", "response": response}


def _created(card: SimulatedCard) -> dict[str, Any]:
    response = {
        "name_on_card": card.name_on_card,
        "card_id": card.id,
        "card_created_date": plain_time(card.created_at)[:10],
        "card_type": "virtual",
        "card_brand": "visa",
        "card_user_id": card.customer_id,
        "reference": card.reference,
        "card_status": card.status,
        "customer_id": card.customer_id,
    }
    return {"success": True, "message": "Card creation in progress", "response": response}


def _acted(account: StrowalletAccount, fields: Mapping[str, str], now: float) -> dict[str, Any]:
    action = fields.get("action", "")
    if action not in {"freeze", "unfreeze"}:
        raise Refusal("The selected action is invalid")
    account.freeze(_card_id(fields), now, is_frozen=action == "freeze")
    return {"status": True, "message": f"Card {action} done"}


def _detail(account: StrowalletAccount, card: SimulatedCard) -> dict[str, Any]:
    has_number = card.status not in {"pending", "failed"}
    return {
        "card_id": str(card.id),
        "card_holder_name": card.name_on_card,
        "card_name": card.name_on_card,
        "card_brand": "visa",
        "card_type": "virtual",
        "card_number": card.number if has_number else None,
        "last4": card.number[-4:] if has_number else None,
        "cvv": card.cvv if has_number else None,
        "expiry": datetime.fromtimestamp(card.expires_at, UTC).strftime("%m/%Y") if has_number else None,
        "card_status": card.status,
        "balance": _amount(account, card.balance),
        "customer_id": card.customer_id,
        "reference": str(card.reference),
        "billing_country": "United States",
        "billing_city": "Miami",
        "billing_street": "3401 N. Miami Ave",
        "billing_zip_code": "33127",
    }


def _shown(account: StrowalletAccount, card_id: int, transaction: SimulatedTransaction) -> dict[str, Any]:
    cents = int(abs(transaction.usd) * 100)
    in_cents = {} if account.terms.amounts in {"text", "signless"} else {"centAmount": cents}
    return {
        "id": transaction.id,
        "cardId": str(card_id),
        "amount": _amount(account, transaction.usd),
        **in_cents,
        "type": transaction.type,
        "method": transaction.method,
        "narrative": transaction.narrative,
        "currency": "usd",
        "status": transaction.status,
        "reference": transaction.reference,
        "createdAt": plain_time(transaction.at),
    }


def _amount(account: StrowalletAccount, usd: Decimal) -> float | str:
    match account.terms.amounts:
        case "text":
            return f"{usd:.2f}"
        case "signless":
            return f"{abs(usd):.2f}"
    return float(usd)


def _usd(fields: Mapping[str, str]) -> Decimal:
    try:
        usd = Decimal(fields.get("amount", ""))
    except InvalidOperation:
        raise Refusal("The amount must be a number") from None
    if not usd.is_finite():
        raise Refusal("The amount must be a number")
    return usd.quantize(Decimal("0.01"))


def _card_id(fields: Mapping[str, str]) -> int:
    value = fields.get("card_id", "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= 18 else -1
