"""A hundred callers end one hold at once, by every door there is: one wins, the others are told who did, and when.

An order's hold ends by an SMS, a cancel, a timeout or a settlement; a hold with a time by a settlement or the sweep.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.wallet_db.books import assert_sound, read_books
from tests.wallet_db.rivals import Caller, overlap
from tests.wallet_db.support import (
    NOW,
    apply_sms,
    call,
    new_user,
    outcomes,
    pending_order,
    run,
    status,
    tally,
    wallet,
)
from wallet_db.connect import Pool
from wallet_db.errors import AlreadySettled, IdempotencyMismatch

CALLERS = 100
ROUNDS = 5
Door = Callable[[int], Awaitable[Any]]
LEFT = {"received": "0.00", "completed": "0.00", "cancelled": "5.00", "timeout": "2.50"}


def rivals(doors: list[Door], first: int) -> list[Awaitable[Any]]:
    """A hundred callers, each door's turn in order; another door is first each time."""
    return [doors[(first + number) % len(doors)](number) for number in range(CALLERS)]


def assert_told(results: list[Any], winner: str, ended: dict[str, Any]) -> None:
    """Every loser with a typed refusal knows the winner, its time and its reason."""
    for refusal in results:
        if isinstance(refusal, AlreadySettled):
            assert (refusal.data["settled_by"], refusal.data["state"]) == (winner, ended["state"])
            assert refusal.data["hold_transaction_id"] == ended["transaction_id"]
            told, at = (datetime.fromisoformat(str(when)) for when in (refusal.data["settled_at"], ended["settled_at"]))
            assert abs(told - at).total_seconds() < 0.001  # told in milliseconds
            assert refusal.data["reason"]


def ends_of_an_order(db: Pool, user: UUID, activation: UUID) -> list[Door]:
    of_order: dict[str, Any] = {"p_activation_id": activation}
    settle = of_order | {"p_user_id": user}
    return [
        lambda number: apply_sms(db, activation, message_id=f"{number}"),
        lambda _: call(db, "close_activation", **of_order, p_status="cancelled"),
        lambda _: call(db, "close_activation", **of_order, p_status="timeout"),
        lambda number: call(db, "atomic_commit", **settle, p_transaction_id=f"{user}-commit-{number}"),
        lambda number: call(db, "atomic_refund", **settle, p_transaction_id=f"{user}-refund-{number}"),
    ]


def ends_of_a_hold(db: Pool, hold: dict[str, Any]) -> list[Door]:
    return [
        lambda _: call(db, "expire_holds", p_now=NOW),
        lambda _: call(db, "atomic_commit", **hold),
        lambda _: call(db, "atomic_refund", **hold),
        lambda _: call(db, "atomic_commit", **hold, p_amount=Decimal(2)),
    ]


def test_sms_cancel_timeout_commit_and_refund_of_one_order_have_one_winner(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("update settings set value = '50' where key = 'timeout_refund_percent'")
        await db.execute("update settings set value = '\"ignore\"' where key = 'late_sms'")
        winners: Counter[str] = Counter()
        for number in range(ROUNDS):
            user = await new_user(db, "5.00")
            activation = await pending_order(db, user)
            doors = ends_of_an_order(db, user, activation)
            results = await outcomes(rivals(doors, number))
            decided = await status(db, activation)
            [hold] = (await read_books(db, user)).holds
            met, each = tally(results), CALLERS // len(doors)
            by_hand = met.pop("done", 0)
            assert met.pop("AlreadySettled", 0) == 2 * each - by_hand
            if decided == "received":  # each further message is one more, and costs nothing
                assert met == {"applied": each, "False": 2 * each}
            elif by_hand:
                late = "applied" if decided == "completed" else "closed"  # paid for, it is shown
                assert met == {late: each, "False": 2 * each}
            else:
                assert met == {"closed": each, "True": 1, "False": 2 * each - 1}
            assert (hold["settled_by"] == f"activation:{activation}") is (not by_hand)
            assert_told(results, hold["settled_by"], hold)
            assert await wallet(db, user) == (LEFT[decided], "0.00", LEFT[decided])
            await assert_sound(db, user)
            winners[decided] += 1
        assert len(winners) > 1, "the race was no race"

    run(database_url, scenario, connections_max=20)


def test_commit_refund_and_the_sweep_of_one_hold_have_one_winner(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        winners: Counter[str] = Counter()
        for number in range(ROUNDS):
            user = await new_user(db, "5.00")
            hold: dict[str, Any] = {"p_user_id": user, "p_transaction_id": f"hold-{user}"}
            await call(db, "atomic_freeze", **hold, p_amount=Decimal(5), p_expires_at=NOW)
            doors = ends_of_a_hold(db, hold)
            results = await outcomes(rivals(doors, number))
            met = tally(results)
            swept = met.pop("1", 0)
            assert met.pop("done", 0) + swept == 1
            assert met.pop("0", 0) == CALLERS // len(doors) - swept
            assert met.keys() <= {"replayed", "AlreadySettled", "IdempotencyMismatch"}  # the last: another part of it
            [ended] = (await read_books(db, user)).holds
            assert_told(results, f"hold-{user}", ended)
            left = f"{5 - ended['committed_amount']:.2f}"
            assert await wallet(db, user) == (left, "0.00", left)
            await assert_sound(db, user)
            winners["swept" if swept else left] += 1
        assert len(winners) > 1, "the race was no race"

    run(database_url, scenario, connections_max=20)


def test_one_transaction_id_ends_one_hold_whoever_uses_it_meanwhile(database_url: str) -> None:
    """Two users' orders settled under one transaction id: the second waits for the first, and is told."""

    async def scenario(db: Pool) -> None:
        users = [await new_user(db) for _ in range(2)]
        orders = [await pending_order(db, user) for user in users]

        def refund(number: int) -> Caller:
            named = {"p_user_id": users[number], "p_activation_id": orders[number], "p_transaction_id": "one"}
            return lambda connection: call(connection, "atomic_refund", **named)

        first, second = await overlap(db, refund(0), refund(1))
        assert first["replayed"] is False
        assert isinstance(second, IdempotencyMismatch)
        assert second.data == {"transaction_id": "one", "field": "hold_transaction_id"}
        assert [await status(db, activation) for activation in orders] == ["cancelled", "pending"]
        await assert_sound(db, *users)

    run(database_url, scenario)
