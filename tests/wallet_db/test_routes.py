"""Routes: what counts as a success, when the rule steps in and an operator has the last word, what a number costs."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from tests.wallet_db.support import MINUTE, NOW, Database, call, new_user, order, run, wallet
from wallet_db import errors, orders
from wallet_db.connect import Pool, pool
from wallet_db.roles import GATEWAY, OPERATOR

DAY = timedelta(days=1)
CODES = {"sms_activate": ("wa", "6"), "herosms": ("wa", "6"), "fivesim": ("whatsapp", "indonesia")}


async def sold(db: Database, user: UUID, provider: str = "herosms", at: Any = NOW) -> UUID:
    """An order whose number this provider has sold."""
    activation = await order(db, user)
    assert await call(db, "begin_purchase", p_activation_id=activation, p_provider=provider, p_now=at)
    assert await call(
        db,
        "record_purchase",
        p_activation_id=activation,
        p_provider_order_id=str(activation),
        p_phone="6281234567890",
        p_cost=Decimal("0.5"),
        p_expires_at=at + 20 * MINUTE,
        p_due_at=at,
        p_now=at,
    )
    return activation


async def close(db: Database, activation: UUID, status: str, code: str | None = None, at: Any = NOW) -> None:
    assert await call(db, "close_activation", p_activation_id=activation, p_status=status, p_error_code=code, p_now=at)


async def deliver(db: Database, activation: UUID) -> None:
    assert await call(db, "apply_activation_sms", p_activation_id=activation, p_code="1", p_text="") == "applied"


async def tried(db: Database, user: UUID, delivered: int, failed: int, provider: str = "herosms") -> None:
    """So many numbers of WhatsApp in Indonesia that had their SMS, and so many that had none."""
    for _ in range(delivered):
        await deliver(db, await sold(db, user, provider))
    for _ in range(failed):
        await close(db, await sold(db, user, provider), "timeout", "NO_SMS", NOW + 20 * MINUTE)


async def judge(db: Database, rule: str, *, success_min: float = 0.2, tries_min: int = 10, now: Any = NOW) -> int:
    changed: int = await call(
        db, "judge_routes", p_rule=rule, p_success_min=success_min, p_tries_min=tries_min, p_now=now
    )
    return changed


async def state(db: Database, provider: str = "herosms") -> tuple[str, str]:
    row = await db.fetchrow(
        "select state, decided_by from routes where (provider, service, country) = ($1, 'whatsapp', 'indonesia')",
        provider,
    )
    return ("enabled", "rule") if row is None else tuple(row)


async def logged(db: Database) -> list[tuple[str, str]]:
    return [tuple(row) for row in await db.fetch("select level, message from system_logs order by id")]


async def decide(db: Database, state: str | None, provider: str = "herosms", **other: str) -> None:
    place = {"p_service": "whatsapp", "p_country": "indonesia", "p_reason": "they mended it", **other}
    await call(db, "set_route_state", p_provider=provider, p_state=state, **place)


async def told(db: Database, provider: str, cost: str, stock: int = 10, at: Any = None) -> None:
    service, country = CODES[provider]
    await call(
        db,
        "record_prices",
        p_provider=provider,
        p_services=[service],
        p_countries=[country],
        p_costs=[Decimal(cost)],
        p_stocks=[stock],
        p_successes=[None],
        **({"p_now": at} if at else {}),
    )


# --- what is learned


def test_success_is_counted_from_numbers_that_could_have_had_their_sms(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "100.00")

        async def served(activation: UUID) -> Any:
            return await db.fetchval("select served from route_attempts where activation_id = $1", activation)

        waiting = await sold(db, user)
        assert await served(waiting) is None
        await deliver(db, waiting)
        assert await served(waiting) is True
        await call(db, "close_activation", p_activation_id=waiting, p_status="completed")
        assert await served(waiting) is True
        for status, code, after, expected in (
            ("timeout", "NO_SMS", 20 * MINUTE, False),
            ("cancelled", None, timedelta(seconds=59), None),
            ("cancelled", None, MINUTE, False),
            ("cancelled", "ENDED", timedelta(seconds=1), False),
        ):
            activation = await sold(db, user)
            await close(db, activation, status, code, NOW + after)
            assert await served(activation) is expected, (status, after)
        refused = await order(db, user)
        await call(db, "begin_purchase", p_activation_id=refused, p_provider="herosms")
        await close(db, refused, "failed", "NO_NUMBERS")
        assert await served(refused) is None

    run(database_url, scenario)


def test_each_try_is_a_row_and_only_the_last_is_open(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await order(db, await new_user(db))
        assert await call(db, "begin_purchase", p_activation_id=activation, p_provider="herosms", p_now=NOW)
        leased_until = await db.fetchval("select due_at from activations where id = $1", activation)
        passed = await call(
            db, "pass_purchase", p_activation_id=activation, p_leased_until=leased_until, p_outcome="NO_NUMBERS",
            p_provider="fivesim", p_lease=MINUTE, p_now=NOW + MINUTE,
        )  # fmt: skip
        assert passed == NOW + 2 * MINUTE
        assert await call(
            db, "abandon_purchase", p_activation_id=activation, p_due_at=NOW + 3 * MINUTE, p_now=NOW + 2 * MINUTE
        )
        assert await call(
            db, "begin_purchase", p_activation_id=activation, p_provider="fivesim", p_now=NOW + 3 * MINUTE
        )
        rows = await db.fetch("select * from route_attempts where activation_id = $1 order by number", activation)
        assert [(row["number"], row["provider"], row["outcome"], row["ended_at"]) for row in rows] == [
            (1, "herosms", "NO_NUMBERS", NOW + MINUTE),
            (2, "fivesim", "PROVIDER_UNAVAILABLE", NOW + 2 * MINUTE),
            (3, "fivesim", None, None),
        ]

    run(database_url, scenario)


def test_statistics_are_found_by_their_index(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await order(db, user)
        await db.execute(
            "insert into route_attempts (activation_id, number, provider, service, country, started_at)"
            " select $1, n, 'p' || n % 50, 'whatsapp', 'indonesia', now() from generate_series(1, 20000) n",
            activation,
        )
        await db.execute("analyze route_attempts")
        plan = await db.fetch(
            "explain select count(served) from route_attempts where service = 'whatsapp' and country = 'indonesia'"
            " and provider = 'p7' and started_at > now() - interval '24 hours'"
        )
        assert any("route_attempts_of_route" in line for (line,) in plan), plan

    run(database_url, scenario)


# --- the rule


@pytest.mark.parametrize(("rule", "after"), [("warn", "warned"), ("disable", "disabled"), ("off", "enabled")])
def test_a_route_with_little_success_is_what_the_rule_makes_it_and_told_once(
    database_url: str, rule: str, after: str
) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "200.00")
        await tried(db, user, delivered=1, failed=8)
        assert await judge(db, rule) == 0  # nine are too few to say
        await tried(db, user, delivered=0, failed=1)
        await tried(db, user, delivered=2, failed=8, provider="fivesim")  # exactly a fifth
        assert await judge(db, rule) == (0 if rule == "off" else 2)
        assert await state(db) == (after, "rule")
        assert await state(db, "fivesim") == ("enabled", "rule")
        expected = [("warning", f"a route is {after}"), ("warning", "a service is warned")]
        assert await logged(db) == ([] if rule == "off" else expected)
        assert await judge(db, rule) == 0
        assert len(await logged(db)) == (0 if rule == "off" else 2)

    run(database_url, scenario)


def test_what_gets_better_or_is_forgotten_is_used_again(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "200.00")
        await tried(db, user, delivered=0, failed=10)
        assert await judge(db, "disable") == 2
        assert await judge(db, "disable", now=NOW + DAY - MINUTE) == 0
        assert await state(db) == ("disabled", "rule")
        assert await judge(db, "disable", now=NOW + DAY + MINUTE) == 2
        assert await state(db) == ("enabled", "rule")
        assert [level for level, _ in await logged(db)] == ["warning", "warning", "info", "info"]

        assert await judge(db, "warn") == 2
        await tried(db, user, delivered=3, failed=0)
        assert await judge(db, "warn") == 2
        assert await state(db) == ("enabled", "rule")

    run(database_url, scenario)


def test_what_an_operator_decides_the_rule_leaves_alone(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "200.00")
        await tried(db, user, delivered=0, failed=10)
        async with pool(database_url, "test", role=OPERATOR) as operators:
            await decide(operators, "enabled")
        assert await judge(db, "disable") == 1  # the service
        assert await state(db) == ("enabled", "operator")
        data = orjson.loads(await db.fetchval("select data from system_logs where source = 'set_route_state'"))
        assert data == {
            "provider": "herosms", "service": "whatsapp", "country": "indonesia", "reason": "they mended it",
            "actor": OPERATOR, "before": {"state": "enabled", "decided_by": "rule"},
            "after": {"state": "enabled", "decided_by": "operator"},
        }  # fmt: skip
        await decide(db, None)
        assert await judge(db, "disable") == 1
        assert await state(db) == ("disabled", "rule")

    run(database_url, scenario)


def test_a_decision_about_nothing_is_refused(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for wrong in (
            {"p_country": "nowhere"},
            {"p_service": "nothing"},
            {"p_reason": ""},
            {"provider": "fivesim", "p_country": "usavirtual"},
        ):
            with pytest.raises(errors.InvalidArgument):
                await decide(db, "disabled", **wrong)
        with pytest.raises(errors.InvalidArgument):
            await decide(db, "off")
        assert await db.fetchval("select count(*) from routes") == 0

    run(database_url, scenario)


# --- what a user pays


async def margin(db: Database, percent: str, fixed: str = "0", step: str = "0.01") -> None:
    await db.execute(
        "update services set margin_percent = $1, margin_fixed = $2, price_step = $3 where service = 'whatsapp'",
        Decimal(percent), Decimal(fixed), Decimal(step),
    )  # fmt: skip


async def pays(db: Database) -> str:
    user = await new_user(db)
    activation = await order(db, user)
    price = await db.fetchval("select price from activations where id = $1", activation)
    assert (await wallet(db, user))[1] == f"{price:.2f}"
    return str(price)


def test_a_price_is_fixed_or_made_of_the_cheapest_usable_route(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await told(db, "herosms", "0.47")
        await told(db, "fivesim", "0.65")
        assert await pays(db) == "5.00"
        await margin(db, "50")
        assert await pays(db) == "0.71"  # 0.705, rounded up
        await margin(db, "50", "0.10", "0.25")
        assert await pays(db) == "1.00"  # 0.805
        await decide(db, "disabled", "herosms")
        await margin(db, "100")
        assert await pays(db) == "1.30"
        await told(db, "sms_activate", "0.10", stock=0)
        assert await pays(db) == "1.30"
        await told(db, "sms_activate", "0.10")
        assert await pays(db) == "0.20"

    run(database_url, scenario)


def test_the_catalogue_tells_the_prices_that_were_made(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await told(db, "herosms", "0.47")
        await margin(db, "100")
        await db.execute("update services set price = 5.00 where service = 'telegram'")
        async with pool(database_url, "test", role=GATEWAY) as gateway:
            services = {row["service"]: row for row in (await orders.read_catalogue(gateway))["services"]}
        assert services["telegram"] == {"service": "telegram", "title": "Telegram", "price": "5.00"}
        assert services["whatsapp"]["price"] == "5.00"
        assert services["whatsapp"]["prices"]["indonesia"] == "0.94"
        assert services["whatsapp"]["prices"]["brazil"] == "5.00"

    run(database_url, scenario)


@pytest.mark.parametrize("cost", ["0", "0.00001", "1e10", "1e30", "NaN", "Infinity", "-1"])
def test_what_is_no_price_hinders_no_other(database_url: str, cost: str) -> None:
    async def scenario(db: Pool) -> None:
        await told(db, "herosms", "0.5")
        services, countries, costs = ["wa", "tg"], ["6", "6"], [Decimal(cost), Decimal("0.0001")]
        arguments = ["herosms", services, countries, costs, [1, 1], [None, None]]
        assert await db.fetchval("select record_prices($1, $2, $3, $4, $5, $6)", *arguments) == 1
        rows = await db.fetch("select service, cost::text, stock from routes order by service")
        assert [tuple(row) for row in rows] == [("telegram", "0.0001", 1), ("whatsapp", "0.5000", 0)]

    run(database_url, scenario)


def test_while_no_cost_is_known_the_fixed_price_holds(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await margin(db, "50")
        assert await pays(db) == "5.00"
        await db.execute(
            "insert into routes (provider, service, country, cost, stock, priced_at)"
            " values ('herosms', 'whatsapp', 'indonesia', 1, 5, now() - interval '119 minutes')"
        )
        assert await pays(db) == "1.50"
        await db.execute("update routes set priced_at = now() - interval '121 minutes'")
        assert await pays(db) == "5.00"
        await db.execute("update services set price = null where service = 'whatsapp'")
        with pytest.raises(errors.NotForSale):
            await pays(db)

    run(database_url, scenario)


def test_the_limit_is_compared_with_the_price_that_was_made(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await told(db, "herosms", "2.00")
        await margin(db, "10")
        user = await new_user(db)
        with pytest.raises(errors.PriceAboveLimit, match=r"the price is 2\.20, the limit given 2\.19"):
            await order(db, user, p_max_price=Decimal("2.19"))
        await order(db, user, p_max_price=Decimal("2.20"))

    run(database_url, scenario)


def test_rules_that_cannot_be_are_refused(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for wrong in (
            ("-1", "0", "1"),
            ("1", "-1", "1"),
            ("1", "0", "0"),
            ("NaN", "0", "1"),
            ("1", "NaN", "1"),
            ("1", "0", "NaN"),
        ):
            with pytest.raises(asyncpg.CheckViolationError):
                await margin(db, *wrong)
        for column in ("price", "rental_price_hour"):
            with pytest.raises(asyncpg.CheckViolationError):
                await db.execute(f"update services set {column} = 'NaN' where service = 'whatsapp'")  # noqa: S608
        place = {"p_service": "telegram", "p_country": "indonesia"}
        with pytest.raises(errors.InvalidArgument, match="p_provider is not one"):
            await call(db, "set_route_state", p_provider="fivesimm", p_state="disabled", p_reason="x", **place)
        with pytest.raises(asyncpg.CheckViolationError):
            await db.execute("update settings set value = '0' where key = 'route_prices_max_age_s'")

    run(database_url, scenario)
