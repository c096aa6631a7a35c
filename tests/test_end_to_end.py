"""From the click to the code: a real browser on the real system, each transport in turn, and a gateway that dies."""

import re
from urllib.parse import urlsplit

import asyncpg
import pytest
from playwright.sync_api import Page, expect

from pollers.simulator import SimulatorSettings
from tests.browser import DEADLINE_MS, open_page
from tests.conftest import aside
from tests.system import ROOT, running_system, wait_until

NAMES = {"ws": "WebSocket", "sse": "SSE", "poll": "long-poll"}


def sign_in(page: Page, name: str = "alice") -> None:
    page.fill("#demo-name", name)
    page.fill("#demo-credit", "36.00")
    page.click("#demo-start")
    expect(page.locator("#connection")).to_have_attribute("data-status", "live")


def buy(page: Page, service: str) -> None:
    page.select_option("#service", service)
    page.select_option("#country", "indonesia")
    page.click("#buy")


def types_of_receipts(database_url: str) -> list[str]:
    """Of which events the page has told that it shows them."""

    async def fetch() -> list[str]:
        connection = await asyncpg.connect(database_url)
        try:
            return [row[0] for row in await connection.fetch("select type from receipts")]
        finally:
            await connection.close()

    return aside(fetch())


def expect_wallet(page: Page, balance: str, frozen: str, available: str) -> None:
    expect(page.locator("#balance")).to_have_text(balance)
    expect(page.locator("#frozen")).to_have_text(frozen)
    expect(page.locator("#available")).to_have_text(available)


@pytest.mark.parametrize("transport", NAMES)
def test_from_click_to_code(database_url: str, transport: str) -> None:
    simulator = SimulatorSettings(port=0, sms_delay_s=0.5, early_cancel_s=0)
    with (
        running_system(database_url, pollers=True, simulator=simulator) as system,
        open_page(f"{system.url}/?transport={transport}") as page,
    ):
        sign_in(page)
        expect(page.locator("#connection")).to_have_attribute("data-transport", transport)
        expect_wallet(page, "36.00", "0.00", "36.00")

        page.check("#retry")
        with page.expect_request("**/api/activations") as sent:
            buy(page, "none")
        assert sent.value.post_data_json["retry_on_timeout"] is True
        page.uncheck("#retry")
        expect_wallet(page, "36.00", "5.00", "31.00")
        page.click("article.order[data-status=pending] .cancel")
        expect(page.locator("article.order[data-status=cancelled]")).to_have_count(1)
        expect_wallet(page, "36.00", "0.00", "36.00")

        with page.expect_request("**/api/activations") as sent:
            buy(page, "whatsapp")
        assert "retry_on_timeout" not in sent.value.post_data_json  # the service decides
        received = page.locator("article.order[data-status=received]")
        expect(received).to_have_count(1)
        expect_wallet(page, "31.00", "0.00", "31.00")
        code = received.locator(".code").inner_text()
        assert code.isdigit()
        expect(page.locator(".toast").first).to_contain_text(code)
        wait_until(lambda: types_of_receipts(database_url) == ["sms.received"], "a receipt for the code")


def test_the_page_survives_a_gateway_that_is_killed(database_url: str) -> None:
    simulator = SimulatorSettings(port=0, sms_delay_s=0, early_cancel_s=0)
    with (
        running_system(database_url, pollers=True, simulator=simulator) as system,
        open_page(system.url, expected_errors=("net::ERR_",)) as page,  # wherever its answers are cut off
    ):
        sign_in(page)
        buy(page, "none")
        expect_wallet(page, "36.00", "5.00", "31.00")
        system.gateway.kill()
        expect(page.locator("#connection")).not_to_have_attribute("data-status", "live")
        system.restart_gateway()
        # Its next try may be some seconds away.
        expect(page.locator("#connection")).to_have_attribute("data-status", "live", timeout=DEADLINE_MS)
        buy(page, "whatsapp")
        expect(page.locator("article.order[data-status=received] .code")).to_have_count(1)
        expect_wallet(page, "31.00", "5.00", "26.00")


def test_the_realtime_clients_own_tests_pass_in_a_browser() -> None:
    """They are not served by a gateway: the browser is given the files as they are."""
    with open_page("about:blank") as page:
        origin = "http://localhost"
        page.route(
            f"{origin}/**", lambda route: route.fulfill(path=ROOT / "static" / urlsplit(route.request.url).path[1:])
        )
        page.goto(f"{origin}/tests/run.html")
        expect(page).to_have_title(re.compile(r"^(passed|failed) \d+"), timeout=DEADLINE_MS)
        outcome, _, count = page.title().partition(" ")
        assert outcome == "passed", page.inner_text("body")
        assert int(count.split()[0]) >= 20
