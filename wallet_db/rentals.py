"""Rentals as rows: what the gateway writes and reads of them. Effects and refusals: `sql/functions/`."""

from dataclasses import astuple
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from wallet_db.connect import Pool
from wallet_db.errors import refusals
from wallet_db.orders import ALL_ORDERS, JsonObject, OrderFilter


async def create_rental(
    pool: Pool,
    user_id: UUID,
    service: str,
    country: str,
    hours: int,
    *,
    idempotency_key: str | None,
    max_price: Decimal | None,
    request_id: str | None = None,
    request_digest: bytes | None = None,
) -> JsonObject:
    """Write a rental's intent and freeze its price. The rental, with `replayed`.

    request_id, request_digest: as with `create_activation`.
    """
    return await _call(
        pool,
        "create_rental($1, $2, $3, $4, $5, $6, p_request_id => $7, p_request_digest => $8)",
        user_id,
        service,
        country,
        hours,
        idempotency_key,
        max_price,
        request_id,
        request_digest,
    )


async def request_rental_cancel(pool: Pool, user_id: UUID, rental_id: UUID) -> JsonObject:
    """Write down that the user wants the rental cancelled; the rental as it is then."""
    return await _call(pool, "request_rental_cancel($1, $2)", user_id, rental_id)


async def request_rental_finish(pool: Pool, user_id: UUID, rental_id: UUID) -> JsonObject:
    """Write down that the user needs the rental no longer; the rental as it is then."""
    return await _call(pool, "request_rental_finish($1, $2)", user_id, rental_id)


async def request_extension(
    pool: Pool, user_id: UUID, rental_id: UUID, hours: int, *, idempotency_key: str | None
) -> JsonObject:
    """Write down that the rental is to last longer and freeze the extra. The rental, with `replayed`."""
    return await _call(pool, "request_extension($1, $2, $3, $4)", user_id, rental_id, hours, idempotency_key)


async def read_rental(pool: Pool, user_id: UUID, rental_id: UUID) -> JsonObject | None:
    """One rental of this user; None: not theirs, or not at all."""
    text = await pool.fetchval(
        "select rental_json(r) from rentals r where id = $1 and user_id = $2", rental_id, user_id
    )
    return _object(text) if text is not None else None


async def list_rentals(
    pool: Pool,
    user_id: UUID,
    *,
    limit: int,
    before: tuple[datetime, UUID] | None,
    only: OrderFilter = ALL_ORDERS,
) -> list[tuple[datetime, UUID, JsonObject]]:
    """The user's rentals, newest first, each with its (created_at, id): the keyset to go on `before`."""
    rows = await pool.fetch(
        "select created_at, id, rental_json(r) from rentals r"
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
    return [(created_at, rental_id, _object(text)) for created_at, rental_id, text in rows]


async def _call(pool: Pool, call: str, *arguments: object) -> JsonObject:
    with refusals():
        return _object(await pool.fetchval(f"select {call}", *arguments))


def _object(text: Any) -> JsonObject:
    value: JsonObject = orjson.loads(text)
    return value
