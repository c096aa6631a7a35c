"""Orders as rows: what the gateway writes and reads of them. Effects and refusals: `sql/functions/`."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from wallet_db.connect import Pool
from wallet_db.errors import refusals

JsonObject = dict[str, Any]
"""As the SQL functions of `json.sql` shape it."""


async def create_activation(
    pool: Pool, user_id: UUID, service: str, country: str, *, idempotency_key: str | None, max_price: Decimal | None
) -> JsonObject:
    """Write a purchase's intent and freeze its price. The activation, with `replayed`."""
    with refusals():
        text = await pool.fetchval(
            "select create_activation($1, $2, $3, $4, $5)", user_id, service, country, idempotency_key, max_price
        )
    return _object(text)


async def request_cancel(pool: Pool, user_id: UUID, activation_id: UUID) -> JsonObject:
    """Write down that the user wants the order cancelled; the activation as it is then."""
    with refusals():
        return _object(await pool.fetchval("select request_cancel($1, $2)", user_id, activation_id))


async def read_activation(pool: Pool, user_id: UUID, activation_id: UUID) -> JsonObject | None:
    """One order of this user; None: not theirs, or not at all."""
    text = await pool.fetchval(
        "select activation_json(a) from activations a where id = $1 and user_id = $2", activation_id, user_id
    )
    return _object(text) if text is not None else None


async def list_activations(
    pool: Pool, user_id: UUID, *, limit: int, before: tuple[datetime, UUID] | None
) -> list[tuple[datetime, UUID, JsonObject]]:
    """The user's orders, newest first, each with its (created_at, id): the keyset to go on `before`."""
    rows = await pool.fetch(
        "select created_at, id, activation_json(a) from activations a"
        " where user_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))"
        " order by created_at desc, id desc limit $4",
        user_id,
        *(before or (None, None)),
        limit,
    )
    return [(created_at, order_id, _object(text)) for created_at, order_id, text in rows]


async def read_wallet(pool: Pool, user_id: UUID) -> JsonObject | None:
    """`{"balance", "frozen", "available"}`; None: no such user."""
    text = await pool.fetchval("select wallet_json(u) from users u where id = $1", user_id)
    return _object(text) if text is not None else None


async def list_operations(pool: Pool, user_id: UUID, *, limit: int, before: int | None) -> list[JsonObject]:
    """The wallet's audit, newest first, from below operation number `before`."""
    rows = await pool.fetch(
        "select operation_json(o) from balance_operations o"
        " where user_id = $1 and ($2::bigint is null or number < $2) order by number desc limit $3",
        user_id,
        before,
        limit,
    )
    return [_object(text) for (text,) in rows]


async def read_catalogue(pool: Pool) -> JsonObject:
    """`{"services": [{"service", "title", "price"}], "countries": [{"country", "title"}]}`: what is for sale."""
    return _object(
        await pool.fetchval(
            "select jsonb_build_object("
            " 'services', (select coalesce(jsonb_agg(jsonb_build_object('service', service, 'title', title,"
            "   'price', price::text) order by title), '[]') from services where price is not null),"
            " 'countries', (select coalesce(jsonb_agg(jsonb_build_object('country', country, 'title', title)"
            "   order by title), '[]') from countries))"
        )
    )


def _object(text: str) -> JsonObject:
    value: JsonObject = orjson.loads(text)
    return value
