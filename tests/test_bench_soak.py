"""`python -m bench soak`: a small run comes out right, a number bought behind its back is found; and its pure parts."""

import re

import pytest

from bench.soak.judge import Ours, Theirs, disagreements
from bench.soak.plan import Plan
from bench.soak.system import RATES
from pollers.settings import PollerSettings
from pollers.simulator.limits import OWN_LIMITS
from tests.forks import run

RUN_S = 240.0
ORDER = ("herosms", "7")


def soak(*words: str) -> tuple[int, str]:
    """Its exit status, and what it printed."""
    done = run(["bench", "soak", *words], timeout=RUN_S)
    print(done.stdout, done.stderr)  # noqa: T201 - pytest shows it
    return done.returncode, done.stdout


def test_a_number_bought_behind_the_books_is_found_by_both_sides() -> None:
    words = "--seed 5 --orders 6 --seconds 2 --scenario calm --hit-every 0 --control"
    status, said = soak(*words.split())
    assert status == 1
    assert re.search(r"^sms_activate \d+ \(waiting\): paid for and unknown here$", said, re.MULTILINE)
    assert re.search(r"^sms_activate: orphan: theirs \d+: ", said, re.MULTILINE)
    assert re.search(r"^sms_activate: balance: ", said, re.MULTILINE)
    assert "reconcile: the books do not agree" in said
    assert "again: python -m bench soak --seed 5 --orders 6 " in said


@pytest.mark.parametrize("words", ["--orders 0", "--scenario sunny"])
def test_wrong_usage_is_told(words: str) -> None:
    assert soak(*words.split()) == (2, "")


@pytest.mark.parametrize(
    ("here", "there", "complaint"),
    [
        (Ours("a", "completed", charged=True), Theirs("completed", delivered=True), None),
        (Ours("a", "timeout", charged=False), Theirs("cancelled", delivered=False), None),
        (None, Theirs("cancelled", delivered=False), None),
        (None, Theirs("waiting", delivered=False), "herosms 7 (waiting): paid for and unknown here"),
        (
            Ours("a", "timeout", charged=False),
            Theirs("completed", delivered=True),
            "herosms 7 (completed): paid for there, refunded here: order a, timeout",
        ),
        (
            Ours("a", "completed", charged=True),
            Theirs("cancelled", delivered=True),
            "herosms 7 (cancelled): charged here, returned there: order a, completed",
        ),
        (
            Ours("a", "timeout", charged=True),
            Theirs("waiting", delivered=False),
            "herosms 7 (waiting): charged and paid for without an SMS: order a",
        ),
        (Ours("a", "timeout", charged=False), None, "herosms 7: here and not there: order a"),
        (Ours("a", "expired", charged=True, hours=48), Theirs("finished", delivered=True, hours=48), None),
        (
            Ours("a", "expired", charged=True, hours=24),
            Theirs("finished", delivered=True, hours=48),
            "herosms 7 (finished): 48 hours there, 24 here: rental a",
        ),
    ],
)
def test_where_the_two_sides_disagree_is_named(here: Ours | None, there: Theirs | None, complaint: str | None) -> None:
    found = disagreements({ORDER: here} if here else {}, {ORDER: there} if there else {})
    assert found == ([complaint] if complaint else [])


def test_a_seed_means_the_same_orders() -> None:
    plan = Plan(seed=3, orders=50, seconds=5, scenario="nasty", hit_every_s=1)
    assert plan.all_orders() == plan.all_orders()
    assert plan.all_orders() != Plan(seed=4, orders=50, seconds=5, scenario="nasty", hit_every_s=1).all_orders()
    assert {order.user for order in plan.all_orders()} <= set(range(plan.users))
    assert any(order.cancel_s is None for order in plan.all_orders())
    assert any(order.cancel_s is not None for order in plan.all_orders())
    assert {order.is_rental for order in plan.all_orders()} == {True, False}
    assert {call for order in plan.all_orders() for call, _ in order.calls} == {"retry", "finish", "check", "extend"}


def test_patience_grows_with_the_orders() -> None:
    plans = [Plan(seed=3, orders=orders, seconds=5, scenario="nasty", hit_every_s=1) for orders in (200, 2_000)]
    assert [plan.settle_s for plan in plans] == [220, 400]


def test_no_account_is_asked_more_than_its_provider_allows() -> None:
    settings = PollerSettings(demo=True, **{name.lower(): float(value) for name, value in RATES.items()})
    rates = {name: settings.requests_per_s(name) for name in settings.accounts()}
    assert rates == {name: OWN_LIMITS[name].per_s / 2 for name in rates}
    assert sum(f"{name.upper()}_REQUESTS_PER_S" in RATES for name in rates) == len(RATES) == 3
