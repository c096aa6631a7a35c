"""The heartbeats' wheel: everybody in time, and not all at once."""

import random

from hypothesis import given
from hypothesis import strategies as st

from gateway.realtime.wheel import MADE_UP_S, Pace, Wheel

HEARTBEAT_S = 25
TURNS = 40


def added(wheel: Wheel[int], item: int) -> int:
    slot = wheel.emptiest()
    wheel.add(slot, item)
    return slot


def test_those_who_come_in_one_second_are_spread_over_all() -> None:
    wheel: Wheel[int] = Wheel(HEARTBEAT_S, TURNS)
    for item in range(10_000):
        added(wheel, item)
    turns = [wheel.turn() for _ in range(HEARTBEAT_S * TURNS)]
    assert {len(turn) for turn in turns} == {10_000 // (HEARTBEAT_S * TURNS)}
    assert sorted(item for turn in turns for item in turn) == list(range(10_000)) == sorted(wheel)


def test_those_who_come_back_fill_the_gaps_of_those_who_left() -> None:
    wheel: Wheel[int] = Wheel(HEARTBEAT_S, TURNS)
    slots = {item: added(wheel, item) for item in range(1_000)}
    order = random.Random(0)
    for item in order.sample(range(1_000), 600):
        wheel.discard(slots.pop(item), item)
    for item in range(1_000, 1_600):
        added(wheel, item)
    assert len(wheel) == 1_000
    seconds = [sum(len(wheel.turn()) for _ in range(TURNS)) for _ in range(HEARTBEAT_S)]
    assert set(seconds) == {1_000 // HEARTBEAT_S}


def test_to_discard_what_is_gone_is_no_second_loss() -> None:
    wheel: Wheel[int] = Wheel(2)
    slot = added(wheel, 1)
    wheel.discard(slot, 1)
    wheel.discard(slot, 1)
    assert len(wheel) == 0
    added(wheel, 2)
    assert len(wheel) == 1


@given(st.integers(1, 8), st.integers(1, 4), st.lists(st.sampled_from(["come", "go", "turn"]), max_size=60))
def test_each_is_visited_once_in_as_many_turns_as_there_are_slots(spokes: int, each: int, steps: list[str]) -> None:
    """Also the first time: after it came, at most so many turns."""
    wheel: Wheel[int] = Wheel(spokes, each)
    places: dict[int, int] = {}
    waiting: dict[int, int] = {}
    for number, step in enumerate([*steps, *["turn"] * spokes * each]):
        if step == "come":
            places[number], waiting[number] = added(wheel, number), 0
        elif step == "go" and places:
            item, slot = places.popitem()
            wheel.discard(slot, item)
            del waiting[item]
        elif step == "turn":
            waiting = {item: turns + 1 for item, turns in waiting.items()}
            for item in wheel.turn():
                waiting[item] = 0
        assert all(turns < spokes * each for turns in waiting.values())


def test_who_comes_to_an_empty_wheel_waits_as_long_as_may_be() -> None:
    wheel: Wheel[int] = Wheel(5, 4)
    for _ in range(9):
        wheel.turn()  # into the third spoke
    slot = wheel.emptiest()
    assert slot // 4 == 1, "of the spoke that was visited last"


@given(st.lists(st.floats(0.001, 0.9), min_size=1, max_size=60))
def test_turns_that_come_late_are_made_up_for(held_s: list[float]) -> None:
    pace, now_s, turned = Pace(0.05, 0.0), 0.0, 0
    for each in held_s:
        now_s += each
        turned += pace.turns(now_s)
        assert abs(turned - now_s / 0.05) <= 1.001


def test_after_a_standstill_no_more_than_a_second_is_made_up_for() -> None:
    pace = Pace(0.05, 0.0)
    assert MADE_UP_S / 0.05 <= pace.turns(30.0) <= MADE_UP_S / 0.05 + 1
    assert pace.turns(30.0) == 0
    assert pace.turns(30.051) == 1
