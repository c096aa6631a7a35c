"""What the wallet refuses: with which SQLSTATE, exception and data, and that a refusal moves nothing."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.wallet_db.support import apply_sms, assert_books_balance, call, new_user, order, pending_order, run, wallet
from wallet_db import errors
from wallet_db.connect import Pool

GHOST = UUID(int=0)


@dataclass
class Refusal:
    """A call, the refusal it must meet and the data that must come with it."""

    error: type[errors.WalletError]
    function: str
    arguments: dict[str, Any]
    data: dict[str, Any] = field(default_factory=dict)


# Held by the user: h1 (5.00, open), h2 (5.00, committed by h2), h3 (5.00, refunded 2.50 by h3). Deposited: d1 (4.00).
REFUSALS = {
    "freeze above what is available": Refusal(
        errors.InsufficientFunds,
        "atomic_freeze",
        {"p_amount": Decimal("27.51"), "p_transaction_id": "new"},
        {"needed": "27.51", "available": "27.50"},
    ),
    "freeze again with another amount": Refusal(
        errors.IdempotencyMismatch,
        "atomic_freeze",
        {"p_amount": Decimal("5.01"), "p_transaction_id": "h1"},
        {"transaction_id": "h1", "field": "amount"},
    ),
    "freeze again for an order": Refusal(
        errors.IdempotencyMismatch,
        "atomic_freeze",
        {"p_amount": Decimal("5.00"), "p_transaction_id": "h1", "p_activation_id": GHOST},
        {"transaction_id": "h1", "field": "activation_id"},
    ),
    "deposit again with another amount": Refusal(
        errors.IdempotencyMismatch,
        "atomic_deposit",
        {"p_amount": Decimal("4.01"), "p_transaction_id": "d1"},
        {"transaction_id": "d1", "field": "amount"},
    ),
    "commit what nobody froze": Refusal(
        errors.UnknownHold,
        "atomic_commit",
        {"p_transaction_id": "new"},
        {"activation_id": None, "rental_id": None, "transaction_id": "new"},
    ),
    "refund of an unknown order": Refusal(
        errors.UnknownHold, "atomic_refund", {"p_activation_id": GHOST}, {"activation_id": str(GHOST)}
    ),
    "refund of an unknown rental": Refusal(
        errors.UnknownHold, "atomic_refund", {"p_rental_id": GHOST}, {"rental_id": str(GHOST)}
    ),
    "refund that names nothing": Refusal(errors.UnknownHold, "atomic_refund", {}, {"transaction_id": None}),
    "refund of what is committed": Refusal(
        errors.AlreadySettled,
        "atomic_refund",
        {"p_transaction_id": "h2"},
        {"state": "committed", "settled_by": "h2"},
    ),
    "commit of what is refunded": Refusal(
        errors.AlreadySettled,
        "atomic_commit",
        {"p_transaction_id": "h3", "p_amount": Decimal("2.50")},
        {"state": "refunded", "settled_by": "h3"},
    ),
    "refund again with another part": Refusal(
        errors.IdempotencyMismatch,
        "atomic_refund",
        {"p_transaction_id": "h3", "p_amount": Decimal("2.51")},
        {"transaction_id": "h3", "field": "amount"},
    ),
    "refund of more than the hold": Refusal(
        errors.InvalidAmount,
        "atomic_refund",
        {"p_transaction_id": "h1", "p_amount": Decimal("5.01")},
        {"amount": "5.01", "held": "5.00"},
    ),
    "freeze for an activation and a rental": Refusal(
        errors.InvalidArgument,
        "atomic_freeze",
        {"p_amount": Decimal(1), "p_transaction_id": "new", "p_activation_id": GHOST, "p_rental_id": GHOST},
        {"argument": "p_rental_id"},
    ),
    "commit of an activation and a rental": Refusal(
        errors.InvalidArgument,
        "atomic_commit",
        {"p_activation_id": GHOST, "p_rental_id": GHOST},
        {"argument": "p_rental_id"},
    ),
    "deposit above what a wallet holds": Refusal(
        errors.InvalidAmount,
        "atomic_deposit",
        {"p_amount": Decimal("999999999999.99"), "p_transaction_id": "new"},
        {"amount": "999999999999.99"},
    ),
}


def test_every_refusal_has_its_code_and_data_and_moves_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00")
        await call(db, "atomic_deposit", p_user_id=user, p_amount=Decimal(4), p_transaction_id="d1")
        for hold in ("h1", "h2", "h3"):
            await call(db, "atomic_freeze", p_user_id=user, p_amount=Decimal(5), p_transaction_id=hold)
        await call(db, "atomic_commit", p_user_id=user, p_transaction_id="h2")
        await call(db, "atomic_refund", p_user_id=user, p_transaction_id="h3", p_amount=Decimal("2.50"))
        before = await wallet(db, user)
        assert before == ("32.50", "5.00", "27.50")

        for situation, refusal in REFUSALS.items():
            with pytest.raises(refusal.error) as caught:
                await call(db, refusal.function, p_user_id=user, **refusal.arguments)
            assert caught.value.data.items() >= refusal.data.items(), situation
        assert await wallet(db, user) == before
        await assert_books_balance(db)

    run(database_url, scenario)


def test_the_sqlstate_reaches_a_client_without_our_python(shared_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        with pytest.raises(asyncpg.PostgresError) as caught:
            await db.fetchval(
                "select atomic_freeze(p_user_id => $1, p_amount => 36.01, p_transaction_id => 't', p_reason => 'r')",
                user,
            )
        assert caught.value.sqlstate == errors.InsufficientFunds.sqlstate == "OS001"

    run(shared_url, scenario)


@pytest.mark.parametrize("user", [GHOST, None])
def test_an_unknown_user_is_refused_by_every_function(shared_url: str, user: UUID | None) -> None:
    async def scenario(db: Pool) -> None:
        amount = {"p_amount": Decimal(1)}
        for function, arguments in {
            "atomic_freeze": amount | {"p_transaction_id": "t"},
            "atomic_deposit": amount | {"p_transaction_id": "t"},
            "atomic_commit": {"p_transaction_id": "t"},
            "atomic_refund": {"p_transaction_id": "t"},
            "lock_user_wallet": {},
            "create_activation": {"p_service": "whatsapp", "p_country": "indonesia"},
        }.items():
            with pytest.raises(errors.UnknownUser) as caught:
                await call(db, function, p_user_id=user, **arguments)
            assert caught.value.data == {"user_id": str(user) if user else None}

    run(shared_url, scenario)


def test_what_is_not_a_sum_of_money_is_refused(shared_url: str) -> None:
    amounts = ["0", "-0.01", "-5", "NaN", "Infinity", "-Infinity", "5.005", "0.001", "1e12", "1e300", None]

    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        for text in amounts:
            amount = Decimal(text) if text else None
            for function in ("atomic_freeze", "atomic_deposit", "atomic_commit", "atomic_refund"):
                if amount is None and function in ("atomic_commit", "atomic_refund"):
                    continue  # there, null means the whole hold
                with pytest.raises(errors.InvalidAmount) as caught:
                    await call(db, function, p_user_id=user, p_amount=amount, p_transaction_id="t")
                said = caught.value.data["amount"]
                assert said is None if amount is None else Decimal(said) == amount or said == text, (function, text)
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")

    run(shared_url, scenario)


def test_a_float_is_refused_where_it_is_not_the_sum_it_looks_like(shared_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        deposit: dict[str, object] = {"p_user_id": user, "p_transaction_id": "t"}
        with pytest.raises(errors.InvalidAmount):
            await call(db, "atomic_deposit", p_amount=36.84, **deposit)
        with pytest.raises(asyncpg.UndefinedFunctionError):
            await db.fetchval("select atomic_deposit($1, 36.84::float8, 't')", user)
        assert (await call(db, "atomic_deposit", p_amount=36.5, **deposit))["amount"] == "36.50"

    run(shared_url, scenario)


@pytest.mark.parametrize("transaction_id", [None, "", "t" * 256])
def test_a_transaction_id_must_name_something_in_255_characters(shared_url: str, transaction_id: str | None) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        for function in ("atomic_freeze", "atomic_deposit"):
            with pytest.raises(errors.InvalidArgument) as caught:
                await call(db, function, p_user_id=user, p_amount=Decimal(1), p_transaction_id=transaction_id)
            assert caught.value.data == {"argument": "p_transaction_id"}
        if transaction_id is not None:
            with pytest.raises(errors.InvalidArgument):
                await call(db, "atomic_commit", p_user_id=user, p_transaction_id=transaction_id)

    run(shared_url, scenario)


def test_a_transaction_id_belongs_to_its_first_user(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        alice, bob = await new_user(db), await new_user(db)
        for function in ("atomic_freeze", "atomic_deposit"):
            arguments = {"p_amount": Decimal(1), "p_transaction_id": "shared"}
            await call(db, function, p_user_id=alice, **arguments)
            with pytest.raises(errors.IdempotencyMismatch) as caught:
                await call(db, function, p_user_id=bob, **arguments)
            assert caught.value.data == {"transaction_id": "shared", "field": "user_id"}
        with pytest.raises(errors.UnknownHold):
            await call(db, "atomic_commit", p_user_id=bob, p_transaction_id="shared")

    run(database_url, scenario)


def test_one_transaction_id_settles_one_hold(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        first, second = await pending_order(db, user), await pending_order(db, user)
        await call(db, "atomic_refund", p_user_id=user, p_activation_id=first, p_transaction_id="t")
        with pytest.raises(errors.IdempotencyMismatch) as caught:
            await call(db, "atomic_refund", p_user_id=user, p_activation_id=second, p_transaction_id="t")
        assert caught.value.data == {"transaction_id": "t", "field": "hold_transaction_id"}
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")
        await assert_books_balance(db)

    run(database_url, scenario)


def test_nothing_is_held_for_an_order_that_could_not_give_it_back(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        alice, bob = await new_user(db), await new_user(db)
        open_order, served = await order(db, alice), await pending_order(db, alice)
        await apply_sms(db, served)

        async def freeze(user: UUID, activation: UUID) -> None:
            arguments = {"p_amount": Decimal(5), "p_transaction_id": uuid4().hex, "p_activation_id": activation}
            await call(db, "atomic_freeze", p_user_id=user, **arguments)

        with pytest.raises(errors.UnknownOrder) as foreign:
            await freeze(bob, open_order)
        assert foreign.value.data == {"order_id": str(open_order)}
        with pytest.raises(errors.IdempotencyMismatch) as doubled:
            await freeze(alice, open_order)
        assert doubled.value.data == {"order_id": str(open_order), "field": "transaction_id"}
        with pytest.raises(errors.AlreadyClosed) as late:
            await freeze(alice, served)
        assert late.value.data == {"order_id": str(served), "status": "received"}
        await assert_books_balance(db)

    run(database_url, scenario)


def test_an_order_that_nothing_was_bought_for_cannot_be_committed(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await order(db, user)
        with pytest.raises(errors.InvalidTransition) as caught:
            await call(db, "atomic_commit", p_user_id=user, p_activation_id=activation)
        assert caught.value.data == {"order_id": str(activation), "from": "ordering", "to": "completed"}
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")

    run(database_url, scenario)
