"""What the simulated 5sim tells of what is for sale, to anybody: countries, products, prices. Pure.

Forms are those of the 5sim API documentation. Functions raise `Refusal` with 5sim's text.
"""

from typing import Any

from pollers.simulator.fivesim_names import COUNTRY_NAMES, COUNTRY_OF, OPERATORS, RENTAL_HOURS, SERVICE_OF
from pollers.simulator.rentals import WHOLE_NUMBER, rent_price_of, rent_stock_of
from pollers.simulator.routes import Routes
from pollers.simulator.till import Refusal

RATE = 95.0
"""Per cent of numbers that get an SMS, where no terms of the route say otherwise."""


def countries() -> dict[str, Any]:
    """Tell guest/countries."""
    return {
        name: {
            "iso": {iso: 1},
            "prefix": {f"+{COUNTRY_OF[name].prefix}": 1},
            "text_en": COUNTRY_OF[name].eng,
            "text_ru": COUNTRY_OF[name].rus,
            **{operator: {"activation": 1} for operator in OPERATORS},
        }
        for name, iso in COUNTRY_NAMES.values()
    }


def products_in(routes: Routes, country_name: str) -> dict[str, Any]:
    """Tell guest/products of a country: activations and rentals."""
    country = COUNTRY_OF.get(country_name)
    if country is None:
        raise Refusal("country is incorrect")
    activations = {
        product: _offer("activation", routes.stock(service, country), float(routes.price(service, country)))
        for product, service in SERVICE_OF.items()
    }
    rentals = {
        product: _offer(
            "hosting", rent_stock_of(WHOLE_NUMBER, country), float(rent_price_of(WHOLE_NUMBER, country, hours))
        )
        for product, hours in RENTAL_HOURS.items()
    }
    return activations | rentals


def prices_of(routes: Routes, product: str | None, country: str | None) -> dict[str, Any]:
    """Tell guest/prices: by country and product, but by product and country if only a product is asked for."""
    if product is not None and product not in SERVICE_OF:
        raise Refusal("product is incorrect")
    if country is not None and country not in COUNTRY_OF:
        raise Refusal("country is incorrect")
    products = [product] if product else list(SERVICE_OF)
    names = [country] if country else list(COUNTRY_OF)
    if product and not country:
        return {product: {name: _operators(routes, product, name) for name in names}}
    return {name: {sold: _operators(routes, sold, name) for sold in products} for name in names}


def _operators(routes: Routes, product: str, country_name: str) -> dict[str, Any]:
    service, country = SERVICE_OF[product], COUNTRY_OF[country_name]
    success = routes.success(service, country)
    share, rest = divmod(routes.stock(service, country), len(OPERATORS))
    return {
        operator: {
            "cost": float(routes.price(service, country)),
            "count": share + (rest if position == 0 else 0),
            "rate": RATE if success is None else round(success * 100, 2),
        }
        for position, operator in enumerate(OPERATORS)
    }


def _offer(category: str, count: int, price: float) -> dict[str, Any]:
    return {"Category": category, "Qty": count, "Price": price}
