"""A card here beside the same card there: what differs; and what is asked again."""

import asyncio
from decimal import Decimal
from random import Random
from uuid import uuid4

import pytest

from pollers.cards import patience
from pollers.cards.comparison import Mismatch, mismatches_of
from pollers.cards.contract import Card, CardStatus
from pollers.cards.patience import TRIES, patiently, pause_s
from pollers.providers.contract import AccountProblem, ProviderError, Refused, Unavailable
from pollers.turns import Held
from wallet_db.card_reconciliations import ComparedCard


def ours(status: str = "active", balance: str = "10.00") -> ComparedCard:
    return ComparedCard(uuid4(), "6001", status, Decimal(balance), None, is_moving=False)


def theirs(status: CardStatus = CardStatus.ACTIVE, balance: str | None = "10.00") -> Card:
    return Card("6001", status, None if balance is None else Decimal(balance))


CASES: dict[str, tuple[ComparedCard, Card | None, list[Mismatch]]] = {
    "the same": (ours(), theirs(), []),
    "another balance": (ours(), theirs(balance="9.5"), [Mismatch("balance", "10.00", "9.50")]),
    "less than a cent": (ours(), theirs(balance="10.004"), []),
    "a balance that is not told": (ours(), theirs(balance=None), []),
    "another status": (ours(), theirs(CardStatus.BLOCKED), [Mismatch("status", "active", "blocked")]),
    "both": (
        ours(),
        theirs(CardStatus.INACTIVE, "0"),
        [Mismatch("status", "active", "inactive"), Mismatch("balance", "10.00", "0.00")],
    ),
    "unknown there": (ours(), None, [Mismatch("missing", "active", None)]),
    "over here and unknown there": (ours("terminated"), None, []),
    "over on both sides": (ours("terminated"), theirs(CardStatus.FAILED, "3.00"), []),
    "over here and alive there": (ours("terminated"), theirs(), [Mismatch("status", "terminated", "active")]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_differs_is_found(case: str) -> None:
    here, there, found = CASES[case]
    assert mismatches_of(here, there) == found


def asked(*answers: ProviderError | str) -> tuple[list[str], ProviderError | str]:
    """What was answered until `patiently` was content, and how it ended."""
    given = iter(answers)
    said: list[str] = []

    async def ask() -> str:
        answer = next(given)
        said.append(str(answer))
        if isinstance(answer, ProviderError):
            raise answer
        return answer

    try:
        return said, asyncio.run(patiently(ask, Random(1)))
    except ProviderError as fault:
        return said, fault


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE_S", 0.0)


@pytest.mark.usefixtures("_no_pauses")
def test_trouble_of_the_moment_is_asked_three_times() -> None:
    lost, broken = Unavailable("ConnectError"), Unavailable("HTTP 503")
    assert asked(lost, broken, "a card") == (["PROVIDER_UNAVAILABLE: ConnectError", str(broken), "a card"], "a card")
    said, end = asked(lost, lost, broken, "too late")
    assert (len(said), end) == (TRIES, broken)


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize(
    "answer",
    [
        Refused("HTTP 404"),
        AccountProblem("HTTP 401"),
        Unavailable("HTTP 429"),
        Unavailable("too many requests", retry_after_s=30),
        Held("the provider does not answer"),
    ],
)
def test_an_answer_is_not_asked_again(answer: ProviderError) -> None:
    assert asked(answer, "never asked for") == ([str(answer)], answer)


def test_pauses_double_and_are_drawn() -> None:
    random = Random(1)
    first, second = ([pause_s(tries, random) for _ in range(100)] for tries in (1, 2))
    assert len(set(first)) == 100
    assert 0.25 <= min(first) < max(first) <= 0.75
    assert 0.5 <= min(second) < max(second) <= 1.5
