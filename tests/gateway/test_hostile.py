"""Requests meant to be understood in two ways, or as more than they are: each is a coded refusal, and never a fault.

Elsewhere: large and slow ones (`test_http.py`), who may what (`test_security.py`), tokens themselves (`test_auth*.py`).
"""

import gzip
import socket
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from gateway.auth import Authenticator, credentials_of
from tests.gateway.api import ORDER, client_of, refusal, wallet
from tests.gateway.test_http import connected
from tests.system import JWT_SECRET, System

GOOD = '{"service": "none", "country": "indonesia"%s}'


@pytest.fixture
def ann(system: System) -> Iterator[httpx.Client]:
    """An operator."""
    with client_of(system.url, Authenticator(JWT_SECRET).issue(uuid4(), role="admin")) as client:
        yield client


# sums of money


NO_SUMS = [
    '"1_000"', '" 5 "', '"+5"', '"5e0"', '"\u0665"', '"\u096b.00"', '"0x5"', '"5."', '".5"',
    '"5,00"', '"5.001"', '"NaN"',
    '"Infinity"', '"-0"', '"1e400"', '""', '"1000000000000"', '"\\u0000"', "NaN", "Infinity", "-Infinity", "1e400",
    "1e12", "5.001", "0", "-1", "true", "[]", "{}", "1" + "0" * 5_000, f'"1{"0" * 60_000}"',
]  # fmt: skip


@pytest.mark.parametrize("text", NO_SUMS, ids=lambda text: str(text)[:12])
def test_what_is_no_sum_of_money_is_refused_everywhere(ann: httpx.Client, alice: httpx.Client, text: str) -> None:
    def code_of(answer: httpx.Response) -> str:
        assert answer.status_code in (400, 422), answer.text
        code: str = refusal(answer, answer.status_code, answer.json()["error_code"])["error_code"]
        return code

    expected = {"INVALID_ARGUMENT", "INVALID_JSON", "INVALID_AMOUNT"}
    assert code_of(alice.post("/api/activations", content=GOOD % f', "max_price": {text}')) in expected
    rental = GOOD % f', "hours": 4, "max_price": {text}'
    assert code_of(alice.post("/api/rentals", content=rental)) in expected
    deposit = f'{{"amount": {text}, "reason": "x"}}'
    path = f"/api/admin/users/{uuid4()}/deposit"
    assert code_of(ann.post(path, content=deposit, headers={"idempotency-key": str(uuid4())})) in expected
    assert wallet(alice) == ("36.00", "0.00", "36.00")


# bodies


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"service": "none", "service": "other", "country": "indonesia"}', "INVALID_JSON"),
        ('{"service": "none", "country": "usa", "retry_on_timeout": {"countries": [], "countries": ["india"]}}', "INVALID_JSON"),  # noqa: E501
        (GOOD % ', "user_id": "00000000-0000-0000-0000-000000000000"', "INVALID_ARGUMENT"),
        (GOOD % ', "__proto__": {"is_admin": true}', "INVALID_ARGUMENT"),
        ("[" * 60_000, "INVALID_JSON"),
        ('{"a":' * 10_000, "INVALID_JSON"),
        (GOOD % ', "retry_on_timeout": ' + "[" * 20_000 + "]" * 20_000, "INVALID_JSON"),
        (GOOD % "" + "x", "INVALID_JSON"),
        (GOOD.encode("utf-16").decode("latin-1"), "INVALID_JSON"),
        ('{"service": "\\ud800", "country": "indonesia"}', "INVALID_JSON"),
        ('{"service": "\\u0000", "country": "indonesia"}', "INVALID_ARGUMENT"),
        ('{"service": true, "country": "indonesia"}', "INVALID_ARGUMENT"),
        ("null", "INVALID_JSON"),
        ("1", "INVALID_JSON"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_body_that_is_not_what_it_should_be_is_refused(alice: httpx.Client, body: str, code: str) -> None:
    answer = alice.post("/api/activations", content=body.encode("latin-1"))
    refusal(answer, 400 if code == "INVALID_JSON" else 422, code)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, identity", "x"])
def test_compressed_body_is_refused_and_never_unpacked(alice: httpx.Client, coding: str) -> None:
    bomb = gzip.compress(b" " * 20_000_000)
    refusal(alice.post("/api/activations", content=bomb, headers={"content-encoding": coding}), 415, "BODY_ENCODED")
    plain = {"content-encoding": "Identity"}
    assert alice.post("/api/activations", json=ORDER, headers=plain).status_code == 201


# names and ids


@pytest.mark.parametrize(
    "query", ["limit=1&limit=2", "before=x&before=y", "from=2026-01-01T00:00:00Z&from=2026-01-02T00:00:00Z"]
)
@pytest.mark.parametrize("path", ["/api/activations", "/api/rentals", "/api/wallet/operations"])
def test_query_that_says_two_things_is_refused(alice: httpx.Client, path: str, query: str) -> None:
    assert "once" in refusal(alice.get(f"{path}?{query}"), 400, "BAD_REQUEST")["message"]


@pytest.mark.parametrize(
    "text",
    [
        "\u0660" * 32,
        "0" * 32,
        f"{{{uuid4()}}}",
        f"urn:uuid:{uuid4()}",
        f"{uuid4()}%0a",
        f"{uuid4()}%20",
        "' or 1=1--",
        "%00",
    ],
)
def test_what_is_no_id_names_nothing(alice: httpx.Client, ann: httpx.Client, text: str) -> None:
    for client, path in (
        (alice, "/api/activations/"),
        (alice, "/api/rentals/"),
        (ann, "/api/admin/orders/"),
        (ann, "/api/admin/users/"),
    ):
        refusal(client.get(path + text), 404, "UNKNOWN_ORDER")


@pytest.mark.parametrize("wait", ["Infinity", "1_0", "\u0663", "-0", " 1", "0x1", "+", "e"])
def test_seconds_are_digits(alice: httpx.Client, wait: str) -> None:
    refusal(alice.get("/realtime/poll", params={"wait": wait}), 400, "BAD_REQUEST")


@pytest.mark.parametrize("key", ["ü", "\u0663", "a\tb", ""])
def test_key_is_printable_ascii(alice: httpx.Client, key: str) -> None:
    headers = [(b"idempotency-key", key.encode())]
    refusal(alice.post("/api/activations", json=ORDER, headers=headers), 400, "BAD_REQUEST")


def test_two_keys_are_none(alice: httpx.Client) -> None:
    headers = [("idempotency-key", "one"), ("idempotency-key", "two")]
    refusal(alice.post("/api/activations", json=ORDER, headers=headers), 400, "BAD_REQUEST")


# what a proxy might understand otherwise


def test_what_comes_twice_is_not_believed(system: System) -> None:
    token = system.token()
    with httpx.Client(base_url=system.url, trust_env=False) as client:
        bearer = ("authorization", f"Bearer {token}")
        assert client.get("/api/wallet", headers=[bearer]).status_code == 200
        refusal(client.get("/api/wallet", headers=[bearer, bearer]), 401, "TOKEN_INVALID")
        refusal(client.get(f"/api/wallet?access_token={token}&access_token={token}"), 401, "TOKEN_INVALID")
        cookie, ours = ("cookie", f"onesms_token={token}"), ("origin", system.url)
        assert client.post("/realtime/tickets", headers=[cookie, ours]).status_code == 201
        for origins in ([("origin", "https://evil.example"), ours], [ours, ours]):
            refusal(client.post("/realtime/tickets", headers=[cookie, *origins]), 403, "FOREIGN_ORIGIN")


@pytest.mark.parametrize("origin", ["evil://h", "://h", "h", "http://h/", "http://u@h", "http://h.evil", "null", ""])
def test_origin_of_another_kind_is_not_ours(origin: str) -> None:
    def headers(host: str) -> list[tuple[bytes, bytes]]:
        return [(b"cookie", b"onesms_token=t"), (b"host", host.encode()), (b"origin", origin.encode())]

    assert credentials_of(headers("h"), b"").foreign
    assert credentials_of(headers(""), b"").foreign


TICKET = b"POST /realtime/tickets HTTP/1.1\r\nhost: x\r\n"
ASKED_TWICE = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        TICKET + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + ASKED_TWICE,
        TICKET + b"transfer-encoding: chunked\r\ncontent-length: 40\r\n\r\n0\r\n\r\n" + ASKED_TWICE,
        TICKET + b"content-length: 0\r\ncontent-length: 5\r\n\r\nhello" + ASKED_TWICE,
        TICKET + b"content-length: +5\r\n\r\nhello",
        TICKET + b"content-length: 5, 5\r\n\r\nhello",
        TICKET + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        TICKET + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        TICKET + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\na: b\r\n c\r\n\r\n",
        b"GET /healthz HTTP/1.1\nhost: x\n\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\ra: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda text: repr(text)[-40:],
)
def test_request_of_two_meanings_is_refused_and_nothing_behind_it_is_served(system: System, request_: bytes) -> None:
    with connected(system.url) as connection:
        connection.send(request_)
        connection.refusal(400, "BAD_REQUEST")


# files


@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2fpyproject.toml", "/%2e%2e/pyproject.toml", "/../pyproject.toml", "/..\\pyproject.toml",
        "/client/..%2f..%2fpyproject.toml", "//etc/passwd", "/%2fetc%2fpasswd", "/app.js%00.html", "/app.js/",
        "/./app.js", "/client/../app.js", "//app.js", "/.", "/./", "/docs/..", "//evil.example/..", "/client",
        "/client/",
        "/%c0%ae%c0%ae/pyproject.toml", "/README.md", "/package.json", "/tests/../app.js", "/tests/", "/.git/config",
    ],
)  # fmt: skip
def test_files_are_those_of_the_page_each_by_one_address(system: System, path: str) -> None:
    """And nothing leads elsewhere: a redirect would be to whatever host the request names."""
    with socket.create_connection(("127.0.0.1", system.port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.split()[1] == b"404", answer
    assert b"NOT_FOUND" in answer
    assert b"location:" not in answer.lower()


# the demo


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[", "0x7f.1", "localhost.evil.example"]
)
def test_page_of_a_site_that_leads_to_this_machine_becomes_no_operator(system: System, host: str) -> None:
    """A name whose address changes under a browser's feet: for the browser our answers are then that site's own."""
    answer = httpx.post(f"{system.url}/demo/operators", headers={"host": host})
    refusal(answer, 403, "OPERATORS_ONLY")
    for ours in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert httpx.post(f"{system.url}/demo/operators", headers={"host": ours}).status_code == 201
