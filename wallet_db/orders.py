"""Orders as rows: what the gateway writes and reads of them. Effects and refusals: `sql/functions/`."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from wallet_db.connect import Pool
from wallet_db.errors import refusals

JsonObject = dict[str, Any]
"""As the SQL functions of `json.sql` shape it."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which of a user's orders; None: whichever. `since` counts in, `until` does not."""

    statuses: Sequence[str] | None = None
    service: str | None = None
    country: str | None = None
    since: datetime | None = None
    until: datetime | None = None


ALL_ORDERS = OrderFilter()


async def create_activation(
    pool: Pool,
    user_id: UUID,
    service: str,
    country: str,
    *,
    idempotency_key: str | None,
    max_price: Decimal | None,
    retry_on_timeout: bool | None = None,
    retry_countries: Sequence[str] | None = None,
    request_id: str | None = None,
    request_digest: bytes | None = None,
) -> JsonObject:
    """Write a purchase's intent and freeze its price. The activation, with `replayed`.

    retry_on_timeout: None leaves it to the service. retry_countries: where else, after the order's own.
    request_id: of the HTTP request; request_digest: of what it said, so that the key refuses another one.
    """
    with refusals():
        text = await pool.fetchval(
            "select create_activation($1, $2, $3, $4, $5, p_retry_on_timeout => $6, p_retry_countries => $7,"
            " p_request_id => $8, p_request_digest => $9)",
            user_id,
            service,
            country,
            idempotency_key,
            max_price,
            retry_on_timeout,
            retry_countries,
            request_id,
            request_digest,
        )
    return _object(text)


async def request_cancel(pool: Pool, user_id: UUID, activation_id: UUID) -> JsonObject:
    """Write down that the user wants the order cancelled; the activation as it is then."""
    with refusals():
        return _object(await pool.fetchval("select request_cancel($1, $2)", user_id, activation_id))


async def request_another_sms(pool: Pool, user_id: UUID, activation_id: UUID) -> JsonObject:
    """Write down that the user wants one more SMS; the activation as it is then."""
    with refusals():
        return _object(await pool.fetchval("select request_another_sms($1, $2)", user_id, activation_id))


async def request_finish(pool: Pool, user_id: UUID, activation_id: UUID) -> JsonObject:
    """Write down that the user needs the served order no longer; the activation as it is then."""
    with refusals():
        return _object(await pool.fetchval("select request_finish($1, $2)", user_id, activation_id))


async def request_check(pool: Pool, user_id: UUID, activation_id: UUID) -> JsonObject:
    """Make the order due for a look; the activation as it is then."""
    with refusals():
        return _object(await pool.fetchval("select request_check($1, $2)", user_id, activation_id))


async def is_check_due(pool: Pool, activation_id: UUID) -> bool:
    """Whether the look that was asked for is still to end."""
    due: bool = await pool.fetchval(
        "select coalesce(checked_at < check_requested_at, true) and closed_at is null and status <> 'ordering'"
        " from activations where id = $1",
        activation_id,
    )
    return due


async def enter_sms(pool: Pool, activation_id: UUID, *, code: str | None, text: str | None, actor: str) -> JsonObject:
    """An SMS entered by an operator: `{"outcome", "activation"}`."""
    with refusals():
        return _object(await pool.fetchval("select enter_sms($1, $2, $3, $4)", activation_id, code, text, actor))


async def read_activation(pool: Pool, user_id: UUID, activation_id: UUID) -> JsonObject | None:
    """One order of this user; None: not theirs, or not at all."""
    text = await pool.fetchval(
        "select activation_json(a) from activations a where id = $1 and user_id = $2", activation_id, user_id
    )
    return _object(text) if text is not None else None


async def list_activations(
    pool: Pool,
    user_id: UUID,
    *,
    limit: int,
    before: tuple[datetime, UUID] | None,
    only: OrderFilter = ALL_ORDERS,
) -> list[tuple[datetime, UUID, JsonObject]]:
    """The user's orders, newest first, each with its (created_at, id): the keyset to go on `before`."""
    rows = await pool.fetch(
        "select created_at, id, activation_json(a) from activations a"
        " where user_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))"
        " and ($5::text[] is null or status = any ($5)) and ($6::text is null or service = $6)"
        " and ($7::text is null or country = $7)"
        " and created_at >= coalesce($8::timestamptz, '-infinity')"
        " and created_at < coalesce($9::timestamptz, 'infinity')"
        " order by created_at desc, id desc limit $4",
        user_id,
        *(before or (None, None)),
        limit,
        *astuple(only),
    )
    return [(created_at, order_id, _object(text)) for created_at, order_id, text in rows]


async def read_wallet(pool: Pool, user_id: UUID) -> JsonObject | None:
    """`{"balance", "frozen", "available"}`; None: no such user."""
    text = await pool.fetchval("select wallet_json(u) from users u where id = $1", user_id)
    return _object(text) if text is not None else None


async def list_operations(
    pool: Pool,
    user_id: UUID,
    *,
    limit: int,
    before: int | None,
    types: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[JsonObject]:
    """The wallet's audit, newest first, from below operation number `before`; of these types and that time."""
    rows = await pool.fetch(
        "select operation_json(o) from balance_operations o"
        " where user_id = $1 and ($2::bigint is null or number < $2) and ($4::text[] is null or type = any ($4))"
        " and ($5::timestamptz is null or created_at >= $5) and ($6::timestamptz is null or created_at < $6)"
        " order by number desc limit $3",
        user_id,
        before,
        limit,
        types,
        since,
        until,
    )
    return [_object(text) for (text,) in rows]


async def read_catalogue(pool: Pool) -> JsonObject:
    """`{"services": [{"service", "title", "price"}], "rentals": [{"service", "title", "price_hour", "countries"}],
    "countries": [{"country", "title"}]}`: what is for sale, and for rent."""
    return _object(
        await pool.fetchval(
            "with rented as materialized (select rental_countries_json() as by_service)"
            " select jsonb_build_object("
            " 'services', (select coalesce(jsonb_agg(jsonb_build_object('service', service, 'title', title,"
            "   'price', price::text) || service_prices_json(service) order by title), '[]')"
            "   from services where price is not null),"
            " 'rentals', (select coalesce(jsonb_agg(jsonb_build_object('service', service, 'title', title,"
            "   'price_hour', rental_price_hour::text, 'countries', coalesce(by_service -> service, '[]'))"
            "   order by title), '[]') from services, rented where rental_price_hour is not null),"
            " 'countries', (select coalesce(jsonb_agg(jsonb_build_object('country', country, 'title', title)"
            "   order by title), '[]') from countries))"
        )
    )


async def read_offers(pool: Pool, tries_min: int) -> list[JsonObject]:
    """`[{"service", "country", "price", "stock", "success"}]`: each service for sale in each country.

    stock: None while no route has told it. success: 0 to 1, of the last 24 hours; None below `tries_min` numbers.
    """
    offers: list[JsonObject] = orjson.loads(await pool.fetchval("select offers_json($1)", tries_min))
    return offers


def _object(text: str) -> JsonObject:
    value: JsonObject = orjson.loads(text)
    return value
