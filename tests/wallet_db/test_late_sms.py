"""An SMS that comes after the money went back, by the policy; and what an owner may ask of a served order."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from tests.wallet_db.support import (
    MINUTE,
    NOW,
    apply_sms,
    assert_books_balance,
    call,
    new_user,
    outcomes,
    pending_order,
    row,
    run,
    tally,
    wallet,
)
from wallet_db import errors
from wallet_db.connect import Pool

BEFORE = ("36.00", "0.00", "36.00")
CHARGED = ("31.00", "0.00", "31.00")


async def closed_order(db: Pool, policy: str, *, status: str = "timeout", balance: str = "36.00") -> tuple[UUID, UUID]:
    """A user and an order of theirs that has ended without an SMS."""
    await db.execute("update settings set value = to_jsonb($1::text) where key = 'late_sms'", policy)
    user = await new_user(db, balance)
    activation = await pending_order(db, user)
    assert await call(db, "close_activation", p_activation_id=activation, p_status=status)
    return user, activation


async def losses(db: Pool) -> list[str]:
    rows = await db.fetch("select data ->> 'amount' from system_logs where message like 'loss: %' order by id")
    return [amount for (amount,) in rows]


@pytest.mark.parametrize(
    ("policy", "outcome", "after", "shown", "lost"),
    [
        ("charge", "charged", CHARGED, 1, []),
        ("give", "given", BEFORE, 1, ["5.00"]),
        ("ignore", "closed", BEFORE, 0, []),
    ],
)
@pytest.mark.parametrize("status", ["timeout", "cancelled"])
def test_a_late_sms_is_what_the_policy_says(
    database_url: str, status: str, policy: str, outcome: str, after: tuple[str, str, str], shown: int, lost: list[str]
) -> None:
    async def scenario(db: Pool) -> None:
        user, activation = await closed_order(db, policy, status=status)
        assert await wallet(db, user) == BEFORE
        assert await apply_sms(db, activation) == outcome
        assert await wallet(db, user) == after
        assert await db.fetchval("select count(*) from sms_messages") == shown
        assert await losses(db) == lost
        stored = await row(db, activation)
        assert (stored["status"], stored["error_code"]) == (status, "LATE_SMS" if shown else None)
        assert (await db.fetchval("select count(*) from events where type = 'sms.received'")) == shown
        assert not await db.fetch("select from system_logs where (message || data::text) like '%123456%'")
        await assert_books_balance(db)

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("policy", "outcome", "error_code", "told"),
    [
        ("charge", "charged", "LATE_SMS", "an SMS came for what an operator had refunded, and was charged"),
        ("give", "given", "REFUNDED_BY_OPERATOR", "loss: an SMS was shown and not paid for"),
        ("ignore", "closed", "REFUNDED_BY_OPERATOR", "an SMS came for an order that is closed, and is not shown"),
    ],
)
def test_an_operator_hears_of_an_sms_after_his_refund_which_stays_one(
    database_url: str, policy: str, outcome: str, error_code: str, told: str
) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("update settings set value = to_jsonb($1::text) where key = 'late_sms'", policy)
        activation = await pending_order(db, await new_user(db))
        await call(db, "refund_activation", p_activation_id=activation, p_reason="ticket 12")
        assert await apply_sms(db, activation) == outcome
        assert (await row(db, activation))["error_code"] == error_code
        rows = await db.fetch("select message from system_logs where source = 'apply_late_sms' and level = 'warning'")
        assert [message for (message,) in rows] == [told]
        assert await db.fetchval("select outcome from v_activation_outcomes where id = $1", activation) == "refunded"

    run(database_url, scenario)


def test_a_late_sms_leaves_what_the_provider_ended_as_it_was(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await pending_order(db, await new_user(db))
        await call(db, "close_activation", p_activation_id=activation, p_status="cancelled", p_error_code="ENDED")
        assert await apply_sms(db, activation) == "charged"
        assert await db.fetchval("select outcome from v_activation_outcomes where id = $1", activation) == "expired"

    run(database_url, scenario)


def test_a_late_sms_is_charged_once_however_often_it_comes(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, activation = await closed_order(db, "charge")
        results = await outcomes(apply_sms(db, activation) for _ in range(5))
        assert tally(results) == {"charged": 1, "repeated": 4}
        assert await apply_sms(db, activation, "654321") == "applied"
        assert await wallet(db, user) == CHARGED
        await assert_books_balance(db)

    run(database_url, scenario)


def test_who_has_spent_it_meanwhile_is_shown_it_at_our_loss(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, activation = await closed_order(db, "charge", balance="5.00")
        await pending_order(db, user)
        assert await apply_sms(db, activation) == "given"
        assert await wallet(db, user) == ("5.00", "5.00", "0.00")
        assert await losses(db) == ["5.00"]
        await assert_books_balance(db)

    run(database_url, scenario)


@pytest.mark.parametrize("policy", ["charge", "give"])
def test_what_a_late_sms_costs_is_decided_once_an_order(database_url: str, policy: str) -> None:
    async def scenario(db: Pool) -> None:
        user, activation = await closed_order(db, policy, balance="5.00")
        await call(db, "atomic_freeze", p_user_id=user, p_amount=Decimal(5), p_transaction_id="the rest")
        assert await apply_sms(db, activation, "1") == "given"
        assert await apply_sms(db, activation, "2") == "applied"
        await call(db, "atomic_deposit", p_user_id=user, p_amount=Decimal(7), p_transaction_id="more")
        await db.execute("update settings set value = '\"charge\"' where key = 'late_sms'")
        assert await apply_sms(db, activation, "3") == "applied"
        assert await wallet(db, user) == ("12.00", "5.00", "7.00")
        assert await losses(db) == ["5.00"]
        assert await db.fetchval("select count(*) from sms_messages") == 3

    run(database_url, scenario)


def test_what_was_not_shown_is_not_decided(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, activation = await closed_order(db, "ignore")
        assert await apply_sms(db, activation) == "closed"
        assert await db.fetchval("select data ->> 'amount' from system_logs where message like '%not shown'") == "5.00"
        await db.execute("update settings set value = '\"charge\"' where key = 'late_sms'")
        assert await apply_sms(db, activation) == "charged"
        assert await wallet(db, user) == CHARGED

    run(database_url, scenario)


@pytest.mark.parametrize(("percent", "outcome"), [(50, "charged"), (0, "applied")])
def test_what_was_not_refunded_is_not_charged_again(database_url: str, percent: int, outcome: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("update services set timeout_refund_percent = $1", percent)
        user, activation = await closed_order(db, "charge")
        assert await apply_sms(db, activation) == outcome
        assert await wallet(db, user) == CHARGED
        await assert_books_balance(db)

    run(database_url, scenario)


def test_a_completed_order_shows_what_else_comes(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await pending_order(db, user)
        await apply_sms(db, activation)
        await call(db, "close_activation", p_activation_id=activation, p_status="completed")
        assert await apply_sms(db, activation, "654321") == "applied"
        assert await wallet(db, user) == CHARGED
        assert await losses(db) == []

    run(database_url, scenario)


def test_no_policy_but_these(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        with pytest.raises(Exception, match="settings_late_sms_known"):
            await db.execute("update settings set value = '\"maybe\"' where key = 'late_sms'")

    run(database_url, scenario)


# what an owner may ask of a served order


def test_another_sms_is_asked_for_until_one_comes(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await pending_order(db, user)
        ask = {"p_user_id": user, "p_activation_id": activation, "p_now": NOW + MINUTE}
        for function in ("request_another_sms", "request_finish"):
            with pytest.raises(errors.SmsNotReceived):
                await call(db, function, **ask)
        await apply_sms(db, activation)
        assert (await call(db, "request_another_sms", **ask))["another_sms"] == "requested"
        assert (await row(db, activation))["due_at"] == NOW + MINUTE
        record = {"p_activation_id": activation, "p_error_code": None, "p_due_at": NOW + 2 * MINUTE}
        assert [await call(db, "record_another_sms", **record) for _ in range(2)] == [True, False]
        assert (await call(db, "request_another_sms", **ask))["another_sms"] == "waiting"
        await apply_sms(db, activation, "654321")
        assert (await row(db, activation))["another_sms_asked_at"] is None
        with pytest.raises(errors.AlreadyClosed):
            await call(db, "request_another_sms", **{**ask, "p_now": NOW + 20 * MINUTE})
        assert await wallet(db, user) == CHARGED

    run(database_url, scenario)


def test_a_refusal_of_another_sms_is_told(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await pending_order(db, user)
        await apply_sms(db, activation)
        await call(db, "request_another_sms", p_user_id=user, p_activation_id=activation, p_now=NOW)
        await call(db, "request_finish", p_user_id=user, p_activation_id=activation, p_now=NOW)
        await call(
            db, "record_another_sms",
            p_activation_id=activation, p_error_code="RETRY_REFUSED", p_due_at=NOW + MINUTE, p_now=NOW,
        )  # fmt: skip
        stored = await row(db, activation)
        assert (stored["error_code"], stored["another_sms_asked_at"]) == ("RETRY_REFUSED", None)
        assert stored["due_at"] == NOW  # for the finish that is wanted

    run(database_url, scenario)


def test_a_check_is_once_in_five_seconds_and_ends_with_a_look(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await pending_order(db, user)
        ask = {"p_user_id": user, "p_activation_id": activation}
        await call(db, "request_check", **ask, p_now=NOW)
        assert (await row(db, activation))["due_at"] == NOW
        with pytest.raises(errors.CheckTooSoon) as soon:
            await call(db, "request_check", **ask, p_now=NOW + timedelta(seconds=3))
        assert soon.value.data["retry_after_s"] == 2
        await call(db, "request_check", **ask, p_now=NOW + timedelta(seconds=5))
        # A look that was under way when it was asked for does not count.
        await db.execute("select reschedule_activation($1, $2, $2)", activation, NOW)
        assert (await row(db, activation))["checked_at"] is None
        await db.execute("select reschedule_activation($1, $2, $3)", activation, NOW + timedelta(seconds=5), NOW)
        assert (await row(db, activation))["checked_at"] is not None

    run(database_url, scenario)
