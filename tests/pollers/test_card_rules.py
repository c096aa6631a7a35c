"""Velocity rules: what is a valid one, and what of many transactions it finds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.cards.rules import Rule, RuleInvalid, judge, parse_rule
from wallet_db.card_rules import CardTransaction

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANN, BOB = UUID(int=1), UUID(int=2)
CARD, OTHER_CARD, BOBS_CARD = UUID(int=11), UUID(int=12), UUID(int=21)
MANY = {"name": "many", "window_s": 3600, "count_max": 2, "per": "card", "then": "block"}
MUCH = {"name": "much", "window_s": 3600, "usd_max": "100.00", "per": "user", "then": "alert"}


def paid(
    minutes: float,
    usd: str = "-10.00",
    *,
    card: UUID = CARD,
    user: UUID = ANN,
    type_: str | None = "debit",
    status: str = "completed",
) -> CardTransaction:
    at = NOON + timedelta(minutes=minutes)
    return CardTransaction(int(minutes * 1000), card, user, Decimal(usd), type_, status, at)


def minutes_of(rule: dict[str, Any], transactions: Sequence[CardTransaction]) -> list[float]:
    return [(hit.at - NOON).total_seconds() / 60 for hit in judge(parse_rule(rule), transactions)]


# --- what a rule is


def test_a_rule_is_read_whole() -> None:
    assert parse_rule({**MUCH, "types": ["debit", "crossborder"], "statuses": ["completed"]}) == Rule(
        name="much",
        window=timedelta(hours=1),
        count_max=None,
        usd_max=Decimal("100.00"),
        types=frozenset({"debit", "crossborder"}),
        statuses=frozenset({"completed"}),
        per="user",
        then="alert",
    )


INVALID: dict[str, tuple[object, str]] = {
    "no object": (["many"], "expected an object, got ['many']"),
    "no name": ({**MANY, "name": ""}, "name: expected 1 to 64 printable characters, got ''"),
    "a name with a line break": ({**MANY, "name": "a\nb"}, "name: expected 1 to 64 printable characters, got 'a\\nb'"),
    "a window of nothing": ({**MANY, "window_s": 0}, "window_s: expected a whole number from 1 to 2592000, got 0"),
    "a window of a fraction": (
        {**MANY, "window_s": 1.5},
        "window_s: expected a whole number from 1 to 2592000, got 1.5",
    ),
    "a window that is true": (
        {**MANY, "window_s": True},
        "window_s: expected a whole number from 1 to 2592000, got True",
    ),
    "no maximum": (
        {key: value for key, value in MANY.items() if key != "count_max"},
        "count_max, usd_max: expected exactly one of them",
    ),
    "two maxima": ({**MANY, "usd_max": "5.00"}, "count_max, usd_max: expected exactly one of them"),
    "money as a float": ({**MUCH, "usd_max": 0.1}, 'usd_max: expected an amount as a string like "500.00", got 0.1'),
    "money finer than a cent": (
        {**MUCH, "usd_max": "0.001"},
        "usd_max: expected an amount as a string like \"500.00\", got '0.001'",
    ),
    "no number": ({**MUCH, "usd_max": "NaN"}, "usd_max: expected an amount as a string like \"500.00\", got 'NaN'"),
    "a type that is none": ({**MANY, "types": [1]}, "types: expected a list of 1 to 20 words, got [1]"),
    "no types": ({**MANY, "types": []}, "types: expected a list of 1 to 20 words, got []"),
    "per what": ({**MANY, "per": "shop"}, "per: expected card or user, got 'shop'"),
    "then what": ({**MANY, "then": "burn"}, "then: expected alert or block, got 'burn'"),
    "a key nobody knows": (
        {**MANY, "count_min": 1},
        "'count_min': no such key, expected name, window_s, count_max, usd_max, types, statuses, per, then",
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_what_is_wrong_with_a_rule_is_said(case: str) -> None:
    document, fault = INVALID[case]
    with pytest.raises(RuleInvalid) as raised:
        parse_rule(document)
    assert raised.value.faults == (fault,)


def test_all_faults_are_said_together() -> None:
    with pytest.raises(RuleInvalid) as raised:
        parse_rule({})
    assert [fault.partition(":")[0] for fault in raised.value.faults] == [
        "name", "window_s", "count_max, usd_max", "per", "then",
    ]  # fmt: skip


# --- what it finds


def test_one_more_than_the_maximum_within_the_window_is_a_hit() -> None:
    assert minutes_of(MANY, [paid(0), paid(10)]) == []
    assert minutes_of(MANY, [paid(0), paid(10), paid(59)]) == [59]
    assert minutes_of(MANY, [paid(0), paid(10), paid(60)]) == []  # the first is just out of it


def test_a_subject_that_goes_on_is_a_hit_again_after_a_window_only() -> None:
    assert minutes_of(MANY, [paid(minute) for minute in range(0, 130, 10)]) == [20, 80]


def test_cards_are_counted_apart_and_users_together() -> None:
    spread = [paid(0), paid(1, card=OTHER_CARD), paid(2, card=OTHER_CARD), paid(3, card=BOBS_CARD, user=BOB)]
    assert minutes_of(MANY, spread) == []
    assert minutes_of({**MANY, "per": "user"}, spread) == [2]
    [hit] = judge(parse_rule({**MANY, "per": "user"}), spread)
    assert (hit.user_id, hit.card_ids, hit.count, hit.usd) == (ANN, (CARD, OTHER_CARD), 3, Decimal(30))


def test_money_onto_a_card_is_nothing_taken() -> None:
    assert minutes_of(MUCH, [paid(0, "500.00"), paid(1, "-60.00"), paid(2, "-40.00")]) == []
    assert minutes_of(MUCH, [paid(0, "500.00"), paid(1, "-60.00"), paid(2, "-40.01")]) == [2]


def test_what_came_to_nothing_counts_only_where_it_is_asked_for() -> None:
    declined = [paid(minute, status="failed") for minute in range(4)]
    assert minutes_of(MANY, declined) == []
    assert minutes_of({**MANY, "statuses": ["failed"]}, declined) == [2]


def test_only_the_types_that_are_named_count() -> None:
    mixed = [paid(0), paid(1, type_="crossborder"), paid(2, type_=None), paid(3)]
    assert minutes_of(MANY, mixed) == [2]
    assert minutes_of({**MANY, "count_max": 0, "types": ["crossborder"]}, mixed) == [1]


def test_the_order_in_which_transactions_are_told_does_not_matter() -> None:
    assert minutes_of(MANY, [paid(59), paid(0), paid(10)]) == [59]


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 5_000)), max_size=40), st.integers(0, 20_000))
def test_a_hit_is_what_a_plain_sum_says(payments: list[tuple[int, int]], cents_max: int) -> None:
    transactions = [paid(minute, f"-{cents / 100:.2f}") for minute, cents in payments]
    rule = parse_rule({**MUCH, "per": "card", "usd_max": f"{cents_max / 100:.2f}"})
    beyond = [
        end.at
        for end in transactions
        if sum(-each.usd for each in transactions if end.at - rule.window < each.at <= end.at)
        > Decimal(cents_max) / 100
    ]
    hits = judge(rule, transactions)
    assert (hits == []) == (beyond == [])
    if beyond:
        assert hits[0].at == min(beyond)
    assert all(later.at - earlier.at >= rule.window for earlier, later in pairwise(hits))
