"""The order of routes: what may not be asked is not, what costs less for an SMS comes first, and what is seen tells."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.routing import ROUTES_MAX, belief, plan, shared_success
from wallet_db.routes import KnownRoute

ROUTE = KnownRoute("a", "wa", "6", Decimal("1.00"), 100, None, "enabled", 0, 0, resting=False)

counts = st.integers(0, 500)
routes = st.builds(
    lambda name, cost, stock, told, state, tries, share, resting: KnownRoute(
        name, "wa", "6", cost, stock, told, state, tries, round(tries * share), resting
    ),
    st.text("abcdefgh", min_size=1, max_size=3),
    st.none() | st.decimals("0.01", "20", places=2),
    st.none() | st.integers(0, 1000),
    st.none() | st.floats(0, 1),
    st.sampled_from(["enabled", "warned", "disabled"]),
    counts,
    st.floats(0, 1),
    st.booleans(),
)
offers = st.lists(routes, max_size=9, unique_by=lambda route: route.provider)
prices = st.decimals("0.01", "20", places=2)


def first(offered: Sequence[KnownRoute], seeds: int = 200) -> Counter[str]:
    """Who comes first, by the chance of so many seeds."""
    return Counter(plan(offered, Decimal(5), Random(seed)).routes[0].provider for seed in range(seeds))


@given(offers, prices, st.integers(0, 1000))
def test_only_what_may_be_asked_is_and_once(offered: list[KnownRoute], price: Decimal, seed: int) -> None:
    planned = plan(offered, price, Random(seed))
    usable = [r for r in offered if r.state != "disabled" and (r.cost is None or r.cost <= price)]
    assert len(planned.routes) == min(len(usable), ROUTES_MAX)
    assert len({route.provider for route in planned.routes}) == len(planned.routes)
    assert set(planned.routes) <= set(usable)
    assert planned.is_too_dear == any(r.state != "disabled" and r.cost is not None and r.cost > price for r in offered)


@given(offers, prices, st.integers(0, 1000))
def test_what_is_known_and_in_stock_comes_before_the_unknown_and_that_before_the_sold_out(
    offered: list[KnownRoute], price: Decimal, seed: int
) -> None:
    kinds = [
        2 if r.stock == 0 or r.resting else 1 if r.cost is None else 0
        for r in plan(offered, price, Random(seed)).routes
    ]
    assert kinds == sorted(kinds)


@given(offers, prices, st.integers(0, 1000))
def test_the_same_chance_makes_the_same_plan(offered: list[KnownRoute], price: Decimal, seed: int) -> None:
    assert plan(offered, price, Random(seed)) == plan(offered, price, Random(seed))


@given(routes, st.floats(0, 1))
def test_a_belief_is_a_distribution_around_what_was_seen(route: KnownRoute, shared: float) -> None:
    a, b = belief(route, shared)
    assert a > 0
    assert b > 0
    if route.tries >= 400:
        assert a / (a + b) == pytest.approx(route.delivered / route.tries, abs=0.03)


@given(offers)
def test_what_routes_have_shown_together_is_a_share(offered: list[KnownRoute]) -> None:
    assert 0 < shared_success(offered) < 1


def test_a_dearer_route_that_delivers_beats_a_cheap_one_that_does_not() -> None:
    cheap = replace(ROUTE, provider="cheap", cost=Decimal("0.50"), tries=100, delivered=20)
    good = replace(ROUTE, provider="good", cost=Decimal("1.00"), tries=100, delivered=90)
    assert first([cheap, good])["good"] == 200


def test_a_new_route_gets_tried_but_not_first_always() -> None:
    known = replace(ROUTE, provider="known", tries=200, delivered=150)
    new = replace(ROUTE, provider="new")
    assert 30 < first([known, new])["new"] < 170


def test_a_providers_word_counts_half_until_it_is_seen() -> None:
    said = [replace(ROUTE, provider="modest", told_success=0.5), replace(ROUTE, provider="boaster", told_success=1.0)]
    assert first(said)["boaster"] > 120
    seen = [replace(said[0], tries=50, delivered=45), replace(said[1], tries=50, delivered=15)]
    assert first(seen)["modest"] > 195


def test_the_better_route_gets_most_of_the_traffic_though_its_outcomes_are_late() -> None:
    """Orders come in batches of ten, whose outcomes are known only after the batch, as with several processes."""
    truth = {"a": (Decimal("0.72"), 0.85), "b": (Decimal("0.64"), 0.60), "c": (Decimal("0.57"), 0.45)}
    late = Counter[str]()
    for seed in range(10):
        random = Random(seed)
        known = {name: replace(ROUTE, provider=name, cost=cost) for name, (cost, _) in truth.items()}
        for batch in range(40):
            asked = [plan(known.values(), Decimal(5), random).routes[0].provider for _ in range(10)]
            for name in asked:
                served = random.random() < truth[name][1]
                was = known[name]
                known[name] = replace(was, tries=was.tries + 1, delivered=was.delivered + served)
            if batch >= 20:
                late.update(asked)
        assert all(route.tries > 0 for route in known.values())
    assert late["a"] / late.total() > 0.75
