"""The simulator's webhooks, received by a real server: each provider's form, another attempt after a refusal, loopback
only."""

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from pollers.simulator import SimulatorSettings, running
from pollers.simulator.webhooks import ATTEMPTS_MAX, check_url

WITHIN_S = 10
CLASSIC, HERO = "/stubs/handler_api.php", "/hero/stubs/handler_api.php"


class Receiver:
    """A server that notes what it is told, and answers with the statuses given, then with 200."""

    def __init__(self) -> None:
        self.received: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = receiver.answers.pop(0) if receiver.answers else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.received.put((self.path, body))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def next(self) -> tuple[str, dict[str, Any]]:
        return self.received.get(timeout=WITHIN_S)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WITHIN_S)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    settings = SimulatorSettings(port=0, sms_delay_s=1e6, lifetime_s=1e7, webhook_retry_s=0.01)
    with running(settings) as base_url, httpx.Client(base_url=base_url) as client:
        yield client


def ask(http: httpx.Client, path: str, action: str, **params: object) -> Any:
    answer = http.get(path, params={"api_key": "demo", "action": action} | {k: str(v) for k, v in params.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def buy(http: httpx.Client, path: str) -> int:
    return int(ask(http, path, "getNumberV2", service="wa", country=6)["activationId"])


def tell(http: httpx.Client, url: str, provider: str | None = None) -> None:
    body = {"urls": [url]} | ({"provider": provider} if provider else {})
    assert http.post("/sim/webhooks", json=body).status_code == 200


def test_classic_sms_is_told_in_its_form(http: httpx.Client, receiver: Receiver) -> None:
    tell(http, f"{receiver.url}/classic", "sms_activate")
    id_ = buy(http, CLASSIC)
    http.post(f"/sim/activations/{id_}/sms", json={"code": "12345", "text": "It is 12345"})
    path, said = receiver.next()
    assert path == "/classic"
    at = said.pop("receivedAt")
    assert len(at) == len("2023-01-01 12:00:00")
    assert said == {"activationId": id_, "service": "wa", "text": "It is 12345", "code": "12345", "country": 6}


def test_hero_sms_is_told_in_its_form(http: httpx.Client, receiver: Receiver) -> None:
    tell(http, f"{receiver.url}/hero", "herosms")
    unheard = buy(http, CLASSIC)
    http.post(f"/sim/activations/{unheard}/sms")
    id_ = buy(http, HERO)
    http.post(f"/sim/activations/{id_}/sms", json={"code": "", "text": "no code"})
    path, said = receiver.next()
    assert path == "/hero"
    assert "T" in said.pop("receivedAt")
    assert said == {
        "activationId": id_,
        "phoneFrom": "WhatsApp",
        "service": "wa",
        "text": "no code",
        "code": None,
        "country": 6,
    }


def test_rental_is_told_to_the_url_of_its_purchase(http: httpx.Client, receiver: Receiver) -> None:
    url = f"{receiver.url}/mine"
    phone = ask(http, CLASSIC, "getRentNumber", service="wa", country=6, rent_time=4, url=url)["phone"]
    http.post(f"/sim/rentals/{phone['id']}/sms", json={"text": "one"})
    path, said = receiver.next()
    assert path == "/mine"
    assert said["rentId"] == str(phone["id"])
    assert said["sms"].keys() == {"phoneFrom", "text", "date"}
    assert said["sms"]["text"] == "one"


def test_sms_is_told_when_it_falls_due_though_nobody_looks(http: httpx.Client, receiver: Receiver) -> None:
    tell(http, receiver.url)
    http.post("/sim/settings", json={"sms_delay_s": 0.2})
    id_ = buy(http, CLASSIC)
    assert receiver.next()[1]["activationId"] == id_


def test_refused_webhook_is_sent_again_and_not_for_ever(http: httpx.Client, receiver: Receiver) -> None:
    tell(http, receiver.url)
    receiver.answers = [500, 301, 204]
    http.post(f"/sim/activations/{buy(http, CLASSIC)}/sms", json={"code": "1"})
    assert [receiver.next()[1]["code"] for _ in range(4)] == ["1"] * 4

    receiver.answers = [500] * ATTEMPTS_MAX
    http.post(f"/sim/activations/{buy(http, CLASSIC)}/sms", json={"code": "2"})
    assert [receiver.next()[1]["code"] for _ in range(ATTEMPTS_MAX)] == ["2"] * ATTEMPTS_MAX
    http.post(f"/sim/activations/{buy(http, CLASSIC)}/sms", json={"code": "3"})
    assert receiver.next()[1]["code"] == "3"
    assert receiver.received.empty()


def test_nobody_there_stops_nothing(http: httpx.Client, receiver: Receiver) -> None:
    tell(http, "http://127.0.0.1:1/", "sms_activate")
    tell(http, receiver.url, "herosms")
    for path, code in ((CLASSIC, "1"), (HERO, "2")):
        http.post(f"/sim/activations/{buy(http, path)}/sms", json={"code": code})
    assert receiver.next()[1]["code"] == "2"
    assert http.get("/sim/webhooks").json()["urls"]["herosms"] == [receiver.url]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://127.0.0.1.example.com/",
        "http://user@example.com:80/127.0.0.1",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "http://[::1",
        "http://0.0.0.0/",
        "",
        "http://127.0.0.1/" + "a" * 1000,
    ],
)
def test_only_loopback_is_told(http: httpx.Client, url: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        check_url(url)
    refused = http.post("/sim/webhooks", json={"urls": [url]})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "BAD_REQUEST")
    # As the URL of a rental it is taken, as the provider takes any, and then left alone.
    rented = ask(http, CLASSIC, "getRentNumber", service="wa", country=6, rent_time=4, url=url)
    assert http.post(f"/sim/rentals/{rented['phone']['id']}/sms").status_code == 200


@pytest.mark.parametrize("body", [{"urls": ["http://127.0.0.1/"] * 4}, {}, {"urls": [], "provider": "nobody"}])
def test_wrong_webhooks_are_refused(http: httpx.Client, body: dict[str, Any]) -> None:
    assert http.post("/sim/webhooks", json=body).status_code == 400
