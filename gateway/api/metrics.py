"""Metrics for Prometheus: this process's own, and what the periodic jobs found, whichever process ran them.

The latter are read from `periodic_jobs` when asked for. Counts and times only: no user, order or amount is in them.
"""

from collections.abc import Iterator, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.requests import services_of
from wallet_db.periodic import PeriodicJob, read_periodic_jobs

# job, figure of its result, metric (a counter's _total is added by its type), help
FIGURES = (
    ("check_wallets", "checked", GaugeMetricFamily, "onesms_wallets_checked", "Wallets the last check looked at."),
    ("check_wallets", "critical", GaugeMetricFamily, "onesms_wallets_critical", "Wallets with impossible figures."),
    ("check_wallets", "left", GaugeMetricFamily, "onesms_wallets_left", "Other wallets that need a person."),
    ("check_wallets", "corrected_total", CounterMetricFamily, "onesms_wallets_corrected", "Corrections by the checks."),
    ("expire_holds", "expired_total", CounterMetricFamily, "onesms_holds_expired", "Holds whose time was over."),
    ("forget_events", "forgotten_total", CounterMetricFamily, "onesms_events_forgotten", "Events kept long enough."),
    ("redact_events", "redacted_total", CounterMetricFamily, "onesms_orders_redacted", "Orders with redacted events."),
)


class JobMetrics(Collector):
    """The jobs' figures; a job that has never finished has none."""

    def __init__(self, jobs: Sequence[PeriodicJob]) -> None:
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        """One metric after the other."""
        finished = GaugeMetricFamily(
            "onesms_periodic_job_last_finished_seconds", "When the job last finished, since 1970.", labels=["name"]
        )
        for job in self._jobs:
            if job.finished_at is not None:
                finished.add_metric([job.name], job.finished_at.timestamp())
        yield finished
        results = {job.name: job.result for job in self._jobs}
        for job_name, figure, family, metric, explanation in FIGURES:
            if (value := results.get(job_name, {}).get(figure)) is not None:
                yield family(metric, explanation, value=value)


async def metrics(request: Request) -> Response:
    """`GET /metrics`. No token needed: the proxy keeps it from the public."""
    jobs = JobMetrics(await read_periodic_jobs(services_of(request).pool))
    return Response(generate_latest(jobs) + generate_latest(REGISTRY), headers={"content-type": CONTENT_TYPE_LATEST})


ROUTES = [Route("/metrics", metrics, methods=["GET"])]
