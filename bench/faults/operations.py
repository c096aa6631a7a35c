"""What is being done when a worker dies. A new operation is one entry in OPERATIONS.

Each prepares an order up to the moment before the work, and says whether an SMS comes for it afterwards, so that a
number bought is either delivered and charged or returned and refunded.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from bench.faults.point import Cutter
from bench.faults.stage import Stage
from bench.faults.ware import LEASE, NUMBER, RENTAL, Job, Ware
from bench.faults.worker import cut_off, refuser_of
from pollers.adoption import PURCHASE_WINDOW
from wallet_db import orders, rentals
from wallet_db.accounts import claim_account_looks

EXTENSION_HOURS = 4


async def _claim_it(stage: Stage, order: UUID) -> Job | None:
    return await stage.claim(order)


@dataclass(frozen=True, slots=True)
class Operation:
    """prepare: returns the order that the work is to be done on. delivers: an SMS comes after the fault.

    is_main: processes are killed at it, unless more or less is asked for. is_refused_first: another provider is asked
    before, and has none. claim: leases the work; that on the order itself, if nothing else is said.
    """

    name: str
    prepare: Callable[[Stage], Awaitable[UUID]]
    delivers: bool = False
    is_main: bool = False
    ware: Ware = NUMBER
    is_refused_first: bool = False
    claim: Callable[[Stage, UUID], Awaitable[Job | None]] = _claim_it

    def staged(self, stage: Stage) -> Stage:
        """The stage as this operation wants it."""
        refused_by = refuser_of(stage.kind.name) if self.is_refused_first else None
        return replace(stage, ware=self.ware, refused_by=refused_by)

    async def settle(self, stage: Stage, order: UUID) -> None:
        """After the fault, the same work again by another worker, if it is not that on the order; then its end."""
        if self.claim is not _claim_it:
            await stage.db.execute("update late_looks set due_at = now() where activation_id = $1", order)
            job = await self.claim(stage, order)
            if job is not None:
                await stage.do(job)
        await stage.settle(order, delivers=self.delivers)


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


async def _refused_first(stage: Stage) -> UUID:
    """The cheapest provider by far, which is asked before, has no number."""
    await stage.simulate("routes", provider=stage.refused_by, country=16, stock=0)
    await stage.simulate("routes", provider=stage.kind.name, country=16, stock=9)
    await stage.db.execute(  # what was cheap on another provider's stage
        "delete from routes where provider <> $1 and service = 'whatsapp' and country = 'england'", stage.refused_by
    )
    await stage.db.execute(
        "insert into routes (provider, service, country, cost, stock, priced_at)"
        " values ($1, 'whatsapp', 'england', 0.0001, 9, now())"
        " on conflict (provider, service, country) do update set cost = 0.0001, stock = 9, priced_at = now()",
        stage.refused_by,
    )
    await stage.db.execute(  # else it would rest after three refusals
        "update route_attempts set started_at = started_at - interval '1 hour' where provider = $1", stage.refused_by
    )
    return await stage.order("england")


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
    order = await _received(stage)
    await stage.pass_time(order, stage.ware.life)
    return order


async def _received(stage: Stage) -> UUID:
    order = await _sms_there(stage)
    await stage.work(order)
    return order


async def _another_wanted(stage: Stage) -> UUID:
    order = await _received(stage)
    await orders.request_another_sms(stage.db, (await stage.row(order))["user_id"], order)
    return order


async def _another_there(stage: Stage) -> UUID:
    order = await _another_wanted(stage)
    await stage.work(order)
    await stage.sms((await stage.row(order))["provider_order_id"])
    return order


async def _done_with(stage: Stage) -> UUID:
    order = await _received(stage)
    await orders.request_finish(stage.db, (await stage.row(order))["user_id"], order)
    return order


async def _look_wanted(stage: Stage) -> UUID:
    """After its SMS another has come, which nobody has waited for."""
    order = await _received(stage)
    row = await stage.row(order)
    await stage.sms(row["provider_order_id"])
    await orders.request_check(stage.db, row["user_id"], order)
    return order


async def _late_after(stage: Stage, order: UUID) -> UUID:
    """Its number is given back, and then its SMS comes."""
    await stage.work(order)
    row = await stage.row(order)
    if row["closed_at"] is None:
        raise LookupError(f"expected an order to be over, it is {row['status']}: {row['error_code']}")
    await stage.sms(row["provider_order_id"], late=True)
    # Nobody else's: what is found for others would be steps of this look.
    await stage.db.execute("delete from late_looks where activation_id <> $1", order)
    await stage.db.execute("update late_looks set due_at = now()")
    return order


async def _late_after_cancel(stage: Stage) -> UUID:
    return await _late_after(stage, await _cancel_wanted(stage))


async def _late_after_expiry(stage: Stage) -> UUID:
    return await _late_after(stage, await _run_out(stage))


async def _extension_wanted(stage: Stage) -> UUID:
    rental = await _bought(stage)
    user = (await stage.row(rental))["user_id"]
    await rentals.request_extension(stage.db, user, rental, EXTENSION_HOURS, idempotency_key=None)
    return rental


async def _extension_in_doubt(stage: Stage) -> UUID:
    """It is sold, and whoever asked for it died before it knew."""
    rental = await _extension_wanted(stage)
    await _die_unrecorded(stage, rental)
    await stage.pass_time(rental, await stage.until_decided(await stage.row(rental)))
    return rental


async def _orphaned(stage: Stage) -> UUID:
    """The number is bought, and whoever bought it died before it knew."""
    order = await stage.order()
    await _die_unrecorded(stage, order)
    await stage.pass_time(order, PURCHASE_WINDOW + timedelta(seconds=1))
    return order


async def _die_unrecorded(stage: Stage, order: UUID) -> None:
    job = await stage.claim(order)
    if job is not None:
        await asyncio.wait([asyncio.create_task(stage.do(job, _DiesUnrecorded()))])


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
    Operation("purchase, refused elsewhere first", _refused_first, delivers=True, is_main=True, is_refused_first=True),
    Operation("cancel", _cancel_wanted, is_main=True),
    Operation("cancel crossed by an SMS", _cancel_crossed_by_an_sms),
    Operation("settlement of an SMS", _sms_there, is_main=True),
    Operation("settlement by a look at all", _sms_there, claim=_claim_look),
    Operation("expiry", _run_out, is_main=True),
    Operation("end of a served order", _served),
    Operation("another SMS wanted", _another_wanted, delivers=True),
    Operation("another SMS", _another_there),
    Operation("early end", _done_with),
    Operation("look asked for", _look_wanted),
    Operation("late SMS after a cancel", _late_after_cancel, claim=_claim_look),
    Operation("late SMS after the expiry", _late_after_expiry, claim=_claim_look),
    Operation("rental: purchase", _ordered, is_main=True, ware=RENTAL),
    Operation("rental: adoption of an orphan", _orphaned, ware=RENTAL),
    Operation("rental: an SMS", _sms_there, ware=RENTAL),
    Operation("rental: extension", _extension_wanted, ware=RENTAL),
    Operation("rental: extension in doubt", _extension_in_doubt, ware=RENTAL),
    Operation("rental: cancel", _cancel_wanted, ware=RENTAL),
    Operation("rental: early end", _finish_wanted, ware=RENTAL),
    Operation("rental: expiry", _run_out, ware=RENTAL),
)
