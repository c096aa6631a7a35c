"""The token buckets behind the API's limits, and the headers that tell of them."""

import pytest

from gateway.api import rate_limits
from gateway.api.rate_limits import RateLimit, headers_of


def test_twice_a_second_s_worth_at_once_then_the_rate() -> None:
    limit = RateLimit("user", 5)
    refused = [standing.is_refused for _ in range(11) if (standing := limit.take("ann", 100.0))]
    assert refused == [False] * 10 + [True]
    in_a_second = [standing.is_refused for _ in range(6) if (standing := limit.take("ann", 101.0))]
    assert in_a_second == [False] * 5 + [True]


def test_each_key_has_its_own_bucket() -> None:
    limit = RateLimit("user", 1)
    for name in ("ann", "bob"):
        standings = [limit.take(name, 0.0) for _ in range(3)]
        assert [standing is not None and standing.is_refused for standing in standings] == [False, False, True]


def test_refused_requests_take_nothing() -> None:
    limit = RateLimit("user", 2)
    for _ in range(50):
        limit.take("ann", 0.0)
    standing = limit.take("ann", 0.5)
    assert standing is not None
    assert not standing.is_refused


def test_no_bound_counts_nobody() -> None:
    limit = RateLimit("user", 0)
    assert [limit.take("ann", 0.0) for _ in range(1_000)] == [None] * 1_000
    assert len(limit) == 0


def test_headers_say_bound_rest_and_when_it_is_whole_again() -> None:
    user, address = RateLimit("user", 5), RateLimit("address", 20)
    standings = [standing for limit in (user, address) if (standing := limit.take("x", 0.0))]
    assert headers_of(standings) == {
        "ratelimit-policy": '"user";q=10;w=2, "address";q=40;w=2',
        "ratelimit": '"user";r=9;t=1, "address";r=39;t=1',
    }
    for _ in range(9):
        user.take("x", 0.0)
    last = user.take("x", 0.0)
    assert last is not None
    assert headers_of([last])["ratelimit"] == '"user";r=0;t=2'
    assert last.retry_after_s == 1
    assert headers_of([]) == {}


def test_buckets_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "KEYS_MAX", 10)
    limit = RateLimit("address", 1)
    for number in range(100):
        limit.take(number, 0.0)
        assert len(limit) <= 10
    limit = RateLimit("address", 1)
    for number in range(9):
        limit.take(number, 0.0)
    limit.take("busy", 5.0)
    limit.take("new", 5.0)  # one too many: those that are full again make room
    assert len(limit) == 2
