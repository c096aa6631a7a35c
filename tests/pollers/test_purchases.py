"""Purchases that go wrong. One order buys one number or none, and who got none has their money back."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from pollers import purchases
from pollers.activations import ActivationWorker
from pollers.adoption import DOUBT_MAX, PURCHASE_WINDOW, RIVALS_MAX
from pollers.providers.contract import ActiveOrder, Purchase
from pollers.providers.sms_activate import SmsActivate
from pollers.settings import PollerSettings
from tests.pollers.support import LEASE, Play, Rig, answering, until
from tests.wallet_db.support import assert_books_balance, new_user, wallet
from wallet_db import jobs
from wallet_db.jobs import claim_activations

FROZEN = ("36.00", "5.00")
REFUNDED = ("36.00", "0.00")
WINDOW_S = PURCHASE_WINDOW.total_seconds() + 1
WAITS_FOR_A_LOCK = (
    "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
)


# --- refused for good


def test_a_service_without_numbers_fails_and_is_refunded(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.order("dry")
        await rig.work()
        assert await rig.end(activation) == ("failed", "NO_NUMBERS", *REFUNDED)
        assert await rig.db.fetchval("select count(*) from system_logs") == 0

    play(scenario)


def test_a_number_dearer_than_its_price_is_not_bought(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.db.execute("update services set price = 0.10 where service = 'whatsapp'")
        activation = await rig.order()
        await rig.work()
        assert (await rig.end(activation))[:2] == ("failed", "PRICE_TOO_LOW")
        assert await rig.sold() == []

    play(scenario)


def test_a_bad_key_fails_orders_and_tells_the_operator_once(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        ordered = [await rig.order() for _ in range(3)]
        with capture_logs() as logged:
            await rig.work(rig.another_worker(key="s3cret-key"))
        for activation in ordered:
            assert await rig.end(activation) == ("failed", "PROVIDER_ACCOUNT_PROBLEM", *REFUNDED)
        [told] = await rig.db.fetch("select level, message, data from system_logs")
        assert (told["level"], told["message"]) == ("error", "PROVIDER_ACCOUNT_PROBLEM")
        assert "BAD_KEY" in told["data"]
        assert "s3cret" not in told["data"] + str(logged)

    play(scenario)


# --- surely not executed: tried again, for a while


def test_an_unavailable_provider_is_asked_again_and_sells_once(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.order()
        await rig.fault("getNumberV2", "rate_limit", count=2)
        for _ in range(2):
            await rig.work()
            assert await rig.end(activation) == ("ordering", None, *FROZEN)
            assert (await rig.row(activation))["purchase_started_at"] is None
            await rig.pass_time(5)
        await rig.work()
        assert await rig.end(activation) == ("pending", None, *FROZEN)
        assert len(await rig.sold()) == 1

    play(scenario)


def test_a_provider_that_stays_away_costs_nothing_in_the_end(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        with socket.socket() as listener:  # bound, not listening: the port is ours and refuses
            listener.bind(("127.0.0.1", 0))
            nobody = rig.another_worker(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
            activation = await rig.order()
            await rig.work(nobody)
            assert await rig.end(activation) == ("ordering", None, *FROZEN)
            await rig.pass_time(58)  # of 60, and the next attempt would be in 5
            await rig.work(nobody)
        assert await rig.end(activation) == ("failed", "PROVIDER_UNAVAILABLE", *REFUNDED)

    play(scenario)


def test_nobody_waits_an_hour_because_the_provider_says_so(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.order()
        async with answering("", status="429 Too Many Requests", header="Retry-After: 3600") as url:
            await rig.work(rig.another_worker(url=url))
        assert await rig.end(activation) == ("failed", "PROVIDER_UNAVAILABLE", *REFUNDED)

    play(scenario)


# --- nobody knows: never bought again

LOST = [("drop_answer", True), ("slow", True), ("garbage", True), ("http_500", False), ("html", False),
        ("connection_reset", False)]  # fmt: skip


@pytest.mark.parametrize(("fault", "executed"), LOST)
def test_a_purchase_without_an_answer_is_adopted_or_refunded(play: Play, fault: str, executed: bool) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.fault("getNumberV2", fault, delay_s=60)
        activation = await rig.order()
        await rig.work(rig.another_worker(timeout_s=0.3 if fault == "slow" else 15))
        assert await rig.end(activation) == ("ordering", None, *FROZEN)

        await rig.pass_time(WINDOW_S - 3)
        await rig.db.execute("update activations set due_at = now()")  # as after a crash: the lease ran out early
        await rig.work()
        assert await rig.end(activation) == ("ordering", None, *FROZEN)
        assert await rig.asked("getActiveActivations") == 0

        await rig.pass_time(3)
        await rig.work()
        assert await rig.asked("getNumberV2") == 1
        if not executed:
            assert await rig.end(activation) == ("failed", "OUTCOME_UNKNOWN", *REFUNDED)
            return
        [bought] = await rig.sold(activation)
        assert (await rig.shown(activation))["phone"] == bought["phone"]
        await rig.sms(activation)
        await rig.pass_time(2)
        await rig.work()
        assert await rig.end(activation) == ("received", None, "31.00", "0.00")

    play(scenario)


def test_a_provider_that_cannot_be_asked_refunds_nothing_yet(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.fault("getNumberV2", "drop_answer")
        activation = await rig.order()
        await rig.work()
        for fault in ("http_500", "garbage", "html"):
            await rig.fault("getActiveActivations", fault)
            await rig.pass_time(WINDOW_S)
            await rig.work()
            assert await rig.end(activation) == ("ordering", None, *FROZEN)
        await rig.pass_time(WINDOW_S)
        await rig.work()
        assert (await rig.end(activation))[0] == "pending"

    play(scenario)


def test_orders_with_lost_answers_adopt_different_orphans(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.fault("getNumberV2", "drop_answer", count=3)
        await rig.fault("getNumberV2", "http_500")
        ordered = [await rig.order() for _ in range(4)]
        await rig.work()
        await rig.pass_time(WINDOW_S)
        await rig.work()  # all look at once; all but one lose the oldest orphan, and take another
        assert await rig.asked("getActiveActivations") == 2  # the first reads, the others wait for the next list
        assert await rig.db.fetchval("select count(*) from activations where status = 'pending'") == 3
        await rig.pass_time(5)
        await rig.work()  # nothing is left on a list read after the others had theirs
        rows = [await rig.row(activation) for activation in ordered]
        assert sorted(row["status"] for row in rows) == ["failed", "pending", "pending", "pending"]
        sold = {str(order["id"]): order["phone"] for order in await rig.sold()}
        assert {row["provider_order_id"]: row["phone"] for row in rows if row["status"] == "pending"} == sold
        await assert_books_balance(rig.db)

    play(scenario)


def test_who_loses_the_last_orphan_of_a_list_is_decided_by_the_next_list(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.fault("getNumberV2", "drop_answer")
        await rig.fault("getNumberV2", "connection_reset")
        ordered = [await rig.order(), await rig.order()]
        await rig.work()
        await rig.pass_time(WINDOW_S)
        slow, fast = await claim_activations(rig.db, limit=2, lease=LEASE)
        async with rig.db.acquire() as held, held.transaction():
            await held.execute("select from users where id = $1 for update", slow.user_id)
            writing = asyncio.create_task(rig.worker.work(slow))
            await until(lambda: rig.db.fetchval(WAITS_FOR_A_LOCK))
            await rig.worker.work(fast)
        await writing
        assert (await rig.end(fast.id))[0] == "pending"
        assert await rig.end(slow.id) == ("ordering", None, *FROZEN)
        await rig.pass_time(5)
        await rig.work()
        assert await rig.end(slow.id) == ("failed", "OUTCOME_UNKNOWN", *REFUNDED)
        assert {slow.id, fast.id} == set(ordered)

    play(scenario)


def test_another_purchase_in_flight_delays_the_adoption_but_not_for_long(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.fault("getNumberV2", "drop_answer")
        lost = await rig.order()
        await rig.work()
        await rig.pass_time(WINDOW_S)
        rival = await rig.order()
        await rig.begin_purchase(rival)  # its answer may be under way
        await rig.db.execute("update activations set due_at = now() + interval '1 hour' where id = $1", rival)
        await rig.work()
        assert await rig.end(lost) == ("ordering", None, *FROZEN)

        await rig.pass_time(RIVALS_MAX.total_seconds(), only=lost)
        await rig.work()
        assert (await rig.end(lost))[0] == "pending"

    play(scenario)


def test_an_adoption_goes_on_when_the_purchase_in_flight_has_ended(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.fault("getNumberV2", "drop_answer")
        lost = await rig.order()
        await rig.work()

        class LostLooksMeanwhile(SmsActivate):
            async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
                purchase = await super().buy(order_id, service, country, max_price)
                await rig.pass_time(WINDOW_S, only=lost)
                await rig.work()  # both numbers are on the list, and nobody's yet
                assert (await rig.row(lost))["status"] == "ordering"
                return purchase

        rival = await rig.order()
        await rig.another_worker(LostLooksMeanwhile).work(await rig.claim(rival))
        await rig.pass_time(5, only=lost)
        await rig.work()
        for activation in (lost, rival):
            [bought] = await rig.sold(activation)
            assert (await rig.row(activation))["provider_order_id"] == str(bought["id"])

    play(scenario)


@pytest.mark.parametrize(("service", "country"), [("tg", "6"), ("wa", "0")])
def test_an_orphan_of_another_kind_is_not_adopted(play: Play, service: str, country: str) -> None:
    async def scenario(rig: Rig) -> None:
        await SmsActivate(rig.base_url, "demo", rig.http).buy("another", service, country, None)
        await rig.fault("getNumberV2", "connection_reset")
        activation = await rig.order()
        await rig.work()
        await rig.pass_time(WINDOW_S)
        await rig.work()
        assert await rig.end(activation) == ("failed", "OUTCOME_UNKNOWN", *REFUNDED)

    play(scenario)


# --- cancel while ordering


def test_an_order_cancelled_before_it_is_begun_is_never_bought(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.order()
        job = await rig.claim(activation)
        assert (await rig.request_cancel(activation))["status"] == "cancelled"
        await rig.worker.work(job)
        assert await rig.end(activation) == ("cancelled", None, *REFUNDED)
        assert await rig.sold() == []

    play(scenario)


@pytest.mark.parametrize("fault", [None, "rate_limit", "drop_answer"])
def test_a_cancel_wanted_during_the_purchase_is_carried_out_after_it(play: Play, fault: str | None) -> None:
    async def scenario(rig: Rig) -> None:
        class CancelFirst(SmsActivate):
            async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
                assert (await rig.request_cancel(activation))["status"] == "ordering"
                return await super().buy(order_id, service, country, max_price)

        if fault:
            await rig.fault("getNumberV2", fault)
        activation = await rig.order()
        await rig.work(rig.another_worker(CancelFirst))
        if fault == "drop_answer":
            await rig.pass_time(WINDOW_S)
        await rig.work()
        assert await rig.end(activation) == ("cancelled", None, *REFUNDED)
        assert [order["state"] for order in await rig.sold()] == ([] if fault == "rate_limit" else ["cancelled"])

    play(scenario)


# --- races and absurd answers


def test_pollers_racing_on_one_order_buy_one_number(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.order()
        job = await rig.claim(activation)
        await asyncio.gather(*(rig.another_worker().work(job) for _ in range(8)))
        assert (await rig.end(activation))[0] == "pending"
        assert await rig.asked("getNumberV2") == 1

    play(scenario)


def test_a_hundred_orders_at_once_buy_a_number_each(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        async def poll(worker: ActivationWorker) -> None:
            while await rig.db.fetchval("select exists (select from activations where status = 'ordering')"):
                claimed = await jobs.claim_activations(rig.db, limit=10, lease=LEASE)
                await asyncio.gather(*(worker.work(job) for job in claimed))

        user = await new_user(rig.db, "500.00")
        for _ in range(100):
            await rig.order(user=user)
        await asyncio.gather(*(poll(rig.another_worker()) for _ in range(3)))
        assert len(await rig.sold()) == 100
        assert await rig.db.fetchval("select count(distinct phone) from activations where status = 'pending'") == 100
        assert await wallet(rig.db, user) == ("500.00", "500.00", "0.00")
        await assert_books_balance(rig.db)

    play(scenario)


async def told(rig: Rig, message: str) -> list[str]:
    """What the operators were told under this name."""
    rows = await rig.db.fetch("select data ->> 'reason' from system_logs where message = $1 order by id", message)
    return [reason for (reason,) in rows]


def stopped(rig: Rig) -> ActivationWorker:
    """A poller stopped between its written intent and its request, for longer than the window."""

    class Stopped(SmsActivate):
        async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
            await rig.pass_time(WINDOW_S, only=UUID(order_id))
            await rig.db.execute("update activations set due_at = now() where id = $1", UUID(order_id))
            await rig.work()
            return await super().buy(order_id, service, country, max_price)

    return rig.another_worker(Stopped)


def test_a_number_that_comes_after_the_refund_is_returned(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        late = await rig.order()
        await stopped(rig).work(await rig.claim(late))
        assert await rig.end(late) == ("failed", "OUTCOME_UNKNOWN", *REFUNDED)
        [left_over] = await rig.sold(late)
        assert left_over["state"] == "cancelled"
        assert await told(rig, "NUMBER_LEFT_OVER") == [
            f"number {left_over['id']} came after its order was decided, returned"
        ]

    play(scenario)


def test_a_number_left_over_that_cannot_be_returned_is_told(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.fault("setStatus", "http_500")
        late = await rig.order()
        await stopped(rig).work(await rig.claim(late))
        assert [reason.partition(", ")[2][:12] for reason in await told(rig, "NUMBER_LEFT_OVER")] == ["not returned"]

    play(scenario)


def test_a_number_left_over_is_left_to_one_who_may_look_for_it(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        late = await rig.order()
        job = await rig.claim(late)
        next_ = await rig.order()
        await rig.fault("getNumberV2", "connection_reset")
        await rig.work()
        await rig.pass_time(WINDOW_S - 2, only=next_)
        await stopped(rig).work(job)
        [left_over] = await rig.sold(late)
        assert left_over["state"] == "waiting"
        await rig.pass_time(WINDOW_S, only=next_)
        await rig.work()
        assert (await rig.row(next_))["provider_order_id"] == str(left_over["id"])
        assert ["left to" in reason for reason in await told(rig, "NUMBER_LEFT_OVER")] == [True]

    play(scenario)


def test_an_answer_after_the_adoption_of_its_number_changes_nothing(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        class Late(SmsActivate):
            async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
                purchase = await super().buy(order_id, service, country, max_price)
                await rig.pass_time(WINDOW_S)
                await rig.db.execute("update activations set due_at = now()")
                await rig.work()
                return purchase

        activation = await rig.order()
        await rig.another_worker(Late).work(await rig.claim(activation))
        assert await rig.end(activation) == ("pending", None, *FROZEN)
        assert await rig.upstream_state(activation) == "waiting"
        assert await told(rig, "NUMBER_LEFT_OVER") == []

    play(scenario)


# --- decided under the lease


def test_who_has_lost_the_lease_does_not_fail_an_order_that_is_being_bought(play: Play) -> None:
    """Stopped before it has begun anything, with nobody to buy from, while another buys."""

    async def scenario(rig: Rig) -> None:
        activation = await rig.order()
        stale = await rig.claim(activation)
        await rig.db.execute("update activations set due_at = now()")
        job = await rig.claim(activation)
        assert await jobs.begin_purchase(rig.db, job, "sms_activate")
        await ActivationWorker(rig.db, {}, PollerSettings(demo=True), Random(1)).work(stale)
        assert await rig.end(activation) == ("ordering", None, *FROZEN)
        await jobs.abandon_purchase(rig.db, stale, stale.now(), "NO_NUMBERS")
        assert (await rig.row(activation))["purchase_started_at"] is not None
        assert not await jobs.begin_purchase(rig.db, stale, "sms_activate")
        await jobs.abandon_purchase(rig.db, job, job.now(), "NO_NUMBERS")  # the control
        assert (await rig.row(activation))["purchase_started_at"] is None
        assert not await jobs.begin_purchase(rig.db, stale, "sms_activate")
        assert await jobs.begin_purchase(rig.db, await rig.claim(activation), "sms_activate")

    play(scenario)


def test_who_looked_for_an_orphan_too_early_does_not_fail_the_order_that_found_it(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        class LooksForLong(SmsActivate):
            async def active(self, since: datetime | None = None) -> list[ActiveOrder]:
                await super().active(since)
                await rig.db.execute("update activations set due_at = now()")
                await rig.work()  # its lease is over, another looks and adopts
                assert (await rig.row(activation))["status"] == "pending"
                return []  # as the list was before the number was on it

        await rig.fault("getNumberV2", "drop_answer")
        activation = await rig.order()
        await rig.work()
        await rig.pass_time(WINDOW_S)
        await rig.another_worker(LooksForLong).work(await rig.claim(activation))
        assert await rig.end(activation) == ("pending", None, *FROZEN)

    play(scenario)


# --- in doubt for long


def test_a_provider_that_can_never_be_asked_is_asked_more_seldom_and_then_not(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.fault("getNumberV2", "drop_answer")
        activation = await rig.order()
        await rig.work()
        await rig.fault("getActiveActivations", "garbage", count=1_000)
        await rig.pass_time(WINDOW_S)
        pauses = []
        for _ in range(12):
            await rig.work()
            row = await rig.row(activation)
            pauses.append(round((row["due_at"] - await rig.db.fetchval("select now()")).total_seconds()))
            await rig.pass_time(pauses[-1] + 1)
        assert pauses == sorted(pauses)
        assert 5 <= pauses[0] < 10
        assert 55 < pauses[-1] <= 60
        assert await rig.end(activation) == ("ordering", None, *FROZEN)

        await rig.pass_time(DOUBT_MAX.total_seconds())
        await rig.work()
        assert await rig.end(activation) == ("failed", "OUTCOME_UNKNOWN", *REFUNDED)
        [reason] = await told(rig, "OUTCOME_UNKNOWN")
        assert "refunded" in reason

    play(scenario)


def test_a_purchase_that_takes_too_long_is_cut_off_before_its_number_may_be_adopted(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(seconds=purchases.BUY_S_MAX) < PURCHASE_WINDOW
    monkeypatch.setattr(purchases, "BUY_S_MAX", 0.2)

    async def scenario(rig: Rig) -> None:
        await rig.fault("getNumberV2", "slow", delay_s=60)
        activation = await rig.order()
        await rig.work()
        assert await rig.end(activation) == ("ordering", None, *FROZEN)
        await rig.pass_time(WINDOW_S)
        await rig.work()
        assert (await rig.end(activation))[0] == "pending"

    play(scenario)


def test_a_number_the_provider_sells_twice_is_given_to_one(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        ordered = [await rig.order(), await rig.order()]
        async with answering('{"activationId":"77","phoneNumber":"+6281234567890"}') as url:
            await rig.work(rig.another_worker(url=url))
        assert sorted([(await rig.end(activation))[0] for activation in ordered]) == ["ordering", "pending"]
        assert (await rig.db.fetchval("select phone from activations where status = 'pending'")) == "6281234567890"

    play(scenario)


@pytest.mark.parametrize(
    ("told", "life_s"),
    [(timedelta(days=365), 1200), (timedelta(hours=-3), 1200), (timedelta(minutes=45), 2700), (None, 1200)],
)
def test_an_absurd_expiry_is_not_believed(play: Play, told: timedelta | None, life_s: float) -> None:
    async def scenario(rig: Rig) -> None:
        at = f'"{(datetime.now(UTC) + told).isoformat()}"' if told else "null"
        activation = await rig.order()
        async with answering(f'{{"activationId":1,"phoneNumber":"62812345678","activationEndTime":{at}}}') as url:
            await rig.work(rig.another_worker(url=url))
        stored = await rig.row(activation)
        life = stored["expires_at"] - stored["purchase_started_at"]
        assert life.total_seconds() == pytest.approx(life_s, abs=5)

    play(scenario)


def test_an_outdated_plan_does_not_undo_a_newer_one(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.pass_time(2)
        job = await rig.claim(activation)
        await jobs.reschedule(rig.db, job, job.leased_until - timedelta(seconds=50))
        planned = (await rig.row(activation))["due_at"]
        await jobs.reschedule(rig.db, job, job.leased_until + timedelta(days=1))
        assert (await rig.row(activation))["due_at"] == planned

    play(scenario)
