"""When figures of cards are an alarm, at each threshold and its floor; slowness, minute by minute."""

from decimal import Decimal

import pytest

from pollers.cards.thresholds import SlowWatch, are_failing, blocked_limit, difference_percent


@pytest.mark.parametrize(
    ("ours", "theirs", "percent"),
    [
        ("0.00", "0.00", "0"),
        ("10.00", "10.009", "0"),
        ("100.00", "95.00", "5"),
        ("95.00", "100.00", "5"),
        ("0.00", "7.00", "100"),
        ("-5.00", "5.00", "200"),
    ],
)
def test_a_difference_is_of_the_larger_one(ours: str, theirs: str, percent: str) -> None:
    assert difference_percent(Decimal(ours), Decimal(theirs)) == Decimal(percent)


def test_webhooks_fail_beyond_the_share_and_never_of_a_few() -> None:
    assert not are_failing(5, 100, 5.0)
    assert are_failing(6, 100, 5.0)
    assert not are_failing(19, 19, 5.0)
    assert are_failing(20, 20, 5.0)
    assert not are_failing(0, 0, 5.0)


def test_blocked_cards_may_be_as_many_as_the_days_before_let_expect() -> None:
    assert blocked_limit([3] * 6, 3.0) is None  # no baseline
    assert blocked_limit([0] * 28, 3.0) == 5.0  # the floor
    assert blocked_limit([20] * 28, 3.0) == 23.0  # days all alike deviate by one
    assert blocked_limit([10, 30] * 14, 3.0) == 50.0


def minutes(watch: SlowWatch, *means: float | None) -> list[tuple[list[str], list[str]]]:
    """Two calls a minute of this mean; None: no call."""
    calls = seconds = 0.0
    heard = []
    for mean in means:
        if mean is not None:
            calls, seconds = calls + 2, seconds + 2 * mean
        slow, fast = watch.note_minute({"strowallet": (calls, seconds)})
        heard.append((sorted(slow), sorted(fast)))
    return heard


QUIET: tuple[list[str], list[str]] = ([], [])


def test_slow_is_told_after_five_minutes_without_a_break_and_its_end_once() -> None:
    watch = SlowWatch(2.0, 5)
    assert minutes(watch, 3, 3, 3, 3, 3, 3, 1, 3) == [QUIET] * 4 + [
        (["strowallet"], []), QUIET, ([], ["strowallet"]), QUIET,
    ]  # fmt: skip


def test_a_fast_minute_breaks_it_and_one_without_calls_does_not() -> None:
    assert minutes(SlowWatch(2.0, 5), 3, 3, 3, 3, 1, 3, 3, 3, 3) == [QUIET] * 9
    assert minutes(SlowWatch(2.0, 5), 3, 3, None, None, 3, 3, 3)[-1] == (["strowallet"], [])


def test_exactly_the_threshold_is_not_slow() -> None:
    assert minutes(SlowWatch(2.0, 2), 2, 2, 2) == [QUIET] * 3


def test_the_mean_is_of_the_minutes_kept() -> None:
    watch = SlowWatch(2.0, 2)
    minutes(watch, 9, 3, 5)
    assert watch.mean_s("strowallet") == 4.0
