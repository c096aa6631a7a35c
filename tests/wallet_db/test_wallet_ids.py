"""Transaction ids under pressure: one names one hold and ends one, and a hold can always end under its own name."""

import asyncio
from decimal import Decimal
from uuid import UUID

import pytest

from tests.wallet_db.rivals import until_waiting
from tests.wallet_db.support import assert_books_balance, call, new_user, order, outcomes, run, tally, wallet
from wallet_db.connect import Connection, Pool
from wallet_db.errors import IdempotencyMismatch, InvalidArgument


async def rental(db: Pool | Connection, user: UUID, price: str = "10.00") -> UUID:
    """An open rental, its row alone."""
    found: UUID = await db.fetchval(
        "insert into rentals (user_id, service, country, hours, price, frozen_amount, status)"
        " values ($1, 'whatsapp', 'indonesia', 24, $2, $2, 'active') returning id",
        user,
        Decimal(price),
    )
    return found


def test_callers_repeating_a_freeze_for_an_order_all_get_its_result(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for number in range(10):
            user = await new_user(db)
            lease = await rental(db, user)
            activation = await order(db, user)
            await call(db, "request_cancel", p_user_id=user, p_activation_id=activation)
            results = await outcomes(
                call(
                    db, "atomic_freeze", p_user_id=user, p_amount=Decimal(10), p_transaction_id=f"r{number}",
                    p_rental_id=lease,
                )
                for _ in range(8)
            )  # fmt: skip
            assert tally(results) == {"done": 1, "replayed": 7}
            assert await wallet(db, user) == ("36.00", "10.00", "26.00")

    run(database_url, scenario, connections_max=8)


def test_an_old_snapshot_cannot_leave_a_hold_without_an_end(database_url: str) -> None:
    """Under REPEATABLE READ a freeze does not see that its id has ended another hold since; its hold can still end."""

    async def scenario(db: Pool) -> None:
        ann, bob = await new_user(db), await new_user(db)
        await call(db, "atomic_freeze", p_user_id=ann, p_amount=Decimal(5), p_transaction_id="ann")
        lease = await rental(db, ann, "5.00")
        await call(db, "atomic_freeze", p_user_id=ann, p_amount=Decimal(5), p_transaction_id="lease", p_rental_id=lease)
        async with db.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            await connection.fetchval("select 1")
            await call(db, "atomic_refund", p_user_id=ann, p_rental_id=lease, p_transaction_id="T")
            await call(connection, "atomic_freeze", p_user_id=bob, p_amount=Decimal(5), p_transaction_id="T")
        assert (await call(db, "atomic_refund", p_user_id=bob, p_transaction_id="T"))["replayed"] is False
        assert await wallet(db, bob) == ("36.00", "0.00", "36.00")
        await assert_books_balance(db)

    run(database_url, scenario)


def test_an_id_freezes_once_and_ends_another_hold_once(database_url: str) -> None:
    """Names of holds and ids of settlements count apart; that a hold's name ends another is refused when it is seen."""

    async def scenario(db: Pool) -> None:
        async def freeze(user: UUID, name: str, lease: UUID | None = None) -> object:
            arguments = {"p_user_id": user, "p_amount": Decimal(5), "p_transaction_id": name, "p_rental_id": lease}
            return await call(db, "atomic_freeze", **arguments)

        for number in range(15):
            ann, bob = await new_user(db), await new_user(db)
            leases = [await rental(db, ann, "5.00"), await rental(db, bob, "5.00")]
            for user, lease in zip((ann, bob), leases, strict=True):
                await freeze(user, f"lease {lease}", lease)
            first, second, frozen = await asyncio.gather(
                *(
                    call(db, "atomic_refund", p_user_id=user, p_rental_id=lease, p_transaction_id=f"T{number}")
                    for user, lease in zip((ann, bob), leases, strict=True)
                ),
                freeze(bob, f"T{number}"),
                return_exceptions=True,
            )
            refused = [result for result in (first, second) if isinstance(result, BaseException)]
            assert {type(result) for result in refused} == {IdempotencyMismatch}
            assert isinstance(frozen, dict)
            loser = 0 if first in refused else 1
            with pytest.raises(IdempotencyMismatch):
                await call(
                    db, "atomic_refund", p_user_id=(ann, bob)[loser], p_rental_id=leases[loser],
                    p_transaction_id=f"T{number}",
                )  # fmt: skip
            ended = await call(db, "atomic_refund", p_user_id=bob, p_transaction_id=f"T{number}")
            assert (ended["amount"], ended["replayed"]) == ("5.00", False)
        await assert_books_balance(db)

    run(database_url, scenario)


def test_what_ended_an_orders_hold_names_no_other_hold_of_an_order(database_url: str) -> None:
    """Else a retry of the settlement would mean the new hold, and move money again."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        lease = await rental(db, user, "3.00")
        for name, amount in (("k0", 1), ("k1", 2)):
            await call(
                db, "atomic_freeze", p_user_id=user, p_amount=Decimal(amount), p_transaction_id=name, p_rental_id=lease
            )
        first = await call(db, "atomic_commit", p_user_id=user, p_rental_id=lease, p_transaction_id="Y")
        with pytest.raises(IdempotencyMismatch) as caught:
            await call(
                db, "atomic_freeze", p_user_id=user, p_amount=Decimal(4), p_transaction_id="Y", p_rental_id=lease
            )
        assert caught.value.data["field"] == "hold_transaction_id"
        again = await call(db, "atomic_commit", p_user_id=user, p_rental_id=lease, p_transaction_id="Y")
        assert again == first | {"replayed": True}

    run(database_url, scenario)


@pytest.mark.parametrize("amount", [None, Decimal(8)])
def test_a_repeat_that_waited_for_the_first_gets_its_result(database_url: str, amount: Decimal | None) -> None:
    """Of a rental's holds the one meant is not there yet when the repeat begins."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        lease = await rental(db, user, "13.00")
        of_lease = {"p_user_id": user, "p_rental_id": lease}
        await call(db, "atomic_freeze", **of_lease, p_amount=Decimal(3), p_transaction_id="n1")
        async with db.acquire() as first, db.acquire() as second:
            async with first.transaction():
                await call(first, "atomic_freeze", **of_lease, p_amount=Decimal(10), p_transaction_id="n2")
                ended = await call(first, "atomic_refund", **of_lease, p_transaction_id="C", p_amount=amount)
                repeat = asyncio.create_task(
                    call(second, "atomic_refund", **of_lease, p_transaction_id="C", p_amount=amount)
                )
                await until_waiting(db, second, repeat)
            assert await repeat == ended | {"replayed": True}
        assert ended["hold_transaction_id"] == "n2"

    run(database_url, scenario)


def test_events_are_written_in_the_order_of_their_seq(database_url: str) -> None:
    """The follower reads by id, and relies on it."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        for kind, amount in (("atomic_commit", None), ("atomic_refund", Decimal(1)), ("atomic_refund", None)):
            activation, lease = await order(db, user), await rental(db, user, "5.00")
            await call(
                db, "atomic_freeze", p_user_id=user, p_amount=Decimal(5), p_transaction_id=f"of {lease}",
                p_rental_id=lease,
            )  # fmt: skip
            await call(db, "atomic_refund", p_user_id=user, p_activation_id=activation, p_amount=amount)
            await call(db, kind, p_user_id=user, p_rental_id=lease, p_amount=amount)
            await call(db, "atomic_deposit", p_user_id=user, p_amount=Decimal(9), p_transaction_id=f"for {lease}")
        seqs = [seq for (seq,) in await db.fetch("select seq from events where user_id = $1 order by id", user)]
        assert seqs == list(range(1, len(seqs) + 1))
        types = [type_ for (type_,) in await db.fetch("select type from events where user_id = $1", user)]
        assert {"activation.updated", "rental.updated", "balance.changed"} <= set(types)

    run(database_url, scenario)


def test_which_of_a_rentals_holds_has_to_be_said(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        lease = await rental(db, user)
        for name, amount in (("first", 6), ("second", 4)):
            await call(
                db, "atomic_freeze", p_user_id=user, p_amount=Decimal(amount), p_transaction_id=name, p_rental_id=lease
            )
        with pytest.raises(InvalidArgument) as caught:
            await call(db, "atomic_commit", p_user_id=user, p_rental_id=lease)
        assert caught.value.data == {"argument": "p_transaction_id"}
        for replayed in (False, True):
            answer = await call(db, "atomic_commit", p_user_id=user, p_rental_id=lease, p_transaction_id="first")
            assert (answer["replayed"], answer["amount"]) == (replayed, "6.00")
        assert await wallet(db, user) == ("30.00", "4.00", "26.00")

    run(database_url, scenario)


@pytest.mark.parametrize(("argument", "longest"), [("p_reason", 1000), ("p_actor", 1000)])
def test_a_remark_is_bounded(database_url: str, argument: str, longest: int) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        for function in ("atomic_freeze", "atomic_deposit", "atomic_adjust"):
            arguments = {"p_user_id": user, "p_amount": Decimal(1), "p_transaction_id": function, "p_reason": "why"}
            with pytest.raises(InvalidArgument) as caught:
                await call(db, function, **arguments | {argument: "é" * (longest + 1)})
            assert caught.value.data == {"argument": argument}
            assert (await call(db, function, **arguments | {argument: "é" * longest}))["replayed"] is False
        with pytest.raises(InvalidArgument):
            await call(
                db,
                "atomic_refund",
                p_user_id=user,
                p_transaction_id="atomic_freeze",
                **{argument: "é" * (longest + 1)},
            )

    run(database_url, scenario)
