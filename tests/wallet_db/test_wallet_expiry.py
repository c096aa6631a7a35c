"""Holds with a time: refunded when it has come, not before, and not if they were settled first."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.wallet_db.books import assert_sound, read_books
from tests.wallet_db.rivals import overlap
from tests.wallet_db.support import MINUTE, NOW, call, new_user, run, wallet
from tests.wallet_db.wallet_calls import ORDERS, freeze_until, sweep
from wallet_db import errors
from wallet_db.connect import Pool


def test_a_hold_runs_out_at_its_time_and_not_before(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await freeze_until(db, user, "timed")
        await freeze_until(db, user, "untimed", expires_at=None)
        before = await read_books(db, user)
        assert await sweep(db, NOW - timedelta(microseconds=1)) == 0
        assert await read_books(db, user) == before
        assert await sweep(db) == 1
        assert await sweep(db) == 0
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")
        books = await read_books(db, user)
        last = books.operations[-1]
        assert (last["type"], last["transaction_id"], last["reason"]) == ("refund", "timed", "expired")
        assert (await freeze_until(db, user, "timed"))["replayed"] is True
        with pytest.raises(errors.AlreadySettled) as caught:
            await call(db, "atomic_commit", p_user_id=user, p_transaction_id="timed")
        told = caught.value.data
        assert (told["state"], told["settled_by"], told["reason"]) == ("refunded", "timed", "expired")
        assert datetime.fromisoformat(told["settled_at"])
        again = await call(db, "atomic_refund", p_user_id=user, p_transaction_id="timed")
        assert (again["replayed"], again["operation_number"]) == (True, last["number"])
        await assert_sound(db, user)

    run(database_url, scenario)


def test_what_was_settled_first_does_not_run_out(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        for name, function in {"spent": "atomic_commit", "given back": "atomic_refund"}.items():
            await freeze_until(db, user, name)
            await call(db, function, p_user_id=user, p_transaction_id=name, p_amount=Decimal(2))
        before = await read_books(db, user)
        assert await sweep(db, NOW + 1000 * MINUTE) == 0
        assert await read_books(db, user) == before

    run(database_url, scenario)


def test_the_longest_due_go_first_and_no_more_than_asked_for(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        for minutes in (3, 1, 2):
            await freeze_until(db, user, f"in {minutes}", NOW + minutes * MINUTE)
        assert await sweep(db, NOW + 5 * MINUTE, limit=2) == 2
        holds = {hold["transaction_id"]: hold["state"] for hold in (await read_books(db, user)).holds}
        assert holds == {"in 1": "refunded", "in 2": "refunded", "in 3": "held"}

    run(database_url, scenario)


@pytest.mark.parametrize("at", ["infinity", "-infinity"])
def test_a_time_that_never_comes_is_refused(shared_url: str, at: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        with pytest.raises(asyncpg.PostgresError, match="expected a time") as caught:
            await db.fetchval(f"select atomic_freeze($1, 5, 'h', p_expires_at => '{at}')", user)
        assert caught.value.sqlstate == errors.InvalidArgument.sqlstate
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")

    run(shared_url, scenario)


def test_an_orders_hold_has_no_time_of_its_own(shared_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        for order in ("activation", "rental"):
            named: dict[str, Any] = {"p_user_id": user, f"p_{order}_id": user, "p_transaction_id": "h"}
            with pytest.raises(errors.InvalidArgument) as caught:
                await call(db, "atomic_freeze", **named, p_amount=Decimal(5), p_expires_at=NOW)
            assert caught.value.data == {"argument": "p_expires_at"}
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")

    run(shared_url, scenario)


def test_a_hold_named_by_an_id_that_is_just_ending_another_can_still_end(database_url: str) -> None:
    """A freeze that waits for a settlement of the same transaction id; whichever is refused, nothing is stuck."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await freeze_until(db, user, "older", expires_at=None)
        rental = await db.fetchval(ORDERS["rental"], user)
        arguments: dict[str, Any] = {"p_user_id": user, "p_rental_id": rental}
        await call(db, "atomic_freeze", **arguments, p_amount=Decimal(5), p_transaction_id="of-rental")
        _, second = await overlap(
            db,
            lambda one: call(one, "atomic_refund", **arguments, p_transaction_id="shared"),
            lambda two: freeze_until(two, user, "shared"),
        )
        assert await sweep(db) == (1 if isinstance(second, dict) else 0)
        await assert_sound(db, user)

    run(database_url, scenario)
