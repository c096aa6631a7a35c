"""What the wallet does when it does not refuse: the worked figures, calls by name, replays, and the audit."""

from decimal import Decimal
from uuid import uuid4

import asyncpg
import pytest

from tests.wallet_db.support import (
    apply_sms,
    assert_books_balance,
    call,
    new_user,
    order,
    pending_order,
    run,
    wallet,
)
from wallet_db import wallet as operations
from wallet_db.connect import Pool
from wallet_db.errors import AppendOnly, refusals


def test_available_is_balance_less_frozen(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        assert await wallet(db, await new_user(db, "41.84", "5.00")) == ("41.84", "5.00", "36.84")

    run(database_url, scenario)


def test_bought_and_cancelled_leaves_the_wallet_as_it_was(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        activation = await order(db, user)
        assert await wallet(db, user) == ("36.00", "10.00", "26.00")
        await call(db, "request_cancel", p_user_id=user, p_activation_id=activation)
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")
        await assert_books_balance(db)

    run(database_url, scenario)


def test_bought_and_served_is_paid_from_the_frozen_part(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        assert await apply_sms(db, await pending_order(db, user)) == "applied"
        assert await wallet(db, user) == ("31.00", "5.00", "26.00")
        await assert_books_balance(db)

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("ending", "figures"),
    [("atomic_commit", ("31.00", "0.00", "31.00")), ("atomic_refund", ("36.00", "0.00", "36.00"))],
)
def test_a_hold_may_come_before_its_order_and_end_by_its_transaction(
    shared_url: str, ending: str, figures: tuple[str, str, str]
) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        hold = f"hold-{user}"
        frozen = await call(
            db, "atomic_freeze", p_user_id=user, p_amount=Decimal(5), p_transaction_id=hold, p_reason="a number"
        )
        assert (frozen["balance"], frozen["frozen"], frozen["available"]) == ("36.00", "5.00", "31.00")
        ended = await call(db, ending, p_user_id=user, p_transaction_id=hold)
        assert (ended["balance"], ended["frozen"], ended["available"]) == figures
        assert (ended["amount"], ended["hold_transaction_id"]) == ("5.00", hold)
        assert frozen["hold_transaction_id"] is None
        assert await wallet(db, user) == figures

    run(shared_url, scenario)


def test_a_hold_names_an_order_whose_row_comes_later_in_the_transaction(database_url: str) -> None:
    insert = (
        "insert into activations (id, user_id, service, country, price, frozen_amount)"
        " values ($1, $2, 'whatsapp', 'indonesia', 5, 5)"
    )

    async def scenario(db: Pool) -> None:
        user, activation = await new_user(db), uuid4()
        freeze = {
            "p_user_id": user,
            "p_amount": Decimal(5),
            "p_transaction_id": "t1",
            "p_reason": "a number",
            "p_activation_id": activation,
        }
        async with db.acquire() as connection, connection.transaction():
            await call(connection, "atomic_freeze", **freeze)
            await connection.execute(insert, activation, user)
        assert (await call(db, "atomic_freeze", **freeze))["replayed"]
        await call(db, "atomic_refund", p_user_id=user, p_activation_id=activation)
        assert await db.fetchval("select status from activations where id = $1", activation) == "cancelled"
        await assert_books_balance(db)

        with pytest.raises(asyncpg.ForeignKeyViolationError, match="wallet_holds_activation_exists"):
            await call(db, "atomic_freeze", **freeze | {"p_transaction_id": "t2", "p_activation_id": uuid4()})
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")

    run(database_url, scenario)


def test_a_repeated_call_returns_the_first_result_and_moves_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        calls: list[tuple[str, dict[str, object]]] = [
            ("atomic_deposit", {"p_amount": Decimal("4.00"), "p_transaction_id": "d1"}),
            ("atomic_freeze", {"p_amount": Decimal("5.00"), "p_transaction_id": "h1"}),
            ("atomic_commit", {"p_transaction_id": "h1"}),
            ("atomic_freeze", {"p_amount": Decimal("5.00"), "p_transaction_id": "h2"}),
            ("atomic_refund", {"p_transaction_id": "h2", "p_amount": Decimal("1.5")}),
        ]
        first = [await call(db, function, p_user_id=user, **arguments) for function, arguments in calls]
        before = await wallet(db, user)
        again = [await call(db, function, p_user_id=user, **arguments) for function, arguments in calls]
        assert [answer.pop("replayed") for answer in first] == [False] * len(calls)
        assert [answer.pop("replayed") for answer in again] == [True] * len(calls)
        assert first == again
        assert await wallet(db, user) == before
        await assert_books_balance(db)

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("function", "amount", "figures", "types"),
    [
        ("atomic_refund", "2.50", ("33.50", "0.00", "33.50"), {"refund": "2.50", "commit": "2.50"}),
        ("atomic_commit", "1.25", ("34.75", "0.00", "34.75"), {"refund": "3.75", "commit": "1.25"}),
        ("atomic_refund", "5.00", ("36.00", "0.00", "36.00"), {"refund": "5.00"}),
    ],
)
def test_a_part_goes_one_way_and_the_rest_the_other_in_one_call(
    shared_url: str, function: str, amount: str, figures: tuple[str, str, str], types: dict[str, str]
) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        hold = f"hold-{user}"
        await call(db, "atomic_freeze", p_user_id=user, p_amount=Decimal(5), p_transaction_id=hold)
        answer = await call(db, function, p_user_id=user, p_transaction_id=hold, p_amount=Decimal(amount))
        assert (answer["type"], answer["amount"]) == (function.removeprefix("atomic_"), amount)
        assert await wallet(db, user) == (answer["balance"], answer["frozen"], answer["available"]) == figures
        rows = await db.fetch("select type, amount::text from balance_operations where transaction_id = $1", hold)
        assert dict(rows) == {"freeze": "5.00"} | types
        await assert_books_balance(db)

    run(shared_url, scenario)


def test_answers_have_two_decimals_however_the_amount_is_written(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        for written in ("5", "5.0", "5.000", "0.5e1"):
            freeze = {"p_user_id": user, "p_amount": Decimal(written), "p_transaction_id": "t1"}
            assert (await call(db, "atomic_freeze", **freeze))["amount"] == "5.00"
        refund = {"p_user_id": user, "p_transaction_id": "t1", "p_amount": Decimal("2.5")}
        assert (await call(db, "atomic_refund", **refund))["amount"] == "2.50"

    run(database_url, scenario)


def test_an_order_ended_through_its_hold_is_closed_with_it(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        paid, returned = await pending_order(db, user), await pending_order(db, user)
        await call(db, "request_cancel", p_user_id=user, p_activation_id=returned)
        await call(db, "atomic_commit", p_user_id=user, p_activation_id=paid)
        await call(db, "atomic_refund", p_user_id=user, p_activation_id=returned, p_transaction_id="operator-1")
        rows = await db.fetch("select id, status, frozen_amount, due_at, cancel_requested_at from activations")
        assert {row["id"]: tuple(row)[1:] for row in rows} == {
            paid: ("completed", 0, None, None),
            returned: ("cancelled", 0, None, None),
        }
        assert await wallet(db, user) == ("31.00", "0.00", "31.00")
        await assert_books_balance(db)

    run(database_url, scenario)


def test_the_python_calls_say_what_the_sql_says(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "0.00")
        async with db.acquire() as connection:
            deposited = await operations.deposit(connection, user, Decimal("36.00"), "d1")
            frozen = await operations.freeze(connection, user, Decimal("5.00"), "h1")
            committed = await operations.commit(connection, user, "h1")
            await operations.freeze(connection, user, Decimal("5.00"), "h2")
            refunded = await operations.refund(connection, user, "h2", amount=Decimal("2.50"))
            again = await operations.refund(connection, user, "h2", amount=Decimal("2.50"))
        assert (deposited.type, deposited.hold_transaction_id, deposited.available) == (
            "deposit",
            None,
            Decimal("36.00"),
        )
        assert (frozen.balance, frozen.frozen, frozen.replayed) == (Decimal("36.00"), Decimal("5.00"), False)
        assert (committed.hold_transaction_id, committed.balance) == ("h1", Decimal("31.00"))
        assert (refunded.amount, refunded.balance) == (Decimal("2.50"), Decimal("28.50"))
        assert again.replayed
        assert again.number == refunded.number

    run(database_url, scenario)


@pytest.mark.parametrize(
    "statement",
    [
        "update balance_operations set reason = 'x'",
        "delete from balance_operations",
        "truncate balance_operations",
        "truncate users cascade",
    ],
)
def test_the_audit_cannot_be_rewritten(shared_url: str, statement: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        with pytest.raises(AppendOnly), refusals():
            await db.execute(statement)
        assert await db.fetchval("select count(*) from balance_operations where user_id = $1", user) == 1

    run(shared_url, scenario)
