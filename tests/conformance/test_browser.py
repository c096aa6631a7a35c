"""EventSource and WebSocket as Chromium has them: what a page sees without any client of ours."""

import uuid
from collections.abc import Iterator

import asyncpg
import pytest
from playwright.sync_api import Page

from tests.browser import open_page
from tests.conftest import aside
from tests.system import System

NO_PAGE = "/icon.svg"
"""Of the gateway's origin, and without scripts."""

LISTEN = """(address) => {
    const seen = (window.seen = []);
    const note = ({ data, lastEventId }) => seen.push({ ...JSON.parse(data), id: lastEventId });
    if (address.startsWith("ws")) {
        window.stream = new WebSocket(address);
        window.stream.onmessage = note;
        window.stream.onclose = ({ code, reason, wasClean }) =>
            seen.push({ type: "closed", code, reason, wasClean });
    } else {
        window.stream = new EventSource(address);
        for (const type of ["ready", "test", "close"]) window.stream.addEventListener(type, note);
    }
}"""
SEEN = """(count) => {
    const found = window.seen.filter(({ type }) => type !== "heartbeat");
    return found.length >= count && found;
}"""


@pytest.fixture(scope="module")
def page(system: System) -> Iterator[Page]:
    with open_page(f"{system.url}{NO_PAGE}", expected_errors=("404 (Not Found)",)) as page:  # of its favicon
        yield page


def run_sql(system: System, statement: str, *arguments: object) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(system.database_url)
        try:
            await connection.execute(statement, *arguments)
        finally:
            await connection.close()

    aside(run())


def append(system: System, user_id: str, count: int = 1) -> None:
    statement = "select append_event($1::text::uuid, 'test', '{}') from generate_series(1, $2)"
    run_sql(system, statement, user_id, count)


def seen(page: Page, count: int) -> list[dict[str, object]]:
    """What has come, once it is so much."""
    found: list[dict[str, object]] = page.wait_for_function(SEEN, arg=count).json_value()
    return found


def new_user(system: System) -> str:
    user_id = str(uuid.uuid4())
    run_sql(system, "insert into users (id) values ($1::text::uuid)", user_id)
    return user_id


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_page_hears_ready_then_events_and_resumes(system: System, page: Page, scheme: str) -> None:
    user_id = new_user(system)
    path = "realtime/ws" if scheme == "ws" else "realtime/sse"
    address = f"{system.url.replace('http', scheme)}/{path}?access_token={system.token(user_id)}"
    page.evaluate(LISTEN, address)
    [first] = seen(page, 1)
    assert (first["type"], first["resumed"]) == ("ready", False)
    append(system, user_id, 3)
    events = seen(page, 4)[1:]
    assert [event["seq"] for event in events] == [1, 2, 3]
    if scheme == "http":
        assert [event["id"] for event in events] == [event["cursor"] for event in events]
    page.evaluate("window.stream.close()")
    page.evaluate(LISTEN, f"{address}&cursor={events[1]['cursor']}")
    again, missed = seen(page, 2)
    assert (again["resumed"], missed["seq"]) == (True, 3)
    page.evaluate("window.stream.close()")


def test_event_source_reconnects_by_itself_where_it_was(system: System, page: Page) -> None:
    """The server sends it away as its history is rewritten; it comes back after `retry`, with its last id."""
    user_id = new_user(system)
    page.evaluate(LISTEN, f"{system.url}/realtime/sse?access_token={system.token(user_id)}")
    seen(page, 1)
    append(system, user_id)
    seen(page, 2)
    run_sql(system, "select new_epoch()")
    *_, closed, again = seen(page, 4)
    assert (closed["type"], closed["code"], closed["reconnect"]) == ("close", 4001, True)
    assert (again["type"], again["resumed"]) == ("ready", False)
    page.evaluate("window.stream.close()")


@pytest.mark.parametrize(("lifetime_s", "code", "name"), [(None, 4500, "unauthorized"), (-1, 4501, "token_expired")])
def test_page_sees_why_its_websocket_was_refused(
    system: System, page: Page, lifetime_s: float | None, code: int, name: str
) -> None:
    token = "" if lifetime_s is None else system.token(lifetime_s=lifetime_s)
    page.evaluate(LISTEN, f"{system.url.replace('http', 'ws')}/realtime/ws?access_token={token}")
    assert seen(page, 1) == [{"type": "closed", "code": code, "reason": name, "wasClean": True}]
