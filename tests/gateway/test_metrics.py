"""Metrics: what the periodic jobs leave in their rows, as Prometheus reads it."""

from datetime import UTC, datetime, timedelta

import httpx
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.api.metrics import JobMetrics
from tests.system import System, wait_until
from wallet_db.periodic import PeriodicJob

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def figures(text: str) -> dict[str, float]:
    """Samples by their name; of those with labels, with the labels' values behind it."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def job(name: str, finished_at: datetime | None, **result: int) -> PeriodicJob:
    return PeriodicJob(name, timedelta(hours=1), AT, finished_at, finished_at, result)


def test_the_jobs_figures_become_metrics() -> None:
    jobs = [
        job("check_wallets", AT, checked=9, corrected=1, critical=2, left=3, corrected_total=4),
        job("expire_holds", AT + timedelta(seconds=5), expired=1, expired_total=6),
        job("forget_events", None, forgotten=2, forgotten_total=7),
        job("redact_events", None, redacted=0, redacted_total=8),
        job("tell_alerts", None, open_critical=1, open_warning=2, told_total=3, failed_total=0),
    ]
    text = generate_latest(JobMetrics(jobs)).decode()
    assert figures(text) == {
        "onesms_periodic_job_last_finished_timestamp_seconds check_wallets": AT.timestamp(),
        "onesms_periodic_job_last_finished_timestamp_seconds expire_holds": AT.timestamp() + 5,
        "onesms_wallets_checked": 9,
        "onesms_wallets_critical": 2,
        "onesms_wallets_left": 3,
        "onesms_wallets_corrected_total": 4,
        "onesms_holds_expired_total": 6,
        "onesms_events_forgotten_total": 7,
        "onesms_orders_redacted_total": 8,
        "onesms_alerts_open critical": 1,
        "onesms_alerts_open warning": 2,
        "onesms_alerts_told_total": 3,
        "onesms_alerts_failed_total": 0,
    }
    assert "# TYPE onesms_wallets_corrected_total counter" in text
    assert "# TYPE onesms_wallets_critical gauge" in text


def test_a_job_that_has_never_finished_has_no_figures() -> None:
    assert figures(generate_latest(JobMetrics([job("check_wallets", None)])).decode()) == {}


def test_the_gateway_tells_what_the_pollers_found(system: System) -> None:
    def told() -> dict[str, float]:
        answer = httpx.get(f"{system.url}/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
        return figures(answer.text)

    wait_until(lambda: "onesms_wallets_critical" in told(), "the first check of the wallets has finished")
    seen = told()
    assert seen["onesms_wallets_critical"] == seen["onesms_wallets_left"] == 0
    assert seen["onesms_wallets_checked"] > 0
    assert seen["onesms_periodic_job_last_finished_timestamp_seconds check_wallets"] > AT.timestamp()
    assert seen["process_resident_memory_bytes"] > 0


def test_requests_are_timed_by_operation_whatever_strangers_ask_for(system: System) -> None:
    def timed() -> dict[str, float]:
        told = figures(httpx.get(f"{system.url}/metrics").text)
        return {name: value for name, value in told.items() if name.startswith("onesms_request_seconds_count")}

    refused = "onesms_request_seconds_count wallet_show"
    httpx.get(f"{system.url}/api/wallet")  # no token
    before = timed()
    assert before[refused] >= 1
    for n in range(50):
        httpx.get(f"{system.url}/api/nothing-{n}/{n}")
        httpx.request(f"M{n}", f"{system.url}/api/wallet")
        httpx.post(f"{system.url}/webhooks/provider-{n}", json={"activationId": f"{n}"})
        httpx.get(f"{system.url}/api/wallet", headers={"Authorization": f"Bearer {n}"})
    after = timed()
    assert after.keys() - before.keys() <= {
        "onesms_request_seconds_count webhooks_hear",
        "onesms_request_seconds_count metrics_metrics",
    }
    assert after[refused] == before[refused] + 50
