"""An order's life after the purchase: SMS, expiry, cancel. The money is looked at after each step."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from pollers.providers.contract import CancelResult, CheckResult
from pollers.providers.sms_activate import SmsActivate
from tests.pollers.support import Play, Rig, answering, until

FROZEN = ("36.00", "5.00")
PAID = ("31.00", "0.00")
REFUNDED = ("36.00", "0.00")
LIFETIME_S = 1200


def test_an_order_is_bought_receives_and_is_completed(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.order()
        assert await rig.end(activation) == ("ordering", None, *FROZEN)
        await rig.work()
        [bought] = await rig.sold(activation)
        shown = await rig.shown(activation)
        assert (shown["status"], shown["phone"]) == ("pending", bought["phone"])
        stored = await rig.row(activation)
        assert (stored["provider_order_id"], stored["provider_cost"]) == (str(bought["id"]), Decimal(bought["price"]))
        life = stored["expires_at"] - stored["purchase_started_at"]
        assert abs(life - timedelta(seconds=LIFETIME_S)) < timedelta(seconds=5)

        await rig.pass_time(2)
        await rig.work()
        assert await rig.end(activation) == ("pending", None, *FROZEN)

        await rig.sms(activation, "424242")
        await rig.pass_time(2)
        await rig.work()
        assert await rig.end(activation) == ("received", None, *PAID)
        shown = await rig.shown(activation)
        assert [(sms["code"], sms["text"]) for sms in shown["sms"]] == [("424242", "Your code is 424242")]

        await rig.pass_time(LIFETIME_S)
        await rig.work()
        assert await rig.end(activation) == ("completed", None, *PAID)
        assert await rig.upstream_state(activation) == "completed"
        assert len(await rig.sold()) == 1

    play(scenario)


def test_a_look_gives_the_lease_back(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        due_at = (await rig.row(activation))["due_at"]
        assert due_at < await rig.db.fetchval("select now() + interval '2 s'")
        await rig.sms(activation)
        await rig.pass_time(2)
        await rig.work()
        stored = await rig.row(activation)
        assert stored["due_at"] == stored["expires_at"]

    play(scenario)


def test_an_sms_seen_at_many_looks_by_many_pollers_is_applied_once(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.sms(activation)
        await rig.pass_time(2)
        job = await rig.claim(activation)
        await asyncio.gather(*(rig.another_worker().work(job) for _ in range(5)))
        assert await rig.end(activation) == ("received", None, *PAID)
        assert await rig.db.fetchval("select count(*) from sms_messages") == 1
        assert await rig.db.fetchval("select count(*) from balance_operations where type = 'commit'") == 1

    play(scenario)


def test_a_second_sms_is_shown_at_the_end_and_costs_nothing(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        for code, seconds in (("111111", 2), ("222222", LIFETIME_S)):
            await rig.sms(activation, code)
            await rig.pass_time(seconds)
            await rig.work()
        assert await rig.end(activation) == ("completed", None, *PAID)
        assert [sms["code"] for sms in (await rig.shown(activation))["sms"]] == ["111111", "222222"]

    play(scenario)


def test_finishing_waits_for_an_unavailable_provider_with_a_pause(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.sms(activation)
        await rig.pass_time(2)
        await rig.work()
        await rig.pass_time(LIFETIME_S)
        await rig.fault("setStatus", "http_500", count=2)
        for _ in range(2):
            await rig.work()
            assert await rig.end(activation) == ("received", None, *PAID)
            await rig.pass_time(5)
        assert await rig.asked("setStatus") == 2
        await rig.work()
        assert await rig.end(activation) == ("completed", None, *PAID)

    play(scenario)


# --- expiry


@pytest.mark.parametrize(("percent", "balance"), [(100, "36.00"), (50, "33.50"), (0, "31.00")])
def test_an_order_without_sms_times_out_and_is_refunded_by_the_setting(play: Play, percent: int, balance: str) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.db.execute("update settings set value = $1 where key = 'timeout_refund_percent'", str(percent))
        activation = await rig.number("none")
        await rig.pass_time(LIFETIME_S - 1)
        await rig.work()
        assert await rig.end(activation) == ("pending", None, *FROZEN)
        await rig.pass_time(1)
        await rig.work()
        assert await rig.end(activation) == ("timeout", "NO_SMS", balance, "0.00")
        assert await rig.upstream_state(activation) == "cancelled"

    play(scenario)


def test_an_sms_just_before_the_last_look_is_paid(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.pass_time(LIFETIME_S)
        await rig.sms(activation)
        await rig.work()
        assert await rig.end(activation) == ("completed", None, *PAID)
        assert len((await rig.shown(activation))["sms"]) == 1

    play(scenario)


def test_an_sms_between_the_last_look_and_the_cancel_is_paid(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()

        class SmsFirst(SmsActivate):
            async def cancel(self, provider_order_id: str) -> CancelResult:
                await rig.sms(activation)
                return await super().cancel(provider_order_id)

        await rig.pass_time(LIFETIME_S)
        await rig.work(rig.another_worker(SmsFirst))
        assert await rig.end(activation) == ("completed", None, *PAID)
        assert len((await rig.shown(activation))["sms"]) == 1

    play(scenario)


def test_a_provider_that_cancels_only_later_is_asked_again(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number("none")
        await rig.control("settings", early_cancel_s=1000)
        await rig.pass_time(LIFETIME_S)
        await rig.work()
        assert await rig.end(activation) == ("pending", None, *FROZEN)
        await rig.control("settings", early_cancel_s=0)
        await rig.pass_time(5)
        await rig.work()
        assert await rig.end(activation) == ("timeout", "NO_SMS", *REFUNDED)

    play(scenario)


def test_a_provider_that_is_away_at_the_expiry_decides_when_it_is_back(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.pass_time(2 * LIFETIME_S)
        await rig.fault("*", "connection_reset")
        await rig.work()
        assert await rig.end(activation) == ("pending", None, *FROZEN)
        await rig.sms(activation)
        await rig.pass_time(5)
        await rig.work()
        assert await rig.end(activation) == ("completed", None, *PAID)

    play(scenario)


@pytest.mark.parametrize(
    ("passed_s", "end", "told"),
    [
        (10, ("cancelled", "ENDED", "36.00", "0.00"), [("warning", "PROVIDER_ENDED")]),
        (
            LIFETIME_S - 10,
            ("timeout", "NO_SMS", "33.50", "0.00"),
            [],
        ),  # their clock is ahead, no reason to pay more back
    ],
)
def test_a_number_ended_upstream_behind_our_back_is_settled(
    play: Play, passed_s: float, end: tuple[str, ...], told: list[tuple[str, str]]
) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.db.execute("update settings set value = '50' where key = 'timeout_refund_percent'")
        await rig.control("settings", lifetime_s=0.01)
        activation = await rig.number("none")
        await rig.pass_time(passed_s)
        await until(lambda: is_upstream(rig, activation, "cancelled"))
        job = await rig.claim(activation)
        await asyncio.gather(*(rig.another_worker().work(job) for _ in range(3)))
        assert await rig.end(activation) == end
        rows = await rig.db.fetch("select level, source, message, data from system_logs")
        assert [(row["level"], row["message"]) for row in rows] == told
        assert all(row["source"] == "pollers" and str(activation) in row["data"] for row in rows)

    play(scenario)


async def is_upstream(rig: Rig, activation: Any, state: str) -> bool:
    return await rig.upstream_state(activation) == state


def test_an_order_the_provider_does_not_know_waits_for_its_expiry(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.db.execute("update activations set provider_order_id = '1'")
        with capture_logs() as logged:
            for _ in range(3):
                await rig.pass_time(60)
                await rig.work()
                assert await rig.end(activation) == ("pending", None, *FROZEN)
        assert await rig.asked("getStatusV2") == 3
        assert [entry["event"] for entry in logged] == ["order unknown upstream"]
        await rig.pass_time(LIFETIME_S)
        await rig.work()
        assert await rig.end(activation) == ("timeout", "NO_SMS", *REFUNDED)

    play(scenario)


def test_the_clock_is_the_databases(play: Play) -> None:
    """A poller whose own clock is wrong neither settles early nor asks without a pause."""

    async def scenario(rig: Rig) -> None:
        activation = await rig.number("none")
        await rig.pass_time(2)
        job = await rig.claim(activation)
        assert timedelta(0) <= job.now() - (job.leased_until - timedelta(seconds=60)) < timedelta(seconds=5)
        assert abs(job.clock_ahead) < timedelta(seconds=5)
        await rig.worker.work(replace(job, clock_ahead=timedelta(seconds=LIFETIME_S)))
        assert await rig.end(activation) == ("timeout", "NO_SMS", *REFUNDED)

    play(scenario)


# --- cancel


def test_an_early_cancel_is_refused_with_the_time_left_and_granted_later(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.control("settings", early_cancel_s=1000)
        activation = await rig.number()
        assert (await rig.request_cancel(activation))["cancel_requested"]
        await rig.work()
        assert await rig.end(activation) == ("pending", "EARLY_CANCEL_DENIED", *FROZEN)
        stored = await rig.row(activation)
        assert stored["cancel_requested_at"] is None
        assert stored["cancel_allowed_at"] == stored["purchased_at"] + timedelta(seconds=120)

        await rig.control("settings", early_cancel_s=0)
        await rig.request_cancel(activation)
        await rig.work()
        assert await rig.end(activation) == ("cancelled", None, *REFUNDED)
        assert await rig.upstream_state(activation) == "cancelled"
        assert not await rig.db.fetchval("select count(*) from system_logs")

    play(scenario)


def test_an_order_whose_sms_is_there_upstream_is_paid_not_cancelled(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.sms(activation)
        await rig.request_cancel(activation)
        await rig.work()
        assert await rig.end(activation) == ("received", None, *PAID)
        assert not (await rig.shown(activation))["cancel_requested"]

    play(scenario)


@pytest.mark.parametrize("fault", ["drop_answer", "connection_reset", "http_500", "rate_limit", "garbage"])
def test_a_cancel_without_an_answer_is_asked_again(play: Play, fault: str) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.fault("setStatus", fault)
        await rig.request_cancel(activation)
        await rig.work()
        assert await rig.end(activation) == ("pending", None, *FROZEN)
        await rig.pass_time(5)
        await rig.work()
        assert await rig.end(activation) == ("cancelled", None, *REFUNDED)
        assert await rig.upstream_state(activation) == "cancelled"

    play(scenario)


def test_pollers_racing_on_one_order_cancel_it_once(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.request_cancel(activation)
        job = await rig.claim(activation)
        looking = replace(job, cancel_requested_at=None)  # claimed by another before the cancel was asked for
        await asyncio.gather(*(rig.another_worker().work(each) for each in (job, looking, job, looking)))
        await rig.work()
        status, _, *money = await rig.end(activation)
        assert (status, *money) == ("cancelled", *REFUNDED)
        assert await rig.db.fetchval("select count(*) from balance_operations where type = 'refund'") == 1

    play(scenario)


def test_a_cancel_asked_for_during_a_look_is_not_forgotten(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()

        class CancelMeanwhile(SmsActivate):
            async def check(self, provider_order_id: str) -> CheckResult:
                await rig.request_cancel(activation)
                return await super().check(provider_order_id)

        await rig.pass_time(2)
        await rig.another_worker(CancelMeanwhile).work(await rig.claim(activation))
        await rig.work()  # due at once, whatever the look had planned
        assert await rig.end(activation) == ("cancelled", None, *REFUNDED)

    play(scenario)


# --- what the operator is told


def test_the_operator_is_told_of_an_answer_nobody_knows_without_its_code(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.pass_time(2)
        with capture_logs() as logged:
            async with answering("NEW_WORD your codes are 483920, 12-34-56 and X7K9Q key=s3cret-key") as url:
                await rig.work(rig.another_worker(url=url, key="s3cret-key"))
        assert await rig.end(activation) == ("pending", None, *FROZEN)
        [told] = await rig.db.fetch("select level, source, message, data from system_logs")
        assert (told["level"], told["source"], told["message"]) == ("error", "pollers", "UNKNOWN_ANSWER")
        assert str(activation) in told["data"]
        assert "NEW_WORD your codes are" in told["data"]
        written = (told["data"] + str(logged)).replace(str(activation), "")  # whose digits may be anything
        for secret in ("483920", "34", "X7K9Q", "s3cret"):
            assert secret not in written

    play(scenario)
