"""How long a follower that is awake waits between two reads."""

import pytest

from notifier.tempo import FEW_EVENTS, PAUSE_MAX_S, Tempo

TEMPO = Tempo()
SLOW_READ_S = 0.008


def pauses(rate: float, read_s: float, turns: int = 200) -> list[float]:
    """Of a follower at so many events a second, beginning after a moment in which it was held up."""
    took_s, paused = 0.05, []
    for _ in range(turns):
        paused.append(TEMPO.pause_s(round(rate * took_s), read_s))
        took_s = paused[-1] + read_s
    return paused


@pytest.mark.parametrize(("rate", "read_s"), [(1000, 0.005), (1500, 0.004), (2000, 0.002)])
def test_at_a_modest_rate_pauses_are_short_though_reads_are_slow(rate: float, read_s: float) -> None:
    assert max(pauses(rate, read_s)[50:]) < 0.004


@pytest.mark.parametrize("rate", [5000, 20_000])
def test_in_a_flood_whose_reads_take_long_pauses_are_as_long_as_may_be(rate: float) -> None:
    assert set(pauses(rate, SLOW_READ_S)[50:]) == {PAUSE_MAX_S}


def test_a_quick_read_of_many_is_followed_by_four_times_as_long_a_pause() -> None:
    assert TEMPO.pause_s(1000, 0.003) == pytest.approx(0.012)


def test_nothing_found_is_waited_for_longer_than_something() -> None:
    assert TEMPO.pause_s(0, SLOW_READ_S) == TEMPO.poll_s
    assert TEMPO.pause_s(1, SLOW_READ_S) == TEMPO.pause_s(FEW_EVENTS, SLOW_READ_S) == TEMPO.eager_s
