"""The realtime client in a real browser, on a real gateway: tabs that share, tokens that expire, networks that err."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser import open_page
from tests.client_proxy import proxied
from tests.system import System, running_system

pytestmark = pytest.mark.usefixtures("browser_kept")

EXAMPLE = "/client/example/"
BLANK = "/icon.svg"
"""A document of the gateway's that brings no script."""
CRASH_MS = 3_000
"""A page that has crashed never says that it has gone there."""

CONNECT = """async ({ tokens, ...options }) => {
  const { connect } = await import('/client/index.js');
  const told = (window.told = { seqs: [], types: [], transports: [], asked: [], reasons: [], resumed: [] });
  const getToken = ({ reason }) => (told.asked.push(reason), tokens.length > 1 ? tokens.shift() : tokens[0]);
  const source = { token: tokens.shift(), getToken: tokens.length ? getToken : null };
  const client = (window.client = connect({ ...source, ...options }));
  for (const type of ['ready', 'auth.renewed']) client.on(type, () => told.types.push(type));
  client.on('ready', ({ resumed }) => told.resumed.push(resumed));
  client.on('event', ({ seq }) => told.seqs.push(seq));
  client.on('state', ({ transport, status, reason }) => {
    if (status === 'live' && told.transports.at(-1) !== transport) told.transports.push(transport);
    if (reason) told.reasons.push(reason.name);
  });
}"""
LIVE = "() => window.client?.state.status === 'live'"


@pytest.fixture
def system(database_url: str) -> Iterator[System]:
    environment = {"HEARTBEAT_S": "1", "TOKEN_WARNING_S": "2"}
    with running_system(database_url, pollers=True, environment=environment) as running:
        yield running


def open_tab(page: Page, url: str) -> Page:
    tab = page.context.new_page()
    tab.goto(url)
    return tab


def expect_state(tab: Page, role: str) -> None:
    expect(tab.locator("#state")).to_have_text(f"live ws {role}")


def seqs_of(tab: Page) -> list[int]:
    return [int(item.get_attribute("data-seq") or 0) for item in tab.locator("#events li").all()]


def buy(tab: Page, *others: Page) -> None:
    """In one tab; returns when all have shown the code and the settled wallet behind it."""
    codes = tab.locator("#events li", has_text="sms.received").count()
    tab.click("#buy")
    for each in (tab, *others):
        expect(each.locator("#events li", has_text="sms.received")).to_have_count(codes + 1)


def settle(*tabs: Page) -> list[list[int]]:
    """What each tab has shown, once none is behind another."""
    last = max(seqs_of(tab)[-1] for tab in tabs)
    for tab in tabs:
        expect(tab.locator(f"#events li[data-seq='{last}']")).to_have_count(1)
    shown = [seqs_of(tab) for tab in tabs]
    for seqs in shown:
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    return shown


def test_tabs_share_one_connection_and_succeed_one_another(system: System) -> None:
    with open_page(f"{system.url}{EXAMPLE}") as first:
        expect_state(first, "leader")
        second = first.context.new_page()
        sockets: list[str] = []
        second.on("websocket", lambda socket: sockets.append(socket.url))
        second.goto(first.url)
        expect_state(second, "follower")
        buy(second, first)
        assert not sockets

        third = open_tab(first, first.url)
        expect_state(third, "follower")
        first.close()
        expect(second.locator("#state")).to_have_text("live ws leader")
        assert len(sockets) == 1
        expect_state(third, "follower")
        codes = second.locator("#events li", has_text="sms.received").count()
        third.click("#buy")
        expect(second.locator("#events li", has_text="sms.received")).to_have_count(codes + 1)
        expect(third.locator("#events li", has_text="sms.received")).to_have_count(1)
        settle(second, third)


def test_a_tab_that_crashes_is_succeeded(system: System) -> None:
    with open_page(f"{system.url}{EXAMPLE}") as first:
        expect_state(first, "leader")
        second = open_tab(first, first.url)
        expect_state(second, "follower")
        buy(second, first)
        with first.expect_event("crash"), suppress(Error):
            first.goto("chrome://crash", timeout=CRASH_MS)
        expect(second.locator("#state")).to_have_text("live ws leader")
        buy(second)
        settle(second)


@pytest.mark.parametrize("transport", ["ws", "sse", "poll"])
def test_a_token_is_renewed_before_it_expires(system: System, transport: str) -> None:
    user_id, _ = system.sign_in()
    with open_page(f"{system.url}{BLANK}", expected_errors=("401",)) as page:
        first_ends_ms = (time.time() + 6.5) * 1000
        tokens = [system.token(user_id, lifetime_s=6), system.token(user_id, lifetime_s=600)]
        page.evaluate(CONNECT, {"tokens": tokens, "transports": [transport], "share": False})
        page.wait_for_function(LIVE)
        page.wait_for_function("() => told.asked.length === 1")
        if transport != "poll":  # each poll carries the token of the moment: it is not warned, but refused once
            page.wait_for_function("() => told.types.includes('auth.renewed')")
            assert told(page)["types"].count("ready") == 1
        page.wait_for_function("(end_ms) => Date.now() > end_ms", arg=first_ends_ms)
        page.wait_for_function(LIVE)
        assert told(page)["asked"] == ["expiring" if transport != "poll" else "refused"]


def test_an_expired_token_without_another_ends_it(system: System) -> None:
    user_id, _ = system.sign_in()
    with open_page(f"{system.url}{BLANK}") as page:
        page.evaluate(CONNECT, {"tokens": [system.token(user_id, lifetime_s=2)], "share": False})
        page.wait_for_function("() => window.client.state.status === 'closed'")
        assert told(page)["reasons"][-1] == "token_expired"


def test_a_proxy_that_buffers_streams_is_found_out(system: System) -> None:
    _, token = system.sign_in()
    with proxied(system.url) as proxy, open_page(f"{proxy.url}{BLANK}") as page:
        proxy.holds_streams = True
        options = {"tokens": [token], "transports": ["sse", "poll"], "timing": {"bufferedAfterMs": 500}}
        page.evaluate(CONNECT, options)
        page.wait_for_function(LIVE)
        assert told(page)["transports"] == ["poll"]


def test_it_goes_back_up_when_the_better_transport_works_again(system: System) -> None:
    _, token = system.sign_in()
    with proxied(system.url) as proxy, open_page(f"{proxy.url}{BLANK}") as page:
        proxy.holds_streams = True
        timing = {"bufferedAfterMs": 300, "upgradeAfterMs": 300}
        page.evaluate(CONNECT, {"tokens": [token], "transports": ["sse", "poll"], "timing": timing})
        page.wait_for_function("() => told.transports.at(-1) === 'poll'")
        proxy.holds_streams = False
        page.wait_for_function("() => told.transports.at(-1) === 'sse'")
        assert told(page)["types"].count("ready") == 2


@pytest.mark.parametrize("transport", ["ws", "sse"])
def test_a_link_that_falls_silent_without_closing_is_left(system: System, transport: str) -> None:
    _, token = system.sign_in()
    with proxied(system.url) as proxy, open_page(f"{proxy.url}{BLANK}") as page:
        page.evaluate(CONNECT, {"tokens": [token], "transports": [transport]})
        page.wait_for_function(LIVE)
        page.evaluate("() => new Promise((heard) => client.on('heartbeat', heard))")
        proxy.stall()
        page.wait_for_function("() => told.reasons.includes('silence')")
        proxy.resume()
        page.wait_for_function(LIVE)


def test_offline_it_waits_and_online_it_goes_on(system: System) -> None:
    _, token = system.sign_in()
    with open_page(f"{system.url}{BLANK}") as page:
        page.evaluate(CONNECT, {"tokens": [token]})
        page.wait_for_function(LIVE)
        page.context.set_offline(True)
        page.wait_for_function("() => client.state.reason?.name === 'offline' && client.state.retry_in_ms === null")
        page.context.set_offline(False)
        page.wait_for_function(LIVE)


def test_after_a_reload_it_resumes_where_the_application_says_so(system: System) -> None:
    _, token = system.sign_in()
    with open_page(f"{system.url}{BLANK}") as page:
        for resume, expected in ((False, [False]), (True, [True]), (False, [False])):
            page.evaluate(CONNECT, {"tokens": [token], "resume": resume})
            page.wait_for_function(LIVE)
            assert told(page)["resumed"] == expected
            page.reload()


def told(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("() => window.told")
    return found
