"""What is left alone, and for whom: values in, values out."""

from pollers.rests import Rest, Rests, Scope

ROUTE = ("wa", "6")


def refused(rests: Rests, now_s: float, *, spends: bool = True, route: tuple[str, str] | None = ROUTE) -> bool:
    return rests.refusal(now_s, spends=spends, route=route) is not None


def test_each_scope_forbids_what_it_says() -> None:
    looks, buys, elsewhere = {"spends": False, "route": None}, {"spends": True}, {"spends": True, "route": ("tg", "6")}
    for rest, forbidden in (
        (Rest(Scope.ACCOUNT, "BANNED"), (True, True, True)),
        (Rest(Scope.PURCHASES, "BANNED"), (False, True, True)),
        (Rest(Scope.ROUTE, "BANNED", None, *ROUTE), (False, True, False)),
    ):
        rests = Rests()
        rests.note(rest, 10.0, 0.0)
        assert tuple(refused(rests, 5.0, **call) for call in (looks, buys, elsewhere)) == forbidden  # type: ignore[arg-type]
        assert not refused(rests, 10.0)


def test_a_rest_is_never_shortened_and_forgotten_when_it_is_over() -> None:
    rests = Rests()
    rest = Rest(Scope.PURCHASES, "BANNED")
    rests.note(rest, 10.0, 0.0)
    rests.note(rest, 5.0, 0.0)
    found = rests.refusal(8.0, spends=True, route=None)
    assert found == (rest, 2.0)
    assert (rests.count(8.0), rests.count(10.0)) == (1, 0)
    rests.note(Rest(Scope.ROUTE, "BANNED", None, *ROUTE), 30.0, 20.0)
    assert rests.count(20.0) == 1
