"""Readings of accounts: what a provider says, between two looks into our books. No money is moved, no order changed.

A reading is quiet if our books are the same before and after the provider was asked, and nothing is under way in them:
every purchase is written down before it is asked for, and every return is wanted here first, so whatever could move the
balance meanwhile would show. Quiet readings agree to the cent. Otherwise what is under way is the tolerance, and the
reading is tried again a few times, for a quiet moment.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from pollers.books import Comparison, Looked, findings_of, judge_balance, to_look_at
from pollers.providers.contract import (
    ActiveOrder,
    NotOffered,
    Provider,
    ProviderError,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
)
from wallet_db.connect import Pool
from wallet_db.provider_books import (
    ProviderBooks,
    ProviderOrder,
    provider_books,
    provider_orders,
    record_provider_balance,
)

ATTEMPTS_MAX = 6
"""Of one request, while the provider is unavailable; and of a reading, until it is quiet."""
PAUSE_S, PAUSE_S_MAX = 0.5, 12.0
LOOKED_BACK = timedelta(hours=24)
CHECK_PAUSE_S = 0.05
"""Between two of them: pollers share the account, and its limit."""

AnswerT = TypeVar("AnswerT")


async def compare(pool: Pool, name: str, provider: Provider, *, paid_in: Decimal, checks_max: int) -> Comparison:
    """One account. The reading is remembered. A provider that cannot be asked is a fault of the comparison."""
    compared = Comparison(name)
    try:
        await _compare(pool, provider, compared, paid_in, checks_max)
    except ProviderError as fault:
        compared.fault = str(fault)
    return compared


async def _compare(pool: Pool, provider: Provider, compared: Comparison, paid_in: Decimal, checks_max: int) -> None:
    for attempt in range(1, ATTEMPTS_MAX + 1):
        before = await provider_books(pool, compared.provider)
        active = await _ask(provider.active)
        rentals = await _active_rentals(provider)
        balance = compared.balance = await _ask(provider.balance)
        books = await provider_books(pool, compared.provider)
        orders = await _orders(pool, compared.provider, active, rentals or ())
        ids = {order.provider_order_id for order in active} | set(rentals or ())
        looked = await _look(provider, to_look_at(orders, ids, checks_max))
        begun = any(order.status == "ordering" for order in orders)
        findings, more = findings_of(orders, active, rentals, looked, purchases_begun=begun)
        slack = max(before.slack, books.slack) + more + _moved(before, books)
        if not slack or attempt == ATTEMPTS_MAX:
            break
        await asyncio.sleep(PAUSE_S)
    compared.findings = findings
    compared.open_here = sum(not order.is_closed for order in orders)
    compared.open_there = len(ids)
    reading = await record_provider_balance(pool, compared.provider, balance, books, slack, paid_in)
    judge_balance(compared, books, slack, reading, orders, looked)


def _moved(before: ProviderBooks, after: ProviderBooks) -> Decimal:
    """What was settled while we asked may have been in the balance we were told, or not yet."""
    return after.bought - before.bought + after.returned - before.returned


async def _orders(
    pool: Pool, name: str, active: Sequence[ActiveOrder], rentals: Sequence[str] | frozenset[str]
) -> list[ProviderOrder]:
    ids = [*(order.provider_order_id for order in active), *rentals]
    return await provider_orders(pool, name, datetime.now(UTC) - LOOKED_BACK, ids)


async def _active_rentals(provider: Provider) -> frozenset[str] | None:
    with suppress(NotOffered):
        return frozenset(rental.provider_order_id for rental in await _ask(provider.active_rentals))
    return None


async def _look(provider: Provider, orders: Sequence[ProviderOrder]) -> dict[str, Looked]:
    looked: dict[str, Looked] = {}
    for order in orders:
        if (id_ := order.provider_order_id) is not None:
            looked[id_] = await _look_at(provider, id_)
            await asyncio.sleep(CHECK_PAUSE_S)
    return looked


async def _look_at(provider: Provider, id_: str) -> Looked:
    try:
        return await _ask(lambda: provider.check(id_))
    except UnknownOrder:
        return None


async def _ask(ask: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
    """Ask what may be asked again, until the provider answers. Raises its last fault."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            return await ask()
        except (Unavailable, UnknownAnswer) as fault:
            if attempt == ATTEMPTS_MAX:
                raise
            await asyncio.sleep(min(getattr(fault, "retry_after_s", None) or PAUSE_S * 2 ** (attempt - 1), PAUSE_S_MAX))
    raise AssertionError("unreachable")


async def read_balances(pool: Pool, _: Mapping[str, int], *, providers: Mapping[str, Provider]) -> dict[str, int]:
    """The periodic job: a reading of each account. read: answered; differing: beyond what was under way."""
    compared = [await compare(pool, name, providers[name], paid_in=Decimal(0), checks_max=0) for name in providers]
    return {
        "read": sum(each.fault is None for each in compared),
        "differing": sum(any(finding.kind == "balance" for finding in each.findings) for each in compared),
    }
