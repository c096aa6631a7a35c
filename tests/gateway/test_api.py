"""The HTTP API of a running system: sessions, wallet and catalogue, who may ask, and what is not served."""

import socket
import time
from uuid import uuid4

import httpx
import pytest

from tests.gateway.api import ISO, buy, client_of, refusal, until_status, wallet
from tests.gateway.conftest import Provider
from tests.system import System

# sessions


def test_session_of_a_name_is_found_again(system: System) -> None:
    name = f"alice-{uuid4()}"
    first = httpx.post(f"{system.url}/demo/sessions", json={"name": name, "credit": "12.34"})
    again = httpx.post(f"{system.url}/demo/sessions", json={"name": name, "credit": "99.00"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["user_id"] == again.json()["user_id"]
    with client_of(system.url, again.json()["token"]) as client:
        assert wallet(client) == ("12.34", "0.00", "12.34")


def test_session_without_a_name_is_a_new_user_each_time(system: System) -> None:
    first, second = (httpx.post(f"{system.url}/demo/sessions") for _ in range(2))
    assert first.json()["user_id"] != second.json()["user_id"]


@pytest.mark.parametrize("credit", ["-1", "NaN", "Infinity", "1.001", "1000001", "1e999999", "1e-999999", "", None, []])
def test_credit_that_is_no_sum_of_money_is_refused(system: System, credit: object) -> None:
    answer = httpx.post(f"{system.url}/demo/sessions", json={"credit": credit})
    assert "credit" in refusal(answer, 422, "INVALID_ARGUMENT")["message"]


@pytest.mark.parametrize("name", ["", "x" * 101, "a\0b", 7, {}])
def test_name_that_cannot_be_kept_is_refused(system: System, name: object) -> None:
    answer = httpx.post(f"{system.url}/demo/sessions", json={"name": name})
    assert "name" in refusal(answer, 422, "INVALID_ARGUMENT")["message"]


def test_sessions_do_not_exist_outside_the_demo(impatient_url: str) -> None:
    refusal(httpx.post(f"{impatient_url}/demo/sessions", json={"name": "alice"}), 404, "NOT_FOUND")


# wallet and catalogue


def test_catalogue_needs_no_token(system: System) -> None:
    body = httpx.get(f"{system.url}/api/services").json()
    assert {"service": "whatsapp", "title": "WhatsApp", "price": "5.00"} in body["services"]
    assert {"country": "indonesia", "title": "Indonesia"} in body["countries"]


def test_purchase_and_cancel_move_the_money_as_the_books_say(alice: httpx.Client) -> None:
    assert wallet(alice) == ("36.00", "0.00", "36.00")
    bought = buy(alice)
    assert wallet(alice) == ("36.00", "5.00", "31.00")
    assert alice.post(f"/api/activations/{bought['id']}/cancel").status_code == 200
    assert wallet(alice) == ("36.00", "0.00", "36.00")

    refund, freeze, deposit = alice.get("/api/wallet/operations").json()["operations"]
    assert [each["type"] for each in (deposit, freeze, refund)] == ["deposit", "freeze", "refund"]
    assert freeze["activation_id"] == refund["activation_id"] == bought["id"]
    assert (freeze["frozen_before"], freeze["frozen_after"]) == ("0.00", "5.00")
    assert (refund["available_before"], refund["available_after"]) == ("31.00", "36.00")
    assert refund["number"] > freeze["number"] > deposit["number"]
    assert ISO.fullmatch(refund["at"])


def test_operations_come_page_by_page(alice: httpx.Client) -> None:
    for _ in range(2):
        buy(alice)
    whole = alice.get("/api/wallet/operations").json()
    assert whole["next"] is None
    pages, before = [], None
    while True:
        page = alice.get("/api/wallet/operations", params={"limit": 2, **({"before": before} if before else {})}).json()
        pages.append(page["operations"])
        if (before := page["next"]) is None:
            break
    assert [len(page) for page in pages] == [2, 1]
    assert [operation for page in pages for operation in page] == whole["operations"]


@pytest.mark.parametrize("path", ["/api/wallet/operations", "/api/activations"])
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=201",
        "limit=",
        "limit=ten",
        "limit=1e2",
        "limit=0000002009999",
        "limit=%D9%A1",
        f"limit={'9' * 5000}",
        "before=",
        "before=-1",
        "before=x",
        "before=%00",
        "before=0001-01-01T00:00:00%2B14:00_00000000-0000-0000-0000-000000000000",
        "before=2026-01-01T00:00:00_00000000-0000-0000-0000-000000000000",
        f"before={'9' * 30}",
    ],
)
def test_page_arguments_out_of_bounds_are_refused(alice: httpx.Client, path: str, query: str) -> None:
    refusal(alice.get(f"{path}?{query}"), 400, "BAD_REQUEST")


# who asks, and for what


PROTECTED = [
    ("GET", "/api/wallet"),
    ("GET", "/api/wallet/operations"),
    ("GET", "/api/activations"),
    ("POST", "/api/activations"),
    ("GET", f"/api/activations/{uuid4()}"),
    ("POST", f"/api/activations/{uuid4()}/cancel"),
    ("GET", "/realtime/sse"),
    ("GET", "/realtime/poll"),
    ("POST", "/realtime/ack"),
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_without_a_valid_token_nothing_is_told(system: System, method: str, path: str) -> None:
    expired = system.token(lifetime_s=-1)
    for token, code in ((None, "TOKEN_MISSING"), ("x.y.z", "TOKEN_INVALID"), (expired, "TOKEN_EXPIRED")):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = httpx.request(
            method, system.url + path, headers=headers, json={"garbage": True} if method == "POST" else None
        )
        assert refusal(answer, 401, code).keys() == {"success", "error_code", "message", "request_id"}
        assert answer.headers["www-authenticate"] == "Bearer"


def test_token_may_come_in_the_query_or_as_a_cookie(system: System) -> None:
    user_id, token = system.sign_in()
    assert httpx.get(f"{system.url}/api/wallet", params={"access_token": token}).json()["balance"] == "36.00"
    cookie = {"cookie": f"onesms_token={token}"}
    assert httpx.get(f"{system.url}/api/wallet", headers=cookie).json()["balance"] == "36.00"
    ours = httpx.get(f"{system.url}/api/wallet", headers=cookie | {"origin": system.url})
    assert ours.status_code == 200
    foreign = httpx.get(f"{system.url}/api/wallet", headers=cookie | {"origin": "https://evil.example"})
    refusal(foreign, 403, "FOREIGN_ORIGIN")
    assert user_id not in foreign.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "NOT_FOUND"),
        ("POST", "/nothing", 404, "NOT_FOUND"),
        ("GET", "/api/wallet/", 404, "NOT_FOUND"),
        ("GET", "/api/../api/wallet%2f", 404, "NOT_FOUND"),
        ("GET", "/%00", 404, "NOT_FOUND"),
        ("GET", "/" + "x" * 5_000, 404, "NOT_FOUND"),
        ("GET", "/%2e%2e/pyproject.toml", 404, "NOT_FOUND"),
        ("GET", "//etc/passwd", 404, "NOT_FOUND"),
        ("GET", "/%F0%9F%98%80%FF", 404, "NOT_FOUND"),
        ("DELETE", "/api/wallet", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/api/wallet", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/demo/sessions", 405, "METHOD_NOT_ALLOWED"),
        ("PUT", "/api/activations", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/realtime/sse", 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_what_is_not_served_is_told_in_the_same_shape(
    system: System, method: str, path: str, status: int, code: str
) -> None:
    answer = httpx.request(method, httpx.URL(system.url, raw_path=path.encode()))
    refusal(answer, status, code)
    assert ("allow" in answer.headers) == (status == 405)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "target",
    [
        b"/api/wallet?\xff",
        b"/api/wallet?limit=\xe9",
        b"/api/wallet?access_token=%ff%00",
        b"/realtime/sse?access_token=\xff",
        b"/realtime/poll?cursor=%ff",
        b"/\xff",
        b"*",
        b"http://[/",
        b"//[",
        b"/api/wallet HTTP/9.9 /",
    ],
)
def test_request_line_of_any_bytes_is_taken_calmly(system: System, target: bytes) -> None:
    said = len(system.gateway.output)
    with socket.create_connection(("127.0.0.1", system.port), timeout=10) as connection:
        connection.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target)
        assert connection.recv(65_536).split()[1] in (b"400", b"401", b"404")
    assert "Traceback" not in system.gateway.output[said:]


@pytest.mark.parametrize("host", ["[", "a b", "\xe9", ""])
def test_host_of_any_kind_is_taken_calmly(system: System, host: str) -> None:
    headers = [(b"host", host.encode("latin-1"))]
    refusal(httpx.get(f"{system.url}/api/wallet", headers=headers), 401, "TOKEN_MISSING")
    refusal(httpx.get(f"{system.url}/nothing", headers=headers), 404, "NOT_FOUND")


@pytest.mark.parametrize(("wait", "status"), [("0", 200), ("-1", 400), ("NaN", 400), ("soon", 400), ("", 200)])
def test_poll_waits_within_bounds(alice: httpx.Client, wait: str, status: int) -> None:
    began = time.monotonic()
    answer = alice.get("/realtime/poll", params={"wait": wait})
    assert answer.status_code == status
    assert time.monotonic() - began < 5  # without a cursor it has a snapshot to answer with


def test_health_is_told_without_a_token(system: System) -> None:
    assert httpx.get(f"{system.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{system.url}/readyz").json()["status"] == "ok"


def test_page_is_served(system: System) -> None:
    answer = httpx.get(system.url)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert httpx.get(system.url, headers={"if-none-match": answer.headers["etag"]}).status_code == 304


def test_neither_tokens_nor_codes_are_logged(system: System, alice: httpx.Client, provider: Provider) -> None:
    token = alice.headers["authorization"].removeprefix("Bearer ")
    alice.get("/realtime/poll", params={"access_token": token, "cursor": "x"})
    alice.get("/nothing", params={"access_token": token})
    bought = buy(alice, service="whatsapp")
    provider.deliver_sms(bought["phone"], "918273")
    until_status(alice, bought["id"], "received")
    for process in system.processes:
        assert token not in process.output
        assert "918273" not in process.output
