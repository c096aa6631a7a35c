"""What providers tell of prices, stock and success, read anew from time to time into `routes`.

One periodic job a provider: the interval is its row's in `periodic_jobs`, for lists differ in size from kilobytes to
megabytes (the adapters bound them). A provider that fails keeps what it told last, until that is older than the setting
`route_prices_max_age_s`; from then on its routes count as unknown and are asked last. Prices are read in the codes of
services and countries that we sell; what else a provider has is left out here.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import structlog

from pollers.providers.contract import Price, Provider, ProviderError
from wallet_db import routes
from wallet_db.connect import Pool
from wallet_db.routes import ToldPrice

log = structlog.get_logger()

STOCK_MAX = 2_000_000_000
"""More numbers than this no provider has, and no column takes."""

PriceJob = Callable[[Pool, Mapping[str, int]], Awaitable[Mapping[str, int]]]


async def refresh_prices(pool: Pool, before: Mapping[str, int], *, name: str, provider: Provider) -> Mapping[str, int]:
    """Read one provider's list. priced: our routes in it; failed_total: how often it could not be read."""
    failed_total = before.get("failed_total", 0)
    try:
        told = await provider.prices()
    except ProviderError as fault:
        log.warning("prices not read this time", provider=name, error_code=fault.error_code, reason=fault.reason)
        return {"priced": 0, "failed_total": failed_total + 1}
    services, countries = await routes.read_codes(pool, name)
    ours = [_told(price) for price in told if price.service in services and price.country in countries]
    return {"priced": await routes.record_prices(pool, name, ours), "failed_total": failed_total}


def price_jobs(providers: Mapping[str, Provider]) -> Mapping[str, PriceJob]:
    """By the names that `periodic_jobs` has them under."""
    return {
        f"refresh_prices:{name}": partial(refresh_prices, name=name, provider=provider)
        for name, provider in providers.items()
    }


def _told(price: Price) -> ToldPrice:
    return ToldPrice(price.service, price.country, price.cost, min(price.count, STOCK_MAX), price.success)
