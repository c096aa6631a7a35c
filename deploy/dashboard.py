"""`python -m deploy.dashboard` writes the Grafana dashboard, `deploy/grafana/onesms.json`, from the table below.

A row of the table is a panel: title, unit, and its queries with what the legend calls them. A test runs the system and
holds every query against what the processes really tell, names and labels; so nothing is written into the JSON by hand.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent / "grafana" / "onesms.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT, COLUMNS = 8, 8, 3


@dataclass(frozen=True, slots=True)
class Panel:
    """title; unit: Grafana's name of it; queries: (expression, legend)."""

    title: str
    unit: str
    queries: Sequence[tuple[str, str]]


def rate(metric: str, by: str, matching: str = "") -> str:
    """A counter, a second, summed by these labels."""
    return f"sum by ({by}) (rate({metric}{matching}[$__rate_interval]))"


def quantile(share: float, histogram: str, by: str = "") -> str:
    """A histogram's quantile, by these labels."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket[$__rate_interval])))"


def quantiles(histogram: str) -> list[tuple[str, str]]:
    """The median and the tail."""
    return [(quantile(share, histogram), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)]


OURS = '{job=~"onesms-.+"}'
"""Of what every process of anybody's tells, ours."""
RATE_OF_WAITING = " / ".join(
    rate(metric, "provider") for metric in ("onesms_provider_turn_wait_seconds_total", "onesms_provider_turns_total")
)
"""Seconds of waiting a second, for each request a second."""

ROWS: Sequence[tuple[str, Sequence[Panel]]] = (
    (
        "Delivery",
        (
            Panel("From commit to socket", "s", quantiles("onesms_delivery_delay_seconds")),
            Panel("From commit to the bus", "s", quantiles("onesms_follower_lag_seconds")),
            Panel(
                "Events and doorbells",
                "ops",
                [
                    ("sum(rate(onesms_events_published_total[$__rate_interval]))", "events published"),
                    ("sum(rate(onesms_doorbell_rings_total[$__rate_interval]))", "doorbells heard"),
                    ("sum(rate(onesms_hub_events_healed_total[$__rate_interval]))", "events read from rows"),
                    ("sum(rate(onesms_bus_errors_total[$__rate_interval]))", "refused by the bus"),
                ],
            ),
            Panel(
                "Followers",
                "short",
                [
                    ("sum(onesms_follower_leading)", "leading"),
                    ("sum(onesms_follower_asleep)", "asleep"),
                    (
                        "sum(rate(onesms_follower_connections_lost_total[$__rate_interval]))",
                        "connections lost a second",
                    ),
                ],
            ),
        ),
    ),
    (
        "Connections",
        (
            Panel(
                "Open",
                "short",
                [
                    ("sum by (transport) (onesms_connections)", "{{transport}}"),
                    ("sum(onesms_users_connected)", "users"),
                ],
            ),
            Panel("Opened", "ops", [(rate("onesms_connections_opened_total", "transport"), "{{transport}}")]),
            Panel("Ended by us", "ops", [(rate("onesms_connections_closed_total", "code"), "{{code}}")]),
            Panel("Where streams begin", "ops", [(rate("onesms_streams_begun_total", "source"), "{{source}}")]),
        ),
    ),
    (
        "Requests",
        (
            Panel("By operation", "ops", [(rate("onesms_request_seconds_count", "operation"), "{{operation}}")]),
            Panel(
                "To the answer, p99, by operation",
                "s",
                [(quantile(0.99, "onesms_request_seconds", "operation"), "{{operation}}")],
            ),
            Panel("Refused", "ops", [(f"{rate('onesms_refusals_total', 'error_code')} > 0", "{{error_code}}")]),
        ),
    ),
    (
        "Orders",
        (
            Panel("Open", "short", [("max by (kind, status) (onesms_orders_open)", "{{kind}} {{status}}")]),
            Panel("Due and waiting", "short", [("max by (kind, status) (onesms_orders_due)", "{{kind}} {{status}}")]),
            Panel("The longest due", "s", [("max by (kind) (onesms_orders_due_seconds)", "{{kind}}")]),
            Panel("SMS by what found them", "ops", [(rate("onesms_sms_found_total", "found_by"), "{{found_by}}")]),
            Panel(
                "From an SMS's time to finding it, p95",
                "s",
                [(quantile(0.95, "onesms_sms_seconds", "provider"), "{{provider}}")],
            ),
            Panel(
                "Webhooks of providers",
                "ops",
                [(rate("onesms_webhooks_total", "provider, outcome"), "{{provider}} {{outcome}}")],
            ),
            Panel(
                "Rows worked on",
                "ops",
                [
                    (rate("onesms_jobs_claimed_total", "kind"), "{{kind}}"),
                    (rate("onesms_jobs_failed_total", "kind"), "{{kind}} broken off"),
                ],
            ),
        ),
    ),
    (
        "Providers",
        (
            Panel(
                "Calls by outcome",
                "ops",
                [(rate("onesms_provider_calls_total", "provider, outcome"), "{{provider}} {{outcome}}")],
            ),
            Panel(
                "Time of a call, p95",
                "s",
                [(quantile(0.95, "onesms_provider_call_seconds", "provider"), "{{provider}}")],
            ),
            Panel(
                "Circuits that are not closed",
                "short",
                [('max by (provider, state) (onesms_provider_circuit{state!="closed"})', "{{provider}} {{state}}")],
            ),
            Panel("Requests sent", "reqps", [(rate("onesms_provider_turns_total", "provider"), "{{provider}}")]),
            Panel(
                "Waiting for a turn",
                "s",
                [
                    (
                        RATE_OF_WAITING,
                        "{{provider}}",
                    )
                ],
            ),
            Panel(
                "Pauses, bans, unknown answers",
                "short",
                [
                    ("max by (provider) (onesms_provider_rests)", "{{provider}} rests"),
                    (rate("onesms_provider_unknown_answers_total", "provider, method"), "{{provider}} {{method}}"),
                ],
            ),
        ),
    ),
    (
        "Money",
        (
            Panel(
                "Wallet operations",
                "ops",
                [(rate("onesms_wallet_operations_total", "operation"), "{{operation}}")],
            ),
            Panel(
                "Refusals of the wallet",
                "ops",
                [(f"{rate('onesms_wallet_refusals_total', 'error_code')} > 0", "{{error_code}}")],
            ),
            Panel(
                "Wallets that are not well",
                "short",
                [
                    ("max(onesms_wallets_critical)", "critical"),
                    ("max(onesms_wallets_left)", "left to a person"),
                    ("max(onesms_wallets_corrected_total)", "corrected in all"),
                    ("max(onesms_holds_expired_total)", "holds expired in all"),
                ],
            ),
        ),
    ),
    (
        "Cards",
        (
            Panel(
                "Cards that differ from their provider's",
                "short",
                [
                    ("max(onesms_card_mismatches_left)", "to be looked at"),
                    ("max(onesms_card_balances_beyond)", "balances too far apart"),
                    ("max(onesms_cards_blocked_day)", "blocked in 24 hours"),
                    ("max(onesms_cards_blocked_beyond)", "too many of them"),
                ],
            ),
            Panel(
                "Webhooks of cards in an hour",
                "short",
                [("max(onesms_card_webhooks_hour)", "all"), ("max(onesms_card_webhooks_failed_hour)", "failed")],
            ),
            Panel(
                "Webhooks of cards by what was thought of them",
                "ops",
                [(rate("onesms_card_webhooks_total", "outcome"), "{{outcome}}")],
            ),
            Panel(
                "Card details and numbers asked for",
                "ops",
                [
                    (rate("onesms_card_reads_total", "outcome"), "details {{outcome}}"),
                    (rate("onesms_card_reveals_total", "outcome"), "number {{outcome}}"),
                ],
            ),
            Panel(
                "Hits of card rules",
                "short",
                [("max(onesms_card_rule_hits_total)", "all"), ("max(onesms_card_rules_acted_total)", "acted upon")],
            ),
        ),
    ),
    (
        "Processes",
        (
            Panel(
                "Up",
                "short",
                [
                    (f"sum by (job) (up{OURS})", "{{job}}"),
                    ("min by (job) (onesms_database_reachable)", "database of {{job}}"),
                ],
            ),
            Panel(
                "Waiting for a connection of the pool, p95",
                "s",
                [(quantile(0.95, "onesms_pool_wait_seconds", "job, pool"), "{{job}} {{pool}}")],
            ),
            Panel(
                "Connections of the pools",
                "short",
                [
                    ("sum by (pool, state) (onesms_pool_connections)", "{{pool}} {{state}}"),
                    ("sum by (pool) (onesms_pool_connections_max)", "{{pool}} at most"),
                ],
            ),
            Panel(
                "Processor",
                "percentunit",
                [(f"rate(process_cpu_seconds_total{OURS}[$__rate_interval])", "{{job}} {{instance}}")],
            ),
            Panel("Memory", "bytes", [(f"process_resident_memory_bytes{OURS}", "{{job}} {{instance}}")]),
            Panel(
                "Open files, of those it may have",
                "percentunit",
                [(f"process_open_fds{OURS} / process_max_fds{OURS}", "{{job}} {{instance}}")],
            ),
            Panel(
                "Starts, in 15 min",
                "short",
                [(f"changes(process_start_time_seconds{OURS}[15m])", "{{job}} {{instance}}")],
            ),
            Panel(
                "Since a periodic job finished",
                "s",
                [("time() - max by (name) (onesms_periodic_job_last_finished_timestamp_seconds)", "{{name}}")],
            ),
            Panel(
                "Open alerts",
                "short",
                [
                    ("max by (level) (onesms_alerts_open)", "{{level}}"),
                    ("max(increase(onesms_alerts_failed_total[15m]))", "not told, in 15 min"),
                ],
            ),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    """As Grafana imports it; the data source is chosen there."""
    return {
        "uid": "onesms",
        "title": "OneSMS",
        "tags": ["onesms"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}]
        },
        "panels": list(_panels()),
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for title, panels in ROWS:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": _at(0, y, 24, 1),
        }
        y += 1
        for index, panel in enumerate(panels):
            number += 1
            place = _at(index % COLUMNS * WIDTH, y + index // COLUMNS * HEIGHT, WIDTH, HEIGHT)
            yield _graph(number, panel, place)
        y += -(-len(panels) // COLUMNS) * HEIGHT


def _graph(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 8}}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
            for index, (expression, legend) in enumerate(panel.queries)
        ],
    }


def _at(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
