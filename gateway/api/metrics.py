"""Metrics for Prometheus: this process's own, and what the periodic jobs found, whichever process ran them.

The latter are read from `periodic_jobs` when asked for. Counts and times only: no user, order or amount is in them.
"""

import asyncio
from collections.abc import Iterator, Sequence

from prometheus_client import Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from gateway.api.operation import Access, Call, operation
from gateway.api.responses import Answer
from notifier.exposition import exposition
from notifier.retry import DATABASE_FAULTS
from wallet_db.periodic import PeriodicJob, read_periodic_jobs

JOBS_TIMEOUT_S = 2.0

USERS = Gauge("onesms_users_connected", "Users with a connection or a waiting poll here.")
DATABASE = Gauge("onesms_database_reachable", "1 if the database answered just now.")

LEVELS = ("critical", "error", "warning")
"""Of alerts."""

# job, figure of its result, metric (a counter's _total is added by its type), help
FIGURES = (
    ("check_wallets", "checked", GaugeMetricFamily, "onesms_wallets_checked", "Wallets the last check looked at."),
    ("check_wallets", "critical", GaugeMetricFamily, "onesms_wallets_critical", "Wallets with impossible figures."),
    ("check_wallets", "left", GaugeMetricFamily, "onesms_wallets_left", "Other wallets that need a person."),
    ("check_wallets", "corrected_total", CounterMetricFamily, "onesms_wallets_corrected", "Corrections by the checks."),
    ("expire_holds", "expired_total", CounterMetricFamily, "onesms_holds_expired", "Holds whose time was over."),
    ("forget_events", "forgotten_total", CounterMetricFamily, "onesms_events_forgotten", "Events kept long enough."),
    ("redact_events", "redacted_total", CounterMetricFamily, "onesms_orders_redacted", "Orders with redacted events."),
    ("watch_cards", "webhooks_received", GaugeMetricFamily, "onesms_card_webhooks_hour", "Cards' webhooks of an hour."),
    ("watch_cards", "webhooks_failed", GaugeMetricFamily, "onesms_card_webhooks_failed_hour", "Those that failed."),
    ("watch_cards", "blocked_day", GaugeMetricFamily, "onesms_cards_blocked_day", "Cards blocked in 24 hours."),
    ("watch_cards", "blocked_beyond", GaugeMetricFamily, "onesms_cards_blocked_beyond", "How many are too many."),
    ("watch_cards", "mismatches_left", GaugeMetricFamily, "onesms_card_mismatches_left", "Cards to be looked at."),
    ("watch_cards", "balances_beyond", GaugeMetricFamily, "onesms_card_balances_beyond", "Balances too far apart."),
    (
        "watch_cards",
        "reconciliation_open_s",
        GaugeMetricFamily,
        "onesms_card_reconciliation_open_seconds",
        "How long comparing cards with their providers' has taken so far; 0: nobody compares.",
    ),
    ("judge_card_rules", "hits_total", CounterMetricFamily, "onesms_card_rule_hits", "Hits of rules, dry runs' too."),
    ("judge_card_rules", "acted_total", CounterMetricFamily, "onesms_card_rules_acted", "Hits that were acted upon."),
    ("tell_alerts", "told_total", CounterMetricFamily, "onesms_alerts_told", "Messages that told of alerts."),
    ("tell_alerts", "failed_total", CounterMetricFamily, "onesms_alerts_failed", "Messages a channel did not take."),
)


class JobMetrics(Collector):
    """The jobs' figures; a job that has never finished has none."""

    def __init__(self, jobs: Sequence[PeriodicJob]) -> None:
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        """One metric after the other."""
        finished = GaugeMetricFamily(
            "onesms_periodic_job_last_finished_timestamp_seconds",
            "When the job last finished, since 1970.",
            labels=["name"],
        )
        for job in self._jobs:
            if job.finished_at is not None:
                finished.add_metric([job.name], job.finished_at.timestamp())
        yield finished
        results = {job.name: job.result for job in self._jobs}
        alerts = GaugeMetricFamily("onesms_alerts_open", "Open alerts.", labels=["level"])
        for level in LEVELS:
            if (value := results.get("tell_alerts", {}).get(f"open_{level}")) is not None:
                alerts.add_metric([level], value)
        yield alerts
        for job_name, figure, family, metric, explanation in FIGURES:
            if (value := results.get(job_name, {}).get(figure)) is not None:
                yield family(metric, explanation, value=value)


@operation(
    "GET",
    "/metrics",
    tag="process",
    access=Access.PUBLIC,
    is_limited=False,
    gives={200: Answer("Prometheus' text format.", media_type="text/plain")},
)
async def metrics(call: Call) -> Response:
    """Figures for Prometheus.

    No token needed: the proxy in front keeps it from the public. Without the database there are those of the process.
    """
    services = call.services
    try:
        async with asyncio.timeout(JOBS_TIMEOUT_S):
            jobs = await read_periodic_jobs(services.pool)
    except DATABASE_FAULTS:
        jobs = None
    USERS.set(len(services.realtime.users))
    DATABASE.set(jobs is not None)
    return exposition(JobMetrics(jobs or ()))


OPERATIONS = (metrics,)
