"""What is being done when a worker dies. A new operation is one entry in OPERATIONS.

Each prepares an order up to the moment before the work, and says whether an SMS comes for it afterwards, so that a
number bought is either delivered and charged or returned and refunded.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from bench.faults.point import Cutter
from bench.faults.stage import Stage
from bench.faults.ware import LEASE, NUMBER, RENTAL, Job, Ware
from bench.faults.worker import cut_off, work
from pollers.adoption import PURCHASE_WINDOW
from wallet_db import orders, rentals
from wallet_db.accounts import claim_account_looks


async def _claim_it(stage: Stage, order: UUID) -> Job | None:
    return await stage.claim(order)


@dataclass(frozen=True, slots=True)
class Operation:
    """prepare: returns the order that the work is to be done on. delivers: an SMS comes after the fault.

    is_main: processes are killed at it, unless more or less is asked for.
    claim: leases the work; that on the order itself, if nothing else is said.
    """

    name: str
    prepare: Callable[[Stage], Awaitable[UUID]]
    delivers: bool = False
    is_main: bool = False
    ware: Ware = NUMBER
    claim: Callable[[Stage, UUID], Awaitable[Job | None]] = _claim_it


async def _ordered(stage: Stage) -> UUID:
    return await stage.order()


async def _bought(stage: Stage) -> UUID:
    order = await stage.order()
    await stage.work(order)
    row = await stage.row(order)
    if row["status"] != stage.ware.open:
        raise LookupError(f"expected a number to be bought, the order is {row['status']}: {row['error_code']}")
    return order


async def _cancel_wanted(stage: Stage) -> UUID:
    order = await _bought(stage)
    request = orders.request_cancel if stage.ware is NUMBER else rentals.request_rental_cancel
    await request(stage.db, (await stage.row(order))["user_id"], order)
    return order


async def _finish_wanted(stage: Stage) -> UUID:
    rental = await _bought(stage)
    await rentals.request_rental_finish(stage.db, (await stage.row(rental))["user_id"], rental)
    return rental


async def _cancel_crossed_by_an_sms(stage: Stage) -> UUID:
    order = await _cancel_wanted(stage)
    await stage.sms((await stage.row(order))["provider_order_id"])
    return order


async def _sms_there(stage: Stage) -> UUID:
    order = await _bought(stage)
    await stage.sms((await stage.row(order))["provider_order_id"])
    return order


async def _run_out(stage: Stage) -> UUID:
    order = await _bought(stage)
    await stage.pass_time(order, stage.ware.life)
    return order


async def _served(stage: Stage) -> UUID:
    order = await _sms_there(stage)
    await stage.work(order)
    await stage.pass_time(order, stage.ware.life)
    return order


async def _orphaned(stage: Stage) -> UUID:
    """The number is bought, and whoever bought it died before it knew."""
    order = await stage.order()
    job = await stage.claim(order)
    if job is not None:
        dies = work(stage.url, stage.base_url, stage.kind, job, _DiesUnrecorded(), stage.control)
        await asyncio.wait([asyncio.create_task(dies)])
    await stage.pass_time(order, PURCHASE_WINDOW + timedelta(seconds=1))
    return order


class _DiesUnrecorded(Cutter):
    """Cuts the worker off when it has bought and is about to write it down, whichever step that is."""

    def __init__(self) -> None:
        super().__init__(None, "before", cut_off)

    def begin(self, step: str) -> int:
        """A step is about to be made."""
        if step.startswith("record_"):
            cut_off()
        return super().begin(step)


async def _claim_look(stage: Stage, _: UUID) -> Job | None:
    """The look at all open orders of the account together."""
    name = stage.kind.name
    await stage.db.execute(
        "insert into provider_accounts (provider) values ($1) on conflict (provider) do update set due_at = now()", name
    )
    [look] = await claim_account_looks(stage.db, [name], lease=LEASE)
    return look


OPERATIONS = (
    Operation("purchase, then an SMS", _ordered, delivers=True, is_main=True),
    Operation("purchase, then none", _ordered),
    Operation("adoption of an orphan", _orphaned, delivers=True),
    Operation("cancel", _cancel_wanted, is_main=True),
    Operation("cancel crossed by an SMS", _cancel_crossed_by_an_sms),
    Operation("settlement of an SMS", _sms_there, is_main=True),
    Operation("settlement by a look at all", _sms_there, claim=_claim_look),
    Operation("expiry", _run_out, is_main=True),
    Operation("end of a served order", _served),
    Operation("rental: purchase", _ordered, is_main=True, ware=RENTAL),
    Operation("rental: adoption of an orphan", _orphaned, ware=RENTAL),
    Operation("rental: an SMS", _sms_there, ware=RENTAL),
    Operation("rental: cancel", _cancel_wanted, ware=RENTAL),
    Operation("rental: early end", _finish_wanted, ware=RENTAL),
    Operation("rental: expiry", _run_out, ware=RENTAL),
)
