"""The SMS-Activate dialect of the simulator: parameters of a request in, the provider's words out. Pure.

Forms and words are those of the SMS-Activate api2 documentation: plain text or JSON, always with HTTP 200; amounts are
JSON numbers, times UTC without a zone. Not here: HTTP (`app.py`), the rules of orders and money (`state.py`), the
actions that only list what is sold (`shelf.py`), rents (`sms_activate_rents.py`).
"""

from collections.abc import Callable, Mapping
from typing import Any

from pollers.simulator import shelf, sms_activate_rents
from pollers.simulator.catalogue import COUNTRIES
from pollers.simulator.request import API_KEY, USD, Request, plain_time
from pollers.simulator.said import Said
from pollers.simulator.state import ENDED, OrderState, SimulatedAccount, SimulatedOrder
from pollers.simulator.till import Refusal

HISTORY_MAX = 100
STATUS_OF = {OrderState.COMPLETED: "6", OrderState.CANCELLED: "8"}
OPEN_STATUS = "4"
"""Of an open order: the one value the documentation shows."""


def answer(account: SimulatedAccount, params: Mapping[str, str], now: float) -> Said:
    """Answer one request: HTTP 200, whatever is said."""
    return Said(200, respond(account, params, now))


def respond(account: SimulatedAccount, params: Mapping[str, str], now: float) -> Any:
    """Answer one request: a string is plain text, everything else is JSON."""
    if params.get("api_key") != API_KEY:
        return "BAD_KEY"
    request = Request(account, params, now)
    name = params.get("action", "")
    if action := sms_activate_rents.ACTIONS.get(name):
        return sms_activate_rents.said(action, request)
    if action := ACTIONS.get(name):
        try:
            return action(request)
        except Refusal as refusal:
            return refusal.word
    return "BAD_ACTION"


def _balance(request: Request) -> str:
    return f"ACCESS_BALANCE:{request.account.balance}"


def _number(request: Request) -> str:
    order = _buy(request, order_id=None)
    return f"ACCESS_NUMBER:{order.id}:{order.phone}"


def _number_v2(request: Request) -> Any:
    order = _buy(request, order_id=request.params.get("orderId") or None)
    return {
        "activationId": order.id,
        "phoneNumber": order.phone,
        "activationCost": float(order.price),
        "currency": USD,
        "countryCode": str(order.country),
        "canGetAnotherSms": "1",
        "activationTime": plain_time(order.bought_at),
        "activationOperator": "any",
    }


def _buy(request: Request, order_id: str | None) -> SimulatedOrder:
    return request.account.buy(
        request.text("service"),
        request.number("country", default=0),
        request.now,
        order_id=order_id,
        max_price=request.amount("maxPrice"),
    )


def _extra(request: Request) -> str:
    order = request.account.again(request.number("activationId", "id"), request.now)
    return f"ACCESS_NUMBER:{order.id}:{order.phone}"


def _status(request: Request) -> str:
    order = request.account.look(request.number("id"), request.now)
    match order.state:
        case OrderState.WAITING:
            return "STATUS_WAIT_CODE"
        case OrderState.RECEIVED:
            return f"STATUS_OK:{order.messages[-1].code}"
        case OrderState.RETRY:
            return f"STATUS_WAIT_RETRY:{order.messages[-1].code}"
        case OrderState.CANCELLED | OrderState.COMPLETED:
            return "STATUS_CANCEL"


def _status_v2(request: Request) -> Any:
    order = request.account.look(request.number("id"), request.now)
    if order.state in ENDED:
        return "STATUS_CANCEL"
    if order.state is not OrderState.RECEIVED:
        return {"verificationType": 0, "sms": None}
    sms = order.messages[-1]
    return {"verificationType": 0, "sms": {"dateTime": plain_time(sms.at), "code": sms.code, "text": sms.text}}


def _set_status(request: Request) -> str:
    if (id_ := request.number("id")) < 0:
        return "WRONG_ACTIVATION_ID"
    return request.account.set_status(id_, request.number("status"), request.now)


def _active(request: Request) -> Any:
    rows = [
        {
            "activationId": str(order.id),
            "serviceCode": order.service,
            "phoneNumber": order.phone,
            "activationCost": float(order.price),
            "activationStatus": OPEN_STATUS,
            "smsCode": [sms.code for sms in order.messages] or None,
            "smsText": [sms.text for sms in order.messages] or None,
            "activationTime": plain_time(order.bought_at),
            "discount": "0.00",
            "repeated": "0",
            "countryCode": str(order.country),
            "countryName": COUNTRIES[order.country].eng,
            "canGetAnotherSms": "1",
            "currency": USD,
        }
        for order in request.account.active(request.now)
    ]
    return {"status": "success", "activeActivations": rows} if rows else "NO_ACTIVATIONS"


def _history(request: Request) -> Any:
    start, end = request.number("start", default=0), request.number("end", default=int(request.now))
    if start < 0 or end < start:
        return "WRONG_DATE"
    offset = max(0, request.number("offset", default=0))
    limit = min(HISTORY_MAX, max(0, request.number("limit", default=HISTORY_MAX)))
    orders = [order for order in request.account.orders(request.now) if start <= int(order.bought_at) <= end]
    orders.sort(key=lambda order: order.id, reverse=True)
    return [_history_row(order) for order in orders[offset : offset + limit]]


def _history_row(order: SimulatedOrder) -> dict[str, Any]:
    return {
        "id": order.id,
        "date": plain_time(order.bought_at),
        "phone": order.phone,
        "sms": order.messages[-1].text if order.messages else None,
        "cost": float(order.price) if order.state is OrderState.COMPLETED else 0,
        "status": STATUS_OF.get(order.state, OPEN_STATUS),
        "currency": USD,
    }


ACTIONS: dict[str, Callable[[Request], Any]] = {
    "getActiveActivations": _active,
    "getBalance": _balance,
    "getExtraActivation": _extra,
    "getHistory": _history,
    "getNumber": _number,
    "getNumberV2": _number_v2,
    "getStatus": _status,
    "getStatusV2": _status_v2,
    "setStatus": _set_status,
    **shelf.ACTIONS,
}
