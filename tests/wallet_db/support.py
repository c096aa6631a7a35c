"""What the tests of wallet_db share: running a scenario on a database, calling SQL functions by name, users and orders.

`Tally` counts how concurrent callers fared; `gather_outcomes` starts them together. Nothing here is a stand-in: every
call goes to the real functions on a real server.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import orjson

from wallet_db.connect import Connection, Pool, pool
from wallet_db.errors import WalletError, refusals

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Database = Pool | Connection


def run(url: str, scenario: Callable[[Pool], Awaitable[None]], *, connections_max: int = 4) -> None:
    """Run a scenario with a pool on the database, within a minute."""

    async def main() -> None:
        async with asyncio.timeout(60), pool(url, "test", connections_max=connections_max) as db:
            await scenario(db)

    asyncio.run(main())


async def call(db: Database, function: str, **arguments: object) -> Any:
    """Call a SQL function by name, its arguments by name; jsonb answers are parsed, refusals are our exceptions."""
    named = ", ".join(f"{name} => ${number}" for number, name in enumerate(arguments, start=1))
    with refusals():
        answer = await db.fetchval(f"select {function}({named})", *arguments.values())
    return orjson.loads(answer) if isinstance(answer, str) and answer.startswith("{") else answer


async def new_user(db: Database, balance: str = "36.00", frozen: str = "0.00") -> UUID:
    """A user who has topped up `balance` and holds `frozen` of it for something else."""
    user: UUID = await db.fetchval("insert into users default values returning id")
    if Decimal(balance):
        await call(db, "atomic_deposit", p_user_id=user, p_amount=Decimal(balance), p_transaction_id=f"top-up-{user}")
    if Decimal(frozen):
        await call(db, "atomic_freeze", p_user_id=user, p_amount=Decimal(frozen), p_transaction_id=f"other-{user}")
    return user


async def wallet(db: Database, user: UUID) -> tuple[str, str, str]:
    """(balance, frozen, available)"""
    row = await db.fetchrow(
        "select balance::text, frozen_balance::text, (balance - frozen_balance)::text from users where id = $1", user
    )
    assert row is not None
    return tuple(row)


async def order(db: Database, user: UUID, **arguments: object) -> UUID:
    """An order still `ordering`, of WhatsApp in Indonesia at 5.00."""
    created = await call(
        db, "create_activation", p_user_id=user, p_service="whatsapp", p_country="indonesia", **arguments
    )
    return UUID(created["id"])


async def record_purchase(db: Database, activation: UUID, provider_order_id: str | None = None) -> bool:
    """Record the provider's sale at NOW: 20 minutes from there, first look after one minute."""
    recorded: bool = await call(
        db,
        "record_purchase",
        p_activation_id=activation,
        p_provider_order_id=provider_order_id or uuid4().hex,
        p_phone="6281234567890",
        p_cost=Decimal("1.5"),
        p_expires_at=NOW + 20 * MINUTE,
        p_due_at=NOW + MINUTE,
        p_now=NOW,
    )
    return recorded


async def pending_order(db: Database, user: UUID, **arguments: object) -> UUID:
    """An order whose number is bought and waits for its SMS."""
    activation = await order(db, user, **arguments)
    assert await call(db, "begin_purchase", p_activation_id=activation, p_provider="simulator")
    assert await record_purchase(db, activation)
    return activation


async def apply_sms(db: Database, activation: UUID, code: str = "123456", message_id: str | None = None) -> str:
    applied: str = await call(
        db,
        "apply_activation_sms",
        p_activation_id=activation,
        p_code=code,
        p_text=f"Your code is {code}",
        p_provider_message_id=message_id,
    )
    return applied


async def row(db: Database, activation: UUID) -> Any:
    """The order's row."""
    return await db.fetchrow("select * from activations where id = $1", activation)


async def status(db: Database, activation: UUID) -> str:
    return str((await row(db, activation))["status"])


async def outcomes(callers: Iterable[Awaitable[Any]]) -> list[Any]:
    """Run all callers at once; an answer each, or the refusal it met. Any other failure is raised."""
    results = await asyncio.gather(*callers, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, WalletError):
            raise result
    return results


def tally(results: Iterable[Any]) -> Counter[str]:
    """How often each outcome came: the exception's name, `replayed`, `done`, or the answer itself."""

    def name(result: Any) -> str:
        if isinstance(result, WalletError):
            return type(result).__name__
        if isinstance(result, dict):
            return "replayed" if result["replayed"] else "done"
        return str(result)

    return Counter(name(result) for result in results)


async def assert_books_balance(db: Database) -> None:
    """Every wallet is what its operations make it from zero, frozen is what its open holds and orders hold."""
    faults = await db.fetch(
        "select u.id, u.balance, u.frozen_balance, o.balance as o_balance, o.frozen as o_frozen, h.held, a.frozen as a"
        "  from users u,"
        "  lateral (select coalesce(sum(amount) filter (where type in ('deposit', 'adjust')), 0)"
        "             - coalesce(sum(amount) filter (where type = 'commit'), 0) as balance,"
        "                  coalesce(sum(case type when 'freeze' then amount when 'commit' then -amount"
        "                               when 'refund' then -amount else 0 end), 0) as frozen"
        "             from balance_operations where user_id = u.id) o,"
        "  lateral (select coalesce(sum(amount), 0) as held,"
        "                  coalesce(sum(amount) filter (where activation_id is not null), 0) as for_orders"
        "             from wallet_holds where user_id = u.id and state = 'held') h,"
        "  lateral (select coalesce(sum(frozen_amount), 0) as frozen from activations where user_id = u.id) a"
        " where (u.balance, u.frozen_balance) <> (o.balance, o.frozen) or u.frozen_balance <> h.held"
        "    or h.for_orders <> a.frozen"
    )
    assert faults == []
    await _assert_operations_chain(db)


async def _assert_operations_chain(db: Database) -> None:
    """Each operation starts from the figures the one before it left, the first from zero, the last is the wallet."""
    breaks = await db.fetchval(
        "select count(*) from ("
        "  select balance_before, frozen_before,"
        "         lag(balance_after, 1, 0.00) over each_user as balance,"
        "         lag(frozen_after, 1, 0.00) over each_user as frozen"
        "    from balance_operations window each_user as (partition by user_id order by number)) o"
        " where (balance_before, frozen_before) <> (balance, frozen)"
    )
    assert breaks == 0
    last = await db.fetchval(
        "select count(*) from users u join lateral (select * from balance_operations where user_id = u.id"
        " order by number desc limit 1) o on true"
        " where (u.balance, u.frozen_balance) <> (o.balance_after, o.frozen_after)"
    )
    assert last == 0
