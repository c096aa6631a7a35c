"""What operators do by hand: a stuck order cancelled or refunded, a price set, and who the audit says it was."""

import asyncio
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from tests.wallet_db.logins import connected, login
from tests.wallet_db.rentals import rent, running, sell_rentals
from tests.wallet_db.support import (
    NOW,
    apply_sms,
    assert_books_balance,
    call,
    new_user,
    order,
    pending_order,
    row,
    run,
    status,
    wallet,
)
from wallet_db import operators
from wallet_db.connect import Pool
from wallet_db.errors import (
    AlreadyClosed,
    CancelTooLate,
    InvalidAmount,
    InvalidArgument,
    InvalidTransition,
    SmsAlreadyReceived,
    UnknownOrder,
    UnknownService,
    refusals,
)
from wallet_db.roles import GATEWAY, OPERATOR

ROUNDS = 40
WHY = {"reason": "ticket 12", "actor": "ann"}


def test_refund_and_sms_at_once_have_one_outcome(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("update settings set value = '\"ignore\"' where key = 'late_sms'")
        seen: Counter[str] = Counter()
        for number in range(10 * ROUNDS):
            if number >= ROUNDS and len(seen) > 1:
                break
            user = await new_user(db, "5.00")
            activation = await pending_order(db, user)
            sms = apply_sms(db, activation)
            refund = operators.refund_activation(db, activation, **WHY)
            rivals = (sms, refund) if number % 2 else (refund, sms)
            results = await asyncio.gather(*rivals, return_exceptions=True)
            refused = [each for each in results if isinstance(each, BaseException)]
            decided = await status(db, activation)
            seen[decided] += 1
            left = {"received": "0.00", "cancelled": "5.00"}[decided]
            assert await wallet(db, user) == (left, "0.00", left)
            assert [type(each) for each in refused] == ([SmsAlreadyReceived] if decided == "received" else [])
        assert seen.keys() == {"received", "cancelled"}, "the race was no race"
        await assert_books_balance(db)

    run(database_url, scenario, connections_max=4)


def test_refund_ends_a_purchase_that_was_begun_and_is_not_done_twice(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await order(db, user)
        await call(db, "begin_purchase", p_activation_id=activation, p_provider="herosms")
        for _ in range(2):
            refunded = await operators.refund_activation(db, activation, **WHY)
            assert (refunded["status"], refunded["error_code"]) == ("cancelled", "REFUNDED_BY_OPERATOR")
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")
        assert await db.fetchval("select count(*) from system_logs where source = 'refund_activation'") == 1
        assert (await row(db, activation))["due_at"] is None
        [told] = await db.fetch("select level, message, data from system_logs where source = 'operators'")
        assert (told["level"], told["message"]) == ("error", "NUMBER_MAY_BE_SOLD")
        data = orjson.loads(told["data"])
        assert data["activation_id"] == str(activation)
        assert (data["provider"], data["amount"]) == ("herosms", "5.00")
        assert await call(db, "fold_alerts", p_limit=10) == 1
        assert await db.fetchval("select message from alerts where closed_at is null") == "NUMBER_MAY_BE_SOLD"
        assert await db.fetchval("select count(*) from numbers_in_doubt where activation_id = $1", activation) == 1
        await assert_books_balance(db)

    run(database_url, scenario)


def test_a_purchase_that_its_user_or_an_operator_ended_is_no_error_of_the_provider(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for number, error_code in enumerate((None, "SERVED_BEFORE", "REFUNDED_BY_OPERATOR", "PROVIDER_UNAVAILABLE")):
            activation = await order(db, await new_user(db))
            await call(db, "begin_purchase", p_activation_id=activation, p_provider="herosms")
            status_ = "cancelled" if number < 3 else "failed"
            await call(db, "close_activation", p_activation_id=activation, p_status=status_, p_error_code=error_code)
        figures = await operators.read_figures(db, since=timedelta(hours=1), step="hour")
        assert [(row["tried"], row["sold"], row["errors"]) for row in figures["providers"]] == [(4, 0, 1)]

    run(database_url, scenario)


def test_what_cannot_be_refunded_or_cancelled_says_why(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        ended = await pending_order(db, user)
        await call(db, "close_activation", p_activation_id=ended, p_status="timeout")
        served = await pending_order(db, user)
        await apply_sms(db, served)
        for act in (operators.refund_activation, operators.cancel_activation):
            with pytest.raises(AlreadyClosed):
                await act(db, ended, **WHY)
            with pytest.raises(SmsAlreadyReceived):
                await act(db, served, **WHY)
            with pytest.raises(UnknownOrder):
                await act(db, uuid4(), **WHY)
            for reason in ("", " \n", "x" * 1_001):
                with pytest.raises(InvalidArgument):
                    await act(db, served, reason=reason, actor="ann")
        await assert_books_balance(db)

    run(database_url, scenario)


def test_cancel_is_the_user_s_wish_with_a_name_beside_it(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await pending_order(db, await new_user(db))
        asked = await operators.cancel_activation(db, activation, **WHY)
        assert (asked["status"], asked["cancel_requested"]) == ("pending", True)
        logged = await db.fetchval("select data ->> 'actor' from system_logs where source = 'cancel_activation'")
        assert logged.endswith(":ann")

    run(database_url, scenario)


def test_price_is_set_and_taken_away_and_written_down(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for price in (Decimal("7.50"), None):
            await operators.set_service_price(db, "whatsapp", price, **WHY)
            assert await db.fetchval("select price from services where service = 'whatsapp'") == price
        logged = await db.fetch(
            "select data ->> 'before' as before, data ->> 'after' as after from system_logs"
            " where source = 'set_service_price' order by id"
        )
        assert [tuple(each) for each in logged][1] == ("7.50", None)
        with pytest.raises(UnknownService):
            await operators.set_service_price(db, "atlantis", None, **WHY)
        with pytest.raises(InvalidAmount):
            await operators.set_service_price(db, "whatsapp", Decimal(-1), **WHY)

    run(database_url, scenario)


def test_rental_is_refunded_with_its_extension_or_closed_and_paid(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        refunded, closed = await new_user(db), await new_user(db)
        one, other = await running(db, refunded), await running(db, closed)
        await call(
            db, "request_extension", p_user_id=refunded, p_rental_id=one, p_hours=4, p_idempotency_key="e", p_now=NOW
        )
        assert await wallet(db, refunded) == ("36.00", "7.00", "29.00")
        for _ in range(2):
            ended = await operators.end_rental(db, one, refund=True, **WHY)
            assert (ended["status"], ended["error_code"]) == ("cancelled", "REFUNDED_BY_OPERATOR")
            ended = await operators.end_rental(db, other, refund=False, **WHY)
            assert (ended["status"], ended["error_code"]) == ("completed", "CLOSED_BY_OPERATOR")
        assert await wallet(db, refunded) == ("36.00", "0.00", "36.00")
        assert await wallet(db, closed) == ("30.00", "0.00", "30.00")
        logged = await db.fetch("select message, data ->> 'reason' from system_logs where source = 'end_rental'")
        assert sorted(map(tuple, logged)) == [
            ("an operator closed a rental", "ticket 12"),
            ("an operator refunded a rental", "ticket 12"),
        ]
        reasons = "select distinct reason from balance_operations where type in ('commit', 'refund')"
        assert [reason for (reason,) in await db.fetch(reasons)] == ["ticket 12"]
        with pytest.raises(AlreadyClosed):
            await operators.end_rental(db, other, refund=True, **WHY)
        await assert_books_balance(db)

    run(database_url, scenario)


def test_rental_without_a_number_is_refunded_but_not_paid(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = UUID((await rent(db, user))["id"])
        with pytest.raises(InvalidTransition):
            await operators.end_rental(db, rental, refund=False, **WHY)
        with pytest.raises(InvalidArgument):
            await operators.end_rental(db, rental, refund=True, reason=" ", actor="ann")
        assert (await operators.end_rental(db, rental, refund=True, **WHY))["status"] == "cancelled"
        with pytest.raises(UnknownOrder):
            await operators.end_rental(db, uuid4(), refund=True, **WHY)
        await assert_books_balance(db)

    run(database_url, scenario)


def test_cancel_of_a_rental_asks_the_provider_in_its_time_only(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        rental = await running(db, await new_user(db))  # since NOW, which is long ago
        with pytest.raises(CancelTooLate):
            await operators.cancel_rental(db, rental, **WHY)
        await db.execute("update rentals set purchased_at = now() where id = $1", rental)
        asked = await operators.cancel_rental(db, rental, **WHY)
        assert (asked["status"], asked["cancel_requested"]) == ("active", True)

    run(database_url, scenario)


def test_service_comes_back_with_the_price_it_had(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        await db.execute("update services set price = 5 where service = 'whatsapp'")

        async def state(wanted: str | None) -> tuple[object, ...]:
            await operators.set_service_state(db, "whatsapp", wanted, **WHY)
            row = await db.fetchrow(
                "select price, rental_price_hour, warned_at is not null, decided_by from services"
                " where service = 'whatsapp'"
            )
            return tuple(row)

        prices = (Decimal("5.00"), Decimal("0.25"))
        assert await state("disabled") == (None, None, False, "operator")
        assert await state("disabled") == (None, None, False, "operator")
        assert await state("warned") == (*prices, True, "operator")
        assert await state("enabled") == (*prices, False, "operator")
        assert await state(None) == (*prices, False, "rule")
        with pytest.raises(InvalidArgument):
            await state("sold")
        with pytest.raises(UnknownService):
            await operators.set_service_state(db, "atlantis", "enabled", **WHY)
        await db.execute("update services set price = null where service = 'viber'")
        with pytest.raises(InvalidArgument):  # it never had a price
            await operators.set_service_state(db, "viber", "enabled", **WHY)

    run(database_url, scenario)


def test_rule_leaves_a_service_alone_that_an_operator_decided_about(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("update services set price = 5 where service in ('whatsapp', 'telegram')")
        for service in ("whatsapp", "telegram"):
            await operators.set_service_state(db, service, "warned", **WHY)
        await operators.set_service_state(db, "telegram", None, **WHY)
        await call(db, "judge_routes", p_rule="warn", p_success_min=0.2, p_tries_min=20)
        warned = await db.fetch("select service from services where warned_at is not null")
        assert [service for (service,) in warned] == ["whatsapp"]

    run(database_url, scenario)


def test_actor_is_said_behind_the_role_and_ends_with_the_transaction(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "0.00")
        async with operators.acting_for(db, "ann") as connection:
            await call(connection, "atomic_deposit", p_user_id=user, p_amount=1, p_transaction_id=f"a{user}")
        await call(db, "atomic_deposit", p_user_id=user, p_amount=1, p_transaction_id=f"b{user}")
        first, second = await db.fetch("select actor from balance_operations where user_id = $1 order by number", user)
        assert first["actor"] == f"{second['actor']}:ann"

    run(database_url, scenario, connections_max=1)  # the same connection: nothing of it is left


def test_gateway_s_login_can_neither_be_an_operator_nor_seem_one(database_url: str) -> None:
    """What an injected statement could try: each of these is refused, and a name it claims stands behind its role."""

    async def scenario(url: str) -> None:
        async with connected(url, GATEWAY) as gateway:
            for statement in (
                f"set role {OPERATOR}",
                f"select atomic_deposit('{uuid4()}', 5, 't')",
                f"select refund_activation('{uuid4()}', 'x')",
                f"select cancel_activation('{uuid4()}', 'x')",
                f"select end_rental('{uuid4()}', true, 'x')",
                f"select cancel_rental('{uuid4()}', 'x')",
                "select set_service_state('whatsapp', 'disabled', 'x')",
                "select set_service_price('whatsapp', 1, 'x')",
                "select * from v_frozen_balance_health",
                "select * from system_logs",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await gateway.execute(statement)

    with login(database_url, GATEWAY) as url:
        asyncio.run(scenario(url))


def test_one_statement_may_not_claim_another_role(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await db.execute("update services set price = 5 where service = 'whatsapp'")
        async with db.acquire() as connection, connection.transaction():
            await connection.execute(f"set local role {GATEWAY}; set local onesms.actor = 'onesms_operator:ann'")
            with refusals():
                await connection.fetchval("select create_activation($1, 'whatsapp', 'usa')", user)
        actor = await db.fetchval(
            "select actor from balance_operations where user_id = $1 order by number desc limit 1", user
        )
        assert actor == f"{GATEWAY}:onesms_operator:ann"

    run(database_url, scenario)
