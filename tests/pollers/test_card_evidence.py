"""What a lost answer has become, by what the provider shows; and when it is looked for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from pollers.cards.contract import Card, CardStatus, CardTransaction, TransactionStatus
from pollers.cards.evidence import Doubt, Unsure, find_funding, which_creation
from pollers.cards.schedule import ANSWER_WINDOW, next_look, next_search

T0 = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def topup(id_: str, usd: str = "5.00", reference: str | None = None, *, is_funding: bool = True) -> CardTransaction:
    return CardTransaction(id_, Decimal(usd), TransactionStatus.COMPLETED, reference=reference, is_funding=is_funding)


@pytest.mark.parametrize(
    ("listed", "reference", "seen", "has_rivals", "found"),
    [
        ([], None, [], False, None),
        ([topup("1")], None, [], False, "1"),
        ([topup("1")], None, ["1"], False, None),
        ([topup("2"), topup("1")], None, ["1"], False, "2"),
        ([topup("1", "6.00")], None, [], False, None),
        ([topup("1", is_funding=False)], None, [], False, None),
        ([topup("2"), topup("1")], None, [], False, Unsure()),
        ([topup("1")], None, [], True, Unsure()),
        ([topup("2"), topup("1", reference="r")], "r", [], True, "1"),
        ([topup("2"), topup("1")], "1", [], True, "1"),
        ([topup("1", "6.00", "r")], "r", ["1"], False, "1"),
        ([topup("1")], "elsewhere", [], False, "1"),
    ],
)
def test_funding_is_known_by_its_reference_or_by_being_new_and_as_much(
    listed: list[CardTransaction],
    reference: str | None,
    seen: list[str],
    has_rivals: bool,
    found: object,
) -> None:
    answer = find_funding(listed, usd=Decimal("5.00"), reference=reference, seen=seen, has_rivals=has_rivals)
    assert (answer.provider_transaction_id if isinstance(answer, CardTransaction) else answer) == found


FIRST, SECOND = UUID(int=1), UUID(int=2)


def doubt(
    card_id: UUID = FIRST,
    *,
    customer: str | None = "c",
    name: str = "ANN EXAMPLE",
    usd: str = "10.00",
    after_s: int = 0,
    is_given_up: bool = False,
) -> Doubt:
    return Doubt(card_id, customer, name, Decimal(usd), T0 + timedelta(seconds=after_s), is_given_up)


@pytest.mark.parametrize(
    ("doubts", "found"),
    [
        ([], None),
        ([doubt()], FIRST),
        ([doubt(name="ann  example")], FIRST),
        ([doubt(customer="other")], None),
        ([doubt(customer=None)], None),
        ([doubt(name="BOB")], None),
        ([doubt(usd="99.00")], FIRST),  # something was paid with it already
        ([doubt(after_s=5), doubt(SECOND)], SECOND),  # alike: the older one's
        ([doubt(usd="99.00"), doubt(SECOND)], SECOND),
        ([doubt(usd="99.00"), doubt(SECOND, usd="98.00")], Unsure()),
        ([doubt(is_given_up=True)], None),
        ([doubt(is_given_up=True), doubt(SECOND)], Unsure()),
        ([doubt(is_given_up=True, usd="99.00"), doubt(SECOND)], SECOND),
    ],
)
def test_card_is_the_creation_that_it_fits(doubts: list[Doubt], found: object) -> None:
    card = Card(
        "6001",
        CardStatus.ACTIVE,
        balance=Decimal("10.00"),
        provider_customer_id="c",
        name_on_card="Ann Example",
    )
    assert which_creation(card, doubts) == found


def test_card_of_a_customer_nobody_tells_is_nobodys() -> None:
    card = Card("6001", CardStatus.ACTIVE, balance=Decimal("10.00"), name_on_card="ANN EXAMPLE")
    assert which_creation(card, [doubt(uuid4(), customer=None), doubt()]) is None


def test_looks_become_rarer_with_age() -> None:
    pauses = [
        (next_look(T0 + timedelta(seconds=age), T0) - T0).total_seconds() - age for age in (0, 59, 60, 599, 600, 3_600)
    ]
    assert pauses == [2, 2, 10, 10, 60, 600]


def test_search_begins_when_no_answer_can_come_and_ends_with_the_doubt() -> None:
    assert next_search(T0, T0, HOUR) == T0 + ANSWER_WINDOW
    assert next_search(T0 + timedelta(seconds=3_590), T0, HOUR) == T0 + HOUR
    assert next_search(T0 + 2 * HOUR, T0, HOUR) > T0 + 2 * HOUR
