"""Death anywhere in the work on a rental: cut off at each point where it waits, another brings it to its right end.

As in `test_activations_crash.py` the points are not listed by hand: the work is run again and again, cut off at its
first wait, its second, and so on, until it comes to its end.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from pollers.adoption import PURCHASE_WINDOW
from pollers.rental_schedule import EXTENSION_PROOF
from pollers.simulator import running
from tests.pollers.rentals import HOURS, RentalPlay, RentalRig, play_on
from tests.pollers.support import PATIENT
from tests.pollers.test_activations_crash import POINTS_MAX, survives

Prepare = Callable[[RentalRig], Awaitable[UUID]]


@pytest.fixture
def play(orders_url: str) -> Iterator[RentalPlay]:
    with running(PATIENT) as base_url:
        yield lambda scenario: play_on(orders_url, base_url, scenario)


async def ordered(rig: RentalRig) -> UUID:
    return await rig.order()


async def orphaned(rig: RentalRig) -> UUID:
    await rig.fault("getRentNumber", "drop_answer")
    rental = await rig.order()
    await rig.work()
    await _move(rig, rental, PURCHASE_WINDOW + timedelta(seconds=1))
    return rental


async def sms_there(rig: RentalRig) -> UUID:
    rental = await rig.number()
    await rig.sms(rental, "hello")
    await _move(rig, rental, timedelta(seconds=6))
    return rental


async def cancel_wanted(rig: RentalRig) -> UUID:
    rental = await rig.number()
    await rig.request_cancel(rental)
    return rental


async def finish_wanted(rig: RentalRig) -> UUID:
    rental = await rig.number()
    await rig.request_finish(rental)
    return rental


async def extension_wanted(rig: RentalRig) -> UUID:
    rental = await rig.number()
    await rig.extend(rental)
    return rental


async def run_out(rig: RentalRig) -> UUID:
    rental = await rig.number()
    await _move(rig, rental, timedelta(hours=HOURS))
    return rental


# (status, balance, frozen, hours here, hours upstream, SMS shown)
NEVER = ("failed", "36.00", "0.00", HOURS, 0, 0)
RUNS = ("active", "36.00", "6.00", HOURS, HOURS, 0)
SHOWN = ("active", "36.00", "6.00", HOURS, HOURS, 1)
CANCELLED = ("cancelled", "36.00", "0.00", HOURS, HOURS, 0)
COMPLETED = ("completed", "30.00", "0.00", HOURS, HOURS, 0)
EXPIRED = ("expired", "30.00", "0.00", HOURS, HOURS, 0)
EXTENDED = ("active", "36.00", "7.00", HOURS + 4, HOURS + 4, 0)

TABLE: list[tuple[Prepare, set[tuple[str, str, str, int, int, int]], set[tuple[str, str | None, int]]]] = [
    # what is done  its right ends   (status, extension, hours upstream) right after a death: each must have been met
    (ordered, {RUNS, NEVER}, {("ordering", None, 0), ("ordering", None, HOURS), ("active", None, HOURS)}),
    (orphaned, {RUNS}, {("ordering", None, HOURS), ("active", None, HOURS)}),
    (sms_there, {SHOWN}, {("active", None, HOURS)}),
    (cancel_wanted, {CANCELLED}, {("active", None, HOURS), ("cancelled", None, HOURS)}),
    (finish_wanted, {COMPLETED}, {("active", None, HOURS), ("completed", None, HOURS)}),
    (
        extension_wanted,
        {EXTENDED, EXPIRED},  # if it was not sold, its own life shows that: at its end
        {("active", "requested", HOURS), ("active", "requested", HOURS + 4), ("active", "extended", HOURS + 4)},
    ),
    (run_out, {EXPIRED}, {("active", None, HOURS), ("expired", None, HOURS)}),
]


@pytest.mark.parametrize(("prepare", "ends", "deaths"), TABLE, ids=[prepare.__name__ for prepare, _, _ in TABLE])
def test_a_death_at_any_wait_changes_no_outcome(
    play: RentalPlay,
    prepare: Prepare,
    ends: set[tuple[str, str, str, int, int, int]],
    deaths: set[tuple[str, str | None, int]],
) -> None:
    async def scenario(rig: RentalRig) -> None:
        met: Counter[tuple[str, str | None, int]] = Counter()
        for nth in range(POINTS_MAX):
            before = len(await rig.upstream())
            rental = await prepare(rig)
            survived = await survives(rig.another_worker().work(await rig.claim(rental)), nth)
            if survived:
                break
            stored = await rig.row(rental)
            hours = await _upstream_hours(rig, rental, before)
            met[stored["status"], stored["extension_status"], hours] += 1
            await _recover(rig, rental)
            status, _, balance, frozen = await rig.end(rental)
            stored, shown = await rig.row(rental), len(await rig.texts(rental))
            hours = await _upstream_hours(rig, rental, before)
            end = (status, balance, frozen, stored["hours"], hours, shown)
            assert end in ends, f"after a death at wait {nth}"
            assert len(await rig.upstream()) <= before + 1
            await rig.db.execute("update rentals set due_at = due_at + interval '1 year' where id = $1", rental)
        assert survived
        assert deaths <= met.keys()

    play(scenario)


async def _upstream_hours(rig: RentalRig, rental: UUID, before: int) -> int:
    """How long the provider has rented this one's number out for; 0: not at all."""
    id_ = (await rig.row(rental))["provider_order_id"]
    rows = await rig.upstream()
    if id_ is not None:
        return next(int(row["hours"]) for row in rows if str(row["id"]) == id_)
    return int(max(rows, key=lambda row: row["id"])["hours"]) if len(rows) > before else 0


async def _move(rig: RentalRig, rental: UUID, by: timedelta) -> None:
    """Time passes for this rental alone: those before it rest."""
    await rig.pass_time(seconds=by.total_seconds(), upstream=False, only=rental)


async def _recover(rig: RentalRig, rental: UUID) -> None:
    """Another poller, after the lease: its work on this rental until all is decided."""
    stored = await rig.row(rental)
    if stored["status"] == "ordering" and stored["purchase_started_at"] is not None:
        await _move(rig, rental, PURCHASE_WINDOW)
    await rig.db.execute("update rentals set due_at = now() where id = $1 and due_at is not null", rental)
    await rig.work()
    stored = await rig.row(rental)
    if stored["extension_status"] == "requested":
        id_ = stored["provider_order_id"]
        is_sold = any(str(row["id"]) == id_ and row["hours"] > HOURS for row in await rig.upstream())
        if not is_sold:
            await rig.provider("sms_activate").finish_rental(id_)  # as its time upstream is over
        await _move(rig, rental, timedelta(hours=HOURS) + EXTENSION_PROOF)
        await rig.work()
