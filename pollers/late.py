"""Orders looked at again after their end: a number that was given back may get its SMS all the same.

    given back   a row of `late_looks`, written where the order ends; it rides along with the looks at all open orders
                 of its account, once in EVERY for ten minutes, so that it costs no request more than they do
    hinted at    a webhook names it: it is asked about by itself, too, some after each look at all

What is found is applied like any SMS, and `late_sms` decides what that costs. Invariant: applied twice it changes
nothing, and a look that was cut off is made again, so an SMS is shown and charged once. Nothing else happens to a
closed order here: that it is open again upstream without an SMS is for `reconcile` to tell.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from notifier.retry import DATABASE_FAULTS
from pollers.call_log import asking_about
from pollers.providers.contract import Delivered, Ended, Provider, ProviderError, UnknownOrder, Waiting
from pollers.turns import Held
from wallet_db import accounts, jobs
from wallet_db.accounts import ClosedOrder
from wallet_db.connect import Pool
from wallet_db.errors import WalletError
from wallet_db.logs import about_order

log = structlog.get_logger()

EVERY = timedelta(minutes=1)
AT_ONCE_MAX = 1_000
ASKED_MAX = 10
"""Orders that are asked about after one look; the others when they are due again."""


async def claim(pool: Pool, provider: str) -> list[ClosedOrder]:
    """The closed orders of the account that are to be looked at now."""
    return await accounts.claim_late_looks(pool, provider, every=EVERY, limit=AT_ONCE_MAX)


async def look_after(
    pool: Pool,
    provider: Provider,
    closed: Sequence[ClosedOrder],
    found: Mapping[str, Waiting | Delivered],
    *,
    asks_max: int = ASKED_MAX,
    note: Callable[[str, object, float | None], None] = lambda *_: None,
) -> None:
    """Apply what has come for these orders. found: what a look at all orders told. asks_max: so many are asked about.
    note: is told of those that it brought news of.

    Raises nothing of the provider's: an order that could not be asked about is due again, and as soon as the account
    has no turn to spare none is asked about any more.
    """
    done, to_ask = [], []
    for order in closed:
        listed = found.get(order.provider_order_id)
        if _is_to_ask(order, listed):
            to_ask.append(order)
        elif not isinstance(listed, Delivered):
            done.append(order)
        else:
            with asking_about(order.id):
                note("check_many", listed, None)
            if await _apply(pool, order, listed):
                done.append(order)
    await accounts.finish_late_looks(pool, done)
    for order in to_ask[:asks_max]:
        try:
            with asking_about(order.id):
                seen = await provider.check(order.provider_order_id)
        except UnknownOrder:
            seen = Ended()
        except ProviderError as fault:
            with about_order(order.request_id, activation_id=str(order.id)):
                log.warning("closed order not asked about", reason=fault.reason)
            if isinstance(fault, Held):
                break
            continue
        if not isinstance(seen, Delivered) or await _apply(pool, order, seen):
            await accounts.finish_late_looks(pool, [order])


def _is_to_ask(order: ClosedOrder, seen: Waiting | Delivered | None) -> bool:
    """Whether only a look at this order tells all: some lists lack the text, without which an SMS is another one."""
    if isinstance(seen, Delivered):
        return not all(message.text for message in seen.messages)
    return order.is_hinted


async def _apply(pool: Pool, order: ClosedOrder, delivered: Delivered) -> bool:
    """Whether all of it is written down."""
    with about_order(order.request_id, activation_id=str(order.id)):
        return await _apply_each(pool, order.id, delivered)


async def _apply_each(pool: Pool, order_id: UUID, delivered: Delivered) -> bool:
    try:
        for message in delivered.messages:
            outcome = await jobs.apply_activation_sms(
                pool, order_id, code=message.code or None, text=message.text or message.code
            )
            if outcome != "repeated":
                log.warning("sms of a closed order", outcome=outcome)
    except (*DATABASE_FAULTS, WalletError) as error:
        log.warning("late sms not applied this time", error=type(error).__name__)
        return False
    return True
