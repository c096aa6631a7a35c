"""The price list of getPrices, without I/O: country → service → `{"cost":0.5,"count":10,"physicalCount":3}`.

Invariant: an entry that cannot be read is left out, for a list of thousands is not worth less for it; an answer that is
no list at all raises. A count of numbers that are not there physically is worth nothing, so physicalCount counts first.

Source: SMS-Activate api2 documentation; probes of HeroSMS (a count of 56,964 with a physicalCount of 0).
"""

from collections.abc import Mapping

from pollers.providers.answer import Answer, cost_of, count_of, field_of
from pollers.providers.contract import Price
from pollers.providers.sms_activate.refusals import raise_refusal, unknown

PRICES_MAX = 200_000


def parse_prices(answer: Answer) -> list[Price]:
    """Parse the answer; `{}`, which PHP may write as `[]`, is nothing for sale."""
    raise_refusal(answer)
    document = answer.document()
    if document == []:
        return []
    if not isinstance(document, Mapping):
        raise unknown(answer)
    prices: list[Price] = []
    for country, services in document.items():
        if not isinstance(services, Mapping):
            if services == []:
                continue
            raise unknown(answer)
        read = (_price(service, country, entry) for service, entry in services.items())
        prices += (price for price in read if price)
        if len(prices) > PRICES_MAX:
            raise unknown(answer)
    return prices


def _price(service: str, country: str, entry: object) -> Price | None:
    cost, count = cost_of(field_of(entry, "cost")), count_of(field_of(entry, "physicalCount", "count"))
    return None if cost is None or count is None else Price(service, country, cost, count)
