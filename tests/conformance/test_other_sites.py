"""Pages of other sites: what CORS_ORIGINS lets them read, what their cookies are worth, and that streams stay live."""

import httpx
import pytest

from tests.conformance.conftest import OTHER_SITE
from tests.gateway.clients import SSE
from tests.gateway.support import events, in_a_loop, new_user, ready
from tests.system import System

DEADLINE_S = 30


def preflight(system: System, path: str, **headers: str) -> httpx.Response:
    asked = {
        "origin": OTHER_SITE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    asked |= {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.options(f"{system.url}{path}", headers=asked, trust_env=False)


@pytest.mark.parametrize("path", ["/realtime/ack", "/api/activations", "/api/nothing"])
def test_preflight_of_an_allowed_site_is_answered_without_a_token(system: System, path: str) -> None:
    answer = preflight(system, path)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == OTHER_SITE
    assert "access-control-allow-credentials" not in answer.headers
    assert "origin" in answer.headers["vary"].lower()
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "idempotency-key", "last-event-id"))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/realtime/ack", {"origin": "https://evil.example"}),
        ("/realtime/ack", {"origin": "null"}),
        ("/realtime/ack", {"origin": f"{OTHER_SITE}.evil.example"}),
        ("/realtime/ack", {"access_control_request_method": "DELETE"}),
        ("/realtime/ack", {"access_control_request_headers": "x-other"}),
        ("/metrics", {}),
        ("/", {}),
    ],
)
def test_preflight_of_anything_else_is_refused(system: System, path: str, headers: dict[str, str]) -> None:
    answer = preflight(system, path, **headers)
    assert answer.status_code in (400, 404, 405)


@pytest.mark.parametrize("token", [True, False], ids=["served", "refused"])
@pytest.mark.parametrize("path", ["/realtime/poll?wait=0", "/realtime/sse", "/api/wallet"])
def test_allowed_site_may_read_answers_and_refusals(system: System, path: str, token: bool) -> None:
    headers = {"origin": OTHER_SITE} | ({"authorization": f"Bearer {system.token()}"} if token else {})
    with httpx.stream("GET", f"{system.url}{path}", headers=headers, trust_env=False) as answer:
        assert answer.status_code == (200 if token else 401)
        assert answer.headers["access-control-allow-origin"] == OTHER_SITE
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_other_sites_may_not_read(system: System, origin: str) -> None:
    headers = {"origin": origin, "authorization": f"Bearer {system.token()}"}
    answer = httpx.get(f"{system.url}/api/wallet", headers=headers, trust_env=False)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_cookie_of_a_page_of_another_site_is_refused_though_the_site_is_allowed(system: System) -> None:
    headers = {"origin": OTHER_SITE, "cookie": f"onesms_token={system.token()}"}
    answer = httpx.get(f"{system.url}/api/wallet", headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "FOREIGN_ORIGIN")


@in_a_loop
async def test_stream_to_another_site_is_live(system: System) -> None:
    """The headers are added on the way: nothing on it holds the stream back."""
    async with (
        new_user(system) as user,
        httpx.AsyncClient(base_url=system.url, headers={"origin": OTHER_SITE}, timeout=DEADLINE_S) as client,
        client.stream("GET", "/realtime/sse", params={"access_token": user.token}) as answer,
        SSE.connect(system.url, user.token, None) as beside,
    ):
        lines = answer.aiter_lines()
        while not (await anext(lines)).startswith("event: ready"):
            pass
        await ready(beside)
        await user.append()
        await events(beside, 1)
        while not (await anext(lines)).startswith("event: test"):
            pass
