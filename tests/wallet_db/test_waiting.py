"""Experiments about waiting: who falls to which arm, what it changes about an order, and what the view makes of it."""

import asyncio
import hashlib
import math
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from tests.wallet_db.support import MINUTE, NOW, Database, call, new_user, order, row, run
from wallet_db import errors
from wallet_db.connect import Pool, pool
from wallet_db.roles import OPERATOR

SHORT_S = 300
LIFE = 20 * MINUTE


async def begin(
    db: Database, *arms: tuple[str, int | None, int], service: str = "whatsapp", now: datetime = NOW
) -> int:
    """Begin an experiment of these arms (name, seconds, weight)."""
    said = orjson.dumps([{"arm": arm, "wait_s": wait_s, "weight": weight} for arm, wait_s, weight in arms]).decode()
    return await set_arms(db, said, service=service, now=now)


async def set_arms(db: Database, arms: str | None, *, service: str = "whatsapp", now: datetime = NOW) -> int:
    count: int = await db.fetchval("select set_waiting_arms($1, $2::text::jsonb, 'test', $3)", service, arms, now)
    return count


async def buy(db: Database, activation: UUID, at: datetime = NOW, life: timedelta = LIFE) -> Any:
    """The order's row, once its number is bought."""
    assert await call(db, "begin_purchase", p_activation_id=activation, p_provider="herosms", p_now=at)
    assert await call(
        db,
        "record_purchase",
        p_activation_id=activation,
        p_provider_order_id=str(activation),
        p_phone="6281234567890",
        p_cost=Decimal("1.5"),
        p_expires_at=at + life,
        p_due_at=at + life,
        p_now=at,
    )
    return await row(db, activation)


async def arm_of(db: Database, activation: UUID) -> str | None:
    arm: str | None = await db.fetchval(
        "select arm from activations a join waiting_arms w on w.id = a.waiting_arm_id where a.id = $1", activation
    )
    return arm


def test_orders_fall_to_arms_by_weight_and_by_their_id_alone(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        assert await begin(db, ("short", SHORT_S, 1), ("whole", None, 3)) == 2
        arms = dict(await db.fetch("select id, arm from waiting_arms"))
        rows = await db.fetch(
            "select id, waiting_arm_of(id, 'whatsapp') as arm"
            "  from (select md5(n::text)::uuid as id from generate_series(1, 4000) n) ids"
        )
        split = Counter(arms[row["arm"]] for row in rows)
        assert abs(split["short"] - 1000) < 100, split
        for id_, arm in rows:
            place = int(hashlib.md5(str(id_).encode()).hexdigest()[:8], 16) % 4  # noqa: S324 - no secret
            assert arms[arm] == ("short" if place < 1 else "whole")
        assert await db.fetchval("select waiting_arm_of($1, 'telegram')", rows[0]["id"]) is None

        activation = await order(db, await new_user(db))
        stored = (await row(db, activation))["waiting_arm_id"]
        assert stored == await db.fetchval("select waiting_arm_of($1, 'whatsapp')", activation)

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("wait_s", "life", "expected"),
    [(SHORT_S, LIFE, MINUTE * 5), (7200, LIFE, LIFE), (None, LIFE, None)],
    ids=["shorter", "not beyond the number's life", "as long as the number lives"],
)
def test_an_arm_says_until_when_an_order_waits(
    database_url: str, wait_s: int | None, life: timedelta, expected: timedelta | None
) -> None:
    async def scenario(db: Pool) -> None:
        await begin(db, ("only", wait_s, 1))
        activation = await order(db, await new_user(db))
        stored = await buy(db, activation, life=life)
        assert stored["waits_until"] == (None if expected is None else NOW + expected)
        assert stored["expires_at"] == NOW + life
        assert stored["due_at"] == (stored["waits_until"] or NOW + life)
        shown = orjson.loads(await db.fetchval("select activation_json(a) from activations a"))
        until = (stored["waits_until"] or stored["expires_at"]).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        assert shown["waits_until"] == until

    run(database_url, scenario)


def test_an_ended_experiment_leaves_its_orders_as_they_were(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        before = await order(db, user)
        await begin(db, ("short", SHORT_S, 1))
        ordering, bought = await order(db, user), await order(db, user)
        await buy(db, bought)
        assert await set_arms(db, None, now=NOW + MINUTE) == 0
        after = await order(db, user)
        assert [await arm_of(db, id_) for id_ in (before, ordering, bought, after)] == [None, "short", "short", None]
        for id_ in (ordering, before, after):
            await buy(db, id_)
        waits = [(await row(db, id_))["waits_until"] for id_ in (before, ordering, bought, after)]
        assert waits == [None, NOW + 5 * MINUTE, NOW + 5 * MINUTE, None]
        assert await db.fetchval("select ended_at from waiting_arms") == NOW + MINUTE

    run(database_url, scenario)


def test_a_new_experiment_ends_the_one_before_and_is_logged(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await begin(db, ("a", 60, 1), ("b", 120, 1))
        await begin(db, ("a", 90, 1), ("c", 120, 1), now=NOW + MINUTE)
        await begin(db, ("a", 90, 1), service="telegram")
        running = await db.fetch("select service, arm, wait_s from waiting_arms where ended_at is null order by id")
        assert [tuple(row) for row in running] == [("whatsapp", "a", 90), ("whatsapp", "c", 120), ("telegram", "a", 90)]
        logged = await db.fetch("select data ->> 'service' from system_logs where source = 'set_waiting_arms'")
        assert [service for (service,) in logged] == ["whatsapp", "whatsapp", "telegram"]

    run(database_url, scenario)


@pytest.mark.parametrize(
    "arms",
    [
        "[]",
        "[5]",
        "[null]",
        '[[{"arm": "a", "wait_s": 5}]]',
        '[{"arm": "a", "wait": 5}]',
        '[{"arm": "a", "wait_s": 5, "wieght": 2}]',
        '[{"arm": "a"}]',
        '[{"wait_s": 5}]',
        '[{"arm": "", "wait_s": 5}]',
        '[{"arm": 5, "wait_s": 5}]',
        '[{"arm": "a", "wait_s": "5"}]',
        '[{"arm": "a", "wait_s": 0}]',
        '[{"arm": "a", "wait_s": 7201}]',
        '[{"arm": "a", "wait_s": 1e30}]',
        '[{"arm": "a", "wait_s": 5.5}]',
        '[{"arm": "a", "wait_s": 5, "weight": 0}]',
        '[{"arm": "a", "wait_s": 5, "weight": null}]',
        '[{"arm": "a", "wait_s": 5}, {"arm": "a", "wait_s": 6}]',
    ],
)
def test_arms_that_make_no_sense_are_refused_and_what_runs_goes_on(database_url: str, arms: str) -> None:
    async def scenario(db: Pool) -> None:
        await begin(db, ("kept", 60, 1))
        with pytest.raises(asyncpg.PostgresError, match=r"expected .*arms") as caught:
            await set_arms(db, arms, now=NOW + MINUTE)
        assert caught.value.sqlstate == errors.InvalidArgument.sqlstate
        assert await db.fetchval("select array_agg(arm) from waiting_arms where ended_at is null") == ["kept"]

    run(database_url, scenario)


def test_an_operator_may_begin_one_and_says_why(database_url: str) -> None:
    async def scenario() -> None:
        async with pool(database_url, "test", role=OPERATOR) as db:
            assert await begin(db, ("a", 60, 1)) == 1
            assert await db.fetchval("select count(*) from v_waiting_outcomes") == 1
            for arguments in (
                {"p_service": "whatsapp", "p_arms": None, "p_reason": ""},
                {"p_service": "whatsapp", "p_arms": '"a"', "p_reason": "x"},
            ):
                with pytest.raises(errors.InvalidArgument):
                    await call(db, "set_waiting_arms", **arguments)
            with pytest.raises(errors.UnknownService):
                await call(db, "set_waiting_arms", p_service="pager", p_arms=None, p_reason="x")

    asyncio.run(scenario())


def wilson(delivered: int, orders: int, z: float = 1.96) -> tuple[float, float]:
    """The interval by the textbook's formula."""
    share = delivered / orders
    middle = share + z * z / (2 * orders)
    spread = z * math.sqrt(share * (1 - share) / orders + z * z / (4 * orders * orders))
    whole = 1 + z * z / orders
    return round((middle - spread) / whole, 3), round((middle + spread) / whole, 3)


def test_the_view_tells_what_came_of_each_arm(database_url: str) -> None:
    """Short: 3 of 8 have their SMS, after 10, 20 and 40 s; whole: 2 of 2. Half of a timeout's price is kept."""

    async def scenario(db: Pool) -> None:
        await db.execute("update settings set value = '50' where key = 'timeout_refund_percent'")
        await begin(db, ("short", SHORT_S, 1), ("whole", None, 1))
        user = await new_user(db, "500.00")
        orders: dict[str, list[UUID]] = {"short": [], "whole": []}
        while len(orders["short"]) < 10 or len(orders["whole"]) < 4:
            activation = await order(db, user)
            orders[await arm_of(db, activation) or ""].append(activation)
        served = {"short": (10, 20, 40), "whole": (5, 15)}
        for arm, seconds in served.items():
            for activation, after_s in zip(orders[arm], seconds, strict=False):
                await buy(db, activation)
                sms = {"p_code": "1", "p_text": "", "p_now": NOW + timedelta(seconds=after_s)}
                assert await call(db, "apply_activation_sms", p_activation_id=activation, **sms) == "applied"
        for activation in orders["short"][3:8]:
            await buy(db, activation)
            await close(db, activation, "timeout", NOW + 5 * MINUTE)
        await buy(db, orders["short"][8])
        await close(db, orders["short"][8], "cancelled", NOW + timedelta(seconds=30))  # which shows nothing
        now = await db.fetchval("select now()")
        await buy(db, orders["short"][9], at=now)  # these two still have their time
        await buy(db, orders["whole"][2], at=now)
        assert await call(
            db, "apply_activation_sms", p_activation_id=orders["whole"][2], p_code="1", p_text="", p_now=now
        )
        found = {row["arm"]: row for row in await db.fetch("select * from v_waiting_outcomes")}

        short, whole = found["short"], found["whole"]
        counts = [(row["wait_s"], row["orders"], row["delivered"], row["waiting"]) for row in (short, whole)]
        assert counts == [(SHORT_S, 8, 3, 1), (None, 2, 2, 1)]
        assert (short["share"], whole["share"]) == (Decimal("0.375"), Decimal("1.000"))
        assert (float(short["share_low"]), float(short["share_high"])) == wilson(3, 8)
        assert (float(whole["share_low"]), float(whole["share_high"])) == wilson(2, 2)
        assert (short["sms_s_median"], whole["sms_s_median"]) == (20, 10)
        assert (short["earned"], whole["earned"]) == (Decimal("27.50"), Decimal("10.00"))
        assert (short["cost"], whole["cost"]) == (Decimal("4.5000"), Decimal("3.0000"))

    run(database_url, scenario)


def test_an_experiment_without_orders_has_figures_without_a_share(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await begin(db, ("short", SHORT_S, 1))
        [found] = await db.fetch("select * from v_waiting_outcomes")
        assert (found["orders"], found["waiting"], found["share"], found["share_low"]) == (0, 0, None, None)
        assert found["earned"] == 0

    run(database_url, scenario)


async def close(db: Database, activation: UUID, status: str, at: datetime) -> None:
    assert await call(db, "close_activation", p_activation_id=activation, p_status=status, p_now=at)
