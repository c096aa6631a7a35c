"""What the SMS-Activate protocol tells of what is sold: services, countries, operators, prices, stock. Pure.

The forms are those of the SMS-Activate api2 documentation; HeroSMS has the same.
"""

from collections.abc import Callable
from typing import Any

from pollers.simulator.catalogue import COUNTRIES, SERVICES, Country
from pollers.simulator.request import Request

OPERATORS = ("any",)
"""Of every country: the simulator's numbers differ by nothing that an operator would tell."""


def _numbers_status(request: Request) -> Any:
    country = COUNTRIES.get(request.number("country", default=0))
    if country is None:
        return "BAD_COUNTRY"
    return {code: request.stock(service, country) for code, service in SERVICES.items()}


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
                "cost": float(request.price(service, country)),
                "count": request.stock(service, country),
                "physicalCount": request.stock(service, country) // 2,
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
            "rent": 1,
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
    ranked = sorted(COUNTRIES.values(), key=lambda country: request.stock(service, country), reverse=True)
    return {
        str(rank): {
            "country": country.id,
            "count": request.stock(service, country),
            "price": float(request.price(service, country)),
            "retail_price": float(request.price(service, country) * 2),
            **(
                {"freePriceMap": {f"{request.price(service, country):.2f}": request.stock(service, country)}}
                if request.text("freePrice") in {"true", "1"}
                else {}
            ),
        }
        for rank, country in enumerate(ranked)
    }


def _operators(request: Request) -> Any:
    only = request.number("country", default=0) if request.text("country") else None
    found = {str(id_): list(OPERATORS) for id_ in COUNTRIES if only in {None, id_}}
    return {"status": "success", "countryOperators": found} if found else "OPERATORS_NOT_FOUND"


ACTIONS: dict[str, Callable[[Request], Any]] = {
    "getCountries": _countries,
    "getNumbersStatus": _numbers_status,
    "getOperators": _operators,
    "getPrices": _prices,
    "getServicesList": _services,
    "getTopCountriesByService": _top_countries,
}
