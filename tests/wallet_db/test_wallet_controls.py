"""The safeguards taken out, one by one: the same meeting of two callers then breaks the rule that it guards.

Each test runs a meeting twice: with the functions as they are, where the books stay sound, and sabotaged, where they do
not. What the constraints and triggers still catch behind the functions is shown first, then what happens without.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.wallet_db.books import faults, read_books
from tests.wallet_db.rivals import Caller, drop_checks, overlap, sabotage
from tests.wallet_db.support import call, new_user, run, tally, wallet
from wallet_db import errors
from wallet_db.connect import Pool

UNLOCKED = ("v_user := lock_user_wallet(p_user_id);", "select * into v_user from users where id = p_user_id;")
WHOEVER_ENDED_IT = (
    "where transaction_id = v_hold.transaction_id and state = 'held';",
    "where transaction_id = v_hold.transaction_id;",
)
GUARDED_UPDATE = """        update users
           set frozen_balance = frozen_balance + p_amount,
               operation_number = operation_number + 1, event_seq = event_seq + 1
         where id = p_user_id and balance - frozen_balance >= p_amount
"""
READ_BEFORE_UPDATE = """        perform from users where id = p_user_id and balance - frozen_balance >= p_amount;
        if not found then
            perform refuse_freeze(p_user_id, p_amount, p_transaction_id);
        end if;
        update users
           set frozen_balance = frozen_balance + p_amount,
               operation_number = operation_number + 1, event_seq = event_seq + 1
         where id = p_user_id
"""
TAKEN_BACK = """        update users
           set frozen_balance = frozen_balance - p_amount,
               operation_number = operation_number - 1, event_seq = event_seq - 1
         where id = p_user_id;
        return replay_freeze("""
NOT_TAKEN_BACK = "        return replay_freeze("


def freeze(user: UUID, name: str, amount: str = "5.00") -> Caller:
    arguments: dict[str, Any] = {"p_user_id": user, "p_amount": Decimal(amount), "p_transaction_id": name}
    return lambda connection: call(connection, "atomic_freeze", **arguments)


def settle(kind: str, user: UUID, name: str) -> Caller:
    return lambda connection: call(connection, f"atomic_{kind}", p_user_id=user, p_transaction_id=name)


def change(kind: str, user: UUID, name: str, amount: str) -> Caller:
    arguments: dict[str, Any] = {"p_user_id": user, "p_amount": Decimal(amount), "p_transaction_id": name}
    return lambda connection: call(connection, f"atomic_{kind}", **arguments, p_reason="control")


async def end_twice(db: Pool) -> tuple[UUID, tuple[Any, Any]]:
    """One of two holds of 5.00 is committed, and refunded meanwhile."""
    user = await new_user(db, "36.00", frozen="5.00")
    name = f"hold-{uuid4()}"
    await freeze(user, name)(db)
    return user, await overlap(db, settle("commit", user, name), settle("refund", user, name))


def test_without_the_look_under_the_lock_a_hold_ends_twice_unless_its_trigger_refuses(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, (first, second) = await end_twice(db)
        assert first["type"] == "commit"
        assert isinstance(second, errors.AlreadySettled)
        assert (second.data["state"], second.data["reason"]) == ("committed", "served")
        assert faults(await read_books(db, user)) == []

        await sabotage(db, "settle_hold", WHOEVER_ENDED_IT)
        user, (_, second) = await end_twice(db)
        assert isinstance(second, errors.AlreadySettled), "the trigger is the second net"
        assert faults(await read_books(db, user)) == []

        await db.execute("drop trigger wallet_holds_end_once_and_whole on wallet_holds")
        user, met = await end_twice(db)
        assert tally(met) == {"done": 2}
        assert await wallet(db, user) == ("31.00", "0.00", "31.00"), "the other hold's 5.00 may be spent again"
        found = faults(await read_books(db, user))
        assert "frozen is not what the open holds hold: 0.00, held 5.00" in found
        assert any("did not end once" in fault for fault in found)

    run(database_url, scenario)


async def freeze_the_last_twice(db: Pool) -> tuple[UUID, tuple[Any, Any]]:
    """Two freezes of 5.00 meet at a wallet of 5.00."""
    user = await new_user(db, "5.00")
    return user, await overlap(db, freeze(user, f"one-{user}"), freeze(user, f"two-{user}"))


def test_with_its_guard_read_before_the_update_a_freeze_spends_what_is_gone(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, (_, second) = await freeze_the_last_twice(db)
        assert isinstance(second, errors.InsufficientFunds)
        assert second.data == {"user_id": str(user), "needed": "5.00", "available": "0.00"}
        assert faults(await read_books(db, user)) == []

        await sabotage(db, "atomic_freeze", (GUARDED_UPDATE, READ_BEFORE_UPDATE))
        with pytest.raises(ExceptionGroup) as caught:
            await freeze_the_last_twice(db)
        [violation] = caught.value.exceptions
        assert isinstance(violation, asyncpg.CheckViolationError)
        assert violation.constraint_name == "users_frozen_within_balance", "the constraint is the second net"

        await drop_checks(db, "users")
        user, met = await freeze_the_last_twice(db)
        assert tally(met) == {"done": 2}
        assert await wallet(db, user) == ("5.00", "10.00", "-5.00")
        assert faults(await read_books(db, user)) == ["frozen is not within the balance: 10.00 of 5.00"]

    run(database_url, scenario)


async def freeze_once_twice(db: Pool) -> tuple[UUID, tuple[Any, Any]]:
    """Two callers make the same freeze."""
    user = await new_user(db)
    return user, await overlap(db, freeze(user, f"one-{user}"), freeze(user, f"one-{user}"))


def test_without_taking_back_what_a_repeated_freeze_froze_it_stays_frozen(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, met = await freeze_once_twice(db)
        assert tally(met) == {"done": 1, "replayed": 1}
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")
        assert faults(await read_books(db, user)) == []

        await sabotage(db, "atomic_freeze", (TAKEN_BACK, NOT_TAKEN_BACK))
        user, met = await freeze_once_twice(db)
        assert tally(met) == {"done": 1, "replayed": 1}, "nobody is told"
        assert await wallet(db, user) == ("36.00", "10.00", "26.00")
        found = faults(await read_books(db, user))
        assert "frozen is not what the open holds hold: 10.00, held 5.00" in found
        assert "the events' seq has a gap" in found

    run(database_url, scenario)


def test_without_on_conflict_a_repeated_freeze_fails_without_a_reason(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sabotage(db, "atomic_freeze", ("    on conflict (transaction_id) do nothing;", "    ;"))
        with pytest.raises(ExceptionGroup) as caught:
            await freeze_once_twice(db)
        [violation] = caught.value.exceptions
        assert isinstance(violation, asyncpg.UniqueViolationError)

    run(database_url, scenario)


async def take_what_is_being_frozen(db: Pool) -> tuple[UUID, tuple[Any, Any]]:
    """An adjustment takes the 5.00 that a freeze is holding meanwhile."""
    user = await new_user(db, "5.00")
    return user, await overlap(db, freeze(user, f"one-{user}"), change("adjust", user, f"a-{user}", "-5.00"))


async def deposit_once_twice(db: Pool) -> tuple[UUID, tuple[Any, Any]]:
    """Two callers make the same deposit."""
    user = await new_user(db)
    deposit = change("deposit", user, f"d-{user}", "1.00")
    return user, await overlap(db, deposit, deposit)


def test_without_the_lock_an_adjustment_takes_what_is_held(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, (_, second) = await take_what_is_being_frozen(db)
        assert isinstance(second, errors.InsufficientFunds)
        _, met = await deposit_once_twice(db)
        assert tally(met) == {"done": 1, "replayed": 1}

        await sabotage(db, "change_balance", UNLOCKED)
        _, (_, second) = await deposit_once_twice(db)
        assert isinstance(second, errors.IdempotencyMismatch), "counted once by the index, but told somebody else's"
        await drop_checks(db, "users")
        user, met = await take_what_is_being_frozen(db)
        assert tally(met) == {"done": 2}
        assert faults(await read_books(db, user)) == ["frozen is not within the balance: 5.00 of 0.00"]

    run(database_url, scenario)


DOORBELL = "    if pg_try_advisory_lock_shared(20307, 1) then"
UNTOLD = (
    DOORBELL,
    DOORBELL.replace("    if", "    delete from events where user_id = p_user.id and seq = p_user.event_seq;\n    if"),
)
UNWRITTEN = (
    DOORBELL,
    DOORBELL.replace("    if", "    delete from balance_operations where number = p_user.operation_number;\n    if"),
)


@pytest.mark.parametrize(
    ("omission", "expected"),
    [
        (UNTOLD, ["the events' seq has a gap", "the events do not tell the operations: 1 of 3"]),
        (
            UNWRITTEN,
            [
                "the wallet is not what its last operation left: (Decimal('31.00'), Decimal('0.00'), 3)",
                "operation 2 does not follow the one before it",
                "operation 2 does not start where the one before it ended",
                "money was made or lost: 31.00, by the audit 0",
                "hold one did not end once: []",
                "the events do not tell the operations: 3 of 1",
            ],
        ),
    ],
    ids=["without its event", "without its operation"],
)
def test_a_movement_that_leaves_no_trace_is_found_out(
    database_url: str, omission: tuple[str, str], expected: list[str]
) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("drop trigger balance_operations_append_only on balance_operations")
        await sabotage(db, "append_operation", omission)
        user = await new_user(db)
        await call(db, "atomic_freeze", p_user_id=user, p_amount=Decimal(5), p_transaction_id="one")
        await call(db, "atomic_commit", p_user_id=user, p_transaction_id="one")
        assert set(faults(await read_books(db, user))) == set(expected)

    run(database_url, scenario)


def test_a_wallet_changed_by_hand_is_refused_and_without_the_trigger_found_out(database_url: str) -> None:
    by_hand = "update users set balance = balance + 1 where id = $1"

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        with pytest.raises(asyncpg.PostgresError) as caught:
            await db.execute(by_hand, user)
        assert caught.value.sqlstate == errors.UnauditedChange.sqlstate
        assert faults(await read_books(db, user)) == []

        await db.execute("drop trigger users_change_by_operation on users")
        await db.execute(by_hand, user)
        assert faults(await read_books(db, user)) == [
            "the wallet is not what its last operation left: (Decimal('37.00'), Decimal('0.00'), 1)",
            "money was made or lost: 37.00, by the audit 36.00",
        ]

    run(database_url, scenario)
