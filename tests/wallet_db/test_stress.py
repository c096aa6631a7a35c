"""`python -m wallet_db stress`: a small run keeps every promise; each kind of sabotage breaks the promise it should.

The sabotaged functions stand for the faults such a run is there to find. Beside them, the pure parts: what the ledger
makes of contradicting answers, and how the table is made.
"""

import asyncio
import os
import random
import re
import signal
import sys
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.conftest import execute
from wallet_db.__main__ import main
from wallet_db.connect import connect
from wallet_db.stress.intents import RIGHT, WEIGHTS, intend
from wallet_db.stress.ledger import Call, Ledger
from wallet_db.stress.verdict import percentile_ms
from wallet_db.wallet import Operation

FUNCTIONS = Path(__file__).resolve().parents[2] / "wallet_db" / "sql" / "functions"
KEPT = "all promises kept: coherence 100 %"


def sabotaged(function: str, good: str, bad: str) -> str:
    """The function as it is, but for one place."""
    script = (FUNCTIONS / f"{function}.sql").read_text(encoding="utf-8")
    assert good in script
    return script.replace(good, bad)


SABOTAGE = {
    "commits are not audited": (
        sabotaged("append_operation", "    insert into bal", "    if p_type <> 'commit' then insert into bal").replace(
            "coalesce(p_reason, p_type));", "coalesce(p_reason, p_type)); end if;", 1
        ),
        {"audit complete", "coherence", "rules of check"},
    ),
    "the audit says what is not so": (
        sabotaged(
            "append_operation",
            "p_user.frozen_balance - v_frozen_change, p_user.frozen_balance,",
            "p_user.frozen_balance - v_frozen_change + 0.01, p_user.frozen_balance + 0.01,",
        ),
        {"coherence", "rules of check"},
    ),
    "a freeze does not look at what is available": (
        sabotaged("atomic_freeze", "and balance - frozen_balance >= p_amount", "")
        + ";alter table users drop constraint users_frozen_within_balance",
        {"nothing overspent", "rules of check"},
    ),
    "a hold may end twice": (
        sabotaged("settle_hold", "elsif v_hold.state = 'held' then", "elsif v_hold.state <> '' then").replace(
            "where transaction_id = v_hold.transaction_id and state = 'held';",
            "where transaction_id = v_hold.transaction_id;",
        )
        + ";drop trigger wallet_holds_end_once_and_whole on wallet_holds",
        {"every answer right", "each hold one end", "rules of check"},
    ),
    "a replay is done again": (
        sabotaged("change_balance", "if found then", "if false then")
        + ";drop index balance_operations_once_per_transaction",
        {"every answer right"},
    ),
    "wallets are busy": (
        sabotaged("atomic_deposit", "begin\n", "begin\nraise exception using errcode = '55P03', message = 'busy';\n"),
        {"every lock acquired"},
    ),
}


def broken_by(output: str) -> set[str]:
    """The promises of a verdict that were broken; coherence without its percentage."""
    return {re.sub(r" [\d.]+ %$", "", name.strip()) for name in re.findall(r"^BROKEN  (.{20})", output, re.MULTILINE)}


def stress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, *options: str
) -> tuple[int, str]:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr(sys, "argv", ["wallet_db", "stress", *options])
    capsys.readouterr()
    status = main()
    return status, capsys.readouterr().out


def test_a_small_run_keeps_every_promise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str
) -> None:
    options = ("--concurrent", "20", "--amount", "5", "--users", "3", "--balance", "40", "--operations", "600")
    status, output = stress(monkeypatch, capsys, database_url, *options)
    assert status == 0, output
    assert output.splitlines()[-1] == KEPT
    assert broken_by(output) == set()
    outcomes = {
        name: [int(figure.replace(",", "")) for figure in figures]
        for name, *figures in re.findall(
            r"^([a-z ]{16}) +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+) ", output, re.MULTILINE
        )
    }
    assert {name.strip() for name in outcomes} == set(WEIGHTS)
    count, done, replayed, refused = zip(*outcomes.values(), strict=True)
    assert sum(count) >= 600
    assert sum(count) == sum(done) + sum(replayed) + sum(refused)
    assert min(sum(done), sum(replayed), sum(refused)) > 0
    monkeypatch.setattr(sys, "argv", ["wallet_db", "check"])
    assert main() == 0


@pytest.mark.parametrize("name", SABOTAGE)
def test_sabotage_is_found_and_named(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str
) -> None:
    script, broken = SABOTAGE[name]
    asyncio.run(execute(database_url, script))
    options = ("--concurrent", "10", "--users", "2", "--operations", "300", "--balance", "20")
    status, output = stress(monkeypatch, capsys, database_url, *options)
    assert status == 1
    assert broken <= broken_by(output), output
    last = output.splitlines()[-1]
    assert last.startswith("BROKEN: ")
    assert all(promise in last for promise in broken)


def test_interrupted_it_ends_with_the_verdict_so_far(database_url: str) -> None:
    async def scenario() -> None:
        bell = asyncio.Event()
        connection = await connect(database_url, "test")
        await connection.add_listener("onesms_events", lambda *_: bell.set())  # rung by the first operation
        command = ["-m", "wallet_db", "stress", "--concurrent", "4", "--users", "2", "--seconds", "600"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, env={**os.environ, "DATABASE_URL": database_url}, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(60):
                await bell.wait()
                process.send_signal(signal.SIGINT)
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await connection.close()
        assert process.returncode == 0, output
        assert output.decode().splitlines()[-1] == KEPT

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "options",
    [("--concurrent", "0"), ("--amount", "0.001"), ("--seconds", "0"), ("--seconds", "9999"), ("--balance", "-1"),
     ("--operations", "1000001"), ("--operations", "5", "--seconds", "5")],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(
    options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        stress(monkeypatch, capsys, "postgresql://nobody@127.0.0.1:1/none", *options)


def answer(number: int, kind: str, amount: str, balance: str, frozen: str) -> Operation:
    money = Decimal(balance), Decimal(frozen)
    return Operation(number, kind, Decimal(amount), *money, money[0] - money[1], "t", None, replayed=False)


def ledger_of_one(*calls: tuple[Call, Operation]) -> Ledger:
    ledger = Ledger([calls[0][0].user_id])
    for call, done in calls:
        ledger.acknowledge(call, done)
    return ledger


USER = UUID(int=1)
DEPOSIT = (Call("deposit", USER, Decimal(10), "d"), answer(1, "deposit", "10.00", "10.00", "0.00"))
FREEZE = (Call("freeze", USER, Decimal(5), "h"), answer(2, "freeze", "5.00", "10.00", "5.00"))
REFUND = (Call("refund", USER, Decimal(2), "h"), answer(3, "refund", "2.00", "7.00", "0.00"))


def test_the_ledger_knows_both_rows_of_a_part() -> None:
    account = ledger_of_one(DEPOSIT, FREEZE, REFUND).accounts[USER]
    assert (account.balance, account.frozen) == (Decimal("7.00"), Decimal("0.00"))
    assert account.acknowledged[3] == "refund 2.00 to 10.00/3.00"
    assert account.acknowledged[4] == "commit 3.00 to 7.00/0.00"


def test_the_ledger_notes_what_contradicts_itself() -> None:
    assert ledger_of_one(DEPOSIT, FREEZE, REFUND).faults == []
    twice = ledger_of_one(DEPOSIT, FREEZE, REFUND, (REFUND[0], answer(5, "refund", "2.00", "4.00", "0.00")))
    assert twice.ended_twice == 1
    assert ledger_of_one(DEPOSIT, (FREEZE[0], answer(1, "freeze", "5.00", "10.00", "5.00"))).contradictions == 1
    assert ledger_of_one((FREEZE[0], answer(1, "freeze", "5.00", "4.00", "5.00"))).overspent == 1


def test_a_seed_decides_what_is_called() -> None:
    account = ledger_of_one(DEPOSIT, FREEZE).accounts[USER]

    def names(seed: int) -> list[str]:
        chance = random.Random(seed)
        return [intend(chance, account, Decimal(5), uuid4().hex).name for _ in range(300)]

    assert names(1) == names(1) != names(2)
    assert set(names(1)) == set(WEIGHTS) - {"second end"}  # no hold has ended yet
    assert set(RIGHT) == set(WEIGHTS)


def test_percentiles_are_of_calls_that_were_made() -> None:
    times = [number / 1000 for number in range(100, 0, -1)]
    assert [round(percentile_ms(times, percent)) for percent in (50, 99, 100)] == [50, 99, 100]
    assert percentile_ms([0.002], 99) == 2.0
