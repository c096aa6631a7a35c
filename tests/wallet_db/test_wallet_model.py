"""The wallet and its model walk together: thousands of random calls, and after each the same books."""

import asyncio
from collections import Counter
from typing import cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.wallet_db.rivals import sabotage
from tests.wallet_db.support import run
from tests.wallet_db.wallet_machine import CALLERS, Bench, WalletMachine
from wallet_db.connect import pool

WALKS = settings(
    max_examples=30,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # shrinking a walk takes minutes, and a test has two
    suppress_health_check=list(HealthCheck),
)
COMMON = {
    *("done", "replayed", "InsufficientFunds", "UnknownUser", "UnknownHold", "AlreadySettled"),
    *("IdempotencyMismatch", "InvalidAmount", "InvalidArgument"),
}


def walk(url: str, how: settings) -> Counter[str]:
    """Walk; returns what the calls met. Raises what was not foretold."""
    with asyncio.Runner() as runner:
        opening = pool(url, "walks", connections_max=CALLERS + 2)
        bench = Bench(runner, runner.run(opening.__aenter__()))
        try:
            machine = cast("type[WalletMachine]", lambda: WalletMachine(bench))  # any factory will do
            run_state_machine_as_test(machine, settings=how)
        finally:
            runner.run(opening.__aexit__(None, None, None))
    return bench.met


def test_the_wallet_answers_as_its_model_does(database_url: str) -> None:
    assert walk(database_url, WALKS).keys() >= COMMON


@pytest.mark.parametrize(
    ("function", "healthy", "sick"),
    [
        ("settle_hold", "v_rest := v_hold.amount - v_amount;", "v_rest := 0;"),
        ("change_balance", "when v_first.amount <> p_amount then 'amount'", ""),
        ("find_hold", "where transaction_id = p_transaction_id and user_id = p_user_id", "where user_id = p_user_id"),
    ],
    ids=["the rest", "another amount", "whose hold"],
)
def test_control_the_walk_finds_a_fault(database_url: str, function: str, healthy: str, sick: str) -> None:
    run(database_url, lambda db: sabotage(db, function, (healthy, sick)))
    with pytest.raises(BaseException):  # noqa: B017, PT011 - an answer not foretold, unsound books, or a fault within
        walk(database_url, settings(WALKS, report_multiple_bugs=False, max_examples=200))
