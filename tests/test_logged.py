"""What a running system writes down: JSON of known categories, tied by the order's id, and nothing that is secret."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from tests.system import JWT_SECRET, Process, running_system, wait_until
from wallet_db.log_lines import CATEGORIES


def lines_of(process: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in process.output.splitlines()]


def test_an_order_can_be_followed_through_the_logs_which_hold_no_secret(database_url: str) -> None:
    with running_system(database_url, pollers=True) as system:
        assert system.pollers is not None
        pollers = system.pollers
        _, token = system.sign_in()
        order = {"service": "whatsapp", "country": "indonesia"}
        headers = {"Authorization": f"Bearer {token}", "X-Request-Id": "one-purchase"}
        answer = httpx.post(f"{system.url}/api/activations", json=order, headers=headers, timeout=30)
        assert answer.status_code == 201, answer.text
        order_id = answer.json()["id"]

        def shown() -> dict[str, Any]:
            found: dict[str, Any] = httpx.get(
                f"{system.url}/api/activations/{order_id}?access_token={token}", headers=headers, timeout=30
            ).json()
            return found

        wait_until(lambda: shown()["code"] is not None, "the code is there")

        def about(process: Process) -> Callable[[], bool]:
            return lambda: any(order_id in json.dumps(line) for line in lines_of(process))

        wait_until(about(system.gateway), "the gateway wrote of the order")
        wait_until(about(pollers), "the pollers wrote of the order")
        [bought] = [line for line in lines_of(system.gateway) if order_id in json.dumps(line) and line["status"] == 201]
        assert bought["request_id"] == "one-purchase"
        of_order = [line for line in lines_of(pollers) if line.get("activation_id") == order_id]
        assert {line["category"] for line in of_order} == {"order"}
        for process in system.processes:
            for line in lines_of(process):
                assert line["category"] in CATEGORIES
                assert line["process"] == process.module
                assert {"timestamp", "level", "event", "module"} <= line.keys()
        # A time's microseconds are six digits, too.
        told = json.dumps([line | {"timestamp": ""} for process in system.processes for line in lines_of(process)])
        done = shown()
        for secret in (token, JWT_SECRET, done["code"], done["phone"], database_url):
            assert secret not in told
