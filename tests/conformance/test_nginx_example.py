"""`deploy/nginx/onesms.conf` as it is shipped, but for ports, certificates and where it logs."""

import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conformance.nginx import running, user
from tests.gateway.api import refusal
from tests.gateway.clients import TRANSPORTS, Transport
from tests.gateway.support import events, in_a_loop, new_user, ready, seqs
from tests.system import System, free_port

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "onesms.conf"
AROUND = """
{user}
daemon off;
pid nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {example}
}}
"""


@dataclass(frozen=True)
class Proxy:
    url: str
    logs: list[Path]

    @property
    def logged(self) -> str:
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in self.logs)


def example(port: int, gateway: int) -> str:
    text, changed = EXAMPLE.read_text(encoding="ascii"), 0
    for pattern, replacement in (
        (r"listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        (r"ssl_certificate(?:_key)? .*;", ""),
        (r"server 127\.0\.0\.1:8000;", f"server 127.0.0.1:{gateway};"),
        (r"/var/log/nginx/", ""),
    ):
        text, count = re.subn(pattern, replacement, text)
        assert count, pattern
        changed += count
    assert changed == 6
    return AROUND.format(user=user(), example=text)


@pytest.fixture(scope="module")
def proxy(system: System) -> Iterator[Proxy]:
    port = free_port()
    with running(example(port, system.port), port) as directory:
        logs = [directory / name for name in ("log", "onesms.access.log", "onesms.error.log")]
        yield Proxy(f"http://127.0.0.1:{port}", logs)


@in_a_loop
async def test_streams_pass(system: System, proxy: Proxy, transport: Transport) -> None:
    assert transport in TRANSPORTS
    async with new_user(system) as someone, transport.connect(proxy.url, someone.token, None) as stream:
        await ready(stream)
        await someone.append()
        assert seqs(await events(stream, 1)) == [1]


def test_pages_of_this_host_may_write_with_a_cookie_and_no_others(system: System, proxy: Proxy) -> None:
    cookie = {"cookie": f"onesms_token={system.token()}"}
    ours = httpx.post(f"{proxy.url}/realtime/tickets", headers=cookie | {"origin": proxy.url})
    assert ours.status_code == 201
    for origin in (system.url, "https://evil.example"):
        answer = httpx.post(f"{proxy.url}/realtime/tickets", headers=cookie | {"origin": origin})
        refusal(answer, 403, "FOREIGN_ORIGIN")


def test_figures_are_not_for_the_public(proxy: Proxy) -> None:
    assert httpx.get(f"{proxy.url}/metrics").status_code == 404
    assert httpx.get(f"{proxy.url}/healthz").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/admin",
        "/admin/",
        "/api/admin/orders",
        "//admin",
        "/%61dmin",
        "/api//admin/orders",
        "/x/../admin?access_token=x",
    ],
)
def test_operators_are_not_served_to_the_public(system: System, proxy: Proxy, path: str) -> None:
    assert asked(system.url, "/admin").headers["x-request-id"], "a gateway has the page, and names each request"
    answer = asked(proxy.url, path)
    assert answer.status == 404
    assert "x-request-id" not in answer.headers, "the proxy itself refuses"
    assert asked(proxy.url, "/administrator").headers["x-request-id"]


def asked(url: str, path: str) -> http.client.HTTPResponse:
    """The path as it is written: no client tidies it."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def test_no_token_of_an_address_is_logged(system: System, proxy: Proxy) -> None:
    """Whatever becomes of the request, the gateway's absence included."""
    token = system.token()
    query, referer = {"access_token": token}, {"referer": f"{proxy.url}/?access_token={token}"}

    def ask(url: str) -> None:
        for path in ("/api/wallet", "/nothing", "/realtime/poll", "/metrics", "/%00"):
            httpx.get(url + path, params=query, headers=referer)
        httpx.post(f"{url}/realtime/ack", params=query, content=b"x" * 70_000)
        httpx.get(f"{url}/api/wallet", params=query, headers={"x-padding": "x" * 40_000})
        httpx.get(f"{url}/api/wallet", params=query | {"padding": "x" * 10_000})
        httpx.request("BREW", f"{url}/api/wallet", params=query)

    ask(proxy.url)
    assert "GET" in proxy.logged
    assert "/api/wallet" in proxy.logged
    assert token not in proxy.logged
    port = free_port()
    with running(example(port, free_port()), port) as directory:
        ask(f"http://127.0.0.1:{port}")
        logs = [directory / name for name in ("log", "onesms.access.log", "onesms.error.log")]
        logged = "".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)
        assert " 502 " in logged
        assert token not in logged
