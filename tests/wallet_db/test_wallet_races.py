"""Many callers at once: a hold ends once, money is spent once. Beside the race, the naive way that loses it."""

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.wallet_db.support import assert_books_balance, call, new_user, order, outcomes, run, tally, wallet
from wallet_db.connect import Pool

CALLERS = 100


def test_a_hundred_callers_settle_one_hold_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await call(db, "atomic_freeze", p_user_id=user, p_amount=Decimal(5), p_transaction_id="hold")
        results = await outcomes(
            call(db, "atomic_refund" if number % 2 else "atomic_commit", p_user_id=user, p_transaction_id="hold")
            for number in range(CALLERS)
        )
        winner = next(result["type"] for result in results if isinstance(result, dict) and not result["replayed"])
        assert tally(results) == {"done": 1, "replayed": CALLERS // 2 - 1, "AlreadySettled": CALLERS // 2}
        assert {result["type"] for result in results if isinstance(result, dict)} == {winner}
        spent = {"commit": ("31.00", "0.00", "31.00"), "refund": ("36.00", "0.00", "36.00")}
        assert await wallet(db, user) == spent[winner]
        await assert_books_balance(db)

    run(database_url, scenario, connections_max=20)


def test_a_hundred_settlers_under_their_own_transactions_have_one_winner(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await order(db, user)
        results = await outcomes(
            call(db, "atomic_refund", p_user_id=user, p_activation_id=activation, p_transaction_id=f"caller-{number}")
            for number in range(CALLERS)
        )
        assert tally(results) == {"done": 1, "AlreadySettled": CALLERS - 1}
        [winner] = [result["transaction_id"] for result in results if isinstance(result, dict)]
        assert {result.data["settled_by"] for result in results if not isinstance(result, dict)} == {winner}
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")
        await assert_books_balance(db)

    run(database_url, scenario, connections_max=20)


def test_a_hundred_freezes_and_deposits_of_one_transaction_count_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        arguments = {"p_user_id": user, "p_amount": Decimal(5), "p_transaction_id": "once"}
        for function in ("atomic_freeze", "atomic_deposit"):
            results = await outcomes(call(db, function, **arguments) for _ in range(CALLERS // 2))
            assert tally(results) == {"done": 1, "replayed": CALLERS // 2 - 1}
        assert await wallet(db, user) == ("41.00", "5.00", "36.00")

    run(database_url, scenario, connections_max=20)


def test_two_users_racing_for_one_transaction_id_give_it_to_one(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        users = [await new_user(db) for _ in range(10)]
        for function in ("atomic_freeze", "atomic_deposit"):
            shared = {"p_amount": Decimal(5), "p_transaction_id": "shared"}
            results = await outcomes(call(db, function, p_user_id=user, **shared) for user in users)
            assert tally(results) == {"done": 1, "IdempotencyMismatch": len(users) - 1}
            fields = {result.data["field"] for result in results if not isinstance(result, dict)}
            assert fields == {"user_id"}
        await assert_books_balance(db)

    run(database_url, scenario, connections_max=10)


def test_funds_for_one_of_two_purchases_buy_one(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for _ in range(20):
            user = await new_user(db, "5.00")
            results = await asyncio.gather(order(db, user), order(db, user), return_exceptions=True)
            assert Counter(type(result).__name__ for result in results) == {"UUID": 1, "InsufficientFunds": 1}
            assert await wallet(db, user) == ("5.00", "5.00", "0.00")
        assert await db.fetchval("select count(*) from activations") == 20
        await assert_books_balance(db)

    run(database_url, scenario)


def test_control_reading_before_writing_spends_the_same_money_twice(database_url: str) -> None:
    """The race above with the check outside the lock: both see 5.00, both spend it."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db, "5.00")
        both_have_read = asyncio.Barrier(2)

        async def buy_naively() -> bool:
            available = await db.fetchval("select balance - frozen_balance from users where id = $1", user)
            await both_have_read.wait()
            if available >= 5:
                await db.execute(
                    "update users set frozen_balance = $2, operation_number = operation_number + 1 where id = $1",
                    user,
                    Decimal(5),
                )
            return bool(available >= 5)

        assert await asyncio.gather(buy_naively(), buy_naively()) == [True, True]
        assert await wallet(db, user) == ("5.00", "5.00", "0.00")  # two purchases, one paid for

    run(database_url, scenario)


def test_transfers_of_effort_between_users_do_not_deadlock(database_url: str) -> None:
    """Freeze, settle, buy, cancel and deposit for three users from twelve callers; every wallet adds up afterwards."""

    async def scenario(db: Pool) -> None:
        users = [await new_user(db, "20.00") for _ in range(3)]

        async def rounds(caller: int) -> list[Any]:
            results: list[Any] = []
            for number in range(8):
                user = users[(caller + number) % len(users)]
                hold = f"hold-{number}-{user}"
                results += await outcomes([one_of(caller, user, hold)])
            return results

        async def one_of(caller: int, user: UUID, hold: str) -> Any:
            match caller % 4:
                case 0:
                    return await call(
                        db, "atomic_freeze", p_user_id=user, p_amount=Decimal("2.50"), p_transaction_id=hold
                    )
                case 1:
                    return await call(db, "atomic_commit", p_user_id=user, p_transaction_id=hold)
                case 2:
                    return await call(db, "atomic_refund", p_user_id=user, p_transaction_id=hold)
                case _:
                    activation = await order(db, user)
                    return await call(db, "request_cancel", p_user_id=user, p_activation_id=activation) and "ordered"

        results = [result for batch in await asyncio.gather(*map(rounds, range(12))) for result in batch]
        known = {"done", "replayed", "ordered", "UnknownHold", "AlreadySettled", "InsufficientFunds"}
        assert tally(results).keys() <= known
        await assert_books_balance(db)

    run(database_url, scenario, connections_max=12)
