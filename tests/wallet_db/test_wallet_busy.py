"""Wallets that somebody else works on: told as busy, changed by nobody, and free for the same call afterwards."""

import asyncio
from decimal import Decimal
from uuid import UUID

import pytest

import wallet_db.connect as connect_module
from tests.wallet_db.support import call, new_user, run, wallet
from wallet_db.connect import Pool
from wallet_db.errors import BUSY_SQLSTATES, BY_SQLSTATE, WalletBusy, WalletError, refusals
from wallet_db.wallet import freeze

ALL_OF_IT = Decimal("36.00")


def lock(user: UUID) -> str:
    return f"select lock_user_wallet('{user}')"


@pytest.mark.parametrize(
    ("bound", "sqlstate"), [("LOCK_TIMEOUT_S", "55P03"), ("STATEMENT_TIMEOUT_S", "57014")], ids=["lock", "statement"]
)
def test_a_locked_wallet_is_busy_and_not_empty(
    database_url: str, monkeypatch: pytest.MonkeyPatch, bound: str, sqlstate: str
) -> None:
    monkeypatch.setattr(connect_module, bound, 0.2)

    async def scenario(db: Pool) -> None:
        user = await new_user(db, str(ALL_OF_IT))
        async with db.acquire() as other, db.acquire() as connection:
            working = other.transaction()
            await working.start()
            await other.execute(lock(user))
            with pytest.raises(WalletBusy) as caught:
                await freeze(connection, user, ALL_OF_IT, "t1")
            assert caught.value.sqlstate == sqlstate
            assert not isinstance(caught.value, WalletError)
            await working.rollback()
            assert await wallet(db, user) == ("36.00", "0.00", "36.00")
            assert (await freeze(connection, user, ALL_OF_IT, "t1")).replayed is False

    run(database_url, scenario)


def test_of_two_that_wait_for_one_another_one_is_busy(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        users = [await new_user(db), await new_user(db)]
        both = asyncio.Barrier(2)

        async def lock_both(first: UUID, second: UUID) -> str:
            async with db.acquire() as connection:
                try:
                    async with connection.transaction():
                        await connection.execute(lock(first))
                        await both.wait()
                        with refusals():
                            await connection.execute(lock(second))
                except WalletBusy as busy:
                    return busy.sqlstate
            return "done"

        outcomes = await asyncio.gather(lock_both(*users), lock_both(*reversed(users)))
        assert sorted(outcomes) == ["40P01", "done"]

    run(database_url, scenario)


def test_a_snapshot_that_is_too_old_is_busy(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        async with db.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            await connection.fetchval("select balance from users where id = $1", user)
            await call(db, "atomic_deposit", p_user_id=user, p_amount=Decimal(1), p_transaction_id="t1")
            with pytest.raises(WalletBusy) as caught:
                await freeze(connection, user, Decimal(1), "t2")
            assert caught.value.sqlstate == "40001"

    run(database_url, scenario)


def test_busy_is_no_refusal() -> None:
    assert not BUSY_SQLSTATES.keys() & BY_SQLSTATE.keys()
    assert connect_module.LOCK_TIMEOUT_S < connect_module.STATEMENT_TIMEOUT_S < connect_module.COMMAND_TIMEOUT_S
