"""Routes as rows: what is known of each provider's offers, and what is decided about them.

Effects, locks and refusals: the SQL function of the same name. The attempts themselves are written by the functions of
`jobs`, in the transactions in which an order moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from wallet_db.connect import Pool
from wallet_db.errors import refusals


@dataclass(frozen=True, slots=True)
class KnownRoute:
    """What is known of one provider's offer of a service in a country. The codes are the provider's.

    cost, stock, told_success: as the provider told; None if it did not, or too long ago. tries: attempts of the last 24
    hours whose end is known, the newest 500; delivered: those that had their SMS. resting: it has just
    refused several times.
    """

    provider: str
    service_code: str
    country_code: str
    cost: Decimal | None
    stock: int | None
    told_success: float | None
    state: Literal["enabled", "warned", "disabled"]
    tries: int
    delivered: int
    resting: bool


@dataclass(frozen=True, slots=True)
class ToldPrice:
    """One line of a provider's price list, in its own codes."""

    service_code: str
    country_code: str
    cost: Decimal
    stock: int
    success: float | None


async def read_routes(pool: Pool, service: str, country: str, providers: Sequence[str]) -> list[KnownRoute]:
    """The routes of these providers, by the provider's name."""
    rows = await pool.fetch("select * from read_routes($1, $2, $3)", service, country, providers)
    return [KnownRoute(**row) for row in rows]


async def read_codes(pool: Pool, provider: str) -> tuple[set[str], set[str]]:
    """What the provider calls our services, and our countries."""
    services = await pool.fetch("select code from provider_services where provider = $1", provider)
    countries = await pool.fetch("select code from provider_countries where provider = $1", provider)
    return {code for (code,) in services}, {code for (code,) in countries}


async def unrouted(pool: Pool, providers: Sequence[str]) -> dict[str, list[str]]:
    """The services for sale that a provider has no code for, by provider; under `*` if it has none for any country."""
    rows = await pool.fetch(
        "select p.provider, array_agg(s.service order by s.service) as services"
        "  from unnest($1::text[]) p (provider) join services s on s.price is not null"
        " where not exists (select from provider_services c where c.provider = p.provider and c.service = s.service)"
        " group by 1 union all "
        "select p.provider, array['*'] from unnest($1::text[]) p (provider)"
        " where not exists (select from provider_countries c where c.provider = p.provider) order by 1",
        providers,
    )
    return {row["provider"]: row["services"] for row in rows}


async def record_prices(pool: Pool, provider: str, prices: Sequence[ToldPrice]) -> int:
    """What the provider sells now; how many routes that prices."""
    with refusals():
        priced: int = await pool.fetchval(
            "select record_prices($1, $2, $3, $4, $5, $6)",
            provider,
            [price.service_code for price in prices],
            [price.country_code for price in prices],
            [price.cost for price in prices],
            [price.stock for price in prices],
            [price.success for price in prices],
        )
    return priced


async def judge_routes(pool: Pool, rule: str, *, success_min: float, tries_min: int) -> int:
    """Apply the rule about routes and services with little success; how many of them changed."""
    with refusals():
        changed: int = await pool.fetchval("select judge_routes($1, $2, $3)", rule, success_min, tries_min)
    return changed
