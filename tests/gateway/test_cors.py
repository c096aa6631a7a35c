"""CORS_ORIGINS: what may stand there, and what is answered with nothing or everything in it.

With one site in it, over real connections: `tests/conformance/test_other_sites.py`.
"""

import asyncio

import httpx
import pytest
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from gateway.cors import Cors, origins_of
from gateway.settings import GatewaySettings
from tests.gateway.api import refusal
from tests.gateway.support import own_gateway
from tests.system import JWT_SECRET, System

ASKED = {"origin": "https://shop.example", "access-control-request-method": "POST"}


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        (" , ", ()),
        ("*", ("*",)),
        ("https://shop.example", ("https://shop.example",)),
        ("https://shop.example, http://localhost:3000,", ("https://shop.example", "http://localhost:3000")),
        ("http://[::1]:8080", ("http://[::1]:8080",)),
    ],
)
def test_origins_are_read(text: str, origins: tuple[str, ...]) -> None:
    assert origins_of(text) == origins


@pytest.mark.parametrize(
    "text",
    [
        "shop.example",
        "https://shop.example/",
        "https://*.example",
        "null",
        "*,https://a",
        "https://A",
        "https://a b",
        "ftp://a",
    ],
)
def test_what_no_browser_would_send_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="expected origins like"):
        GatewaySettings(jwt_secret=JWT_SECRET, cors_origins=text)  # type: ignore[arg-type]


def test_without_the_setting_other_sites_may_nothing(system: System) -> None:
    answer = httpx.options(f"{system.url}/api/activations", headers=ASKED, trust_env=False)
    assert answer.status_code == 405
    answer = httpx.get(f"{system.url}/api/services", headers={"origin": ASKED["origin"]}, trust_env=False)
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "asked",
    [
        {"origin": "https://evil.example"},
        {"access-control-request-method": "DELETE"},
        {"access-control-request-headers": "x-other"},
    ],
)
def test_preflight_that_asks_for_too_much_is_refused_like_anything(system: System, asked: dict[str, str]) -> None:
    with own_gateway(system, CORS_ORIGINS=ASKED["origin"]) as url:
        good = httpx.options(f"{url}/api/activations", headers=ASKED, trust_env=False)
        assert (good.status_code, good.headers["access-control-allow-origin"]) == (200, ASKED["origin"])
        assert "access-control-allow-credentials" not in good.headers
        refused = httpx.options(f"{url}/api/activations", headers=ASKED | asked, trust_env=False)
        body = refusal(refused, 400, "BAD_REQUEST")
        assert body["request_id"] == refused.headers["x-request-id"]
        for answer in (good, refused):
            assert answer.headers["x-content-type-options"] == "nosniff"


async def stream_two_pieces(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await send({"type": "http.response.body", "body": b"two"})


def test_all_sites_may_but_never_with_cookies() -> None:
    async def ask() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(Cors(stream_two_pieces, ("*",)))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            cookie = {"origin": "https://any.example", "cookie": "onesms_token=x"}
            return await client.options("/api/x", headers=ASKED), await client.get("/api/x", headers=cookie)

    for answer in asyncio.run(ask()):
        # A browser lets no page read an answer to a request with cookies that says `*`; ours never names the origin.
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


def test_pieces_of_a_stream_pass_one_by_one() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "path": "/realtime/sse",
        "method": "GET",
        "headers": [(b"origin", b"https://shop.example")],
    }
    asyncio.run(Cors(stream_two_pieces, ("https://shop.example",))(scope, receive, send))
    assert [message.get("body") for message in sent] == [None, b"one", b"two"]
