"""A late SMS of an order that is being tried again: the chain stops, one code is paid for, and nobody owes for ever."""

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.wallet_db.support import (
    NOW,
    apply_sms,
    assert_books_balance,
    call,
    new_user,
    row,
    run,
    wallet,
)
from tests.wallet_db.test_late_sms import losses
from tests.wallet_db.test_retries import END, PROVIDERS, end, retry, setting, sold, wanted
from wallet_db.connect import Pool

ONE_CODE = ("15.00", "0.00", "15.00")


async def chain(db: Pool, balance: str = "20.00", *, bought: bool = True, **arguments: object) -> tuple[UUID, Any, Any]:
    """A user who wants one code for 5.00; an order of theirs that had none in time, and the one that follows."""
    user = await new_user(db, balance)
    first = await wanted(db, user, p_max_price=Decimal(5), **arguments)
    assert await end(db, first)
    follower = (await retry(db, first))[1]["id"]
    if bought:
        await sold(db, follower, "fivesim")
    return user, first, follower


async def refuse(db: Pool, follower: UUID, error_code: str, *, later: bool) -> None:
    arguments = {"p_error_code": error_code, "p_allowed_at": END if later else None, "p_due_at": NOW}
    await call(db, "refuse_cancel", p_activation_id=follower, **arguments)


async def cancel(db: Pool, follower: UUID) -> None:
    assert await call(db, "close_activation", p_activation_id=follower, p_status="cancelled")


async def refund(db: Pool, follower: UUID) -> None:
    user = (await row(db, follower))["user_id"]
    await call(db, "atomic_refund", p_user_id=user, p_activation_id=follower)


@pytest.mark.parametrize("balance", ["5.00", "20.00"])
def test_a_follower_that_nobody_was_asked_for_is_closed_and_its_money_pays(database_url: str, balance: str) -> None:
    async def scenario(db: Pool) -> None:
        user, first, follower = await chain(db, balance, bought=False)
        assert await apply_sms(db, first) == "charged"
        stopped = await row(db, follower)
        assert (stopped["status"], stopped["error_code"], stopped["due_at"]) == ("cancelled", "SERVED_BEFORE", None)
        left = str(Decimal(balance) - 5)
        assert await wallet(db, user) == (left, "0.00", left)
        assert not await call(db, "begin_purchase", p_activation_id=follower, p_provider="fivesim")
        assert await losses(db) == []
        await assert_books_balance(db)

    run(database_url, scenario)


@pytest.mark.parametrize("policy", ["charge", "give"])
def test_a_follower_that_waits_is_to_be_cancelled(database_url: str, policy: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("update settings set value = to_jsonb($1::text) where key = 'late_sms'", policy)
        user, first, follower = await chain(db)
        assert await apply_sms(db, first) == ("charged" if policy == "charge" else "given")
        stopped = await row(db, follower)
        assert (stopped["status"], stopped["error_code"]) == ("pending", "SERVED_BEFORE")
        assert stopped["cancel_requested_at"] == stopped["due_at"]
        await cancel(db, follower)
        assert (await row(db, follower))["error_code"] == "SERVED_BEFORE"
        assert await wallet(db, user) == (ONE_CODE if policy == "charge" else ("20.00", "0.00", "20.00"))
        await assert_books_balance(db)

    run(database_url, scenario)


def test_what_is_not_shown_stops_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("update settings set value = '\"ignore\"' where key = 'late_sms'")
        _, first, follower = await chain(db)
        assert await apply_sms(db, first) == "closed"
        assert (await row(db, follower))["cancel_requested_at"] is None

    run(database_url, scenario)


def test_while_the_follower_is_being_bought_its_lease_stands(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, first, follower = await chain(db, bought=False)
        assert await call(db, "begin_purchase", p_activation_id=follower, p_provider="fivesim")
        due_at = (await row(db, follower))["due_at"]
        assert await apply_sms(db, first) == "charged"
        stopped = await row(db, follower)
        assert (stopped["due_at"], stopped["cancel_requested_at"] is None) == (due_at, False)
        assert await end(db, follower, "failed")
        ended = await row(db, follower)
        assert (ended["status"], ended["retry_refused"]) == ("failed", "SERVED_BEFORE")
        assert await wallet(db, user) == ONE_CODE

    run(database_url, scenario)


@pytest.mark.parametrize("ends", [cancel, refund, end])
def test_what_the_follower_holds_is_owed_until_it_ends(database_url: str, ends: Callable[..., Any]) -> None:
    async def scenario(db: Pool) -> None:
        user, first, follower = await chain(db, "5.00")
        assert await apply_sms(db, first) == "owed"
        assert (await row(db, first))["error_code"] == "LATE_SMS_OWED"
        assert await apply_sms(db, first, "654321") == "applied"
        assert await wallet(db, user) == ("5.00", "5.00", "0.00")
        await ends(db, follower)
        assert await wallet(db, user) == ("0.00", "0.00", "0.00")
        assert (await row(db, first))["error_code"] == "LATE_SMS"
        assert (await row(db, follower))["retried_by"] is None
        assert await losses(db) == []
        await assert_books_balance(db)

    run(database_url, scenario)


@pytest.mark.parametrize(("balance", "lost"), [("5.00", ["5.00"]), ("20.00", [])])
def test_two_codes_are_both_paid_for_if_the_user_can(database_url: str, balance: str, lost: list[str]) -> None:
    async def scenario(db: Pool) -> None:
        user, first, follower = await chain(db, balance)
        assert await apply_sms(db, first) == ("owed" if lost else "charged")
        assert await apply_sms(db, follower) == "applied"
        left = "0.00" if lost else "10.00"
        assert await wallet(db, user) == (left, "0.00", left)
        assert [(await row(db, id_))["error_code"] for id_ in (first, follower)] == ["LATE_SMS", None]
        assert await losses(db) == lost
        await assert_books_balance(db)

    run(database_url, scenario)


def test_a_cancel_that_is_too_early_is_tried_again_by_itself(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        _, first, follower = await chain(db)
        await apply_sms(db, first)
        await refuse(db, follower, "EARLY_CANCEL_DENIED", later=True)
        wanted_still = await row(db, follower)
        assert (wanted_still["error_code"], wanted_still["due_at"]) == ("SERVED_BEFORE", END)
        assert wanted_still["cancel_requested_at"] is not None
        await refuse(db, follower, "CANCEL_REFUSED", later=False)
        refused = await row(db, follower)
        assert (refused["error_code"], refused["cancel_requested_at"]) == ("CANCEL_REFUSED", None)
        assert await end(db, follower)
        assert (await row(db, follower))["retry_refused"] == "SERVED_BEFORE"

    run(database_url, scenario)


def test_the_chain_is_stopped_whichever_of_its_orders_is_served_late(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await setting(db, "timeout_retries_max", "3")
        user, first, second = await chain(db, "5.00")
        assert await end(db, second, providers=PROVIDERS)
        third = (await retry(db, second))[1]["id"]
        await sold(db, third, "sms_activate")
        assert await apply_sms(db, second) == "owed"
        assert await apply_sms(db, first) == "owed"
        await cancel(db, third)
        assert await wallet(db, user) == ("0.00", "0.00", "0.00")
        assert await losses(db) == ["5.00"]
        assert (await row(db, second))["error_code"] == (await row(db, first))["error_code"] == "LATE_SMS"
        await assert_books_balance(db)

    run(database_url, scenario)


def test_a_late_sms_the_followers_purchase_and_its_end_at_once_leave_one_charge(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        seen: Counter[str] = Counter()
        for number in range(40):
            user, first, follower = await chain(db, "5.00", bought=False)
            rivals: list[Callable[[], Any]] = [
                lambda: apply_sms(db, first),  # noqa: B023 - awaited within the round
                lambda: call(db, "begin_purchase", p_activation_id=follower, p_provider="fivesim"),  # noqa: B023
                lambda: end(db, follower, "failed"),  # noqa: B023
                lambda: apply_sms(db, first, "654321"),  # noqa: B023
            ]
            turn = number % len(rivals)
            results = await asyncio.gather(*(rival() for rival in rivals[turn:] + rivals[:turn]))
            seen.update(str(result) for result in results)
            charge = f"activation:{first}:late"
            follows = await db.fetch("select id from activations where retry_of = $1 and closed_at is null", first)
            for open_one in follows:
                await cancel(db, open_one["id"])
            assert await db.fetchval("select state from wallet_holds where transaction_id = $1", charge) == "committed"
            assert await wallet(db, user) == ("0.00", "0.00", "0.00")
        assert {"charged", "applied"} <= seen.keys()
        assert await losses(db) == []
        await assert_books_balance(db)

    run(database_url, scenario, connections_max=8)
