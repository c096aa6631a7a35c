"""`python -m wallet_db check`: each of its rules is broken in the database itself, past all of its safeguards.

A break may break what follows from it, too: money that comes from nowhere is not conserved. Which rules those are is
part of each case. The control is the same database before it was broken.
"""

import asyncio
import json
import os
import sys
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest

import wallet_db.check
from tests.forks import run
from tests.wallet_db.logins import login
from tests.wallet_db.support import call, new_user
from wallet_db.__main__ import main
from wallet_db.check import RULES, Report, check
from wallet_db.connect import Connection, connect
from wallet_db.errors import AppendOnly, refusals
from wallet_db.progress import Progress, line
from wallet_db.roles import USER

# The user's operations: 1 deposit 100, 2 freeze a 10, 3 commit a, 4 freeze b 10, 5 refund 4 of b, 6 commit the rest,
# 7 freeze c 5, 8 adjust -1, 9 deposit 2: balance 85, frozen 5.
BREAKS = {
    "an operation is renumbered": (
        "update balance_operations set number = 10 where number = 9",
        {"numbers_without_gap"},
    ),
    "the last operation is gone": (
        "delete from balance_operations where number = 9",
        {"numbers_without_gap", "money_conserved"},
    ),
    "an operation in the middle is gone": (
        "delete from balance_operations where number = 7",
        {"numbers_without_gap", "hold_has_its_freeze"},
    ),
    "the first operation finds money": (
        "update balance_operations set balance_before = 1, amount = 99 where number = 1",
        {"begins_at_zero", "money_conserved"},
    ),
    "an operation begins elsewhere": (
        (
            "update balance_operations set balance_before = balance_before + 1, balance_after = balance_after + 1"
            " where number = 8"
        ),
        {"before_is_previous_after"},
    ),
    "operations do not move their amounts": (
        "update balance_operations set amount = amount + case number when 8 then 1 else -1 end where number in (8, 9)",
        {"arithmetic"},
    ),
    "an operation of a type that is none": (
        "update balance_operations set type = 'gift' where number = 9",
        {"arithmetic", "money_conserved"},
    ),
    "available is not balance - frozen": (
        (
            "alter table balance_operations alter available_after drop expression;"
            " update balance_operations set available_after = 0 where number = 9"
        ),
        {"arithmetic"},
    ),
    "frozen beyond the balance for a while": (
        (
            "update balance_operations set amount = -82, balance_after = 2 where number = 8;"
            " update balance_operations set amount = 83, balance_before = 2 where number = 9"
        ),
        {"never_overspent"},
    ),
    "a balance by hand": (
        "update users set balance = 86 where balance = 85",
        {"last_after_is_wallet", "money_conserved"},
    ),
    "a frozen balance by hand": (
        "update users set frozen_balance = 6 where balance = 85",
        {"last_after_is_wallet", "frozen_is_open_holds"},
    ),
    "an open hold of another amount": (
        "update wallet_holds set amount = 6 where transaction_id = 'c'",
        {"hold_has_its_freeze", "frozen_is_open_holds"},
    ),
    "a hold is gone": (
        "delete from wallet_holds where transaction_id = 'a'",
        {"operation_has_its_hold"},
    ),
    "a hold is another user's": (
        "update wallet_holds set user_id = (select id from users where name = 'other') where transaction_id = 'a'",
        {"operation_has_its_hold", "hold_has_its_freeze"},
    ),
    "a hold names another freeze": (
        "update wallet_holds set frozen_number = 1 where transaction_id = 'a'",
        {"hold_has_its_freeze"},
    ),
    "a hold that was never frozen": (
        (
            "insert into wallet_holds (transaction_id, user_id, amount, state, committed_amount, refunded_amount,"
            " frozen_number, settled_number, settled_by, settled_at)"
            " select 'x', id, 1, 'refunded', 0, 1, 2, 3, 'x', now() from users where balance = 85"
        ),
        {"hold_has_its_freeze"},
    ),
    "a hold ends in parts that are not it": (
        "update wallet_holds set committed_amount = 9 where transaction_id = 'a'",
        {"hold_ends_whole"},
    ),
    "an open hold with a part spent": (
        "update wallet_holds set committed_amount = 1 where transaction_id = 'c'",
        {"hold_ends_whole"},
    ),
    "a hold in a state that is none": (
        "update wallet_holds set state = 'lost' where transaction_id = 'a'",
        {"hold_ends_whole"},
    ),
    "a hold ended by other operations": (
        "update wallet_holds set settled_number = 5 where transaction_id = 'a'",
        {"hold_has_its_settlement"},
    ),
    "a hold ended by another transaction": (
        "update wallet_holds set settled_by = 'y' where transaction_id = 'a'",
        {"hold_has_its_settlement"},
    ),
    "a hold ended the other way round": (
        "update wallet_holds set state = 'committed' where transaction_id = 'b'",
        {"hold_has_its_settlement"},
    ),
    "a hold ended in other parts": (
        "update wallet_holds set committed_amount = 5, refunded_amount = 5 where transaction_id = 'b'",
        {"hold_has_its_settlement"},
    ),
    "a settlement names an open hold": (
        "update balance_operations set hold_transaction_id = 'c' where number = 3",
        {"open_hold_has_no_settlement", "hold_has_its_settlement"},
    ),
    "a settlement names none": (
        "update balance_operations set hold_transaction_id = null where number = 3",
        {"operation_has_its_hold", "hold_has_its_settlement"},
    ),
    "a hold that ended is open": (
        (
            "update wallet_holds set state = 'held', committed_amount = null, refunded_amount = null,"
            " settled_number = null, settled_by = null, settled_at = null where transaction_id = 'a'"
        ),
        {"open_hold_has_no_settlement", "frozen_is_open_holds"},
    ),
    "an open rental without its hold": (
        (
            "insert into rentals (user_id, service, country, status, hours, price, frozen_amount)"
            " select id, 'whatsapp', 'indonesia', 'active', 4, 1, 1 from users where balance = 85"
        ),
        {"rental_frozen_is_its_holds"},
    ),
    "a closed rental with an open hold": (
        (
            "with closed as (insert into rentals (user_id, service, country, status, hours, price, frozen_amount,"
            " closed_at, due_at) select id, 'whatsapp', 'indonesia', 'cancelled', 4, 5, 0, now(), null from users"
            " where balance = 85 returning id)"
            " update wallet_holds set rental_id = closed.id from closed where transaction_id = 'c'"
        ),
        {"rental_frozen_is_its_holds"},
    ),
    "an open funding without its hold": (
        (
            "insert into card_fundings (card_id, user_id, kind, usd, price, frozen_amount)"
            " select gen_random_uuid(), id, 'funding', 1, 1, 1 from users where balance = 85"
        ),
        {"funding_frozen_is_its_hold"},
    ),
    "a hold of a funding that is none": (
        "update wallet_holds set funding_id = gen_random_uuid() where transaction_id = 'c'",
        {"funding_frozen_is_its_hold"},
    ),
    "an event beyond event_seq": (
        "update users set event_seq = event_seq - 1 where balance = 85",
        {"events_within_event_seq"},
    ),
    "an event in the middle is gone": (
        "delete from events where seq = 5",
        {"events_without_gap"},
    ),
    "the newest event is gone": (
        "delete from events where seq = (select event_seq from users where balance = 85)",
        {"events_without_gap"},
    ),
    "an event of nobody": (
        "insert into events (user_id, seq, type, payload) values (gen_random_uuid(), 1, 'x', '{}')",
        {"user_exists"},
    ),
    "an operation of nobody": (
        (
            "insert into balance_operations (user_id, number, type, amount, balance_before, balance_after,"
            " frozen_before, frozen_after, transaction_id, actor, reason)"
            " values (gen_random_uuid(), 1, 'deposit', 5, 0, 5, 0, 0, 'x', 'x', 'x')"
        ),
        {"user_exists", "money_conserved"},
    ),
    "a hold of nobody": (
        (
            "insert into wallet_holds (transaction_id, user_id, amount, frozen_number)"
            " values ('x', gen_random_uuid(), 1, 1)"
        ),
        {"user_exists"},
    ),
    "a user is gone": (
        "delete from users where balance = 85",
        {"user_exists", "money_conserved"},
    ),
}

BYPASS = """
    set session_replication_role = replica;
    do $$ declare c record; begin
        for c in select conrelid::regclass as of_table, conname from pg_constraint where contype = 'c'
                  and conrelid in ('users'::regclass, 'wallet_holds'::regclass, 'balance_operations'::regclass)
        loop execute format('alter table %s drop constraint %I', c.of_table, c.conname); end loop;
    end $$;
"""


async def furnish(connection: Connection) -> UUID:
    """Users with all there is, and a clean check."""
    user = await new_user(connection, "100")
    own = {"p_user_id": user}
    for hold, amount in (("a", 10), ("b", 10)):
        await call(connection, "atomic_freeze", **own, p_amount=Decimal(amount), p_transaction_id=hold)
        if hold == "a":
            await call(connection, "atomic_commit", **own, p_transaction_id=hold)
    await call(connection, "atomic_refund", **own, p_transaction_id="b", p_amount=Decimal(4))
    await call(connection, "atomic_freeze", **own, p_amount=Decimal(5), p_transaction_id="c")
    await call(connection, "atomic_adjust", **own, p_amount=Decimal(-1), p_transaction_id="d", p_reason="a test")
    await call(connection, "atomic_deposit", **own, p_amount=Decimal(2), p_transaction_id="e")
    await connection.execute("insert into users (name) values ('other')")
    return user


def furnished(url: str, then: str = "") -> UUID:
    async def scenario() -> UUID:
        connection = await connect(url, "test")
        try:
            user = await furnish(connection)
            if then:
                await connection.execute(BYPASS)
                await connection.execute(then)
            return user
        finally:
            await connection.close()

    return asyncio.run(scenario())


class Operator:
    """Runs the command as an operator does, in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str) -> None:
        monkeypatch.setenv("DATABASE_URL", url)
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def check(self, *options: str) -> tuple[int, str]:
        status, out, _ = self.run("check", *options)
        return status, out

    def run(self, command: str, *options: str) -> tuple[int, str, str]:
        """The status, what it says and what is wrong."""
        self._monkeypatch.setattr(sys, "argv", ["wallet_db", command, *options])
        self._capsys.readouterr()
        status = main()
        said = self._capsys.readouterr()
        return status, said.out, said.err

    def check_json(self, *options: str) -> tuple[int, dict[str, Any]]:
        status, output = self.check("--json", *options)
        return status, json.loads(output)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str) -> Operator:
    return Operator(monkeypatch, capsys, database_url)


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_is_named(name: str, operator: Operator, database_url: str) -> None:
    user = furnished(database_url)
    status, report = operator.check_json()
    assert (status, report["clean"], report["mismatches"], report["shown"]) == (0, True, {}, [])

    statement, rules = BREAKS[name]

    async def damage() -> None:
        connection = await connect(database_url, "test")
        await connection.execute(BYPASS)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(damage())
    status, report = operator.check_json()
    assert (status, report["clean"], set(report["mismatches"])) == (1, False, rules)
    assert {shown["rule"] for shown in report["shown"]} == rules
    assert all(shown["expected"] and shown["found"] for shown in report["shown"])
    named = {shown["user_id"] for shown in report["shown"]} - {None}
    assert "nobody" in name or "another user" in name or named == {str(user)}


def test_every_rule_is_broken_by_some_case() -> None:
    assert set().union(*(rules for _, rules in BREAKS.values())) == set(RULES)


def test_an_operator_reads_user_rule_expected_and_found(operator: Operator, database_url: str) -> None:
    user = furnished(database_url, BREAKS["an operation begins elsewhere"][0])
    status, output = operator.check()
    assert status == 1
    assert output.splitlines() == [
        (
            f"MISMATCH before_is_previous_after: user {user}, operation 8: "
            "expected balance 84.00, frozen 5.00; found balance 85.00, frozen 5.00"
        ),
        (
            f"MISMATCH before_is_previous_after: user {user}, operation 9: "
            "expected balance 84.00, frozen 5.00; found balance 83.00, frozen 5.00"
        ),
        "2 x before_is_previous_after: each operation begins where the one before it ended",
        (
            "3 users, 9 operations, 3 holds; balances 85.00 = deposits 102.00 + adjustments -1.00 - commits 16.00; "
            "0 corrections: 2 MISMATCHES"
        ),
    ]
    status, output = operator.check("--show", "1")
    assert status == 1
    assert output.splitlines()[1] == "… and 1 more"


def test_a_correction_is_told_and_is_no_mismatch(operator: Operator, database_url: str) -> None:
    user = furnished(
        database_url,
        "update users set frozen_balance = 7 where balance = 85; set session_replication_role = origin;"
        " select correct_frozen_balance(id) from users where balance = 85",
    )
    status, report = operator.check_json()
    assert (status, report["corrections"], report["mismatches"]) == (0, 1, {})
    assert report["shown"] == [
        {
            "user_id": str(user),
            "rule": "correction",
            "place": "operation 10",
            "expected": "frozen 5.00",
            "found": "frozen 7.00",
        }
    ]


BY_HAND = "update users set {} where balance = 85; set session_replication_role = origin;"
LATER = " select atomic_deposit(id, 1, p_transaction_id => 'later') from users where operation_number = 9"


@pytest.mark.parametrize(
    ("column", "correct", "rules", "found"),
    [
        (
            "frozen_balance = 7",
            "correct_frozen_balance(id)",
            {"before_is_previous_after": 1},
            "balance 85.00, frozen 7.00",
        ),
        (
            "balance = 90",
            "atomic_adjust(id, -5, p_transaction_id => 'back', p_reason => 'by hand')",
            {"before_is_previous_after": 1, "money_conserved": 1},
            "balance 90.00, frozen 5.00",
        ),
    ],
    ids=["frozen", "balance"],
)
def test_a_break_that_was_looked_into_is_told_and_fails_no_more(
    operator: Operator, database_url: str, column: str, correct: str, rules: dict[str, int], found: str
) -> None:
    """Changed by hand, used before anybody saw it, set right: the audit keeps the break for good."""
    then = BY_HAND.format(column) + LATER
    user = furnished(database_url, f"{then}; select {correct} from users where operation_number = 10")  # noqa: S608
    status, report = operator.check_json()
    assert (status, report["mismatches"]) == (1, rules)

    the_break = ("--user", str(user), "--operation", "10", "--reason", "ticket 15: changed by hand")
    assert operator.run("acknowledge", *the_break)[0] == 0
    status, report = operator.check_json()
    assert (status, report["mismatches"], report["acknowledged"]) == (0, {}, 1)
    [shown] = [shown for shown in report["shown"] if shown["rule"] == "acknowledged"]
    assert (shown["user_id"], shown["place"]) == (str(user), "operation 10")
    assert shown["found"].startswith(f"{found}; ")
    assert shown["found"].endswith("Z: ticket 15: changed by hand")
    assert ", 1 acknowledged: coherent" in operator.check()[1]
    assert operator.run("acknowledge", *the_break)[1].endswith("ticket 15: changed by hand\n"), "again changes nothing"

    async def once_more() -> None:
        connection = await connect(database_url, "test")
        with pytest.raises(AppendOnly), refusals():
            await connection.execute("update acknowledged_breaks set reason = 'x'")
        await connection.execute(BYPASS)
        await connection.execute("update balance_operations set frozen_before = frozen_before + 1 where number = 10")
        await connection.close()

    asyncio.run(once_more())
    status, report = operator.check_json()
    assert status == 1, "another break than the one that was acknowledged"
    assert "before_is_previous_after" in report["mismatches"]


def test_what_is_no_break_is_not_acknowledged(operator: Operator, database_url: str) -> None:
    user = str(furnished(database_url))
    for whose, number, reason, told in (
        (user, "8", "a test", "does not begin where the one before it ended, got 8"),
        (user, "1", "a test", "does not begin where the one before it ended, got 1"),
        (user, "10", "a test", "no operation 10"),
        (user, "8", " ", "expected a reason"),
        (str(uuid4()), "8", "a test", "no user"),
    ):
        status, out, error = operator.run("acknowledge", "--user", whose, "--operation", number, "--reason", reason)
        assert (status, out, told in error) == (1, "", True), error


def test_old_events_may_be_gone(operator: Operator, database_url: str) -> None:
    furnished(database_url, "delete from events where seq < 5")
    assert operator.check()[0] == 0


def test_all_events_may_be_gone(operator: Operator, database_url: str) -> None:
    furnished(database_url, "delete from events")
    assert operator.check()[0] == 0


def test_the_first_event_that_is_missing_is_named(operator: Operator, database_url: str) -> None:
    user = furnished(database_url, "delete from events where seq in (1, 2, 5, 7)")
    _, report = operator.check_json("--user", str(user))
    [shown] = report["shown"]
    assert (shown["rule"], shown["place"]) == ("events_without_gap", "wallet")
    first, _, last = shown["expected"].removeprefix("events ").partition(" to ")
    assert (first, shown["found"]) == ("3", f"{int(last) - 4} of them, without event 5")


def test_one_user_is_checked_alone(operator: Operator, database_url: str) -> None:
    user = furnished(database_url, "update users set event_seq = 0 where name is distinct from 'other'")
    status, report = operator.check_json("--user", str(user))
    assert (status, report["users"], report["operations"], report["holds"]) == (1, 1, 9, 3)
    assert report["mismatches"] == {"events_within_event_seq": 1}
    assert operator.check("--user", str(uuid4())) == (1, "")


def test_batches_leave_nobody_out(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    furnished(database_url, BREAKS["an operation of nobody"][0])
    seen: list[tuple[int, int]] = []

    async def scenario() -> tuple[Report, Report]:
        connection = await connect(database_url, "test")
        for _ in range(7):
            await new_user(connection, "10", "5")
        await connection.close()
        whole = await check(database_url)
        monkeypatch.setattr(wallet_db.check, "USERS_PER_BATCH", 2)
        return whole, await check(database_url, on_progress=lambda done, total: seen.append((done, total)))

    whole, batched = asyncio.run(scenario())
    assert (whole.users, whole.operations, whole.holds) == (10, 24, 10)
    assert whole.mismatches == {"user_exists": 1, "money_conserved": 1}
    assert (batched.users, batched.operations, batched.mismatches) == (10, 24, whole.mismatches)
    assert seen[0] == (0, 10)
    assert seen[-1] == (10, 10)
    assert len(seen) >= 6


def test_a_user_with_many_operations_ends_a_batch(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    furnished(database_url)
    monkeypatch.setattr(wallet_db.check, "OPERATIONS_PER_BATCH", 1)
    report = asyncio.run(check(database_url))
    assert (report.users, report.operations, report.is_clean) == (3, 9, True)


def test_it_runs_as_a_program(database_url: str) -> None:
    furnished(database_url)
    done = run(["wallet_db", "check"], env={**os.environ, "DATABASE_URL": database_url})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("0 corrections: coherent\n")


def test_a_database_without_the_schema_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], empty_database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    monkeypatch.setattr(sys, "argv", ["wallet_db", "check"])
    assert main() == 1
    assert capsys.readouterr().err.endswith("python -m wallet_db migrate\n")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def progress_of_25_s(stream: StringIO) -> str:
    """What is written in 25 s of ten updates each."""
    now = [0.0]
    with Progress(stream, "checking", "users", clock=lambda: now[0]) as progress:
        for done in range(1, 251):
            now[0] = done / 10
            progress.update(done, 250)
    return stream.getvalue()


def test_progress_is_a_bar_on_a_terminal_and_a_line_now_and_then_elsewhere() -> None:
    assert line("checking", 1_000, 4_000, 2.0, "users") == (
        "checking  ██████░░░░░░░░░░░░░░░░░░  1,000/4,000 users  500/s  6 s left"
    )
    assert line("stress", 10, 10, 10.0, "") == "stress  ████████████████████████  100%"
    bar = progress_of_25_s(Terminal())
    assert bar.count("\r") > 100
    assert bar.endswith("\r\x1b[K")
    log = progress_of_25_s(StringIO())
    assert log.count("\n") == 2
    assert "\r" not in log


def test_a_login_that_does_not_see_every_wallet_is_told_so(database_url: str) -> None:
    """Row-level security hides rows without a word: nothing found would read like nothing wrong."""
    with login(database_url, USER, "pg_read_all_data") as auditor:
        for command in ("check", "health"):
            done = run(["wallet_db", command], env={**os.environ, "DATABASE_URL": auditor})
            assert (done.returncode, done.stdout) == (1, "")
            assert "does not see all wallets" in done.stderr
