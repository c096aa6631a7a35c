"""The rents of the SMS-Activate dialect. Pure.

All is JSON, an error is `{"status":"error","message":"NO_NUMBERS"}`.
Forms and words are those of the SMS-Activate api2 documentation, those of getContinueRentPriceNumber what its clients
read. `rent_time` and `time` are both taken, for both are sent. The rules of rentals are `rentals.py`'s; what is here is
how they are said.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pollers.simulator.catalogue import COUNTRIES, SERVICES
from pollers.simulator.rentals import (
    HOURS_MIN,
    WHOLE_NUMBER,
    RentalState,
    SimulatedRental,
    rent_price_of,
    rent_stock_of,
)
from pollers.simulator.request import USD, Request, iso_time, plain_time
from pollers.simulator.till import Refusal

PAGE_SIZE, PAGE_SIZE_MAX = 10, 100


def said(action: Callable[[Request], Any], request: Request) -> Mapping[str, Any]:
    """The action's answer, or its refusal in the form that rents have."""
    try:
        answer: Mapping[str, Any] = action(request)
    except Refusal as refusal:
        word, _, argument = refusal.word.partition(":")
        error: dict[str, Any] = {"status": "error", "message": word}
        if word == "MAX_HOURS_EXCEED":
            error["info"] = {"max": int(argument)}
        return error
    return {"status": "success", **answer}


def _services(request: Request) -> Any:
    country = COUNTRIES.get(request.number("country", default=0))
    if country is None:
        raise Refusal("OUT_OF_STOCK")
    hours = _hours(request)
    codes = [WHOLE_NUMBER, *(code for code in SERVICES if rent_stock_of(code, country))]
    return {
        "countries": {str(rank): id_ for rank, id_ in enumerate(COUNTRIES)},
        "operators": {"0": "any"},
        "services": {
            code: {"cost": float(rent_price_of(code, country, hours)), "quant": rent_stock_of(code, country)}
            for code in codes
        },
        "currency": USD,
    }


def _rent(request: Request) -> Any:
    rental = request.rentals.rent(
        request.text("service") or WHOLE_NUMBER,
        request.number("country", default=0),
        _hours(request),
        request.now,
        url=request.text("url") or None,
    )
    return {"phone": _phone(rental)}


def _status(request: Request) -> Any:
    rental = _look(request)
    if rental.state is not RentalState.ACTIVE:
        raise Refusal("STATUS_FINISH" if rental.state is RentalState.FINISHED else "STATUS_CANCEL")
    if not rental.messages:
        raise Refusal("STATUS_WAIT_CODE")
    size = min(PAGE_SIZE_MAX, max(1, request.number("size", default=PAGE_SIZE)))
    begin = max(0, request.number("page", default=0)) * size
    return {
        "quantity": str(len(rental.messages)),
        "values": {
            str(place): {
                "phoneFrom": SERVICES[rental.service].name if rental.service in SERVICES else "Anybody",
                "text": sms.text,
                "service": rental.service,
                "date": plain_time(sms.at),
            }
            for place, sms in enumerate(rental.messages[begin : begin + size])
        },
    }


def _set_status(request: Request) -> Any:
    rental = _look(request)
    match request.number("status"):
        case 1:
            request.rentals.finish(rental.id, request.now)
        case 2:
            request.rentals.cancel(rental.id, request.now)
        case _:
            raise Refusal("INCORECT_STATUS")
    return {}


def _list(request: Request) -> Any:
    rentals = request.rentals.active(request.now)
    if not rentals:
        raise Refusal("NO_NUMBERS")
    return {
        "values": {str(place): {"id": str(rental.id), "phone": rental.phone} for place, rental in enumerate(rentals)}
    }


def _continue(request: Request) -> Any:
    return {"phone": _phone(request.rentals.extend(_look(request).id, _hours(request), request.now))}


def _continue_price(request: Request) -> Any:
    price = request.rentals.extension_price(_look(request).id, _hours(request), request.now)
    return {"price": str(price), "currency": USD}


def _look(request: Request) -> SimulatedRental:
    if not request.text("id"):
        raise Refusal("NO_ID_RENT")
    return request.rentals.look(request.number("id"), request.now)


def _hours(request: Request) -> int:
    return request.number("rent_time", "time", default=HOURS_MIN)


def _phone(rental: SimulatedRental) -> dict[str, Any]:
    return {"id": rental.id, "endDate": iso_time(rental.ends_at).removesuffix("+00:00"), "number": rental.phone}


ACTIONS: dict[str, Callable[[Request], Any]] = {
    "continueRentNumber": _continue,
    "getContinueRentPriceNumber": _continue_price,
    "getRentList": _list,
    "getRentNumber": _rent,
    "getRentServicesAndCountries": _services,
    "getRentStatus": _status,
    "setRentStatus": _set_status,
}
