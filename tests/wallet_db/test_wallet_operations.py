"""The wallet's functions as SQL is written by hand: by name, with literals, from psql; adjustments and replays."""

import asyncio
import json
import subprocess
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.wallet_db.books import assert_sound, read_books
from tests.wallet_db.rivals import overlap
from tests.wallet_db.support import NOW, Database, call, new_user, run, wallet
from tests.wallet_db.wallet_calls import ORDERS
from wallet_db import errors
from wallet_db.connect import Pool
from wallet_db.embedded import EmbeddedPostgres
from wallet_db.migrate import migrate

CALLS = (
    "atomic_freeze(p_user_id => '{user}', p_amount => 5, p_transaction_id => 'h1', p_reason => 'WhatsApp')",
    "atomic_freeze(p_user_id => '{user}', p_amount => '5.00', p_transaction_id => 'h2', p_reason => null)",
    "atomic_freeze(p_user_id => '{user}', p_amount => 5.000, p_transaction_id => 'h3')",
    "atomic_freeze('{user}', 0.5e1, 'h4', p_expires_at => '2026-01-01 12:00Z', p_actor => 'ann')",
    "atomic_commit(p_user_id => '{user}', p_transaction_id => 'h1', p_amount => 2)",
    "atomic_commit('{user}', null, null, 'h2')",
    "atomic_refund(p_user_id => '{user}', p_transaction_id => 'h3', p_amount => '2.5', p_reason => 'cashback')",
    "atomic_refund('{user}', null, null, 'h4')",
    "atomic_deposit('{user}', 10, 'd1')",
    "atomic_deposit(p_user_id => '{user}', p_amount => '0.01', p_transaction_id => 'd2', p_reason => 'gift')",
    "atomic_adjust(p_user_id => '{user}', p_amount => -1, p_transaction_id => 'a1', p_reason => 'charged twice')",
    "atomic_adjust('{user}', '+1', 'a2', 'it was not', p_actor => 'ann')",
)
LEFT = ("36.51", "0.00", "36.51")  # 36.00, less 2.00, 5.00 and 2.50, and 10.01 more


def test_calls_by_name_with_untyped_literals_do_what_they_say(shared_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        for text in CALLS:
            answer = json.loads(await db.fetchval("select " + text.format(user=user)))
            assert answer["replayed"] is False
        assert await wallet(db, user) == LEFT
        for text in CALLS:
            assert json.loads(await db.fetchval("select " + text.format(user=user)))["replayed"] is True
        await assert_sound(db, user)
        entries = (await read_books(db, user)).operations
        assert {entry["actor"].partition(":")[2] for entry in entries} == {"", "ann"}
        assert {entry["reason"] for entry in entries} >= {
            "WhatsApp",
            "purchase",
            "served",
            "cashback",
            "rest: cashback",
        }

    run(shared_url, scenario)


def test_the_same_calls_in_psql(database_url: str, tmp_path: Path) -> None:
    user = uuid4()
    script = f"insert into users (id) values ('{user}');\n"  # noqa: S608 - ours
    script += f"select atomic_deposit(p_user_id => '{user}', p_amount => 36, p_transaction_id => 'd0');\n"
    script += "".join(f"select {text.format(user=user)};\n" for text in CALLS)
    script += f"select atomic_freeze('{user}', 100, 'too-much');\n"
    psql = EmbeddedPostgres(tmp_path).bin_dir / "psql"
    command = [str(psql), "--no-psqlrc", "--tuples-only", "--no-align", "--set=VERBOSITY=verbose", database_url]
    met = subprocess.run(command, input=script, capture_output=True, text=True, timeout=30, check=True)

    answers = [json.loads(line) for line in met.stdout.splitlines() if line.startswith("{")]
    assert [answer["operation_number"] for answer in answers] == [1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15]
    assert (answers[-1]["balance"], answers[-1]["frozen"], answers[-1]["available"]) == LEFT
    assert "ERROR:  OS001: needs 100.00, available 36.51" in met.stderr
    assert '"available": "36.51"' in met.stderr
    run(database_url, lambda db: assert_sound(db, user))


async def insert_activation(db: Database, user: UUID, activation: UUID) -> None:
    await db.execute(
        "insert into activations (id, user_id, service, country, price, frozen_amount)"
        " values ($1, $2, 'whatsapp', 'indonesia', 5, 5)",
        activation,
        user,
    )


def test_a_freeze_may_come_before_its_order_within_the_transaction_only(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, activation = await new_user(db), uuid4()
        freeze = f"select atomic_freeze('{user}', 5, 'h', p_activation_id => '{activation}')"
        before = await read_books(db, user)
        with pytest.raises(asyncpg.ForeignKeyViolationError) as caught:
            await db.fetchval(freeze)
        assert caught.value.constraint_name == "wallet_holds_activation_exists"
        assert await read_books(db, user) == before

        async with db.acquire() as connection, connection.transaction():
            await connection.fetchval(freeze)
            await insert_activation(connection, user, activation)
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")
        await assert_sound(db, user)
        refunded = await call(db, "atomic_refund", p_user_id=user, p_activation_id=activation)
        assert (refunded["transaction_id"], refunded["hold_transaction_id"]) == ("h", "h")
        assert await db.fetchval("select status from activations where id = $1", activation) == "cancelled"
        await assert_sound(db, user)

    run(database_url, scenario)


# Adjustments ----------------------------------------------------------------------------------------------------------


def test_an_adjustment_goes_down_to_what_is_available_and_not_below(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "10.00", "4.00")

        async def adjust(amount: str, name: str) -> Any:
            arguments: dict[str, Any] = {"p_amount": Decimal(amount), "p_transaction_id": name, "p_reason": "audit"}
            return await call(db, "atomic_adjust", p_user_id=user, **arguments)

        with pytest.raises(errors.InsufficientFunds) as caught:
            await adjust("-6.01", "a1")
        assert caught.value.data == {"user_id": str(user), "needed": "6.01", "available": "6.00"}
        down = await adjust("-6", "a1")
        assert (down["amount"], down["balance"], down["frozen"], down["available"]) == ("-6.00", "4.00", "4.00", "0.00")
        up = await adjust("999999999995.99", "a2")
        assert up["balance"] == "999999999999.99"
        with pytest.raises(errors.InvalidAmount):
            await adjust("0.01", "a3")
        for nothing in ("0", "-0.001", "NaN", "-Infinity", "-1e12"):
            with pytest.raises(errors.InvalidAmount):
                await adjust(nothing, "a4")
        await assert_sound(db, user)

    run(database_url, scenario)


@pytest.mark.parametrize("reason", [None, "", " ", "\t\n "])
def test_an_adjustment_without_a_reason_is_refused(shared_url: str, reason: str | None) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        before = await read_books(db, user)
        with pytest.raises(errors.InvalidArgument) as caught:
            await call(db, "atomic_adjust", p_user_id=user, p_amount=1, p_transaction_id="a", p_reason=reason)
        assert caught.value.data == {"argument": "p_reason"}
        assert await read_books(db, user) == before

    run(shared_url, scenario)


def test_an_adjustment_repeated_is_replayed_and_with_another_argument_refused(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, other = await new_user(db), await new_user(db)
        same: dict[str, Any] = {"p_user_id": user, "p_amount": -1, "p_transaction_id": "a", "p_reason": "audit"}
        first = await call(db, "atomic_adjust", **same)
        assert await call(db, "atomic_adjust", **same | {"p_reason": "again"}) == first | {"replayed": True}
        for argument, value in {"amount": 1, "user_id": other}.items():
            with pytest.raises(errors.IdempotencyMismatch) as caught:
                await call(db, "atomic_adjust", **same | {f"p_{argument}": value})
            assert caught.value.data == {"transaction_id": "a", "field": argument}
        # Another operation's transaction id is another transaction.
        await call(db, "atomic_deposit", p_user_id=user, p_amount=1, p_transaction_id="a")
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")
        await assert_sound(db, user, other)

    run(database_url, scenario)


# Replays --------------------------------------------------------------------------------------------------------------


def test_a_freeze_repeated_with_another_argument_names_it(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, other = await new_user(db), await new_user(db)
        freeze: dict[str, Any] = {"p_user_id": user, "p_amount": Decimal(5), "p_transaction_id": "h"}
        freeze |= {"p_activation_id": None, "p_rental_id": None, "p_expires_at": NOW}
        first = await call(db, "atomic_freeze", **freeze)
        assert await call(db, "atomic_freeze", **freeze) == first | {"replayed": True}
        twists = {
            "user_id": other,
            "amount": Decimal("5.01"),
            "activation_id": uuid4(),
            "rental_id": uuid4(),
            "expires_at": NOW + timedelta(microseconds=1),
        }
        before = [await read_books(db, each) for each in (user, other)]
        for argument, value in twists.items():
            with pytest.raises(errors.IdempotencyMismatch) as caught:
                await call(db, "atomic_freeze", **freeze | {f"p_{argument}": value})
            assert caught.value.data == {"transaction_id": "h", "field": argument}
        assert [await read_books(db, each) for each in (user, other)] == before

    run(database_url, scenario)


def test_a_freeze_repeated_while_the_first_is_made_and_settled_is_replayed(database_url: str) -> None:
    """The second caller has seen no hold yet, and meets one that has come and gone."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        hold: dict[str, Any] = {"p_user_id": user, "p_transaction_id": "h"}

        async def freeze(connection: Database) -> Any:
            return await call(connection, "atomic_freeze", **hold, p_amount=Decimal(5))

        async def freeze_and_commit(connection: Database) -> Any:
            frozen = await freeze(connection)
            await call(connection, "atomic_commit", **hold)
            return frozen

        first, second = await overlap(db, freeze_and_commit, freeze)
        assert second == first | {"replayed": True}
        assert await wallet(db, user) == ("31.00", "0.00", "31.00")
        await assert_sound(db, user)

    run(database_url, scenario)


def test_settling_one_of_a_rentals_holds_is_replayed_while_another_is_open(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        rental = await db.fetchval(ORDERS["rental"], user)
        for name in ("first", "extension"):
            await call(db, "atomic_freeze", p_user_id=user, p_amount=5, p_transaction_id=name, p_rental_id=rental)
        settle: dict[str, Any] = {"p_user_id": user, "p_rental_id": rental}
        ends = [await call(db, "atomic_commit", **settle, p_transaction_id=name) for name in ("end-1", "end-2")]
        assert [end["hold_transaction_id"] for end in ends] == ["extension", "first"]
        for name, end in zip(("end-1", "end-2"), ends, strict=True):
            assert await call(db, "atomic_commit", **settle, p_transaction_id=name) == end | {"replayed": True}
        with pytest.raises(errors.AlreadySettled) as caught:
            await call(db, "atomic_refund", **settle, p_transaction_id="end-1")
        assert caught.value.data["hold_transaction_id"] == "extension"
        await assert_sound(db, user)

    run(database_url, scenario)


def test_what_was_answered_before_a_restart_is_answered_after_it(tmp_path: Path) -> None:
    """Acknowledged, then the server is stopped and started: every call repeated is the call of before."""
    server = EmbeddedPostgres(tmp_path)
    user = uuid4()
    answers: list[list[Any]] = []

    async def begin(db: Pool) -> None:
        await db.execute("insert into users (id) values ($1)", user)
        await call(db, "atomic_deposit", p_user_id=user, p_amount=36, p_transaction_id="d0")

    async def make_all_calls(db: Pool) -> None:
        answers.append([json.loads(await db.fetchval("select " + text.format(user=user))) for text in CALLS])

    try:
        url = server.start()
        asyncio.run(migrate(url))
        run(url, begin)
        run(url, make_all_calls)
        server.stop()
        run(server.start(), make_all_calls)
    finally:
        server.stop()
    before, after = answers
    assert after == [answer | {"replayed": True} for answer in before]
