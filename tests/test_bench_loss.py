"""The loss checker's verdict, plan and report: what it calls a breach, and what it breaks. No product runs here."""

from collections.abc import Sequence
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.loss.account import TOLD_MAX, Account, Ledger, Verdict
from bench.loss.control import SPOILINGS, Spoiler, Spoiling
from bench.loss.plan import Plan
from bench.loss.report import report
from bench.loss.result import Result
from bench.loss.schedule import FAULTS, schedule

USER = "0f8fad5b-d9cb-469f-a165-70867728950e"
EPOCH = "49bbac4f"
AT = "2026-11-21T02:19:09.040Z"
WALLET = {"balance": "36.00", "frozen": "5.00", "available": "31.00"}


def cursor(seq: int, epoch: str = EPOCH) -> str:
    return f"{epoch}-{USER[:8]}-{seq}"


def event(seq: int, *, epoch: str = EPOCH, balance: str = "36.00") -> dict[str, Any]:
    data = {**WALLET, "balance": balance, "n": seq}
    return {"type": "balance.changed", "seq": seq, "cursor": cursor(seq, epoch), "at": AT, "data": data}


def snapshot(seq: int, epoch: str = EPOCH) -> dict[str, Any]:
    return {"type": "ready", "resumed": False, "cursor": cursor(seq, epoch), "snapshot": {"wallet": WALLET}}


def rows(head: int) -> list[tuple[int, str, str, str]]:
    row = '{{"n": {}, "frozen": "5.00", "balance": "36.00", "available": "31.00"}}'
    return [(seq, "balance.changed", AT, row.format(seq)) for seq in range(1, head + 1)]


def judged(seqs: Sequence[int], *, begin: int = 0, head: int = 5) -> Verdict:
    """A client that begins with a snapshot at `begin` and is told these seqs, of a user with `head` events."""
    verdict = Verdict()
    ledger = Ledger(USER, verdict)
    account = Account("1", ledger)
    account.ready(snapshot(begin) if begin else {**snapshot(0), "snapshot": {"wallet": dict.fromkeys(WALLET, "0.00")}})
    for seq in seqs:
        account.apply(event(seq))
    account.finish(head)
    ledger.compare(rows(head))
    return verdict


def found(verdict: Verdict) -> list[tuple[str, int]]:
    return [(breach.kind, breach.seq) for breach in verdict.told]


@pytest.mark.parametrize(
    ("seqs", "breaches"),
    [
        ((1, 2, 3, 4, 5), []),
        ((1, 2, 4, 5), [("lost", 3)]),
        ((1, 2, 3), [("lost", 4), ("lost", 5)]),
        ((), [("lost", seq) for seq in range(1, 6)]),
        ((1, 2, 2, 3, 4, 5), [("doubled", 2)]),
        ((1, 3, 2, 4, 5), [("reordered", 2)]),
        ((1, 2, 3, 4, 5, 6), [("altered", 6)]),
    ],
)
def test_each_seq_comes_once_and_in_order(seqs: tuple[int, ...], breaches: list[tuple[str, int]]) -> None:
    assert found(judged(seqs)) == breaches


def test_a_client_begins_at_its_snapshot() -> None:
    assert judged((4, 5), begin=3).is_clean
    assert found(judged((5,), begin=3)) == [("lost", 4)]


def test_an_event_that_is_not_the_row_is_altered() -> None:
    verdict = Verdict()
    one, other = (Account(name, ledger) for name, ledger in [("1", Ledger(USER, verdict))] * 2)
    one.ready(snapshot(1))
    one.apply(event(2, balance="35.00"))
    assert verdict.is_clean
    other.ready(snapshot(1))
    other.apply(event(2))
    assert found(verdict) == [("altered", 2)]
    ledger = Ledger(USER, verdict)
    Account("1", ledger).apply(event(1, balance="35.00"))
    ledger.compare(rows(1))
    assert found(verdict)[1:] == [("altered", 1)]


def test_keys_may_come_in_another_order() -> None:
    verdict = Verdict()
    ledger = Ledger(USER, verdict)
    account = Account("1", ledger)
    account.ready(snapshot(4))
    account.apply({**event(5), "data": dict(reversed(event(5)["data"].items()))})
    ledger.compare(rows(5))
    assert verdict.is_clean


def test_a_reset_needs_a_void_cursor_and_does_not_excuse_a_gap_before_it() -> None:
    verdict = Verdict()
    ledger = Ledger(USER, verdict)
    account = Account("1", ledger)
    account.ready(snapshot(1))
    account.apply(event(2))
    account.ready(snapshot(4, epoch="00000001"))
    assert verdict.is_clean
    assert (account.resets, account.covered) == (1, 2)
    account.apply(event(6, epoch="00000001"))
    account.ready(snapshot(7, epoch="00000001"))
    assert found(verdict) == [("reset", 7)]
    account.finish(7)
    assert found(verdict)[1:] == [("lost", 5)]


def test_a_stream_resumes_where_the_client_is() -> None:
    verdict = Verdict()
    account = Account("1", Ledger(USER, verdict))
    account.ready(snapshot(3))
    account.ready({"type": "ready", "resumed": True, "cursor": cursor(3)})
    account.ready({"type": "ready", "resumed": True})  # a long-poll's, which does not say
    assert verdict.is_clean
    account.ready({"type": "ready", "resumed": True, "cursor": cursor(4)})
    assert found(verdict) == [("misplaced", 3)]


def test_a_snapshot_holds_the_wallet_of_its_seq() -> None:
    verdict = Verdict()
    ledger = Ledger(USER, verdict)
    Account("1", ledger).ready({**snapshot(2), "snapshot": {"wallet": {**WALLET, "balance": "37.00"}}})
    Account("2", ledger).ready(snapshot(2))
    ledger.compare(rows(3))
    assert [(breach.kind, breach.client, breach.seq) for breach in verdict.told] == [("misplaced", "1", 2)]


def test_a_row_that_is_missing_in_the_table_is_found() -> None:
    verdict = Verdict()
    Ledger(USER, verdict).compare([row for row in rows(4) if row[0] != 2])
    assert found(verdict) == [("lost", 3)]


@pytest.mark.parametrize("spoiling", SPOILINGS)
def test_control_is_found(spoiling: Spoiling) -> None:
    verdict = Verdict()
    ledger = Ledger(USER, verdict)
    account, spoiler = Account("1", ledger), Spoiler(spoiling, 2)
    account.ready(snapshot(1))
    for seq in range(2, 6):
        for message in spoiler.spoil(event(seq)):
            account.apply(message)
    account.finish(5)
    ledger.compare(rows(5))
    assert found(verdict) == [(spoiling, 3)]


# The plan and the schedule.

PLAN = Plan(7, 10, 20, 45, None, 300, tuple(FAULTS), 1.0)


def test_a_seed_makes_the_same_people_and_faults_again() -> None:
    assert PLAN.people() == Plan(7, 10, 20, 9, 5, 1, (), 3).people() != Plan(8, 10, 20, 45, None, 300, (), 1).people()
    first, again, other = (list(islice(schedule(seed, list(FAULTS), 1.0), 50)) for seed in (7, 7, 8))
    assert first == again != other


def test_each_fault_comes_before_any_comes_twice() -> None:
    faults = list(islice(schedule(1, list(FAULTS), 2.0), 3 * len(FAULTS)))
    for deck in range(0, len(faults), len(FAULTS)):
        assert {fault.kind for fault in faults[deck : deck + len(FAULTS)]} == set(FAULTS)
    gaps = [after.at_s - before.at_s for before, after in pairwise(faults)]
    assert all(1 <= gap <= 3 for gap in gaps)
    assert list(schedule(1, [], 1.0)) == []


@given(st.integers(1, 50), st.integers(0, 10_000))
def test_connections_are_shared_out_among_users(users: int, more: int) -> None:
    connections = users + more % (2 * users + 1)
    counts = list(Plan(1, users, connections, 1, None, 1, (), 1).people().values())
    assert (len(counts), sum(counts)) == (users, connections)
    assert set(counts) <= {1, 2, 3}


def test_more_connections_than_users_may_have_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 3 connections for each of 10 users, got 31"):
        Plan(1, 10, 31, 1, None, 1, (), 1).people()


def test_report_names_breaches_and_how_to_have_them_again() -> None:
    result = Result(PLAN)
    assert "breach" not in report(result)
    assert report(result).endswith("0 lost, 0 doubled, 0 reordered, 0 altered, 0 misplaced, 0 reset")
    account = Account("2", Ledger(USER, result.verdict))
    account.finish(TOLD_MAX + 5)
    text = report(result)
    assert f"lost: user {USER}, client 2, seq 1: never came" in text
    assert "and 5 more" in text
    assert "again: python -m bench loss --seed 7 --users 10 --connections 20 --seconds 45 --rate 300" in text
