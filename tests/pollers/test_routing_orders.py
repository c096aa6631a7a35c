"""One order over several providers: who refuses is passed over, who may have sold is not, and one number is bought."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest

from pollers.activations import ActivationWorker
from pollers.adoption import PURCHASE_WINDOW
from pollers.periodic import periodic_loop, readings_loop
from pollers.prices import refresh_prices
from pollers.providers.contract import NoNumbers, Provider, Purchase
from pollers.providers.fivesim import FiveSim
from pollers.providers.herosms import HeroSms
from pollers.providers.sms_activate import SmsActivate
from pollers.settings import PollerSettings
from pollers.simulator import SimulatorSettings, running
from tests.pollers.support import LEASE, Play, Rig, play_on, until
from tests.pollers.test_activations_crash import POINTS_MAX, recover, survives
from wallet_db import jobs, routes
from wallet_db.connect import pool
from wallet_db.jobs import claim_activations
from wallet_db.roles import POLLERS
from wallet_db.routes import ToldPrice

FROZEN = ("36.00", "5.00")
REFUNDED = ("36.00", "0.00")
NOBODY = "http://127.0.0.1:9"
CODES = {"sms_activate": ("wa", "6"), "herosms": ("wa", "6"), "fivesim": ("whatsapp", "indonesia")}
COSTS = {"herosms": "0.01", "sms_activate": "0.20", "fivesim": "4.00"}
"""Far apart, so that chance decides nothing: HeroSMS is asked first, 5sim last."""


def providers(rig: Rig, *, hero_key: str = "demo", **urls: str) -> dict[str, Provider]:
    """All three of the simulator's faces, or at these addresses."""
    return {
        "sms_activate": SmsActivate(urls.get("sms_activate", rig.base_url), "demo", rig.http),
        "herosms": HeroSms(urls.get("herosms", f"{rig.base_url}/hero"), hero_key, rig.http),
        "fivesim": FiveSim(urls.get("fivesim", rig.base_url), "demo", rig.http),
    }


def worker(rig: Rig, accounts: Mapping[str, Provider] | None = None, seed: int = 1) -> ActivationWorker:
    return ActivationWorker(rig.db, accounts or providers(rig), PollerSettings(demo=True), Random(seed))


async def price(rig: Rig, costs: Mapping[str, str] = COSTS) -> None:
    for provider, cost in costs.items():
        told = [ToldPrice(*CODES[provider], Decimal(cost), 100, None)]
        assert await routes.record_prices(rig.db, provider, told) == 1


async def sold_out(rig: Rig, *names: str) -> None:
    for name in names:
        await rig.control("routes", provider=name, stock=0)


async def attempts(rig: Rig, activation: UUID) -> list[tuple[str, str | None]]:
    rows = await rig.db.fetch(
        "select provider, outcome from route_attempts where activation_id = $1 order by number", activation
    )
    return [(row["provider"], row["outcome"]) for row in rows]


# --- one after the other


def test_who_is_sold_out_is_passed_over_at_once(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await price(rig)
        await sold_out(rig, "herosms")
        activation = await rig.order()
        await worker(rig).work(await rig.claim(activation))
        assert await rig.end(activation) == ("pending", None, *FROZEN)
        assert await attempts(rig, activation) == [("herosms", "NO_NUMBERS"), ("sms_activate", "sold")]
        row = await rig.row(activation)
        assert (row["provider"], row["attempts"], row["provider_cost"]) == ("sms_activate", 2, Decimal("0.52"))
        [bought] = await rig.sold()
        assert (bought["provider"], bought["phone"]) == ("sms_activate", row["phone"])

    play(scenario)


def test_who_refuses_again_and_again_is_asked_last_for_ten_minutes(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await price(rig)
        await sold_out(rig, "herosms")
        asked = []
        for _ in range(4):
            activation = await rig.order()
            await worker(rig).work(await rig.claim(activation))
            asked.append([provider for provider, _ in await attempts(rig, activation)])
        assert asked == [["herosms", "sms_activate"]] * 3 + [["sms_activate"]]
        await rig.db.execute("update route_attempts set started_at = started_at - interval '10 minutes'")
        activation = await rig.order()
        await worker(rig).work(await rig.claim(activation))
        assert (await attempts(rig, activation))[0] == ("herosms", "NO_NUMBERS")

    play(scenario)


@pytest.mark.parametrize("last", ["sms_activate", "fivesim"])
def test_an_order_is_worked_on_with_whoever_sold(play: Play, last: str) -> None:
    async def scenario(rig: Rig) -> None:
        await price(rig)
        await sold_out(rig, "herosms", *({"sms_activate"} - {last}))
        activation = await rig.order()
        await rig.work(worker(rig))
        assert (await rig.row(activation))["provider"] == last
        await rig.sms(activation)
        await rig.pass_time(2)
        await rig.work(worker(rig))
        assert await rig.end(activation) == ("received", None, "31.00", "0.00")
        await rig.pass_time(1200)
        await rig.work(worker(rig))
        assert (await rig.end(activation))[0] == "completed"
        [told] = await rig.db.fetch("select * from route_attempts where activation_id = $1 and served", activation)
        assert (told["provider"], told["status"]) == (last, "completed")
        assert told["sms_at"] >= told["ended_at"] >= told["started_at"]

    play(scenario)


def test_when_nobody_sells_the_most_telling_refusal_is_told(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await price(rig)
        await sold_out(rig, "sms_activate", "fivesim")
        activation = await rig.order()
        await rig.work(worker(rig, providers(rig, hero_key="wrong")))
        assert await rig.end(activation) == ("failed", "NO_NUMBERS", *REFUNDED)
        assert await attempts(rig, activation) == [
            ("herosms", "PROVIDER_ACCOUNT_PROBLEM"),
            ("sms_activate", "NO_NUMBERS"),
            ("fivesim", "NO_NUMBERS"),
        ]
        assert "herosms" in await rig.db.fetchval("select data from system_logs")

    play(scenario)


def test_while_one_is_away_all_are_asked_again_for_a_while(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await price(rig)
        await sold_out(rig, "herosms", "fivesim")
        away = worker(rig, providers(rig, sms_activate=NOBODY))
        activation = await rig.order()
        await rig.work(away)
        row = await rig.row(activation)
        assert (row["status"], row["purchase_started_at"], row["provider"]) == ("ordering", None, None)
        assert (await attempts(rig, activation))[-1] == ("fivesim", "NO_NUMBERS")
        await rig.pass_time(58)
        await rig.work(away)
        assert await rig.end(activation) == ("failed", "NO_NUMBERS", *REFUNDED)
        assert len(await attempts(rig, activation)) == 6

    play(scenario)


def test_a_route_out_of_use_or_too_dear_is_not_asked(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await price(rig, {**COSTS, "fivesim": "5.01"})
        for name in ("herosms", "sms_activate"):
            await rig.db.execute("select set_route_state($1, 'whatsapp', 'indonesia', 'disabled', 'a test')", name)
        activation = await rig.order()
        await rig.work(worker(rig))
        assert await rig.end(activation) == ("failed", "PRICE_TOO_LOW", *REFUNDED)
        assert await attempts(rig, activation) == []
        assert await rig.sold() == []

    play(scenario)


# --- never two purchases under way


def test_a_lost_answer_is_looked_for_where_it_was_asked(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await price(rig)
        await rig.fault("getNumberV2", "drop_answer")
        activation = await rig.order()
        await rig.work(worker(rig))
        row = await rig.row(activation)
        assert (row["status"], row["provider"]) == ("ordering", "herosms")
        assert await attempts(rig, activation) == [("herosms", None)]
        await rig.pass_time(PURCHASE_WINDOW.total_seconds() + 1)
        await rig.work(worker(rig))
        assert await rig.end(activation) == ("pending", None, *FROZEN)
        [bought] = await rig.sold()
        assert (bought["provider"], bought["phone"]) == ("herosms", (await rig.row(activation))["phone"])
        assert await attempts(rig, activation) == [("herosms", "sold")]

    play(scenario)


def test_a_cancel_wanted_meanwhile_asks_nobody_else(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        class CancelledMeanwhile(HeroSms):
            async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
                await rig.request_cancel(UUID(order_id))
                raise NoNumbers("sold out")

        await price(rig)
        activation = await rig.order()
        accounts = {**providers(rig), "herosms": CancelledMeanwhile(f"{rig.base_url}/hero", "demo", rig.http)}
        await rig.work(worker(rig, accounts))
        assert await rig.end(activation) == ("cancelled", None, *REFUNDED)
        assert await attempts(rig, activation) == [("herosms", "NO_NUMBERS")]
        assert await rig.sold() == []

    play(scenario)


def test_who_has_lost_the_lease_asks_nobody_else(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        activation = await rig.order()
        job = await rig.claim(activation)
        assert await jobs.begin_purchase(rig.db, job, "herosms")
        await rig.db.execute("update activations set due_at = now() where id = $1", activation)
        other = await rig.claim(activation)
        assert await jobs.pass_purchase(rig.db, job, "NO_NUMBERS", "fivesim", LEASE) is None
        assert await attempts(rig, activation) == [("herosms", None)]
        passed = await jobs.pass_purchase(rig.db, other, "NO_NUMBERS", "fivesim", LEASE)  # the control
        assert passed is not None
        assert (passed.provider, passed.leased_until) == ("fivesim", (await rig.row(activation))["due_at"])
        assert await attempts(rig, activation) == [("herosms", "NO_NUMBERS"), ("fivesim", None)]

    play(scenario)


def test_death_anywhere_between_routes_leaves_one_number_or_none(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await price(rig)
        await sold_out(rig, "herosms")
        met = set()
        bought = 0
        for nth in range(POINTS_MAX):
            # Long ago, or HeroSMS's three refusals would have it asked last.
            await rig.db.execute("update route_attempts set started_at = started_at - interval '10 minutes'")
            activation = await rig.order()
            working = worker(rig)
            survived = await survives(working.work(await rig.claim(activation)), nth)
            row = await rig.row(activation)
            met.add((row["status"], row["provider"]))
            await recover(Rig(rig.db, rig.base_url, rig.http, worker(rig)), activation)
            status, error_code, *money = await rig.end(activation)
            assert (status, error_code, *money) in {
                ("pending", None, *FROZEN),
                ("failed", "OUTCOME_UNKNOWN", *REFUNDED),
            }
            bought += status == "pending"
            assert len(await rig.sold()) == bought
            if survived:
                break
        assert survived
        assert {("ordering", None), ("ordering", "herosms"), ("ordering", "sms_activate")} < met

    play(scenario)


def test_an_order_with_an_account_we_have_no_more_waits_and_is_told(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await price(rig)
        activation = await rig.order()
        await rig.work(worker(rig))
        assert (await rig.row(activation))["provider"] == "herosms"
        await rig.pass_time(1300)
        await rig.work()  # with SMS-Activate only
        assert (await rig.end(activation))[0] == "pending"
        [told] = await rig.db.fetch("select message, data from system_logs")
        assert told["message"] == "PROVIDER_ACCOUNT_PROBLEM"
        assert "herosms" in told["data"]

    play(scenario)


# --- prices


async def known(rig: Rig) -> dict[str, Any]:
    found = await routes.read_routes(rig.db, "whatsapp", "indonesia", list(CODES))
    return {route.provider: (route.cost, route.stock, route.told_success) for route in found}


def test_prices_are_read_and_kept_until_they_are_old(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.control("routes", provider="fivesim", service="wa", price="0.65", success=0.88)
        assert await known(rig) == dict.fromkeys(CODES, (None, None, None))
        for name, provider in providers(rig).items():
            result = await refresh_prices(rig.db, {}, name=name, provider=provider)
            assert result == {"priced": result["priced"], "failed_total": 0}
            assert result["priced"] >= 15 * 15
        read = await known(rig)
        assert {name: cost for name, (cost, *_) in read.items()} == {
            "sms_activate": Decimal("0.52"), "herosms": Decimal("0.52"), "fivesim": Decimal("0.65"),
        }  # fmt: skip
        assert read["fivesim"][2] == pytest.approx(0.88)

        for name, provider in providers(rig, sms_activate=NOBODY, herosms=NOBODY, fivesim=NOBODY).items():
            result = await refresh_prices(rig.db, {"failed_total": 3}, name=name, provider=provider)
            assert result == {"priced": 0, "failed_total": 4}
        assert await known(rig) == read
        await rig.db.execute("update routes set priced_at = priced_at - interval '2 hours' where provider = 'herosms'")
        assert await known(rig) == {**read, "herosms": (None, None, None)}

    play(scenario)


def test_what_a_list_names_no_more_is_sold_out(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await price(rig)
        assert await routes.record_prices(rig.db, "herosms", []) == 0
        assert (await known(rig))["herosms"][:2] == (Decimal("0.01"), 0)

    play(scenario)


def test_the_periodic_loops_read_prices_and_judge_routes_with_the_pollers_rights(play: Play, orders_url: str) -> None:
    async def scenario(rig: Rig) -> None:
        names = ["judge_routes", *(f"refresh_prices:{name}" for name in CODES)]
        await rig.db.execute("update periodic_jobs set due_at = now(), finished_at = null where name = any($1)", names)

        async def all_done() -> bool:
            return not await rig.db.fetchval(
                "select count(*) from periodic_jobs where name = any($1) and finished_at is null", names
            )

        async with pool(orders_url, "test", role=POLLERS) as pollers, asyncio.TaskGroup() as tasks:
            settings = PollerSettings(demo=True)
            loops = [make(pollers, settings, providers(rig)) for make in (periodic_loop, readings_loop)]
            for loop in loops:
                tasks.create_task(loop.run())
            await until(all_done)
            for loop in loops:
                loop.stop()
        assert all(cost is not None for cost, *_ in (await known(rig)).values())

    play(scenario)


# --- learning


async def in_turn(rig: Rig, working: ActivationWorker) -> None:
    """Work on what is due one by one, so that seeds decide all."""
    while due := await claim_activations(rig.db, limit=50, lease=LEASE):
        for job in sorted(due, key=lambda job: job.created_at):
            await working.work(job)


def test_after_some_orders_the_better_route_has_most_of_them(orders_url: str) -> None:
    """Telegram in Indonesia in the scenario `mixed`: the dearest delivers most, and is the cheapest for an SMS."""

    async def scenario(rig: Rig) -> None:
        accounts = providers(rig)
        for name, provider in accounts.items():
            await refresh_prices(rig.db, {}, name=name, provider=provider)
        working = worker(rig, accounts)
        for _ in range(16):
            for _ in range(15):
                await rig.order("telegram")
            await in_turn(rig, working)
            for _ in range(2):
                await rig.control("time", forward_s=700)
                await rig.pass_time(700)
                await in_turn(rig, working)
        rows = await rig.db.fetch(
            "select provider, count(*) as sold, count(*) filter (where served) as served from"
            " (select * from route_attempts where outcome = 'sold' order by started_at desc limit 90) latest group by 1"
        )
        shares = {row["provider"]: row["sold"] / 90 for row in rows}
        assert shares["sms_activate"] > 0.6, shares
        assert await rig.db.fetchval("select count(distinct provider) from route_attempts") == 3
        health = await rig.db.fetch("select * from v_route_health where tried > 0")
        assert {row["provider"] for row in health} == set(CODES)
        assert all(row["success"] is not None and row["answer_s_median"] >= 0 for row in health)

    settings = SimulatorSettings(port=0, seed=3, scenario="mixed", early_cancel_s=0)
    with running(settings) as base_url:
        play_on(orders_url, base_url, scenario)
