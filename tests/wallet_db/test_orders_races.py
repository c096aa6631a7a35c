"""SMS, cancel and timeout at the same instant: one of them decides, and the money follows it."""

import asyncio
from collections import Counter
from decimal import Decimal

from tests.wallet_db.support import (
    apply_sms,
    assert_books_balance,
    call,
    new_user,
    order,
    outcomes,
    pending_order,
    record_purchase,
    row,
    run,
    status,
    wallet,
)
from wallet_db.connect import Pool

ROUNDS = 60


def test_sms_cancel_and_timeout_at_once_have_one_outcome(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("update settings set value = '50' where key = 'timeout_refund_percent'")
        await db.execute("update settings set value = '\"ignore\"' where key = 'late_sms'")
        seen: Counter[str] = Counter()
        for number in range(ROUNDS):
            user = await new_user(db, "5.00")
            activation = await pending_order(db, user)
            rivals = [
                lambda: apply_sms(db, activation),  # noqa: B023 - awaited within the round
                lambda: call(db, "close_activation", p_activation_id=activation, p_status="cancelled"),  # noqa: B023
                lambda: call(db, "close_activation", p_activation_id=activation, p_status="timeout"),  # noqa: B023
                lambda: apply_sms(db, activation),  # noqa: B023
            ]
            turn = number % len(rivals)  # each is first now and then
            results = await asyncio.gather(*(rival() for rival in rivals[turn:] + rivals[:turn]))
            decided = await status(db, activation)
            seen[decided] += 1
            if decided == "received":
                assert Counter(map(str, results)) == {"applied": 1, "repeated": 1, "False": 2}
            else:
                assert Counter(map(str, results)) == {"closed": 2, "True": 1, "False": 1}
            left = {"received": "0.00", "cancelled": "5.00", "timeout": "2.50"}[decided]
            assert await wallet(db, user) == (left, "0.00", left)
            assert (await row(db, activation))["frozen_amount"] == 0
            settlements = await db.fetchval(
                "select count(*) from balance_operations where activation_id = $1 and type <> 'freeze'", activation
            )
            assert settlements == (2 if decided == "timeout" else 1)
        assert seen.keys() == {"received", "cancelled", "timeout"}, "the race was no race"
        await assert_books_balance(db)

    run(database_url, scenario, connections_max=8)


def test_control_settling_by_a_status_read_before_the_lock_frees_what_another_order_holds(database_url: str) -> None:
    """The race above with the look outside the lock: the order is served and refunded, at another hold's cost."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db, "10.00", "5.00")
        activation = await pending_order(db, user)
        both_have_looked = asyncio.Barrier(2)

        async def naively(settle: str) -> None:
            assert await status(db, activation) == "pending"
            await both_have_looked.wait()
            await db.execute(settle, user)

        await asyncio.gather(
            naively(
                "update users set balance = balance - 5, frozen_balance = frozen_balance - 5, "
                "operation_number = operation_number + 1 where id = $1"
            ),
            naively(
                "update users set frozen_balance = frozen_balance - 5, "
                "operation_number = operation_number + 1 where id = $1"
            ),
        )
        assert await wallet(db, user) == ("5.00", "0.00", "5.00")  # the other 5.00 is still held, and may be spent

    run(database_url, scenario)


def test_a_user_cancel_races_the_purchase_and_nothing_is_bought_for_a_closed_order(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        seen: Counter[str] = Counter()
        for number in range(ROUNDS):
            user = await new_user(db, "5.00")
            activation = await order(db, user)
            begin = call(db, "begin_purchase", p_activation_id=activation, p_provider="simulator")
            cancel = call(db, "request_cancel", p_user_id=user, p_activation_id=activation)
            if number % 2:
                begun, cancelled = await asyncio.gather(begin, cancel)
            else:
                cancelled, begun = await asyncio.gather(cancel, begin)
            assert begun is (cancelled["status"] == "ordering"), "bought for a cancelled order, or given up unasked"
            assert await record_purchase(db, activation) is begun
            seen[await status(db, activation)] += 1
            assert (await wallet(db, user))[1] == ("5.00" if begun else "0.00")
        assert seen.keys() == {"pending", "cancelled"}, "the race was no race"
        await assert_books_balance(db)

    run(database_url, scenario, connections_max=4)


def test_a_settling_wallet_call_races_an_sms_and_one_of_them_decides(database_url: str) -> None:
    """The wallet's own door and the order's: both lock the wallet first, so neither deadlocks nor pays twice."""

    async def scenario(db: Pool) -> None:
        await db.execute("update settings set value = '\"ignore\"' where key = 'late_sms'")
        for number in range(ROUNDS // 2):
            user = await new_user(db, "5.00")
            activation = await pending_order(db, user)
            refund = call(
                db,
                "atomic_refund",
                p_user_id=user,
                p_activation_id=activation,
                p_amount=Decimal("2.00"),
                p_transaction_id=f"operator-{number}",
            )
            results = await outcomes([refund, apply_sms(db, activation)])
            decided = await status(db, activation)
            if decided == "received":
                assert type(results[0]).__name__ == "AlreadySettled"
                assert results[1] == "applied"
            else:
                assert (decided, results[1]) == ("cancelled", "closed")
            left = {"received": "0.00", "cancelled": "2.00"}[decided]
            assert await wallet(db, user) == (left, "0.00", left)
        await assert_books_balance(db)

    run(database_url, scenario, connections_max=4)
