"""What operators look at and do: search, an order's timeline, figures, faulty wallets, routes, prices, corrections.

For connections that act as `onesms_operator` (`wallet_db.roles`); nothing here works with another role. What changes
something runs as `acting_for` an operator, so that the audit and `system_logs` name the person beside the role.
Effects, locks and refusals: the SQL function of the same name. Queries: `sql/operators/`. Answers are JSON as SQL
shapes it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from string import hexdigits
from typing import Any, Literal
from uuid import UUID

import orjson

from wallet_db.connect import Connection, Pool
from wallet_db.errors import refusals
from wallet_db.orders import JsonObject

Place = tuple[datetime, UUID] | None
"""Where a page ends and the next begins: an order's time and id; None: the newest."""
Step = Literal["hour", "day"]

TIMELINE_MAX = 500
ORDER_DIGITS_MIN, ORDER_DIGITS = 8, 32
"""Of an id: as many as pages show of it, and all."""
STUCK_COUNTED_MAX = 100
"""More are shown as so many."""
_ROUTE_COLUMNS = (
    "jsonb_build_object('provider', provider, 'service', service, 'country', country, 'state', state,"
    " 'decided_by', decided_by, 'cost', cost::text, 'stock', stock, 'tried', tried, 'sold', sold, 'decided', decided,"
    " 'delivered', delivered, 'success', success, 'sms_s_p50', round(sms_s_median::numeric, 1),"
    " 'answer_s_p50', round(answer_s_median::numeric, 3))"
)


@asynccontextmanager
async def acting_for(pool: Pool, actor: str) -> AsyncIterator[Connection]:
    """A transaction whose doings the audit and system_logs ascribe to this person. Raises WalletError."""
    with refusals():
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("select set_config('onesms.actor', $1, true)", actor)
            yield connection


async def search_orders(pool: Pool, word: str, *, days: int, place: Place, limit: int) -> list[JsonObject]:
    """Orders by their id or its first eight digits, their user's, their number or six last digits, the provider's id.

    days: numbers are looked for among the orders of so many.
    """
    digits = word.removeprefix("+").replace(" ", "")
    as_number = digits if digits.isascii() and digits.isdigit() and len(digits) >= 6 else None
    before = place or (None, None)
    return await _objects(
        pool, _sql("search"), word, _as_uuid(word), as_number, days, *before, limit, *_ids_that_begin(word)
    )


async def find_users(pool: Pool, word: str) -> list[JsonObject]:
    """Users of this id or name: `{"id", "name"}`; at most two."""
    return await _objects(
        pool,
        "select jsonb_build_object('id', id, 'name', name) from users where id = $1 or name = $2 limit 2",
        _as_uuid(word),
        word,
    )


async def stuck_orders(pool: Pool, *, place: Place, limit: int) -> list[JsonObject]:
    """Open orders that nobody looks at, or that are open for too long, with what `explain` wants to know."""
    return await _objects(pool, _sql("stuck"), *(place or (None, None)), limit)


async def read_order(pool: Pool, order_id: UUID) -> JsonObject | None:
    """An activation or rental with its user's wallet; None: no such order."""
    found = await _objects(pool, _sql("order"), order_id)
    return found[0] if found else None


async def read_timeline(pool: Pool, order_id: UUID) -> list[JsonObject]:
    """What happened with an order, `{"at", "kind", "what", "detail"}`: the newest TIMELINE_MAX, oldest first."""
    return await _objects(pool, _sql("timeline"), order_id, TIMELINE_MAX)


async def cancel_activation(pool: Pool, activation_id: UUID, *, reason: str, actor: str) -> JsonObject:
    """Ask the provider to cancel; the order as it is then."""
    async with acting_for(pool, actor) as connection:
        return _object(await connection.fetchval("select cancel_activation($1, $2)", activation_id, reason))


async def refund_activation(pool: Pool, activation_id: UUID, *, reason: str, actor: str) -> JsonObject:
    """End the order and give its whole hold back, whatever the provider says; the order as it is then."""
    async with acting_for(pool, actor) as connection:
        return _object(await connection.fetchval("select refund_activation($1, $2)", activation_id, reason))


async def cancel_rental(pool: Pool, rental_id: UUID, *, reason: str, actor: str) -> JsonObject:
    """Ask the provider to cancel, within the time for it; the rental as it is then."""
    async with acting_for(pool, actor) as connection:
        return _object(await connection.fetchval("select cancel_rental($1, $2)", rental_id, reason))


async def end_rental(pool: Pool, rental_id: UUID, *, refund: bool, reason: str, actor: str) -> JsonObject:
    """End it here and now, whatever the provider says, and give its money back or keep it; the rental as it is then."""
    async with acting_for(pool, actor) as connection:
        return _object(await connection.fetchval("select end_rental($1, $2, $3)", rental_id, refund, reason))


async def read_user(pool: Pool, user_id: UUID) -> JsonObject | None:
    """A user with wallet, health, open orders and whether their tokens were revoked; None: no such user."""
    found = await _objects(
        pool,
        "select jsonb_build_object('id', u.id, 'name', u.name, 'created_at', iso_utc(u.created_at),"
        " 'wallet', wallet_json(u), 'health', wallet_health(u.id), 'events', u.event_seq,"
        " 'open_orders', (select count(*) from activations where user_id = u.id and frozen_amount > 0)"
        "              + (select count(*) from rentals where user_id = u.id and frozen_amount > 0),"
        " 'tokens_revoked_at', (select iso_utc(max(at)) from revocations where user_id = u.id))"
        " from users u where id = $1",
        user_id,
    )
    return found[0] if found else None


async def list_audit(pool: Pool, user_id: UUID, *, before: int | None, limit: int) -> list[JsonObject]:
    """The user's operations with who acted, newest first, from below number `before`."""
    return await _objects(
        pool,
        "select operation_json(o) || jsonb_build_object('actor', actor) from balance_operations o"
        " where user_id = $1 and ($2::bigint is null or number < $2) order by number desc limit $3",
        user_id,
        before,
        limit,
    )


async def move_money(
    pool: Pool,
    kind: Literal["deposit", "adjust"],
    user_id: UUID,
    amount: Decimal,
    transaction_id: str,
    *,
    reason: str,
    actor: str,
) -> JsonObject:
    """A deposit or adjustment; repeated with the same transaction id it is the first one, `replayed`."""
    async with acting_for(pool, actor) as connection:
        return _object(
            await connection.fetchval(
                f"select atomic_{kind}(p_user_id => $1, p_amount => $2, p_transaction_id => $3, p_reason => $4)",
                user_id,
                amount,
                transaction_id,
                reason,
            )
        )


async def faulty_wallets(pool: Pool, *, after: UUID | None, limit: int) -> list[JsonObject]:
    """Wallets that are not OK, by their user's id, from above `after`."""
    return await _objects(
        pool,
        "select jsonb_build_object('user_id', user_id, 'status', status, 'problem', problem, 'balance', balance::text,"
        " 'frozen', frozen_balance::text, 'available', available::text, 'held', held::text,"
        " 'held_for_orders', held_for_orders::text, 'ordered', ordered::text)"
        " from v_frozen_balance_health where status <> 'OK' and ($1::uuid is null or user_id > $1)"
        " order by user_id limit $2",
        after,
        limit,
    )


async def correct_wallet(pool: Pool, user_id: UUID, *, reason: str, actor: str) -> JsonObject:
    """Set right what can be known: `{"corrected", "alerted", "operations", "before", "after"}`."""
    async with acting_for(pool, actor) as connection:
        return _object(await connection.fetchval("select correct_frozen_balance($1, p_reason => $2)", user_id, reason))


async def list_logs(
    pool: Pool, *, levels: list[str] | None, before: tuple[datetime, int] | None, limit: int
) -> list[JsonObject]:
    """Rows of system_logs, newest first; `next` of each is where a page after it begins."""
    return await _objects(
        pool,
        "select jsonb_build_object('at', iso_utc(at), 'level', level, 'source', source, 'message', message,"
        " 'data', data, 'next', concat(to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z_\"'), id))"
        " from system_logs where ($1::text[] is null or level = any ($1))"
        " and ($2::timestamptz is null or at <= $2 and (at, id) < ($2, $3::bigint))"
        " order by at desc, id desc limit $4",
        levels,
        *(before or (None, None)),
        limit,
    )


async def list_alerts(pool: Pool, *, before: int | None, limit: int) -> list[JsonObject]:
    """Alerts, the newest first, from below id `before`; those open and those closed."""
    return await _objects(
        pool,
        "select jsonb_build_object('id', id, 'level', level, 'source', source, 'message', message, 'data', data,"
        " 'first_at', iso_utc(first_at), 'last_at', iso_utc(last_at), 'times', times, 'closed_at', iso_utc(closed_at),"
        " 'closed_by', closed_by)"
        " from alerts where ($1::bigint is null or id < $1) order by id desc limit $2",
        before,
        limit,
    )


async def list_routes(
    pool: Pool, *, service: str | None, after: tuple[str, str, str] | None, limit: int
) -> list[JsonObject]:
    """Routes of a service; without one those that were tried lately or are not simply enabled.

    By service, country, provider, from above `after`.
    """
    return await _objects(
        pool,
        f"select {_ROUTE_COLUMNS} from v_route_health"  # noqa: S608
        " where case when $1::text is null then tried > 0 or state <> 'enabled' or decided_by <> 'rule'"
        " else service = $1 end"
        " and ($2::text is null or (service, country, provider) > ($2, $3::text, $4::text))"
        " order by service, country, provider limit $5",
        service,
        *(after or (None, None, None)),
        limit,
    )


async def set_route_state(
    pool: Pool, provider: str, service: str, country: str, state: str | None, *, reason: str, actor: str
) -> None:
    """Decide about a route; None: the rule decides again."""
    async with acting_for(pool, actor) as connection:
        await connection.execute(
            "select set_route_state($1, $2, $3, $4, $5)", provider, service, country, state, reason
        )


async def list_service_health(pool: Pool) -> list[JsonObject]:
    """Every service with its price and how its orders of the last 24 hours fared."""
    return await _objects(
        pool,
        "select jsonb_build_object('service', service, 'title', h.title, 'price', s.price::text,"
        " 'former_price', s.former_price::text, 'state', case when num_nonnulls(s.price, s.rental_price_hour) = 0"
        " then 'disabled' when s.warned_at is not null then 'warned' else 'enabled' end,"
        " 'decided_by', s.decided_by, 'orders', orders, 'decided', decided, 'received', received, 'success', success,"
        " 'sms_s_p50', round(sms_s_p50::numeric, 1),"
        " 'status', status) from v_service_health h join services s using (service)"
        " order by orders desc, service",
    )


async def set_service_price(pool: Pool, service: str, price: Decimal | None, *, reason: str, actor: str) -> None:
    """Set a price, or take the service off sale."""
    async with acting_for(pool, actor) as connection:
        await connection.execute("select set_service_price($1, $2, $3)", service, price, reason)


async def set_service_state(pool: Pool, service: str, state: str | None, *, reason: str, actor: str) -> None:
    """Enable, warn or disable a service; None: the rule decides about its warning again."""
    async with acting_for(pool, actor) as connection:
        await connection.execute("select set_service_state($1, $2, $3)", service, state, reason)


async def read_figures(pool: Pool, *, since: timedelta, step: Step) -> JsonObject:
    """`{"now", "orders": [by time], "operations": [by time and type], "providers": [by time and provider]}`.

    Empty times are left out.
    """
    begin = await pool.fetchval("select date_trunc($2, now() - $1::interval, 'UTC')", since, step)
    (now,) = await _objects(
        pool,
        "select jsonb_build_object('users', users, 'balance', balance::text, 'frozen', frozen::text,"
        " 'activations_open', activations_open, 'rentals_open', rentals_open, 'overdue', overdue, 'orders', orders,"
        " 'decided', decided, 'received', received, 'success', success, 'sms_s_p50', round(sms_s_p50::numeric, 1),"
        " 'price_paid', price_paid::text, 'cost', cost::text) from v_dashboard_stats",
    )
    return {
        "now": now,
        "orders": await _objects(pool, _sql("figures"), begin, step),
        "operations": await _objects(pool, _sql("operations"), begin, step),
        "providers": await _objects(pool, _sql("providers"), begin, step),
    }


async def read_pulse(pool: Pool) -> JsonObject:
    """What an open page asks every two seconds: `{"newest_event", "alerts_open", "orders_stuck"}`.

    The newest event's id: how far it grows in a second is how many events there are.
    """
    (pulse,) = await _objects(
        pool,
        "select jsonb_build_object('newest_event', coalesce((select max(id) from events), 0),"
        " 'alerts_open', (select count(*) from alerts where closed_at is null))",
    )
    pulse["orders_stuck"] = len(await stuck_orders(pool, place=None, limit=STUCK_COUNTED_MAX))
    return pulse


async def _objects(pool: Pool, statement: str, *arguments: Any) -> list[JsonObject]:
    return [_object(text) for (text,) in await pool.fetch(statement, *arguments)]


def _object(text: str) -> JsonObject:
    value: JsonObject = orjson.loads(text)
    return value


def _ids_that_begin(word: str) -> tuple[UUID, UUID] | tuple[None, None]:
    """The first and the last id with these digits at its beginning, eight or more; none: they are no such digits."""
    digits = word.replace("-", "")
    if not ORDER_DIGITS_MIN <= len(digits) <= ORDER_DIGITS or not set(digits) <= set(hexdigits):
        return None, None
    return UUID(digits.ljust(ORDER_DIGITS, "0")), UUID(digits.ljust(ORDER_DIGITS, "f"))


def _as_uuid(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None


@cache
def _sql(name: str) -> str:
    return (files("wallet_db") / "sql" / "operators" / f"{name}.sql").read_text(encoding="utf-8")
