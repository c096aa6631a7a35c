"""Self-correction: each kind of fault of a wallet, and what is left of it afterwards."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from tests.wallet_db.faults import (
    alerts,
    close_behind_the_back,
    health,
    rental,
    set_figures,
    status_of,
    tamper,
    untouched,
)
from tests.wallet_db.support import NOW, call, new_user, order, outcomes, pending_order, run, wallet
from wallet_db.connect import Pool
from wallet_db.errors import UnknownUser


async def correct(db: Pool, user: UUID, **arguments: object) -> Any:
    return await call(db, "correct_frozen_balance", p_user_id=user, **arguments)


async def operations(db: Pool, user: UUID) -> list[Any]:
    return await db.fetch(
        "select number, type, amount::text, balance_before::text, frozen_before::text, frozen_after::text,"
        " transaction_id, actor, reason from balance_operations where user_id = $1 order by number",
        user,
    )


async def logged(db: Pool, level: str) -> list[Any]:
    rows = await db.fetch("select data from system_logs where level = $1 order by id", level)
    return [orjson.loads(row["data"]) for row in rows]


# --- the view


def test_wallets_at_work_are_ok(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        await order(db, user)
        closed = await pending_order(db, user)
        await call(db, "close_activation", p_activation_id=closed, p_status="timeout")
        await rental(db, user, "active")
        row = await health(db, user)
        assert dict(row) == {
            "user_id": user,
            "balance": Decimal("36.00"),
            "frozen_balance": Decimal("17.00"),
            "available": Decimal("19.00"),
            "held": Decimal("17.00"),
            "held_for_orders": Decimal("12.00"),
            "ordered": Decimal("12.00"),
            "status": "OK",
            "problem": None,
        }
        assert await db.fetchval("select count(*) from v_frozen_balance_health where status <> 'OK'") == 0
        before = await untouched(db, user)
        answer = await correct(db, user)
        assert (answer["corrected"], answer["alerted"], answer["operations"]) == (False, False, [])
        assert await untouched(db, user) == before
        assert await db.fetchval("select count(*) from system_logs") == 0

    run(database_url, scenario)


def test_an_unknown_user_is_refused(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        with pytest.raises(UnknownUser):
            await correct(db, uuid4())

    run(database_url, scenario)


# --- critical


@pytest.mark.parametrize(
    ("figures", "problem"),
    [
        (
            {"balance": "-1.00", "frozen": "-2.00"},
            "balance is -1.00; frozen is -2.00; frozen is -2.00, open holds are 5.00",
        ),
        ({"frozen": "-0.01"}, "frozen is -0.01; frozen is -0.01, open holds are 5.00"),
        ({"frozen": "36.01"}, "frozen is 36.01 of a balance of 36.00; frozen is 36.01, open holds are 5.00"),
        ({"balance": "4.99"}, "frozen is 5.00 of a balance of 4.99"),
    ],
)
def test_a_critical_wallet_is_left_alone_and_alerted_once(
    database_url: str, figures: dict[str, str], problem: str
) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        await set_figures(db, user, **figures)
        before = await untouched(db, user)
        answer = await correct(db, user)
        assert (answer["corrected"], answer["alerted"]) == (False, True)
        assert answer["before"] == answer["after"]
        assert answer["after"]["status"] == "CRITICAL"
        assert answer["after"]["problem"] == problem
        assert await untouched(db, user) == before
        assert await logged(db, "critical") == [answer["after"]]
        assert await alerts(db) == [answer["after"] | {"alert": "wallet"}]
        assert not (await correct(db, user))["alerted"]
        assert len(await alerts(db)) == 1
        assert await logged(db, "warning") == []

    run(database_url, scenario)


def test_an_alert_is_repeated_when_the_figures_change_and_after_a_day(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, other = await new_user(db), await new_user(db)
        await set_figures(db, user, frozen="40.00")
        await set_figures(db, other, frozen="40.00")
        day, second = timedelta(days=1), timedelta(seconds=1)
        assert (await correct(db, user, p_now=NOW))["alerted"]
        assert (await correct(db, other, p_now=NOW))["alerted"], "another wallet's alert is not this one's"
        assert not (await correct(db, user, p_now=NOW + day - second))["alerted"]
        await set_figures(db, user, frozen="41.00")
        assert (await correct(db, user, p_now=NOW + day - second))["alerted"]
        assert not (await correct(db, user, p_now=NOW + day))["alerted"]
        assert (await correct(db, user, p_now=NOW + 2 * day))["alerted"]
        assert len(await alerts(db)) == len(await logged(db, "critical")) == 4

    run(database_url, scenario)


# --- frozen that is not what the holds say


@pytest.mark.parametrize(
    ("found", "amount"), [("12.00", "-7.00"), ("3.00", "2.00"), ("0.00", "5.00"), ("36.00", "-31.00")]
)
def test_frozen_becomes_the_sum_of_the_open_holds(database_url: str, found: str, amount: str) -> None:
    async def scenario(db: Pool) -> None:
        user, healthy = await new_user(db, "36.00", "5.00"), await new_user(db, "36.00", "5.00")
        before = await untouched(db, healthy)
        await set_figures(db, user, frozen=found)
        answer = await correct(db, user)
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")
        assert (answer["corrected"], answer["alerted"], answer["operations"]) == (True, False, [3])
        assert (answer["before"]["frozen"], answer["before"]["status"]) == (found, "WARNING")
        assert (answer["after"]["frozen"], answer["after"]["status"]) == ("5.00", "OK")
        role = await db.fetchval("select session_user::text")
        assert tuple((await operations(db, user))[-1]) == (
            3, "correct", amount, "36.00", found, "5.00", f"correct:{user}:3", f"{role}:correct_frozen_balance",
            f"frozen was {found}, open holds are 5.00",
        )  # fmt: skip
        event = await db.fetchrow("select * from events where user_id = $1 order by seq desc limit 1", user)
        assert event is not None
        assert event["type"] == "balance.changed"
        assert orjson.loads(event["payload"])["frozen"] == "5.00"
        [line] = await logged(db, "warning")
        assert line == {
            **{name: answer[name] for name in ("user_id", "operations", "before", "after")},
            "actor": role,
            "reason": None,
        }
        assert await alerts(db) == []
        assert await untouched(db, healthy) == before
        assert not (await correct(db, user))["corrected"]
        assert len(await operations(db, user)) == 3

    run(database_url, scenario)


def test_holds_that_the_balance_does_not_cover_are_left_alone_and_alerted(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        await tamper(db, "update wallet_holds set amount = 40 where user_id = $1", user)
        before = await untouched(db, user)
        answer = await correct(db, user)
        assert (answer["corrected"], answer["alerted"], answer["after"]["status"]) == (False, True, "WARNING")
        assert await untouched(db, user) == before
        [line] = await logged(db, "critical")
        assert line["problem"] == "frozen is 5.00, open holds are 40.00"

    run(database_url, scenario)


# --- holds whose order is over


@pytest.mark.parametrize(
    ("status", "percent", "balance"),
    [
        ("received", 100, "31.00"),
        ("completed", 100, "31.00"),
        ("cancelled", 0, "36.00"),
        ("failed", 0, "36.00"),
        ("timeout", 100, "36.00"),
        ("timeout", 50, "33.50"),
        ("timeout", 0, "31.00"),
    ],
)
def test_a_closed_order_s_hold_is_settled_as_the_order_ended(
    database_url: str, status: str, percent: int, balance: str
) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute(
            "update settings set value = to_jsonb($1::integer) where key = 'timeout_refund_percent'", percent
        )
        user = await new_user(db)
        activation = await pending_order(db, user)
        still_open = await order(db, user)
        await close_behind_the_back(db, activation, status)
        assert (await health(db, user))["problem"] == "holds for orders are 10.00, open orders are 5.00"
        answer = await correct(db, user)
        assert (answer["corrected"], answer["alerted"], answer["after"]["status"]) == (True, False, "OK")
        assert (await wallet(db, user))[:2] == (balance, "5.00")
        hold = await db.fetchrow("select * from wallet_holds where activation_id = $1", activation)
        assert hold is not None
        assert hold["state"] == ("committed" if balance == "31.00" else "refunded")
        assert hold["committed_amount"] == Decimal("36.00") - Decimal(balance)
        made = [operation for operation in await operations(db, user) if operation["number"] in answer["operations"]]
        assert {operation["type"] for operation in made} <= {"commit", "refund"}
        assert all(operation["reason"].endswith(f"the order is {status}") for operation in made)
        assert await db.fetchval("select status from activations where id = $1", still_open) == "ordering"
        assert not (await correct(db, user))["corrected"]

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("status", "balance"),
    [("completed", "29.00"), ("expired", "29.00"), ("cancelled", "36.00"), ("failed", "36.00")],
)
def test_a_closed_rental_s_hold_is_settled_as_the_rental_ended(database_url: str, status: str, balance: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await rental(db, user, status)
        answer = await correct(db, user)
        assert (answer["corrected"], answer["after"]["status"]) == (True, "OK")
        assert await wallet(db, user) == (balance, "0.00", balance)

    run(database_url, scenario)


def test_a_forgotten_hold_whose_money_was_released_by_hand_is_frozen_again_first(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await pending_order(db, user)
        await close_behind_the_back(db, activation, "cancelled")
        await set_figures(db, user, frozen="0.00")
        answer = await correct(db, user)
        assert answer["after"]["status"] == "OK"
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")
        assert [operation["type"] for operation in await operations(db, user)] == [
            "deposit", "freeze", "correct", "refund",
        ]  # fmt: skip

    run(database_url, scenario)


def test_two_faults_of_one_wallet_are_corrected_together(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        await close_behind_the_back(db, await pending_order(db, user), "failed")
        await close_behind_the_back(db, await pending_order(db, user), "completed")
        await set_figures(db, user, frozen="21.00")
        answer = await correct(db, user)
        assert answer["after"]["status"] == "OK"
        assert await wallet(db, user) == ("31.00", "5.00", "26.00")
        assert [operation["type"] for operation in (await operations(db, user))[-3:]] == ["refund", "commit", "correct"]
        assert len(await logged(db, "warning")) == 1

    run(database_url, scenario)


def test_a_settlement_that_is_refused_undoes_the_correction_and_is_alerted(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        activation = await pending_order(db, user)
        await close_behind_the_back(db, activation, "cancelled")
        await tamper(db, "update wallet_holds set amount = 50 where activation_id = $1", activation)
        before = await untouched(db, user)
        answer = await correct(db, user)
        assert (answer["corrected"], answer["alerted"]) == (False, True)
        assert await untouched(db, user) == before
        [line] = await logged(db, "critical")
        assert "users_frozen_not_negative" in line["refused"]

    run(database_url, scenario)


# --- what only a person can know


def test_an_open_order_without_its_hold_is_left_for_a_person(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await pending_order(db, user)
        await tamper(db, "delete from wallet_holds where activation_id = $1", activation)
        answer = await correct(db, user)
        assert (answer["corrected"], answer["alerted"], answer["after"]["status"]) == (True, True, "WARNING")
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")  # nothing holds it
        assert await db.fetchval("select status from activations where id = $1", activation) == "pending"
        [line] = await logged(db, "critical")
        assert line["problem"] == "holds for orders are 0.00, open orders are 5.00"
        again = await correct(db, user)
        assert (again["corrected"], again["alerted"]) == (False, False)

    run(database_url, scenario)


def test_a_hold_of_another_amount_than_its_order_s_is_left_for_a_person(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await order(db, user)
        await tamper(db, "update wallet_holds set amount = 8 where activation_id = $1", activation)
        answer = await correct(db, user)
        assert await wallet(db, user) == ("36.00", "8.00", "28.00")
        assert (answer["corrected"], answer["alerted"]) == (True, True)
        assert answer["after"]["problem"] == "holds for orders are 8.00, open orders are 5.00"

    run(database_url, scenario)


def test_a_hold_of_somebody_else_s_order_is_left_for_a_person(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, other = await new_user(db, "36.00", "5.00"), await new_user(db)
        activation = await pending_order(db, other)
        await call(db, "close_activation", p_activation_id=activation, p_status="cancelled")
        await tamper(db, "update wallet_holds set activation_id = $2 where user_id = $1", user, activation)
        before = await untouched(db, user)
        answer = await correct(db, user)
        assert (answer["corrected"], answer["alerted"]) == (False, True)
        assert await untouched(db, user) == before

    run(database_url, scenario)


# --- at once


def test_corrections_among_purchases_lose_nothing_and_correct_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "500.00", "5.00")
        await set_figures(db, user, frozen="44.00")
        corrections = [correct(db, user) for _ in range(8)]
        freezes = [
            call(db, "atomic_freeze", p_user_id=user, p_amount=Decimal("1.50"), p_transaction_id=f"f{number}-{user}")
            for number in range(60)
        ]
        mixed = [*freezes[:20], *corrections[:4], *freezes[20:40], *corrections[4:], *freezes[40:]]
        answers = await outcomes(mixed)
        assert not [answer for answer in answers if not isinstance(answer, dict)]
        assert sum(bool(answer.get("corrected")) for answer in answers) == 1
        assert await wallet(db, user) == ("500.00", "95.00", "405.00")
        assert await status_of(db, user) == "OK"
        made = await operations(db, user)
        assert [operation["number"] for operation in made] == list(range(1, 64))
        assert [operation["amount"] for operation in made if operation["type"] == "correct"] == ["-39.00"]
        assert await db.fetchval(
            "select count(*) = max(seq) and max(seq) = (select event_seq from users where id = $1)"
            " from events where user_id = $1",
            user,
        )
        assert len(await logged(db, "warning")) == 1

    run(database_url, scenario, connections_max=12)


def test_two_alerts_at_once_are_one(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await set_figures(db, user, balance="-5.00")
        answers = await outcomes(correct(db, user) for _ in range(8))
        assert sum(answer["alerted"] for answer in answers) == 1
        assert len(await alerts(db)) == 1

    run(database_url, scenario, connections_max=8)


def test_the_wallet_is_found_by_index(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        async with db.acquire() as connection, connection.transaction():
            await connection.execute("set local enable_seqscan = off; set local plan_cache_mode = force_generic_plan")
            await connection.execute("prepare one(uuid) as select * from v_frozen_balance_health where user_id = $1")
            plan = await connection.fetch(f"explain (costs off) execute one('{uuid4()}')")
            await connection.execute("deallocate one")
        text = "\n".join(row[0] for row in plan)
        for index in (
            "users_pkey",
            "wallet_holds_open",
            "activations_frozen",
            "rentals_frozen",
            "card_fundings_frozen",
        ):
            assert index in text
        assert text.count("user_id = $1") == 4

    run(database_url, scenario)
