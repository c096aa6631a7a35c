"""An analysis as lines for a terminal, and as JSON. Pure.

Lines keep to the width: sentences go on in the next line, tables leave out what matters least.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from itertools import groupby
from textwrap import wrap
from typing import Any

import orjson

from wallet_db.analyze.figures import (
    CANCELLED,
    EXPIRED,
    FAILED,
    OPEN,
    OUTCOMES,
    RACE_WINDOW_MS,
    RECEIVED,
    REFUNDED,
    STEPS_MS,
    TIMEOUT,
    Analysis,
    Coherence,
    Pair,
    Races,
    Tally,
)
from wallet_db.analyze.findings import Finding, patterns, percent, plural, recommendations, seconds
from wallet_db.health import table

WIDTH_MIN = 72
BAR_WIDTH = 30
BESIDE_A_BAR = 69
"""So much else is in a line of the outcomes, meaning included."""
DISPENSABLE = ("open", "refunded", "cost", "paid", "failed", "expired")
"""Columns of the outcomes that a narrow table does without, the first one first."""
SERVICES_SHOWN = 20
DAYS_SHOWN = 62
DECIDED = (RECEIVED, CANCELLED, TIMEOUT, EXPIRED, FAILED)
MEANINGS = {
    RECEIVED: "had its SMS",
    CANCELLED: "given up by its user",
    TIMEOUT: "no SMS as long as we waited",
    EXPIRED: "ended by the provider without an SMS",
    FAILED: "no number was sold to us",
    REFUNDED: "refunded by an operator",
    OPEN: "not decided yet",
}


def lines(analysis: Analysis, width: int = 120) -> list[str]:
    """The report as an operator reads it, section by section, in lines of up to `width` (72 at least) characters."""
    width = max(width, WIDTH_MIN)
    sections: list[tuple[str, Iterator[str]]] = [
        ("STATE", _state(analysis)),
        ("ACTIVATIONS", _orders(analysis, width)),
        ("BY SERVICE", _table("service", analysis.services, width)),
        ("BY COUNTRY", _table("country", analysis.countries, width)),
        ("BY PROVIDER", _table("provider", asked(analysis.providers), width)),
        ("RESPONSE TIME", _response_times(analysis)),
        ("BY HOUR (UTC)", _hours(analysis)),
        ("BY DAY (UTC)", _days(analysis)),
        ("RENTALS", _rentals(analysis)),
        ("TRANSACTIONS", _operations(analysis)),
        ("RACE CONDITIONS", _races(analysis.races)),
        ("COHERENCE", iter([coherence(analysis.coherence)])),
        ("PATTERNS", _findings(patterns(analysis), "none stands out")),
        ("RECOMMENDATIONS", _findings(recommendations(analysis), "none: nothing asks for anything")),
    ]
    written = [period(analysis)]
    for title, section in sections:
        written += ["", title]
        for line in section:
            written += _wrapped(line, width)
    return written


def _wrapped(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    margin = " " * (len(line) - len(line.lstrip()))
    return wrap(
        line.strip(),
        width,
        initial_indent=margin,
        subsequent_indent=margin + ("" if margin else "    "),
        break_on_hyphens=False,
    )


def asked(providers: Mapping[str, Tally]) -> dict[str, Tally]:
    """By names for people: an order for which nobody was asked has none."""
    return {name or "none asked": tally for name, tally in providers.items()}


def period(analysis: Analysis) -> str:
    """`30 days, 2026-01-01 12:00 to 2026-01-31 12:00 UTC`."""
    days = plural(analysis.days, "day")
    return f"{days}, {analysis.since:%Y-%m-%d %H:%M} to {analysis.until:%Y-%m-%d %H:%M} UTC"


def as_json(analysis: Analysis) -> str:
    """The report for machines: its figures, shares 0 to 1, and what was found. Money is decimal strings."""
    facts: dict[str, Any] = asdict(analysis)
    facts["orders"] = _with_shares(analysis.orders)
    for name in ("services", "countries", "providers", "error_codes"):
        facts[name] = {label: _with_shares(tally) for label, tally in getattr(analysis, name).items()}
    facts["by_day"] = {day.isoformat(): _with_shares(tally) for day, tally in analysis.by_day.items()}
    facts["by_hour"] = [_with_shares(tally) for tally in analysis.by_hour]
    facts["all_failed"] = {name: tally.decided for name, tally in analysis.all_failed.items()}
    facts["races"]["steps"] = {step_name(step): pairs for step, pairs in sorted(analysis.races.steps.items())}
    facts["races"]["window_ms"] = RACE_WINDOW_MS
    facts["coherence"]["is_coherent"] = analysis.coherence.is_coherent
    facts["patterns"] = [asdict(finding) for finding in patterns(analysis)]
    facts["recommendations"] = [asdict(finding) for finding in recommendations(analysis)]
    return orjson.dumps(facts, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_INDENT_2).decode()


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else dict(value) if isinstance(value, Mapping) else repr(value)


def _with_shares(tally: Tally) -> dict[str, Any]:
    return {
        "total": tally.total,
        "decided": tally.decided,
        **{outcome: tally.count(outcome) for outcome in OUTCOMES},
        "shares": {outcome: tally.share(outcome) for outcome in DECIDED},
        "late": tally.late,
        "price_paid": tally.price_paid,
        "cost": tally.cost,
    }


def step_name(step: int) -> str:
    """What a step of distances is called: `100-200 ms`."""
    first, last = STEPS_MS[step - 1 :][0], STEPS_MS[step:][:1]
    return f"{first}-{last[0]} ms" if last else f"over {first} ms"


def coherence(found: Coherence) -> str:
    """One sentence: what was looked at, and whether it adds up."""
    if not found.checked:
        scope = "none"
    elif found.checked < found.wallets:
        scope = f"{found.checked:,} of {plural(found.wallets, 'wallet')} (those with the nearest operations)"
    else:
        scope = plural(found.wallets, "wallet")
    verdict = (
        "coherent"
        if found.is_coherent
        else f"NOT COHERENT: {found.not_ok:,} not OK, {sum(found.mismatches.values()):,} mismatches"
    )
    rest = "" if found.checked >= found.wallets else "; all of them: python -m wallet_db check"
    return (
        f"{plural(found.wallets, 'wallet')} compared with holds and orders, {scope} replayed from zero"
        f" ({found.operations:,} operations): {verdict}{rest}"
    )


def _state(analysis: Analysis) -> Iterator[str]:
    state = analysis.state
    yield from state_lines(state)


def state_lines(state: Mapping[str, object]) -> Iterator[str]:
    """What is so now, in sentences."""
    yield f"{_count(state['users'], 'user')}; their wallets hold {state['balance']:,}, {state['frozen']:,} of it frozen"
    yield (
        f"open now: {_count(state['activations_open'], 'activation')}, {_count(state['rentals_open'], 'rental')};"
        f" {state['overdue']:,} to be looked at have waited for a poller for more than a minute"
    )
    share = state["success"]
    yield f"last 24 hours: {_count(state['orders'], 'activation')}" + (
        f", {percent(share)} of the decided ones had their SMS" if isinstance(share, float) else ""
    )


def _count(count: object, one: str) -> str:
    return plural(count, one) if isinstance(count, int) else str(count)


def _orders(analysis: Analysis, width: int) -> Iterator[str]:
    bar_width = min(BAR_WIDTH, width - BESIDE_A_BAR)
    orders = analysis.orders
    yield f"{plural(orders.total, 'activation')}, {orders.decided:,} decided; shares are of these"
    rows = [
        [
            outcome,
            f"{orders.count(outcome):,}".rjust(9),
            percent(orders.share(outcome) if outcome in DECIDED else None).rjust(7),
            "" if outcome not in DECIDED else "█" * round((orders.share(outcome) or 0.0) * bar_width),
            MEANINGS[outcome],
        ]
        for outcome in OUTCOMES
        if outcome in DECIDED or orders.count(outcome)
    ]
    yield from table(("", "orders".rjust(9), "share".rjust(7), "", ""), rows).splitlines()
    yield f"users paid {orders.price_paid:,}, the numbers with an SMS cost {orders.cost:,.2f}"
    if orders.late:
        yield f"{plural(orders.late, 'order')} had an SMS after the money went back"
    if analysis.all_failed:
        named = ", ".join(f"{name} (0 of {tally.decided:,})" for name, tally in analysis.all_failed.items())
        yield f"100 % failure: {named}"


def _table(name: str, tallies: Mapping[str, Tally], width: int) -> Iterator[str]:
    if not tallies:
        yield "none"
        return
    ordered = sorted(tallies.items(), key=lambda item: (-item[1].total, item[0]))
    beside = beside_decided(tallies)
    rows = [
        [
            label or "none",
            f"{tally.total:,}",
            f"{tally.count(RECEIVED):,}",
            percent(tally.success),
            *(f"{tally.count(outcome):,}" for outcome in (*DECIDED[1:], *beside, OPEN)),
            f"{tally.price_paid:,}",
            f"{tally.cost:,.2f}",
        ]
        for label, tally in ordered[:SERVICES_SHOWN]
    ]
    head = (name, "orders", "SMS", "success", *DECIDED[1:], *beside, OPEN, "paid", "cost")
    yield from _narrowed(head, rows, width).splitlines()
    if len(ordered) > SERVICES_SHOWN:
        yield f"… and {len(ordered) - SERVICES_SHOWN:,} more"


def beside_decided(tallies: Mapping[str, Tally]) -> list[str]:
    """Outcomes that have a column only where there are any."""
    return [outcome for outcome in (REFUNDED,) if any(tally.count(outcome) for tally in tallies.values())]


def _response_times(analysis: Analysis) -> Iterator[str]:
    if not any(each.bought for each in analysis.response_times):
        yield "nothing was bought"
        return
    rows = [
        [
            each.service or "all",
            f"{each.bought:,}",
            *map(seconds, each.buy_s),
            f"{each.served:,}",
            *map(seconds, each.sms_s),
        ]
        for each in analysis.response_times[: SERVICES_SHOWN + 1]
    ]
    yield "from the order to the number, and from the number to the first SMS"
    head = ("", "bought", "p50", "p90", "p99", "served", "p50", "p90", "p99")
    yield from _figures(head, rows).splitlines()


def _hours(analysis: Analysis) -> Iterator[str]:
    if not analysis.orders.total:
        yield "none"
        return
    yield from _bars({f"{hour:02}": tally for hour, tally in enumerate(analysis.by_hour)})


def _bars(tallies: Mapping[str, Tally]) -> Iterator[str]:
    most = max((tally.total for tally in tallies.values()), default=0) or 1
    for label, tally in tallies.items():
        served = round(tally.count(RECEIVED) / most * BAR_WIDTH)
        rest = round(tally.total / most * BAR_WIDTH) - served
        bar = "█" * served + "░" * max(rest, 0)
        yield f"{label}  {bar:<{BAR_WIDTH}}  {tally.total:>8,}  {percent(tally.success):>7}".rstrip()


def _days(analysis: Analysis) -> Iterator[str]:
    """From the first day with an order on, and no more than can be looked through."""
    days = {day.isoformat(): tally for day, tally in analysis.by_day.items()}
    first = next((index for index, tally in enumerate(days.values()) if tally.total), len(days))
    if first == len(days):
        yield "none"
        return
    shown = max(first, len(days) - DAYS_SHOWN)
    if shown > first:
        yield f"… {plural(shown - first, 'day')} before: --json has them"
    yield from _bars(dict(list(days.items())[shown:]))


def rental_line(analysis: Analysis) -> str:
    """`12 rentals, 1 failed`."""
    total = sum(each.rentals for each in analysis.rentals)
    failed = sum(each.rentals for each in analysis.rentals if each.status == "failed")
    return f"{plural(total, 'rental')}, {failed:,} failed"


def _rentals(analysis: Analysis) -> Iterator[str]:
    yield rental_line(analysis)
    if analysis.rentals:
        yield ", ".join(
            f"{each.rentals:,} {each.status}{f' ({each.error_code})' if each.error_code else ''}"
            for each in analysis.rentals
        )


def _operations(analysis: Analysis) -> Iterator[str]:
    if not analysis.operations:
        yield "none"
        return
    rows = [[each.type, f"{each.operations:,}", f"{each.amount:,}"] for each in analysis.operations]
    yield from _figures(("", "operations", "amount"), rows).splitlines()


def _races(races: Races) -> Iterator[str]:
    yield (
        f"{plural(races.pairs, 'pair')} of operations of one user within {RACE_WINDOW_MS:.0f} ms, of"
        f" {plural(races.users, 'user')}: {races.overlapping:,} surely overlapped, {races.unchained:,} do not chain"
        f"{known_breaks(races)}: {races.verdict}"
    )
    if not races.pairs:
        return
    for step in sorted(races.steps):
        yield f"  {step_name(step):>11}  {races.steps[step]:>8,}"
    for types in races.types[:6]:
        names = f"{types.previous_type}, {types.type}"
        yield f"  {names:<18}  {types.pairs:>8,}  nearest {types.nearest_ms:.1f} ms, {types.overlapping:,} overlapped"
    yield "the nearest:"
    for user_id, pairs in groupby(races.nearest, key=lambda pair: pair.user_id):
        yield f"  user {user_id}, operations"
        rows = [
            [
                f"    {pair.number - 1}, {pair.number}",
                f"{pair.previous_type} {pair.previous_amount}, {pair.type} {pair.amount}",
                f"{pair.distance_ms:.1f} ms".rjust(11),
                ("overlapped, " if pair.overlaps else "") + chaining(pair),
            ]
            for pair in pairs
        ]
        yield from table(rows[0], rows[1:]).splitlines()


def known_breaks(races: Races) -> str:
    """`, 1 more is acknowledged`, or nothing."""
    count = races.acknowledged
    return f", {count:,} more {'is' if count == 1 else 'are'} acknowledged" if count else ""


def chaining(pair: Pair) -> str:
    """Whether the second operation found what the first had left, in words."""
    return "chains" if pair.chains else "acknowledged" if pair.is_acknowledged else "DOES NOT CHAIN"


def _narrowed(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """The table, without as many of the dispensable columns as it takes to fit."""
    shown = list(range(len(head)))
    for name in (None, *DISPENSABLE):
        shown = [column for column in shown if head[column] != name]
        written = _figures([head[column] for column in shown], [[row[column] for column in shown] for row in rows])
        if max(map(len, written.splitlines())) <= width:
            break
    return written


def _figures(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns but the first are figures, and end together."""
    lines = [head, *rows]
    widths = [0, *(max(len(line[column]) for line in lines) for column in range(1, len(head)))]
    justified = [[cell.rjust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return table(justified[0], justified[1:])


def _findings(findings: Sequence[Finding], nothing: str) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.weight}: {finding.text}"
        if finding.advice:
            yield f"    {finding.advice}"
    if not findings:
        yield nothing
