"""The SMS-Activate dialect of the simulator: parameters of a request in, the provider's words out. Pure.

Forms and words are those of the SMS-Activate api2 documentation: plain text or JSON, always with HTTP 200; amounts are
JSON numbers, times UTC without a zone. Not here: HTTP (`app.py`), the rules of orders and money (`state.py`), rents.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from pollers.simulator.catalogue import COUNTRIES, SERVICES, Country, price_of, stock_of
from pollers.simulator.state import ENDED, OrderState, Refusal, SimulatedAccount, SimulatedOrder

API_KEY = "demo"
USD = 840  # ISO 4217 numeric, as the protocol has it


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its account, its parameters, and when it came (epoch seconds)."""

    account: SimulatedAccount
    params: Mapping[str, str]
    now: float

    def number(self, name: str, default: int = -1) -> int:
        """A whole parameter; -1, which is no id and no code, for what is not a number. default: if it is not given."""
        value = self.params.get(name, "")
        if not value:
            return default
        return int(value) if value.isascii() and value.isdecimal() and len(value) <= 18 else -1


def respond(account: SimulatedAccount, params: Mapping[str, str], now: float) -> Any:
    """Answer one request: a string is plain text, everything else is JSON."""
    if params.get("api_key") != API_KEY:
        return "BAD_KEY"
    action = ACTIONS.get(params.get("action", ""))
    if action is None:
        return "BAD_ACTION"
    try:
        return action(Request(account, params, now))
    except Refusal as refusal:
        return refusal.word


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
        "activationTime": _time(order.bought_at),
        "activationOperator": "any",
    }


def _buy(request: Request, order_id: str | None) -> SimulatedOrder:
    try:
        max_price = Decimal(limit) if (limit := request.params.get("maxPrice")) else None
    except InvalidOperation:
        max_price = None
    if max_price is not None and not max_price.is_finite():
        max_price = None
    return request.account.buy(
        request.params.get("service", ""),
        request.number("country", default=0),
        request.now,
        order_id=order_id,
        max_price=max_price,
    )


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
    return {"verificationType": 0, "sms": {"dateTime": _time(sms.at), "code": sms.code, "text": sms.text}}


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
            "activationStatus": "4",  # the one value the documentation shows
            "smsCode": [sms.code for sms in order.messages] or None,
            "smsText": [sms.text for sms in order.messages] or None,
            "activationTime": _time(order.bought_at),
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


def _numbers_status(request: Request) -> Any:
    country = COUNTRIES.get(request.number("country", default=0))
    if country is None:
        return "BAD_COUNTRY"
    return {code: stock_of(service, country) for code, service in SERVICES.items()}


def _prices(request: Request) -> Any:
    only = request.params.get("service")
    services = [service for code, service in SERVICES.items() if not only or code == only]
    countries: list[Country] = list(COUNTRIES.values())
    if request.params.get("country"):
        countries = [country for country in countries if country.id == request.number("country")]
    if not services:
        return {}
    return {
        str(country.id): {
            service.code: {
                "cost": float(price_of(service, country)),
                "count": stock_of(service, country),
                "physicalCount": stock_of(service, country) // 2,
            }
            for service in services
        }
        for country in countries
    }


def _countries(_: Request) -> Any:
    return {
        str(country.id): {
            "id": country.id,
            "rus": country.rus,
            "eng": country.eng,
            "chn": country.chn,
            "visible": 1,
            "retry": 1,
            "rent": 0,
            "multiService": 0,
        }
        for country in COUNTRIES.values()
    }


def _services(_: Request) -> Any:
    services = [{"code": service.code, "name": service.name} for service in SERVICES.values()]
    return {"status": "success", "services": services}


def _top_countries(request: Request) -> Any:
    service = SERVICES.get(request.params.get("service", ""))
    if service is None:
        return "BAD_SERVICE"
    ranked = sorted(COUNTRIES.values(), key=lambda country: stock_of(service, country), reverse=True)
    return {
        str(rank): {
            "country": country.id,
            "count": stock_of(service, country),
            "price": float(price_of(service, country)),
            "retail_price": float(price_of(service, country) * 2),
        }
        for rank, country in enumerate(ranked)
    }


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


ACTIONS: dict[str, Callable[[Request], Any]] = {
    "getActiveActivations": _active,
    "getBalance": _balance,
    "getCountries": _countries,
    "getNumber": _number,
    "getNumberV2": _number_v2,
    "getNumbersStatus": _numbers_status,
    "getPrices": _prices,
    "getServicesList": _services,
    "getStatus": _status,
    "getStatusV2": _status_v2,
    "getTopCountriesByService": _top_countries,
    "setStatus": _set_status,
}
