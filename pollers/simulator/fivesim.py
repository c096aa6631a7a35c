"""The 5sim dialect of the simulator: path and query of a request in, status and body out. Pure.

Forms, statuses and texts are those of the 5sim API documentation and of observed answers: JSON with HTTP 200, refusals
as one line of text with 400, and with 200 where no number is free; a wrong key gets 401 and nothing. /guest/* needs no
key. Not here: HTTP (`fivesim_http.py`), orders and money (`state.py`), rating (`fivesim_account.py`). There is
no reuse.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from heapq import nlargest, nsmallest
from typing import Any

from pollers.simulator.catalogue import Country
from pollers.simulator.fivesim_account import FiveSimAccount
from pollers.simulator.fivesim_names import (
    COUNTRY_NAMES,
    COUNTRY_OF,
    OPERATORS,
    PRODUCTS,
    RENTAL_HOURS,
    SERVICE_OF,
)
from pollers.simulator.fivesim_shelf import countries, prices_of, products_in
from pollers.simulator.rentals import WHOLE_NUMBER, RentalState, SimulatedRental
from pollers.simulator.request import API_KEY
from pollers.simulator.said import Said
from pollers.simulator.state import SimulatedOrder
from pollers.simulator.till import Refusal, SimulatedSms

_PAGE, _PAGE_MAX = 15, 100
_REFUSAL_STATUS = {("buy", "no free phones"): 200, ("check", "order not found"): 404}
_RENTAL_STATUS = {RentalState.ACTIVE: "RECEIVED", RentalState.FINISHED: "FINISHED", RentalState.CANCELLED: "CANCELED"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its account, what follows the action in the path, its query, and when it came (epoch seconds)."""

    five: FiveSimAccount
    parts: tuple[str, ...]
    query: Mapping[str, str]
    now: float

    def number(self, name: str, default: int) -> int:
        """A whole parameter; default for what is not one."""
        return _whole(self.query.get(name, ""), default)


def action_of(path: str) -> str:
    """What a path under /v1 asks for, for faults and the log: `buy`, `check`, `prices`; the whole path if unknown."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["user", "sms"]:
        return "inbox"
    return parts[1] if len(parts) > 1 and "/".join(parts[:2]) in ACTIONS else path


def respond(five: FiveSimAccount, path: str, query: Mapping[str, str], authorization: str, now: float) -> Said:
    """Answer one request. path: under /v1. authorization: the header."""
    parts = tuple(path.strip("/").split("/"))
    if parts[0] == "user" and authorization != f"Bearer {API_KEY}":
        return Said(401, "")
    action = ACTIONS.get("/".join(parts[:2]))
    if action is None:
        return Said(404, "404 page not found")
    try:
        return Said(200, action(Request(five, parts[2:], query, now)))
    except Refusal as refusal:
        return Said(_REFUSAL_STATUS.get((parts[1], refusal.word), 400), refusal.word)


def _profile(request: Request) -> Any:
    return {
        "id": 1,
        "email": "demo@example.com",
        "vendor": "demo",
        "default_forwarding_number": "",
        "balance": float(request.five.account.balance),
        "rating": float(request.five.rating(request.now)),
        "default_country": {"name": "russia", "iso": "ru", "prefix": "+7"},
        "default_operator": {"name": ""},
        "frozen_balance": 0,
    }


def _buy(request: Request) -> Any:
    if len(request.parts) != 4:
        raise Refusal("select country" if len(request.parts) < 2 else "select operator")
    category, country_name, operator, product = request.parts
    country = COUNTRY_OF.get(country_name)
    if country is None:
        raise Refusal("bad country")
    if operator not in {"any", *OPERATORS}:
        raise Refusal("bad operator")
    if category == "hosting":
        return _rent(request, country, product)
    if category != "activation" or product not in SERVICE_OF:
        raise Refusal("no product")
    max_price = _amount(request.query.get("maxPrice", "")) if operator == "any" else None
    order = request.five.buy(SERVICE_OF[product].code, country.id, request.now, max_price)
    return {**_shown(request.five, order), "sms": None, "forwarding": False, "forwarding_number": ""}


def _rent(request: Request, country: Country, product: str) -> Any:
    if product not in RENTAL_HOURS:
        raise Refusal("no product")
    try:
        rental = request.five.account.rentals.rent(WHOLE_NUMBER, country.id, RENTAL_HOURS[product], request.now)
    except Refusal as refusal:
        raise Refusal("not enough user balance" if refusal.word == "NO_BALANCE" else "no free phones") from None
    return {**_shown_rental(rental), "sms": None, "forwarding": False, "forwarding_number": ""}


def _check(request: Request) -> Any:
    rental = _rental(request)
    return _shown_rental(rental) if rental else _shown(request.five, request.five.look(_id(request), request.now))


def _finish(request: Request) -> Any:
    _refuse_rental(request)
    return _shown(request.five, request.five.finish(_id(request), request.now))


def _cancel(request: Request) -> Any:
    _refuse_rental(request)
    return _shown(request.five, request.five.cancel(_id(request), request.now))


def _ban(request: Request) -> Any:
    _refuse_rental(request)
    return _shown(request.five, request.five.ban(_id(request), request.now))


def _sms(request: Request) -> Any:
    if request.parts[:1] != ("inbox",):
        raise Refusal("record not found")
    inbox = Request(request.five, request.parts[1:], request.query, request.now)
    rental = _rental(inbox)
    messages = rental.messages if rental else request.five.look(_id(inbox), request.now).messages
    rows = [{"ID": row, **_shown_sms(sms), "is_wave": False, "wave_uuid": ""} for row, sms in enumerate(messages, 1)]
    return {"Data": rows, "Total": len(rows)}


def _orders(request: Request) -> Any:
    account, wants_rentals = request.five.account, request.query.get("category") == "hosting"
    rows: list[Any] = list(account.rentals.all(request.now) if wants_rentals else account.orders(request.now))
    limit = max(1, min(request.number("limit", _PAGE), _PAGE_MAX))
    offset = request.number("offset", 0)
    pick = nlargest if request.query.get("reverse", "true") == "true" else nsmallest
    page = pick(offset + limit, rows, key=lambda row: int(row.id))[offset:]
    data = [_shown_rental(row) if wants_rentals else _shown(request.five, row) for row in page]
    return {"Data": data, "ProductNames": [], "Statuses": [], "Total": len(rows)}


def _products(request: Request) -> Any:
    return products_in(request.five.account.routes, request.parts[0] if request.parts else "")


def _prices(request: Request) -> Any:
    return prices_of(request.five.account.routes, request.query.get("product"), request.query.get("country"))


def _countries(_: Request) -> Any:
    return countries()


def _shown(five: FiveSimAccount, order: SimulatedOrder) -> dict[str, Any]:
    return {
        "id": order.id,
        "phone": f"+{order.phone}",
        "operator": OPERATORS[0],
        "product": PRODUCTS[order.service],
        "price": float(order.price),
        "status": five.status(order),
        "expires": _time(order.expires_at),
        "sms": [_shown_sms(sms) for sms in order.messages],
        "created_at": _time(order.bought_at),
        "country": COUNTRY_NAMES[order.country][0],
    }


def _shown_rental(rental: SimulatedRental) -> dict[str, Any]:
    return {
        "id": rental.id,
        "phone": f"+{rental.phone}",
        "operator": OPERATORS[0],
        "product": next(product for product, hours in RENTAL_HOURS.items() if hours == rental.hours),
        "price": float(rental.price),
        "status": _RENTAL_STATUS[rental.state],
        "expires": _time(rental.ends_at),
        "sms": [_shown_sms(sms) for sms in rental.messages],
        "created_at": _time(rental.bought_at),
        "country": COUNTRY_NAMES[rental.country][0],
    }


def _shown_sms(sms: SimulatedSms) -> dict[str, Any]:
    return {
        "created_at": _time(sms.at),
        "date": _time(sms.at),
        "sender": "Simulator",
        "text": sms.text,
        "code": sms.code,
    }


def _rental(request: Request) -> SimulatedRental | None:
    try:
        return request.five.account.rentals.look(_id(request), request.now)
    except Refusal:
        return None


def _refuse_rental(request: Request) -> None:
    if _rental(request):
        raise Refusal("hosting order")


def _id(request: Request) -> int:
    return _whole(request.parts[0] if request.parts else "", -1)


def _whole(value: str, default: int) -> int:
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= 18 else default


def _amount(value: str) -> Decimal | None:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _time(at: float) -> str:
    """ISO 8601 in UTC with nanoseconds, as 5sim's are."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


ACTIONS: dict[str, Callable[[Request], Any]] = {
    "guest/countries": _countries,
    "guest/prices": _prices,
    "guest/products": _products,
    "user/ban": _ban,
    "user/buy": _buy,
    "user/cancel": _cancel,
    "user/check": _check,
    "user/finish": _finish,
    "user/orders": _orders,
    "user/profile": _profile,
    "user/sms": _sms,
}
