"""Numbers that nobody waits for any more, given back: operators refunded their orders while the purchase was in doubt.

    the provider cannot be asked   again in a minute, until no number sold then is open any more
    not on its list                it was not sold
    found                          noted; a minute later, if still no order of ours has it or may want it, cancelled
    not to be cancelled yet        again in a minute
    paid for                       told to the operators

Invariant: given back is only what was on the list before any purchase under way now was begun, and what no order in
doubt could adopt before the cancel has ended; so no user loses a number. Each step may be done again: a cancel that was
answered and not written down is answered by "unknown" or "ended" the next time.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import orjson
import structlog

from pollers.adoption import DOUBT_MAX, PURCHASE_WINDOW, find_orphan
from pollers.call_log import asking_about
from pollers.providers.contract import (
    AlreadyDelivered,
    Provider,
    ProviderError,
    TooEarly,
    UnknownOrder,
)
from pollers.purchases import RETURN_S_MAX
from wallet_db import jobs
from wallet_db.connect import Pool
from wallet_db.numbers_in_doubt import NumberInDoubt, forget_number, is_wanted, note_found, read_numbers_in_doubt

log = structlog.get_logger()

YOUNG = PURCHASE_WINDOW - timedelta(seconds=RETURN_S_MAX)
"""Who began a purchase so lately adopts nothing before a cancel that begins now has ended."""


async def return_numbers(
    pool: Pool, before: Mapping[str, int], *, providers: Mapping[str, Provider]
) -> Mapping[str, int]:
    """Look for them, and give back what is found. in_doubt: how many were looked for; returned (and returned_total)."""
    wanted = await read_numbers_in_doubt(pool)
    ripe, returned = [], 0
    for number in wanted:
        if number.now >= number.begun_at + DOUBT_MAX:
            await _decide(pool, number, "warning", "NUMBER_LEFT_OVER", "could not be looked for while it lived")
        elif number.now >= number.begun_at + PURCHASE_WINDOW and number.provider in providers and number.is_routed:
            ripe.append(number)
    for name in sorted({number.provider for number in ripe}):
        mine = [number for number in ripe if number.provider == name]
        returned += await _return_those_of(pool, providers[name], mine)
    total = before.get("returned_total", 0) + returned
    return {"in_doubt": len(wanted), "returned": returned, "returned_total": total}


async def _return_those_of(pool: Pool, provider: Provider, ripe: list[NumberInDoubt]) -> int:
    """Of one provider's, one at least; how many are given back now."""
    try:
        with asking_about(ripe[0].activation_id):
            orders = await provider.active(min(number.begun_at for number in ripe))
    except ProviderError as fault:
        log.warning("numbers in doubt not looked for this time", provider=ripe[0].provider, reason=fault.reason)
        return 0
    listed = {order.provider_order_id for order in orders}
    known = await jobs.known_provider_orders(pool, ripe[0].provider, list(listed))
    taken = {id_ for number in ripe if (id_ := number.found_id) is not None and id_ in listed - known}
    returned = 0
    for number in ripe:
        if number.found_id is not None and number.found_id in taken:
            returned += await _give_back(pool, provider, number, number.found_id)
        elif orphan := find_orphan(orders, known | taken, number.service_code or "", number.country_code or ""):
            taken.add(orphan.provider_order_id)
            await note_found(pool, number, orphan.provider_order_id)
        else:
            await _decide(pool, number, "info", "NUMBER_NOT_SOLD", "is on the provider's list no more, or never was")
    return returned


async def _give_back(pool: Pool, provider: Provider, number: NumberInDoubt, found_id: str) -> bool:
    """Whether it is given back now."""
    if await is_wanted(pool, number, young=YOUNG):
        return False
    try:
        with asking_about(number.activation_id):
            async with asyncio.timeout(RETURN_S_MAX):
                outcome: object = await provider.cancel(found_id)
    except UnknownOrder as fault:
        outcome = fault
    except (ProviderError, TimeoutError) as fault:
        log.warning("number not given back this time", provider=number.provider, reason=str(fault) or "no answer")
        return False
    if isinstance(outcome, TooEarly):
        return False
    if isinstance(outcome, AlreadyDelivered):
        reason = f"number {found_id} has had an SMS and is paid for"
        await _decide(pool, number, "warning", "NUMBER_LEFT_OVER", reason)
        return False
    await _decide(pool, number, "info", "NUMBER_RETURNED", f"number {found_id} was sold, and is given back")
    return True


async def _decide(pool: Pool, number: NumberInDoubt, level: str, message: str, reason: str) -> None:
    log.info("number in doubt decided", activation_id=str(number.activation_id), became=message)
    data = {
        "activation_id": str(number.activation_id),
        "provider": number.provider,
        "reason": f"refunded while its purchase was in doubt: {reason}",
    }
    await jobs.log_for_operator(pool, level, "pollers", message, orjson.dumps(data).decode())
    await forget_number(pool, number)
