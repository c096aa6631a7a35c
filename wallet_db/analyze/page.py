"""An analysis as one page that needs nothing else: no script, no address, light or dark as its reader likes. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from wallet_db.analyze.figures import (
    CANCELLED,
    EXPIRED,
    LAST_MINUTE,
    OUTCOMES,
    RACE_WINDOW_MS,
    RECEIVED,
    STEPS_MS,
    TIMEOUT,
    Analysis,
    Tally,
)
from wallet_db.analyze.findings import Finding, patterns, percent, plural, recommendations, seconds
from wallet_db.analyze.plots import columns, spread
from wallet_db.analyze.style import STYLE
from wallet_db.analyze.terminal import (
    DECIDED,
    MEANINGS,
    asked,
    beside_decided,
    chaining,
    coherence,
    known_breaks,
    period,
    rental_line,
    state_lines,
)

ROWS_MAX = 25
COLUMNS_MAX = 92


def html(analysis: Analysis) -> str:
    """The whole document."""
    orders = analysis.orders
    sections = [
        f"<header><h1>What became of the orders</h1><p>{escape(period(analysis))}</p></header>",
        _cards(analysis),
        _section("Now", *(f"<p>{escape(line)}</p>" for line in state_lines(analysis.state))),
        _section("Outcomes", _outcome_bar(orders), _legend(orders)),
        _section("What to do", _findings(recommendations(analysis), "Nothing asks for anything.")),
        _section("Patterns", _findings(patterns(analysis), "None stands out.")),
        '<div class="plots">' + "".join(_plots(analysis)) + "</div>",
        _section("Services", _failures(analysis), _outcome_table("service", analysis.services)),
        _section("Countries", _outcome_table("country", analysis.countries)),
        _section("Providers", _outcome_table("provider", asked(analysis.providers))),
        _section("Response time", _response_times(analysis)),
        _section("Rentals", *_rentals(analysis)),
        _section("Transactions", _operations(analysis)),
        _section("Race conditions", *_races(analysis)),
        _section("Coherence", f"<p>{escape(coherence(analysis.coherence))}</p>"),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex"><meta name="color-scheme" content="light dark">'
        f"<title>OneSMS, {escape(period(analysis))}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def _cards(analysis: Analysis) -> str:
    orders, state = analysis.orders, analysis.state
    all_together = next(iter(analysis.response_times), None)
    cards = [
        (f"{orders.total:,}", "activations"),
        (percent(orders.success), "had their SMS"),
        (seconds(all_together.sms_s[0] if all_together else None), "to the SMS, half of them"),
        (
            f"{orders.price_paid:,.0f}" if orders.price_paid >= 10_000 else f"{orders.price_paid:,}",
            f"paid; cost {orders.cost:,.2f}",
        ),
        (f"{state['activations_open']:,}", "open now"),
        (f"{state['overdue']:,}", "overdue now"),
    ]
    return (
        '<dl class="cards">'
        + "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for value, name in cards)
        + "</dl>"
    )


def _outcome_bar(orders: Tally) -> str:
    if not orders.decided:
        return "<p>Nothing is decided yet.</p>"
    parts = "".join(
        f'<span class="{outcome}" style="width:{(orders.share(outcome) or 0) * 100:.2f}%"></span>'
        for outcome in DECIDED
        if orders.count(outcome)
    )
    return f'<div class="bar" aria-hidden="true">{parts}</div>'


def _legend(orders: Tally) -> str:
    rows = [
        f'<li><i class="{outcome}"></i><b>{outcome}</b> {orders.count(outcome):,}'
        f" <strong>{percent(orders.share(outcome)) if outcome in DECIDED else ''}</strong>"
        f" <small>{escape(MEANINGS[outcome])}</small></li>"
        for outcome in OUTCOMES
        if orders.count(outcome) or outcome in (RECEIVED, CANCELLED, TIMEOUT)
    ]
    late = f"<p>{plural(orders.late, 'order')} had an SMS after the money went back.</p>" if orders.late else ""
    return f'<ul class="legend">{"".join(rows)}</ul>{late}'


def _findings(findings: Sequence[Finding], nothing: str) -> str:
    if not findings:
        return f"<p>{escape(nothing)}</p>"
    return (
        '<ul class="findings">'
        + "".join(
            f'<li class="{finding.weight.lower()}"><b>{finding.weight}</b> {escape(finding.text)}'
            + (f"<small>{escape(finding.advice)}</small>" if finding.advice else "")
            + "</li>"
            for finding in findings
        )
        + "</ul>"
    )


def _plots(analysis: Analysis) -> Iterable[str]:
    days, each = list(analysis.by_day), max(1, -(-len(analysis.by_day) // COLUMNS_MAX))
    by_day = {
        outcome: [sum(counts[first : first + each]) for first in range(0, len(days), each)]
        for outcome, counts in _series(list(analysis.by_day.values())).items()
    }
    labels = [f"{day:%m-%d}" if each == 1 else f"{day:%y-%m-%d}" for day in days[::each]]
    title = "Orders by day, UTC" if each == 1 else f"Orders by {each} days, UTC: from"
    yield _plot(title, labels, by_day, spread(len(labels), 5))
    hours = [f"{hour:02}" for hour in range(24)]
    yield _plot("Orders by hour of the day, UTC", hours, _series(analysis.by_hour), range(0, 24, 3))
    minutes = [*map(str, range(LAST_MINUTE)), f"{LAST_MINUTE}+"]
    ends = {
        outcome: [analysis.ends[outcome].by_minute.get(minute, 0) for minute in range(LAST_MINUTE + 1)]
        for outcome in (CANCELLED, TIMEOUT, EXPIRED)
        if outcome in analysis.ends
    }
    if ends:
        yield _plot("Ends without an SMS, by minutes from the purchase", minutes, ends, range(0, LAST_MINUTE + 1, 5))
    if analysis.races.pairs:
        names = [*map(str, STEPS_MS[:-1]), f"{STEPS_MS[-1]}+"]
        pairs = [analysis.races.steps.get(step, 0) for step in range(1, len(STEPS_MS) + 1)]
        yield _plot(
            "Operations of one user, by milliseconds between them: from", names, {"pairs": pairs}, range(len(names))
        )


def _plot(title: str, labels: Sequence[str], series: Mapping[str, Sequence[int]], labelled: Sequence[int]) -> str:
    svg = columns(title, labels, series, labelled=labelled)
    return f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>"


def _series(tallies: Sequence[Tally]) -> Mapping[str, Sequence[int]]:
    return {outcome: [tally.count(outcome) for tally in tallies] for outcome in OUTCOMES}


def _failures(analysis: Analysis) -> str:
    if not analysis.all_failed:
        return ""
    named = ", ".join(f"{name} (0 of {tally.decided:,})" for name, tally in analysis.all_failed.items())
    return f'<p class="failed-all"><b>100 % failure:</b> {escape(named)}</p>'


def _outcome_table(name: str, tallies: Mapping[str, Tally]) -> str:
    ordered = sorted(tallies.items(), key=lambda item: (-item[1].total, item[0]))[:ROWS_MAX]
    shown = (*DECIDED, *beside_decided(tallies))
    rows = [
        [
            label,
            f"{tally.total:,}",
            percent(tally.success),
            _outcome_bar(tally) if tally.decided else "",
            *(f"{tally.count(outcome):,}" for outcome in shown),
        ]
        for label, tally in ordered
    ]
    return _table((name, "orders", "success", "", *shown), rows, raw=3)


def _response_times(analysis: Analysis) -> str:
    rows = [
        [each.service or "all", *map(seconds, each.buy_s), f"{each.served:,}", *map(seconds, each.sms_s)]
        for each in analysis.response_times[: ROWS_MAX + 1]
        if each.bought
    ]
    head = ("service", "to the number: p50", "p90", "p99", "served", "to the SMS: p50", "p90", "p99")
    return _table(head, rows)


def _rentals(analysis: Analysis) -> list[str]:
    rows = [[each.status, each.error_code, f"{each.rentals:,}"] for each in analysis.rentals]
    return [f"<p>{escape(rental_line(analysis))}</p>", _table(("status", "why", "rentals"), rows) if rows else ""]


def _operations(analysis: Analysis) -> str:
    rows = [[each.type, f"{each.operations:,}", f"{each.amount:,}"] for each in analysis.operations]
    return _table(("type", "operations", "amount"), rows)


def _races(analysis: Analysis) -> list[str]:
    races = analysis.races
    summary = (
        f"{plural(races.pairs, 'pair')} of operations of one user began within {RACE_WINDOW_MS:.0f} ms of each other;"
        f" {races.overlapping:,} surely overlapped, {races.unchained:,} do not chain"
        f"{known_breaks(races)}: {races.verdict}."
    )
    rows = [
        [
            f"{pair.number - 1}, {pair.number}",
            f"{pair.previous_type} {pair.previous_amount}",
            f"{pair.type} {pair.amount}",
            f"{pair.distance_ms:.1f} ms",
            "yes" if pair.overlaps else "",
            chaining(pair),
            pair.user_id,
        ]
        for pair in races.nearest
    ]
    head = ("operations", "first", "second", "distance", "overlapped", "chains", "user")
    return [f"<p>{escape(summary)}</p>", _table(head, rows) if rows else ""]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, raw: int | None = None) -> str:
    """raw: the column that is HTML already."""
    if not rows:
        return "<p>None.</p>"
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{cell if index == raw else escape(cell)}</td>" for index, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
