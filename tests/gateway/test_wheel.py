"""The heartbeats' wheel: everybody in time, and not all at once."""

import random

from hypothesis import given
from hypothesis import strategies as st

from gateway.realtime.wheel import Wheel

HEARTBEAT_S = 25


def added(wheel: Wheel[int], item: int) -> int:
    bucket = wheel.emptiest()
    wheel.add(bucket, item)
    return bucket


def test_those_who_come_in_one_second_are_spread_over_all() -> None:
    wheel: Wheel[int] = Wheel(HEARTBEAT_S)
    for item in range(10_000):
        added(wheel, item)
    turns = [wheel.turn() for _ in range(HEARTBEAT_S)]
    assert {len(turn) for turn in turns} == {10_000 // HEARTBEAT_S}
    assert sorted(item for turn in turns for item in turn) == list(range(10_000)) == sorted(wheel)


def test_those_who_come_back_fill_the_gaps_of_those_who_left() -> None:
    wheel: Wheel[int] = Wheel(HEARTBEAT_S)
    buckets = {item: added(wheel, item) for item in range(1_000)}
    order = random.Random(0)
    for item in order.sample(range(1_000), 600):
        wheel.discard(buckets.pop(item), item)
    for item in range(1_000, 1_600):
        added(wheel, item)
    assert len(wheel) == 1_000
    assert {len(wheel.turn()) for _ in range(HEARTBEAT_S)} == {1_000 // HEARTBEAT_S}


@given(st.integers(1, 8), st.lists(st.sampled_from(["come", "go", "turn"]), max_size=60))
def test_each_is_visited_once_in_as_many_turns_as_there_are_buckets(buckets: int, steps: list[str]) -> None:
    """Also the first time: after it came, at most so many turns."""
    wheel: Wheel[int] = Wheel(buckets)
    places: dict[int, int] = {}
    waiting: dict[int, int] = {}
    for number, step in enumerate([*steps, *["turn"] * buckets]):
        if step == "come":
            places[number], waiting[number] = added(wheel, number), 0
        elif step == "go" and places:
            item, bucket = places.popitem()
            wheel.discard(bucket, item)
            del waiting[item]
        elif step == "turn":
            waiting = {item: turns + 1 for item, turns in waiting.items()}
            for item in wheel.turn():
                waiting[item] = 0
        assert all(turns < buckets for turns in waiting.values())
