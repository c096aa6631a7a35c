"""Death anywhere: a worker is cut off at each point where it waits, and another brings the order to its right end.

The points are not listed by hand: the work is run again and again, cut off at its first wait, its second, and so on,
until it comes to its end. So before the written intent, between sent and answered, between answered and recorded, in
the middle of each transaction: all are among them, and the controls below check that the telling ones were.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any
from uuid import UUID

import pytest

from pollers.adoption import PURCHASE_WINDOW
from tests.pollers.support import Play, Rig
from wallet_db import orders

POINTS_MAX = 200


class CutOff:
    """Awaits a coroutine and cancels the task at the coroutine's nth wait, counted from 0."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], nth: int) -> None:
        self._coroutine = coroutine
        self._nth = nth

    def __await__(self) -> Generator[Any, None, None]:
        steps = self._coroutine.__await__()
        waits = 0
        fault: BaseException | None = None
        while True:
            try:
                future = steps.throw(fault) if fault else next(steps)
            except StopIteration:
                return
            if waits == self._nth:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            waits += 1
            try:
                yield future
                fault = None
            except asyncio.CancelledError as cancelled:
                fault = cancelled


async def survives(coroutine: Coroutine[Any, Any, None], nth: int) -> bool:
    """Whether the coroutine came to its end before its nth wait."""

    async def cut_off() -> None:
        await CutOff(coroutine, nth)

    try:
        await asyncio.create_task(cut_off())
    except asyncio.CancelledError:
        return False
    return True


Prepare = Callable[[Rig], Awaitable[UUID]]


async def ordered(rig: Rig) -> UUID:
    return await rig.order()


async def cancel_wanted(rig: Rig) -> UUID:
    activation = await rig.number()
    await rig.request_cancel(activation)
    return activation


async def sms_there(rig: Rig) -> UUID:
    activation = await rig.number()
    await rig.sms(activation)
    await rig.pass_time(2)
    return activation


async def run_out(rig: Rig) -> UUID:
    activation = await rig.number("none")
    await rig.pass_time(1200)
    return activation


async def served(rig: Rig) -> UUID:
    activation = await sms_there(rig)
    await rig.work()
    await rig.pass_time(1200)
    return activation


async def another_wanted(rig: Rig) -> UUID:
    activation = await sms_there(rig)
    await rig.work()
    await orders.request_another_sms(rig.db, (await rig.row(activation))["user_id"], activation)
    return activation


async def another_there(rig: Rig) -> UUID:
    activation = await another_wanted(rig)
    await rig.work()
    await rig.sms(activation, "515151")
    await rig.pass_time(2, only=activation)
    return activation


async def finish_wanted(rig: Rig) -> UUID:
    activation = await sms_there(rig)
    await rig.work()
    await orders.request_finish(rig.db, (await rig.row(activation))["user_id"], activation)
    return activation


async def look_wanted(rig: Rig) -> UUID:
    activation = await sms_there(rig)
    await rig.work()
    await rig.sms(activation, "515151")
    await orders.request_check(rig.db, (await rig.row(activation))["user_id"], activation)
    return activation


async def orphaned(rig: Rig) -> UUID:
    await rig.fault("getNumberV2", "drop_answer")
    activation = await rig.order()
    await rig.work()
    await rig.pass_time(PURCHASE_WINDOW.total_seconds() + 1)
    return activation


# (status, balance, frozen, state upstream)
NEVER_BOUGHT = ("failed", "36.00", "0.00", "nothing")
WAITING = ("pending", "36.00", "5.00", "waiting")
CANCELLED = ("cancelled", "36.00", "0.00", "cancelled")
RECEIVED = ("received", "31.00", "0.00", "received")
RETRYING = ("received", "31.00", "0.00", "retry")
COMPLETED = ("completed", "31.00", "0.00", "completed")
TIMED_OUT = ("timeout", "33.50", "0.00", "cancelled")

TABLE: list[tuple[Prepare, set[tuple[str, str, str, str]], set[tuple[str, str]]]] = [
    # what is done  its right ends            (row, upstream) right after a death: each must have been met
    (ordered, {WAITING, NEVER_BOUGHT}, {("ordering", "nothing"), ("ordering", "waiting"), ("pending", "waiting")}),
    (orphaned, {WAITING}, {("ordering", "waiting"), ("pending", "waiting")}),
    (cancel_wanted, {CANCELLED}, {("pending", "waiting"), ("pending", "cancelled"), ("cancelled", "cancelled")}),
    (sms_there, {RECEIVED}, {("pending", "received"), ("received", "received")}),
    (run_out, {TIMED_OUT}, {("pending", "waiting"), ("pending", "cancelled"), ("timeout", "cancelled")}),
    (served, {COMPLETED}, {("received", "received"), ("received", "completed"), ("completed", "completed")}),
    (another_wanted, {RETRYING}, {("received", "received"), ("received", "retry")}),
    (another_there, {RECEIVED}, {("received", "received")}),
    (finish_wanted, {COMPLETED}, {("received", "received"), ("received", "completed"), ("completed", "completed")}),
    (look_wanted, {RECEIVED}, {("received", "received")}),
]


@pytest.mark.parametrize(("prepare", "ends", "deaths"), TABLE, ids=[prepare.__name__ for prepare, _, _ in TABLE])
def test_a_death_at_any_wait_changes_no_outcome(
    play: Play, prepare: Prepare, ends: set[tuple[str, str, str, str]], deaths: set[tuple[str, str]]
) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.db.execute("update settings set value = '50' where key = 'timeout_refund_percent'")
        met: Counter[tuple[str, str]] = Counter()
        for nth in range(POINTS_MAX):
            activation = await prepare(rig)
            survived = await survives(rig.another_worker().work(await rig.claim(activation)), nth)
            if survived:
                break
            met[(await rig.row(activation))["status"], await upstream(rig, activation)] += 1
            await recover(rig, activation)
            status, _, balance, frozen = await rig.end(activation)
            end = (status, balance, frozen, await upstream(rig, activation))
            assert end in ends, f"after a death at wait {nth}"
            sold = await rig.sold(activation)
            assert len(sold) <= 1
            shown = await rig.db.fetchval("select count(*) from sms_messages where activation_id = $1", activation)
            assert shown == sum(len(order["messages"]) for order in sold)
            await rig.db.execute("update activations set due_at = due_at + interval '1 day' where id = $1", activation)
        assert survived
        assert deaths <= met.keys()

    play(scenario)


async def upstream(rig: Rig, activation: UUID) -> str:
    """How the provider sees the number bought for this order."""
    return next((str(order["state"]) for order in await rig.sold(activation)), "nothing")


async def recover(rig: Rig, activation: UUID) -> None:
    """Another poller, after the lease and the window: its work on this order until it rests."""
    if (await rig.row(activation))["purchase_started_at"] is not None:
        await rig.pass_time(PURCHASE_WINDOW.total_seconds(), only=activation)
    await rig.db.execute("update activations set due_at = now() where id = $1 and due_at is not null", activation)
    await rig.work()
