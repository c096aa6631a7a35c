"""The HeroSMS dialect of the simulator: SMS-Activate's actions with answers, statuses and errors of its own. Pure.

An error is `{"title","details","info"}` with a fitting HTTP status; `NO_NUMBERS` and what was wrong in a getNumber are
still plain text with HTTP 200. Forms are those of the HeroSMS OpenAPI and of published probes. What those leave open is
a choice here: getStatusV2 tells `"data":null` while it waits, `num_rows` counts all rows and not a page's, and
getAllSms tells rows as getStatusV2 does.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pollers.simulator import shelf, sms_activate
from pollers.simulator.catalogue import COUNTRIES, SERVICES
from pollers.simulator.rentals import RentalState, SimulatedRental
from pollers.simulator.request import API_KEY, USD, Request, iso_time
from pollers.simulator.said import Said
from pollers.simulator.state import ENDED, OrderState, SimulatedAccount, SimulatedOrder
from pollers.simulator.till import Refusal, SimulatedSms

PAGE_MAX = 100
RATE_LIMIT = "RATE_LIMIT"
MEDIA_TYPE = "text/html"
"""Of every answer, JSON too."""

HTTP_STATUS = {
    "BAD_KEY": 401,
    "NO_BALANCE": 402,
    "BAD_ACTION": 404,
    "NOT_FOUND": 404,
    "ACTIVATION_NOT_ACTIVE": 409,
    "EARLY_CANCEL_DENIED": 409,
    "FREE_CANCELLATION_EXPIRED": 409,
    "NEW_OTP_RECEIVED": 409,
    "OTP_RECEIVED": 409,
    "UNPROCESSABLE_ENTITY": 422,
    RATE_LIMIT: 429,
}
"""Of every other word: 400."""

_OWN_WORD = {
    "NO_ACTIVATION": "NOT_FOUND",
    "INVALID_PHONE": "NOT_FOUND",
    "WRONG_ACTIVATION_ID": "NOT_FOUND",
    "RENT_DIE": "ACTIVATION_NOT_ACTIVE",
}
_WRONG_FIELD = {
    "BAD_SERVICE": "service",
    "BAD_COUNTRY": "country",
    "INVALID_TIME": "duration",
    "MAX_HOURS_EXCEED": "duration",
}


def respond(account: SimulatedAccount, params: Mapping[str, str], now: float) -> Said:
    """Answer one request."""
    if params.get("api_key") != API_KEY:
        return error("BAD_KEY")
    name = params.get("action", "")
    action = ACTIONS.get(name)
    if action is None:
        return error("BAD_ACTION")
    request = Request(account, params, now)
    try:
        body = action(request)
    except Refusal as refusal:
        return _refused(refusal.word, name, request)
    return Said(204, None) if body is None else Said(200, body, MEDIA_TYPE)


def error(word: str, **info: object) -> Said:
    """The envelope of an error."""
    envelope = {"title": word, "details": word.replace("_", " ").capitalize(), "info": info or None}
    return Said(HTTP_STATUS.get(word, 400), envelope, MEDIA_TYPE)


def _refused(said: str, action: str, request: Request) -> Said:
    word, _, argument = said.partition(":")
    if word == "NO_NUMBERS":
        return Said(200, word, MEDIA_TYPE)
    if field := _WRONG_FIELD.get(word):
        if action == "getNumber":
            return Said(200, f"UNPROCESSABLE_ENTITY:{field}:INVALID", MEDIA_TYPE)
        return error("UNPROCESSABLE_ENTITY", field=field, code="INVALID", message=f"The {field} is not valid")
    if word == "WRONG_MAX_PRICE":
        return error(word, min=float(argument))
    if word == "EARLY_CANCEL_DENIED":
        return error(word, minActivationTime=int(request.account.timing.early_cancel_s))
    return error(_OWN_WORD.get(word, word))


def _number_v2(request: Request) -> Any:
    order = request.account.buy(
        request.text("service"),
        request.number("country", default=0),
        request.now,
        max_price=request.amount("maxPrice"),
    )
    return _bought(order, order.expires_at)


def _bought(sold: SimulatedOrder | SimulatedRental, ends_at: float) -> dict[str, Any]:
    return {
        "activationId": sold.id,
        "phoneNumber": sold.phone,
        "activationCost": float(sold.price),
        "currency": USD,
        "countryCode": sold.country,
        "countryPhoneCode": int(COUNTRIES[sold.country].prefix),
        "canGetAnotherSms": True,
        "activationTime": iso_time(sold.bought_at),
        "activationEndTime": iso_time(ends_at),
        "activationOperator": "any",
        "verificationType": "sms",
        "status": sold.state.value,
    }


def _status_v2(request: Request) -> Any:
    order = request.account.look(request.number("id"), request.now)
    if order.state in ENDED:
        return "STATUS_CANCEL"
    received = order.state is OrderState.RECEIVED
    return {
        "verificationType": "sms",
        "data": _sms(order, order.messages[-1], len(order.messages)) if received else None,
    }


def _sms(sold: SimulatedOrder | SimulatedRental, sms: SimulatedSms, number: int) -> dict[str, Any]:
    return {
        "id": sold.id * 1_000 + number,
        "phoneFrom": sender_of(sold.service),
        "code": sms.code or None,
        "text": sms.text,
        "service": sold.service,
        "date": iso_time(sms.at),
        "type": "sms",
    }


def sender_of(service: str) -> str:
    """Who an SMS of this service comes from."""
    return SERVICES[service].name if service in SERVICES else "Anybody"


def _set_status(request: Request) -> str:
    if request.number("status") not in {3, 6, 8}:
        raise Refusal("BAD_STATUS")
    return _change(request, request.number("status"))


def _change(request: Request, status: int) -> str:
    order = request.account.look(request.number("id"), request.now)
    if order.state in ENDED:
        raise Refusal("ACTIVATION_NOT_ACTIVE")
    if status == 8 and order.messages:
        raise Refusal("OTP_RECEIVED" if len(order.messages) == 1 else "NEW_OTP_RECEIVED")
    return request.account.set_status(order.id, status, request.now)


def _finish(request: Request) -> None:
    _change(request, 6)


def _cancel(request: Request) -> None:
    _change(request, 8)


def _active(request: Request) -> Any:
    orders = request.account.active(request.now)
    start = max(0, request.number("start", default=0))
    limit = min(PAGE_MAX, max(1, request.number("limit", default=PAGE_MAX)))
    page = [_active_row(order) for order in orders[start : start + limit]]
    return {
        "status": "success",
        "data": page,
        "activeActivations": {"affected_rows": len(page), "num_rows": len(orders), "row": None, "rows": []},
    }


def _active_row(order: SimulatedOrder) -> dict[str, Any]:
    return {
        **_bought(order, order.expires_at),
        "activationId": str(order.id),
        "serviceCode": order.service,
        "countryCode": str(order.country),
        "countryName": COUNTRIES[order.country].eng,
        "activationStatus": "4",
        "smsCode": [sms.code for sms in order.messages] or None,
        "smsText": [sms.text for sms in order.messages] or None,
    }


def _rent(request: Request) -> Any:
    rental = request.rentals.rent(
        request.text("service"),
        request.number("country", default=0),
        request.number("duration"),
        request.now,
        max_price=request.amount("maxPrice"),
    )
    return _bought(rental, rental.ends_at)


def _all_sms(request: Request) -> Any:
    rental = request.rentals.look(request.number("id"), request.now)
    if rental.state is not RentalState.ACTIVE:
        raise Refusal("ACTIVATION_NOT_ACTIVE")
    return {"data": [_sms(rental, sms, number) for number, sms in enumerate(rental.messages, 1)]}


def _prolong(request: Request) -> Any:
    rental = request.rentals.extend(request.number("id"), request.number("duration"), request.now)
    return _bought(rental, rental.ends_at)


ACTIONS: dict[str, Callable[[Request], Any]] = {
    **shelf.ACTIONS,
    **{name: sms_activate.ACTIONS[name] for name in ("getBalance", "getNumber", "getStatus")},
    "cancelActivation": _cancel,
    "finishActivation": _finish,
    "getActiveActivations": _active,
    "getAllSms": _all_sms,
    "getNumberV2": _number_v2,
    "getRentNumber": _rent,
    "getStatusV2": _status_v2,
    "prolong": _prolong,
    "setStatus": _set_status,
}
