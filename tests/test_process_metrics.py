"""What notifier and pollers tell of themselves, on ports of their own."""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.run import metrics_ports
from gateway.settings import GatewaySettings
from notifier.listening import PortTaken
from tests.conftest import execute
from tests.gateway.test_metrics import figures
from tests.system import JWT_SECRET, Process, System, free_port, running_system, wait_until


def told(port: int) -> Mapping[str, float]:
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return figures(answer.text)


def probe(port: int, path: str) -> int:
    return httpx.get(f"http://127.0.0.1:{port}/{path}", timeout=10).status_code


def buy(system: System, token: str) -> str:
    order = {"service": "whatsapp", "country": "indonesia"}
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{system.url}/api/activations", json=order, headers=headers, timeout=30)
    assert answer.status_code == 201, answer.text
    order_id: str = answer.json()["id"]
    return order_id


def test_pollers_tell_their_calls_their_backlog_and_their_part_of_an_account(database_url: str) -> None:
    with running_system(database_url, pollers=True) as system:
        assert system.pollers is not None
        port = free_port()
        second = system.start("pollers", METRICS_PORT=str(port))
        second.wait_until_it('"working"')
        wait_until(lambda: told(port)["onesms_provider_share sms_activate"] == 0.5, "they share evenly")
        system.pollers.stop()
        wait_until(lambda: told(port)["onesms_provider_share sms_activate"] == 1, "all of it is the other's")
        assert (probe(port, "healthz"), probe(port, "readyz")) == (200, 200)
        _, token = system.sign_in()
        buy(system, token)

        def found() -> float:
            return sum(value for name, value in told(port).items() if name.startswith("onesms_sms_found_total"))

        wait_until(lambda: found() == 1, "its SMS was found")
        seen = told(port)
        assert seen["onesms_provider_calls_total buy ok sms_activate"] == 1
        assert seen["onesms_provider_call_seconds_count buy sms_activate"] == 1
        assert seen["onesms_provider_circuit sms_activate closed"] == 1
        assert seen["onesms_provider_turns_total sms_activate"] >= 2
        assert seen["onesms_jobs_claimed_total activation"] >= 1
        wait_until(lambda: told(port).get("onesms_orders_open activation received") == 1, "the backlog was read again")
        assert told(port)["onesms_orders_due activation received"] == 0


def test_without_the_database_pollers_still_tell_of_themselves(server_url: str, database_url: str) -> None:
    name, port = urlsplit(database_url).path[1:], free_port()
    with running_system(database_url) as system:
        pollers = system.start("pollers", METRICS_PORT=str(port))
        pollers.tolerates = system.gateway.tolerates = ("database", "asyncpg.pool", "job failed")
        pollers.wait_until_it('"working"')
        assert told(port)["onesms_database_reachable"] == 1
        asyncio.run(execute(server_url, f'alter database "{name}" allow_connections false'))
        try:
            ended = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"  # noqa: S608
            asyncio.run(execute(server_url, ended))
            wait_until(lambda: told(port)["onesms_database_reachable"] == 0, "it is told that the database is away")
            away = told(port)
            assert "onesms_provider_circuit sms_activate closed" in away
            assert not any(figure.startswith("onesms_orders_due") for figure in away), "nobody knows"
        finally:
            asyncio.run(execute(server_url, f'alter database "{name}" allow_connections true'))
        wait_until(lambda: told(port)["onesms_database_reachable"] == 1, "and that it is back")


def test_no_series_tells_when_another_began(database_url: str) -> None:
    with running_system(database_url) as system:
        text = httpx.get(f"{system.url}/metrics", timeout=10).text
        assert "onesms_refusals_total" in text
        assert "_created" not in text


def test_a_notifier_tells_whether_it_leads_and_what_it_publishes(database_url: str) -> None:
    with running_system(database_url) as system:
        port = free_port()
        second = system.start("notifier", METRICS_PORT=str(port))
        second.wait_until_it("follower.stands_by")
        assert told(port)["onesms_follower_leading"] == 0
        assert probe(port, "readyz") == 200
        system.notifier.stop()
        wait_until(lambda: told(port)["onesms_follower_leading"] == 1, "it leads")
        wait_until(lambda: told(port)["onesms_follower_asleep"] == 1, "it sleeps")
        before = told(port)
        user_id, _ = system.sign_in()  # a deposit
        wait_until(
            lambda: told(port)["onesms_events_published_total"] > before["onesms_events_published_total"], "published"
        )
        assert told(port)["onesms_doorbell_rings_total"] >= 1

        def measured() -> bool:
            # So many that they are read and sent in batches: of what writers send themselves there is no lag.
            events = f"select append_event('{user_id}', 'admin.alert', '{{}}') from generate_series(1, 1000)"  # noqa: S608
            asyncio.run(execute(database_url, events))
            return told(port)["onesms_follower_lag_seconds_count"] >= 1

        wait_until(measured, "it sends, and tells how late")
        seen = told(port)
        assert seen["onesms_follower_lag_seconds_sum"] < 60
        assert seen["onesms_bus_errors_total"] == 0


@pytest.mark.parametrize("module", ["notifier", "pollers"])
def test_a_metrics_port_that_is_taken_is_one_clear_line(database_url: str, module: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = {"DATABASE_URL": database_url, "JWT_SECRET": JWT_SECRET, "DEMO": "1", "METRICS_PORT": str(port)}
        process = Process(module, environment)
        try:
            assert process.wait(within_s=30) == 1
            assert f"METRICS_PORT: cannot listen on 127.0.0.1:{port}: " in process.output
            assert "Traceback" not in process.output
        finally:
            process.close()


def settings(**given: int) -> GatewaySettings:
    return GatewaySettings.model_validate({"demo": True, **given})


def test_make_run_gives_each_process_a_port(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("METRICS_PORT", raising=False)
    assert metrics_ports(settings(metrics_port=0), spared=0) == {"notifier": 0, "pollers": 0}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"METRICS_PORT: cannot listen on 127.0.0.1:{port}"):
            metrics_ports(settings(metrics_port=port), spared=0)
        unasked = metrics_ports(settings(port=port - 2), spared=0)
        assert unasked["notifier"] == 0
        assert "no metrics of the notifier" in capsys.readouterr().err
    port, chosen = free_ports_from(21_000)
    assert chosen == {"notifier": port + 1, "pollers": port + 2}


def free_ports_from(first: int) -> tuple[int, dict[str, int]]:
    """What it chooses from the first port on that has two free ones behind it, itself being spared."""
    for port in range(first, first + 1_000):
        with suppress(PortTaken):
            return port, metrics_ports(settings(metrics_port=port), spared=port)
    raise AssertionError("expected two free ports in a row")
