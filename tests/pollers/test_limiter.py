"""Turns for requests: the rate is kept whatever is asked, urgent calls go first, nobody waits in vain."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.limiter import PATIENCE_S, SHARE, UNLENT_S, Limiter, Priority, TooBusy

PURCHASE, LIST, LOOK, LEISURE = Priority


def given_now(limiter: Limiter, now_s: float) -> list[str]:
    """Whose turns are given at this time."""
    users = []
    while turn := limiter.give(now_s):
        users.append(turn.user)
    return users


def test_a_burst_is_given_at_once_and_then_the_rate_holds() -> None:
    limiter = Limiter(per_s=2, burst=3, now_s=0)
    for number in range(5):
        limiter.ask(LOOK, str(number), 0)
    assert given_now(limiter, 0) == ["0", "1", "2"]
    assert limiter.wait_s(0) == 0.5
    assert given_now(limiter, 0.4) == []
    assert given_now(limiter, 0.5) == ["3"]
    assert given_now(limiter, 1.0) == ["4"]
    assert limiter.wait_s(1.0) is None


def test_purchases_go_before_looks_and_looks_before_leisure() -> None:
    limiter = Limiter(per_s=1, burst=1, now_s=0)
    limiter.ask(LOOK, "spent", 0)
    assert given_now(limiter, 0) == ["spent"]
    for priority, user in ((LEISURE, "prices"), (LOOK, "look"), (PURCHASE, "buy")):
        limiter.ask(priority, user, 0)
    assert [given_now(limiter, now_s) for now_s in (1, 2, 3)] == [["buy"], ["look"], ["prices"]]


def test_a_run_on_purchases_leaves_looks_their_share() -> None:
    limiter = Limiter(per_s=100, burst=1, now_s=0)
    for number in range(20):
        limiter.ask(PURCHASE, f"buyer {number}", 0)
    limiter.ask(LOOK, "look", 0)
    order = [user for tick in range(21) for user in given_now(limiter, tick / 100)]
    assert order.index("look") == SHARE - 1


def test_a_list_goes_before_single_looks_and_each_class_that_waits_has_its_share() -> None:
    limiter = Limiter(per_s=64, burst=1, now_s=0)
    for number in range(20):
        limiter.ask(LOOK, f"hint {number}", 0)
    limiter.ask(LIST, "page", 0)
    assert given_now(limiter, 0) == ["page"]
    for number in range(20):
        limiter.ask(PURCHASE, f"buyer {number}", 0)
        limiter.ask(LIST, "page", 0)
    order = [user.split()[0] for tick in range(1, 1 + 4 * SHARE) for user in given_now(limiter, tick / 64)]
    assert [order.count(user) for user in ("buyer", "page", "hint")] == [4 * SHARE - 4, 2, 2]


def test_users_take_turns_however_much_one_of_them_asks() -> None:
    limiter = Limiter(per_s=1, burst=1, now_s=0)
    for user in ("greedy", "greedy", "greedy", "modest"):
        limiter.ask(PURCHASE, user, 0)
    assert [given_now(limiter, now_s)[0] for now_s in range(4)] == ["greedy", "modest", "greedy", "greedy"]


def test_who_would_wait_for_longer_than_it_is_worth_is_refused_at_once() -> None:
    limiter = Limiter(per_s=1, burst=1, now_s=0)
    for _ in range(int(PATIENCE_S[LOOK]) + 1):
        limiter.ask(LOOK, "", 0)
    with pytest.raises(TooBusy) as refused:
        limiter.ask(LOOK, "", 0)
    assert refused.value.retry_after_s > PATIENCE_S[LOOK]
    limiter.ask(PURCHASE, "", 0)  # goes before them all


def test_nothing_is_given_in_a_pause_and_no_burst_after_it() -> None:
    limiter = Limiter(per_s=1, burst=5, now_s=0)
    limiter.pause(4)
    limiter.pause(2)
    for user in "ab":
        limiter.ask(LOOK, user, 0)
    assert given_now(limiter, 3.5) == []
    assert limiter.wait_s(3.5) == 0.5
    assert given_now(limiter, 4) == ["a"]
    assert given_now(limiter, 5) == ["b"]
    limiter.pause(100)
    with pytest.raises(TooBusy):
        limiter.ask(PURCHASE, "", 5)


def test_a_place_given_up_is_nobodys() -> None:
    limiter = Limiter(per_s=1, burst=1, now_s=0)
    first, second = limiter.ask(LOOK, "a", 0), limiter.ask(LOOK, "b", 0)
    limiter.leave(first)
    limiter.leave(first)
    assert given_now(limiter, 0) == ["b"]
    limiter.leave(second)
    assert len(limiter) == 0


@given(
    per_s=st.floats(0.1, 50),
    burst=st.integers(1, 10),
    steps=st.lists(
        st.tuples(
            st.floats(0, 2), st.sampled_from(["ask", "ask", "pause"]), st.sampled_from(Priority), st.sampled_from("abc")
        ),
        max_size=60,
    ),
)
def test_whatever_is_asked_the_rate_holds_and_nobody_is_lost(
    per_s: float, burst: int, steps: list[tuple[float, str, Priority, str]]
) -> None:
    limiter = Limiter(per_s=per_s, burst=burst, now_s=0)
    now_s, paused_until_s, asked = 0.0, 0.0, 0
    times: list[float] = []
    for after_s, what, priority, user in steps:
        now_s += after_s
        if what == "pause":
            limiter.pause(now_s + 1)
            paused_until_s = now_s + 1
        else:
            with suppress(TooBusy):
                limiter.ask(priority, user, now_s)
                asked += 1
        while limiter.give(now_s):
            assert now_s >= paused_until_s
            times.append(now_s)
    while (wait_s := limiter.wait_s(now_s)) is not None:
        now_s += wait_s + 1e-6
        while limiter.give(now_s):
            times.append(now_s)
    assert len(times) == asked
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= burst + (times[last] - times[first]) * per_s + 1e-6


def test_a_rate_that_is_lent_ends_and_takes_what_was_saved_up_beyond_its_burst() -> None:
    limiter = Limiter(per_s=10, burst=5, now_s=0.0)
    limiter.lend(per_s=5, burst=2, now_s=0.0, until_s=1.0)
    for _ in range(5):
        limiter.ask(Priority.LOOK, "", 0.0)
    assert [limiter.give(0.0) is not None for _ in range(3)] == [True, True, False]
    assert limiter.give(0.2) is not None
    assert limiter.give(1.0) is None  # over, though the next is due
    assert limiter.wait_s(1.0) == UNLENT_S
    with pytest.raises(TooBusy):
        limiter.ask(Priority.PURCHASE, "", 1.0)
    limiter.lend(per_s=5, burst=2, now_s=1.5, until_s=3.0)
    assert limiter.give(1.5) is not None


def test_without_a_part_nothing_is_given_and_with_one_it_begins_with_nothing_saved_up() -> None:
    limiter = Limiter(per_s=10, burst=5, now_s=0.0)
    limiter.lend(per_s=0, burst=1, now_s=0.0, until_s=100.0)
    with pytest.raises(TooBusy):
        limiter.ask(Priority.PURCHASE, "", 0.0)
    limiter.lend(per_s=2, burst=5, now_s=10.0, until_s=100.0)
    limiter.ask(Priority.PURCHASE, "", 10.0)
    assert limiter.give(10.0) is None
    assert limiter.give(10.5) is not None
