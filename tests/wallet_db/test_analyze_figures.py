"""What an analysis makes of figures, without a database: shares, intervals, patterns, plots, the page."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from wallet_db.analyze import page, terminal
from wallet_db.analyze.figures import (
    OUTCOMES,
    Analysis,
    CodeUse,
    Coherence,
    Ends,
    OperationSum,
    Pair,
    PairTypes,
    Races,
    RentalSum,
    ResponseTime,
    Tally,
    days_between,
    interval,
)
from wallet_db.analyze.findings import CRITICAL, patterns, percent, recommendations, seconds
from wallet_db.analyze.plots import HEIGHT, columns, scale, short, spread

UNTIL = datetime(2026, 1, 31, 12, tzinfo=UTC)
NO_RACES = Races(pairs=0, overlapping=0, unchained=0, users=0, distance_ms_p50=None, steps={}, types=[], nearest=[])


def analysis(**changes: object) -> Analysis:
    """One in which nothing was ordered, but for the changes."""
    since = UNTIL - timedelta(days=30)
    state = {
        "users": 1, "balance": Decimal("0.00"), "frozen": Decimal("0.00"), "activations_open": 0, "rentals_open": 0,
        "overdue": 0, "orders": 0, "success": None,
    }  # fmt: skip
    nothing = Analysis(
        since=since,
        until=UNTIL,
        days=30,
        state=state,
        orders=Tally(),
        services={},
        countries={},
        providers={},
        error_codes={},
        by_day={day: Tally() for day in days_between(since, UNTIL)},
        by_hour=[Tally() for _ in range(24)],
        response_times=[],
        ends={},
        codes=[],
        operations=[],
        races=NO_RACES,
        coherence=Coherence(wallets=1, not_ok=0, checked=1, operations=0, mismatches={}),
    )
    return replace(nothing, **changes)  # type: ignore[arg-type]


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own


def texts(found: Analysis) -> str:
    return "\n".join(finding.text for finding in recommendations(found))


def test_shares_are_of_the_decided_orders() -> None:
    tally = Tally({"received": 1, "failed": 3, "open": 6})
    assert (tally.total, tally.decided, tally.success) == (10, 4, 0.25)
    assert Tally({"open": 6}).success is None
    assert percent(None) == seconds(None) == "-"
    assert [percent(27 / 112), seconds(0.84), seconds(1234.4)] == ["24.1 %", "0.8 s", "1,234 s"]


def test_an_interval_holds_its_share_and_narrows() -> None:
    assert interval(0, 0) == (0.0, 1.0)
    few, many = interval(3, 10), interval(300, 1000)
    for low, high in (few, many):
        assert 0 < low < 0.3 < high < 1
    assert many[1] - many[0] < (few[1] - few[0]) / 5
    # Wilson 1927, as given for 5 of 10 in any table
    assert interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_days_are_all_that_the_time_touches() -> None:
    since = UNTIL - timedelta(days=30)
    assert len(days_between(since, UNTIL)) == 31
    midnight = datetime(2026, 1, 2, tzinfo=UTC)
    assert len(days_between(midnight - timedelta(days=1), midnight)) == 1


def test_a_handful_is_not_judged() -> None:
    four = {"viber": Tally({"timeout": 4})}
    assert "100 % failure" not in texts(analysis(services=four))
    assert list(analysis(services=four).all_failed) == ["viber"]  # but named
    five = analysis(services={"viber": Tally({"timeout": 5}), "other": Tally({"received": 1, "timeout": 9})})
    (worst, *_) = recommendations(five)
    assert (worst.weight, worst.text) == (CRITICAL, "100 % failure: viber (5)")


def test_cancels_at_20_minutes_are_a_pattern_where_they_are_many() -> None:
    def found(at_20: int, total: int) -> int:
        return len(patterns(analysis(ends={"cancelled": Ends({3: total - at_20, 20: at_20}, at_20)})))

    assert [found(2, 10), found(3, 10), found(3, 100), found(17, 43)] == [0, 1, 0, 1]
    assert not patterns(analysis(ends={"timeout": Ends({20: 50}, 50)}))  # what a timeout does


@pytest.mark.parametrize(("delivered", "noticed"), [(60, True), (25, False), (5, False)])
def test_a_name_beats_a_code_only_by_more_than_chance(delivered: int, noticed: bool) -> None:
    code = CodeUse("whatsapp", "wa", is_name=False, providers=["herosms"], decided=100, delivered=20)
    name = CodeUse("whatsapp", "whatsapp", is_name=True, providers=["fivesim"], decided=100, delivered=delivered)
    assert bool(patterns(analysis(codes=[code, name]))) == noticed
    assert not patterns(analysis(codes=[replace(code, service="viber"), name]))


def test_money_comes_first() -> None:
    found = analysis(
        services={"viber": Tally({"timeout": 50})},
        orders=Tally({"timeout": 50}),
        coherence=Coherence(wallets=2, not_ok=1, checked=2, operations=9, mismatches={"arithmetic": 2}),
    )
    (first, *_) = recommendations(found)
    assert (first.weight, first.text) == (CRITICAL, "audits that do not add up: arithmetic (2)")
    assert "wallets that disagree with their holds or orders: 1" in texts(found)
    assert "NOT COHERENT: 1 not OK, 2 mismatches" in terminal.coherence(found.coherence)


def test_long_times_are_shortened_where_people_read_them() -> None:
    since = UNTIL - timedelta(days=3660)
    by_day = {day: Tally({"received": 1}) for day in days_between(since, UNTIL)}
    found = analysis(since=since, days=3660, by_day=by_day, orders=Tally({"received": 3661}))
    assert len(terminal.lines(found)) < 150
    assert any(line.startswith("… 3,599 days before") for line in terminal.lines(found))
    (by_days, *_) = re.findall(r"<svg.*?</svg>", page.html(found))
    assert by_days.count("<g>") <= 92


@pytest.mark.parametrize("width", [40, 72, 80, 100, 140])
def test_a_report_keeps_to_the_width_and_says_the_same(width: int) -> None:
    many = Tally(dict.fromkeys(OUTCOMES, 1_234_567), Decimal("9876543.21"), Decimal("1234567.8900"), late=3)
    pair = Pair(str(UUID(int=7)), 1_234_567, "commit", "refund", "1000.00", "1000.00", "", 499.9, True, False)
    found = analysis(
        orders=many,
        services=dict.fromkeys(("whatsapp", "a-service-of-24-letters."), many),
        countries={"papua new guinea": many},
        providers={"sms_activate": many, "": many},
        by_hour=[many] * 24,
        by_day=dict.fromkeys(days_between(UNTIL - timedelta(days=30), UNTIL), many),
        response_times=[ResponseTime("whatsapp", 1_234_567, 1_234_567, [1234.5] * 3, [1234.5] * 3)],
        ends={"cancelled": Ends({20: 1_000}, 1_000)},
        operations=[OperationSum("freeze", 1_234_567, Decimal("12345678.90"))],
        races=replace(NO_RACES, pairs=2, users=1, steps={8: 2}, nearest=[pair, pair]),
        coherence=Coherence(wallets=1_000_000, not_ok=1, checked=100, operations=50_000, mismatches={"arithmetic": 2}),
    )
    lines = terminal.lines(found, width)
    assert max(map(len, lines)) <= max(width, 72)
    wide = terminal.lines(found, 400)
    assert len(wide) <= len(lines)
    for figure in ("1234566, 1234567", "499.9 ms", str(UUID(int=7)), "DOES NOT CHAIN", "none asked"):
        assert any(figure in line for line in lines)
    said = " ".join(" ".join(lines).split())
    for line in wide:
        if line.startswith(("CRITICAL", "WARNING", "NOTE", "    ")) and "█" not in line and "DOES NOT" not in line:
            assert " ".join(line.split()) in said


def test_the_page_tells_of_rentals_and_of_what_operators_refunded() -> None:
    tally = Tally({"received": 4, "refunded": 7})
    rentals = [RentalSum("failed", "NO_NUMBERS", 2), RentalSum("active", "", 1234)]
    written = page.html(analysis(orders=tally, services={"whatsapp": tally}, rentals=rentals))
    services = written.partition("<h2>Services</h2>")[2].partition("</section>")[0]
    assert '<th scope="col">refunded</th>' in services
    assert services.count("<td>7</td>") == 1
    told = written.partition("<h2>Rentals</h2>")[2].partition("</section>")[0]
    assert "<p>1,236 rentals, 2 failed</p>" in told
    assert "<td>failed</td><td>NO_NUMBERS</td><td>2</td>" in told
    without = page.html(analysis(services={"whatsapp": Tally({"received": 4})}))
    assert '<th scope="col">refunded</th>' not in without
    assert "<p>0 rentals, 0 failed</p>" in without


def test_columns_are_well_formed_and_as_high_as_their_figures() -> None:
    drawn = parsed(columns("<&>", ["a", "b"], {"received": [1, 0], "timeout": [3, 2]}, labelled=[0]))
    bars = [(bar.get("class"), float(bar.get("y") or 0), float(bar.get("height") or 0)) for bar in drawn.iter("rect")]
    assert [name for name, _, _ in bars] == ["received", "timeout", "timeout"]
    assert bars[1][2] == pytest.approx(3 * bars[0][2], abs=0.2)
    assert bars[1][1] + bars[1][2] == pytest.approx(bars[0][1], abs=0.2)  # it stands on the other
    assert all(0 <= y <= HEIGHT for _, y, _ in bars)
    with pytest.raises(ValueError, match="columns"):
        columns("none", [], {}, labelled=[])
    assert parsed(columns("zero", ["a"], {"received": [0]}, labelled=[0])) is not None


def test_axes_end_at_round_figures() -> None:
    assert [scale(greatest) for greatest in (0, 1, 3, 7, 112, 450, 1_000_001)] == [1, 1, 4, 10, 200, 500, 2_000_000]
    assert [short(value) for value in (0, 950, 1_200, 2_000_000)] == ["0", "950", "1.2k", "2M"]
    assert spread(30, 5) == [0, 6, 12, 18, 24]
    assert spread(3, 5) == [0, 1, 2]


def test_names_of_others_are_escaped_in_the_page() -> None:
    hostile = "<script>alert(1)</script>"
    races = Races(
        pairs=1,
        overlapping=1,
        unchained=1,
        users=1,
        distance_ms_p50=1.0,
        steps={8: 1},
        types=[PairTypes("freeze", "freeze", 1, 1, 1.0)],
        nearest=[Pair(hostile, 2, "freeze", "freeze", "5.00", "5.00", "", -600.0, overlaps=True, chains=False)],
    )
    found = analysis(
        services={hostile: Tally({"timeout": 5})},
        countries={hostile: Tally({"timeout": 5})},
        orders=Tally({"timeout": 5, "failed": 5}),
        error_codes={hostile: Tally({"failed": 5})},
        response_times=[ResponseTime(hostile, 1, 0, [1.0, 1.0, 1.0], [None, None, None])],
        races=races,
    )
    written = page.html(found)
    assert hostile not in written
    assert "&lt;script&gt;" in written
    assert "over 500 ms" in "\n".join(terminal.lines(found))
