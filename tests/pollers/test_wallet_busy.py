"""A wallet that is locked when an order ends: nothing is decided, and the job comes back and decides it."""

import pytest

import wallet_db.connect as connect_module
from notifier.retry import DATABASE_FAULTS
from tests.pollers.support import LEASE, Play, Rig
from wallet_db.errors import WalletBusy


def test_a_job_that_meets_a_locked_wallet_comes_back(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect_module, "LOCK_TIMEOUT_S", 0.2)

    async def scenario(rig: Rig) -> None:
        activation = await rig.number()
        await rig.sms(activation)
        await rig.pass_time(60)
        user_id = (await rig.row(activation))["user_id"]
        async with rig.db.acquire() as other, other.transaction():
            await other.execute("select lock_user_wallet($1)", user_id)
            with pytest.raises(WalletBusy):
                await rig.work()
        assert (await rig.row(activation))["status"] == "pending"
        await rig.pass_time(LEASE.total_seconds())
        await rig.work()
        assert await rig.end(activation) == ("received", None, "31.00", "0.00")

    play(scenario)


def test_a_busy_wallet_is_a_fault_of_the_database() -> None:
    assert issubclass(WalletBusy, DATABASE_FAULTS)
