"""Second chances with a provider behind: over which routes an order is tried again; and once, whoever dies."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from pollers.providers.contract import CancelResult
from pollers.providers.sms_activate import SmsActivate
from tests.pollers.support import Play, Rig
from tests.pollers.test_activations_crash import POINTS_MAX, recover, survives, upstream
from tests.pollers.test_routing_orders import attempts, price, providers, sold_out, worker
from tests.wallet_db.support import new_user
from wallet_db import jobs, orders

LIFETIME_S = 1200
FROZEN = ("36.00", "5.00")


async def wanted(rig: Rig, *countries: str) -> UUID:
    """Somebody with 36.00 orders, and wants another try, in these countries too."""
    created = await orders.create_activation(
        rig.db,
        await new_user(rig.db),
        "whatsapp",
        "indonesia",
        idempotency_key=None,
        max_price=None,
        retry_on_timeout=True,
        retry_countries=countries,
    )
    return UUID(created["id"])


async def followers(rig: Rig, first: UUID) -> list[Any]:
    rows: list[Any] = await rig.db.fetch("select * from activations where retry_of = $1 order by retry_number", first)
    return rows


def test_a_timed_out_order_is_tried_again_over_another_route_and_served(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await price(rig)
        working = worker(rig)
        first = await wanted(rig)
        await rig.work(working)
        assert await attempts(rig, first) == [("herosms", "sold")]

        await rig.pass_time(LIFETIME_S)
        await rig.work(working)
        assert (await rig.row(first))["status"] == "timeout"
        [again] = await followers(rig, first)
        assert (again["status"], again["provider"], again["country"]) == ("pending", "sms_activate", "indonesia")
        assert await rig.end(again["id"]) == ("pending", None, *FROZEN)
        states = Counter(str(row["state"]) for row in await rig.sold())
        assert states == {"cancelled": 1, "waiting": 1}

        await rig.sms(again["id"])
        await rig.pass_time(2)
        await rig.work(working)
        assert await rig.end(again["id"]) == ("received", None, "31.00", "0.00")
        shown = await rig.shown(first)
        assert (shown["retried_by"], shown["retry_of"]) == (str(again["id"]), None)
        assert (await rig.shown(again["id"]))["retry_of"] == str(first)

    play(scenario)


def test_without_another_provider_it_is_tried_in_the_next_country(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        first = await wanted(rig, "india")
        await rig.work()
        await rig.pass_time(LIFETIME_S)
        await rig.work()
        [again] = await followers(rig, first)
        assert (again["status"], again["provider"], again["country"]) == ("pending", "sms_activate", "india")
        assert again["phone"].startswith("91")

        await rig.pass_time(LIFETIME_S)
        await rig.work()
        assert await rig.end(again["id"]) == ("timeout", "NO_SMS", "36.00", "0.00")
        assert (await rig.row(again["id"]))["retry_refused"] == "NO_NUMBERS"
        assert len(await followers(rig, first)) == 1

    play(scenario)


def test_a_retry_for_which_there_is_no_number_goes_on_to_the_next_country(play: Play) -> None:
    """The other provider sells nothing any more, which nobody knew: the first one has numbers elsewhere."""

    async def scenario(rig: Rig) -> None:
        await price(rig, {"herosms": "0.01"})
        accounts = {name: account for name, account in providers(rig).items() if name != "fivesim"}
        working = worker(rig, accounts)
        first = await wanted(rig, "india")
        await rig.work(working)
        await sold_out(rig, "sms_activate")
        await rig.pass_time(LIFETIME_S)
        await rig.work(working)
        there, elsewhere = await followers(rig, first)
        assert (there["status"], there["error_code"], there["country"]) == ("failed", "NO_NUMBERS", "indonesia")
        assert await attempts(rig, there["id"]) == [("sms_activate", "NO_NUMBERS")]
        assert (elsewhere["status"], elsewhere["provider"], elsewhere["country"]) == ("pending", "herosms", "india")
        assert there["retried_by"] == elsewhere["id"]
        assert await rig.end(elsewhere["id"]) == ("pending", None, *FROZEN)

    play(scenario)


def test_a_retry_asks_its_own_provider_again_that_was_away(play: Play) -> None:
    """Avoided is what the orders before it have tried, not what it has tried itself."""

    async def scenario(rig: Rig) -> None:
        first = await wanted(rig, "india")
        await rig.work()
        await rig.pass_time(LIFETIME_S)
        await rig.fault("getNumberV2", "rate_limit")
        await rig.work()
        [again] = await followers(rig, first)
        assert (again["status"], again["attempts"]) == ("ordering", 1)
        await rig.pass_time(10, only=again["id"])
        await rig.work()
        assert await rig.end(again["id"]) == ("pending", None, *FROZEN)
        assert await attempts(rig, again["id"]) == [
            ("sms_activate", "PROVIDER_UNAVAILABLE"),
            ("sms_activate", "sold"),
        ]

    play(scenario)


def test_a_death_at_any_wait_of_a_timeout_leaves_one_retry(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        met: Counter[tuple[str, str]] = Counter()
        for nth in range(POINTS_MAX):
            first = await wanted(rig, "india")
            await rig.work()
            await rig.pass_time(LIFETIME_S, only=first)
            survived = await survives(rig.another_worker().work(await rig.claim(first)), nth)
            met[(await rig.row(first))["status"], await upstream(rig, first)] += 1
            await recover(rig, first)
            await rig.work()
            assert (await rig.row(first))["status"] == "timeout", f"after a death at wait {nth}"
            [again] = await followers(rig, first)
            assert await rig.end(again["id"]) == ("pending", None, *FROZEN)
            assert len(await rig.sold(first)) == len(await rig.sold(again["id"])) == 1
            await rig.db.execute("update activations set due_at = due_at + interval '1 day' where due_at is not null")
            if survived:
                break
        assert survived
        assert {("pending", "waiting"), ("pending", "cancelled"), ("timeout", "cancelled")} <= met.keys()

    play(scenario)


def test_pollers_that_end_the_same_order_at_once_make_one_retry(play: Play) -> None:
    """A lease that ran out while its worker was still at it: many do the same work, and each does it twice."""

    async def scenario(rig: Rig) -> None:
        first = await wanted(rig, "india")
        await rig.work()
        await rig.pass_time(LIFETIME_S)
        job = await rig.claim(first)
        all_give_up = asyncio.Barrier(5)

        class Together(SmsActivate):
            async def cancel(self, provider_order_id: str) -> CancelResult:
                await all_give_up.wait()
                return await super().cancel(provider_order_id)

        await asyncio.gather(*(rig.another_worker(Together).work(job) for _ in range(5)))
        assert not await jobs.end_unserved(rig.db, first, "timeout", "NO_SMS", providers=["sms_activate"])
        assert len(await followers(rig, first)) == 1
        holds = await rig.db.fetchval("select count(*) from balance_operations where type = 'freeze'")
        refunds = await rig.db.fetchval("select count(*) from balance_operations where type = 'refund'")
        assert (holds, refunds) == (2, 1)
        await rig.work()
        [again] = await followers(rig, first)
        assert await rig.end(again["id"]) == ("pending", None, *FROZEN)

    play(scenario)


def test_who_wants_to_cancel_gets_no_other_number(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        first = await wanted(rig, "india")
        await rig.work()
        await rig.control("settings", early_cancel_s=5000)
        await rig.request_cancel(first)
        await rig.work()
        assert (await rig.row(first))["error_code"] == "EARLY_CANCEL_DENIED"
        await rig.control("settings", early_cancel_s=0)
        await rig.pass_time(LIFETIME_S)
        await rig.work()
        assert await rig.end(first) == ("timeout", "NO_SMS", "36.00", "0.00")
        assert (await rig.row(first))["retry_refused"] == "CANCEL_REQUESTED"

    play(scenario)


@pytest.mark.parametrize("early_cancel_s", [0, 120])
def test_a_late_sms_has_the_retry_cancelled_as_soon_as_the_provider_lets(play: Play, early_cancel_s: int) -> None:
    async def scenario(rig: Rig) -> None:
        first = await wanted(rig, "india")
        await rig.work()
        await rig.pass_time(LIFETIME_S)
        await rig.work()
        [again] = await followers(rig, first)
        await rig.control("settings", early_cancel_s=early_cancel_s)
        assert await rig.db.fetchval("select apply_activation_sms($1, '424242', 'code 424242')", first) == "charged"
        assert await rig.end(again["id"]) == ("pending", "SERVED_BEFORE", "31.00", "5.00")
        await rig.work()
        if early_cancel_s:
            waits = await rig.row(again["id"])
            assert (waits["status"], waits["due_at"]) == ("pending", waits["cancel_allowed_at"])
            await rig.control("settings", early_cancel_s=0)
            await rig.pass_time(early_cancel_s, only=again["id"])
            await rig.work()
        assert await rig.end(again["id"]) == ("cancelled", "SERVED_BEFORE", "31.00", "0.00")
        assert len(await followers(rig, first)) == 1
        assert [str(row["state"]) for row in await rig.sold(again["id"])] == ["cancelled"]

    play(scenario)


def test_a_retry_is_bought_within_the_time_of_any_order(play: Play) -> None:
    """Its time to be bought counts from its own beginning, not from the first order's."""

    async def scenario(rig: Rig) -> None:
        first = await wanted(rig, "india")
        await rig.work()
        await rig.pass_time(LIFETIME_S)
        await rig.work(rig.another_worker())
        [again] = await followers(rig, first)
        assert again["created_at"] - (await rig.row(first))["created_at"] > timedelta(seconds=LIFETIME_S - 60)
        assert again["status"] == "pending"

    play(scenario)
