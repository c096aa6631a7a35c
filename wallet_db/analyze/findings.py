"""What stands out in the figures, and what to do about it: patterns and recommendations. Pure.

Nothing is said of a handful: each judgement needs a number of orders, below, and a difference has to be more than
chance (Wilson's intervals do not overlap).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from wallet_db.analyze.figures import (
    AT_20_MIN_S,
    CANCELLED,
    EXPIRED,
    FAILED,
    RECEIVED,
    TIMEOUT,
    Analysis,
    CodeUse,
    Tally,
    interval,
)

CRITICAL, WARNING, NOTE = "CRITICAL", "WARNING", "NOTE"
"""Money or sales are being lost; they may be; good to know."""

ORDERS_MIN = 5
"""Decided orders from which on a service without a single SMS is called failing, as in `v_service_health`."""
COMPARED_MIN = 20
"""Decided orders, or attempts, on each side of a comparison."""
CANCELLED_MIN, TIMEOUT_MIN, EXPIRED_MIN, FAILED_MIN = 0.3, 0.2, 0.1, 0.1
"""Shares of the decided orders from which on there is something to say."""
AT_20_MIN = 3
"""Cancels at 20 minutes from which on they are a pattern …"""
AT_20_SHARE_MIN = 0.05
"""… if they are this share of the cancels: a minute of chance would hold less."""
NAMED_MAX = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that stands out."""

    weight: str
    text: str
    advice: str = ""
    """What to do; empty: nothing but to know it."""


def patterns(analysis: Analysis) -> list[Finding]:
    """What the figures show that no single order does; the advice is among the recommendations."""
    return [replace(finding, advice="") for finding in _patterns(analysis)]


def recommendations(analysis: Analysis) -> list[Finding]:
    """What to do, the gravest first."""
    found = [
        *_money(analysis),
        *_failing(analysis),
        *_outcomes(analysis),
        *(finding for finding in _patterns(analysis) if finding.advice),
    ]
    return sorted(found, key=lambda finding: (CRITICAL, WARNING, NOTE).index(finding.weight))


def percent(share: float | None) -> str:
    """`24.1 %`; a dash if there is none."""
    return "-" if share is None else f"{share:.1%}".replace("%", " %")


def seconds(value: float | None) -> str:
    """`0.8 s`, `42 s`; a dash if there is none."""
    return "-" if value is None else f"{value:.1f} s" if value < 10 else f"{value:,.0f} s"


def plural(count: int, one: str) -> str:
    """`1 order`, `2 orders`."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def _patterns(analysis: Analysis) -> list[Finding]:
    return [*_at_20(analysis), *_names(analysis), *_hours(analysis)]


def _at_20(analysis: Analysis) -> Iterator[Finding]:
    cancels = analysis.ends.get(CANCELLED)
    if cancels and cancels.at_20 >= AT_20_MIN and cancels.at_20 >= AT_20_SHARE_MIN * cancels.total:
        share = percent(cancels.at_20 / cancels.total)
        yield Finding(
            WARNING,
            f"{cancels.at_20:,} of {plural(cancels.total, 'cancel')} ({share}) came at 20 min ± {AT_20_MIN_S:.0f} s:"
            " nobody chooses that moment, so these are timeouts by another name",
            "count them as timeouts, and find out who cancels then: an app with a clock of its own, or a provider",
        )


def _names(analysis: Analysis) -> Iterator[Finding]:
    for name in (use for use in analysis.codes if use.is_name and use.decided >= COMPARED_MIN):
        for code in analysis.codes:
            if code.service != name.service or code.is_name or code.decided < COMPARED_MIN:
                continue
            if interval(name.delivered, name.decided)[0] > interval(code.delivered, code.decided)[1]:
                yield Finding(
                    NOTE,
                    f"{name.service}: asked for by its full name, {_use(name)}; by its code {code.code}, {_use(code)}",
                    f"see whether {' and '.join(code.providers)} understands the full name too (provider_services), and"
                    " whether it is the name or the provider that makes the difference",
                )


def _use(use: CodeUse) -> str:
    return f"{percent(use.success)} of {use.decided:,} at {', '.join(use.providers)}"


def _hours(analysis: Analysis) -> Iterator[Finding]:
    if analysis.orders.success is None:
        return
    low = [
        hour
        for hour, tally in enumerate(analysis.by_hour)
        if tally.decided >= COMPARED_MIN
        and interval(tally.count(RECEIVED), tally.decided)[1] < analysis.orders.success
        and tally.success is not None
        and tally.success < analysis.orders.success * 0.75
    ]
    if low:
        hours = ", ".join(f"{hour:02}" for hour in low)
        yield Finding(NOTE, f"far fewer orders than usual have their SMS in the hours {hours} (UTC)")


def _money(analysis: Analysis) -> Iterator[Finding]:
    coherence, races = analysis.coherence, analysis.races
    if races.unchained:
        yield Finding(
            CRITICAL,
            f"operations close together of which the second did not find what the first left: {races.unchained:,}",
            "python -m wallet_db check, and nothing else until it is clear",
        )
    if coherence.mismatches:
        rules = ", ".join(f"{rule} ({count:,})" for rule, count in sorted(coherence.mismatches.items()))
        yield Finding(CRITICAL, f"audits that do not add up: {rules}", "python -m wallet_db check")
    if coherence.not_ok:
        yield Finding(
            WARNING,
            f"wallets that disagree with their holds or orders: {coherence.not_ok:,}",
            "python -m wallet_db health; --correct mends what can be known",
        )


def _failing(analysis: Analysis) -> Iterator[Finding]:
    failing = {name: tally for name, tally in analysis.all_failed.items() if tally.decided >= ORDERS_MIN}
    if failing:
        named = [f"{name} ({tally.decided:,})" for name, tally in list(failing.items())[:NAMED_MAX]]
        rest = len(failing) - len(named)
        yield Finding(
            CRITICAL,
            f"100 % failure: {', '.join(named)}{f' and {rest} more' if rest else ''}",
            "mend their routes (v_route_health shows them), or take them off sale:"
            f" python -m wallet_db price {next(iter(failing))} none",
        )
    for name, tally in analysis.services.items():
        if tally.decided >= COMPARED_MIN and 0 < tally.count(RECEIVED) < 0.2 * tally.decided:
            yield Finding(
                WARNING,
                f"{name}: {percent(tally.success)} of {tally.decided:,} orders had an SMS",
                "look at its routes in v_route_health: one of them may be better left out",
            )


def _outcomes(analysis: Analysis) -> Iterator[Finding]:
    orders = analysis.orders
    all_together = next(iter(analysis.response_times), None)
    sms_s = all_together.sms_s if all_together else [None, None, None]
    if _is_much(orders, CANCELLED, CANCELLED_MIN):
        yield Finding(
            NOTE,
            f"{percent(orders.share(CANCELLED))} are cancelled by their users; half of the SMS that come need"
            f" {seconds(sms_s[0])}, nine in ten {seconds(sms_s[1])}",
            "tell users how long an SMS takes, and prefer routes that are quick",
        )
    if _is_much(orders, TIMEOUT, TIMEOUT_MIN):
        yield Finding(
            NOTE,
            f"{percent(orders.share(TIMEOUT))} wait in vain, and 99 in 100 SMS that come are there after"
            f" {seconds(sms_s[2])}",
            "an experiment shows whether waiting less loses anything (set_waiting_arms, v_waiting_outcomes); or try"
            " again elsewhere (services.retry_on_timeout)",
        )
    if _is_much(orders, EXPIRED, EXPIRED_MIN):
        yield Finding(
            WARNING,
            f"{percent(orders.share(EXPIRED))} are ended by the provider without an SMS",
            "compare with what they charge: python -m pollers reconcile",
        )
    if _is_much(orders, FAILED, FAILED_MIN):
        yield Finding(
            WARNING,
            f"{percent(orders.share(FAILED))} get no number ({_reasons(analysis)})",
            "more providers or countries; v_route_health shows what is tried and not sold",
        )


def _is_much(orders: Tally, outcome: str, share_min: float) -> bool:
    return orders.decided >= ORDERS_MIN and (orders.share(outcome) or 0.0) >= share_min


def _reasons(analysis: Analysis) -> str:
    failed = {code: tally.count(FAILED) for code, tally in analysis.error_codes.items() if tally.count(FAILED)}
    commonest = sorted(failed.items(), key=lambda item: (-item[1], item[0]))[:3]
    return ", ".join(f"{code or 'no reason given'} {count:,}" for code, count in commonest)
