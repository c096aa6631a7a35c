"""The catalogue on the page: found by words, in the order wanted, with stock and success, and bought from by key."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from gateway.offers import SUCCESS_TRIES_MIN
from pollers.simulator import SimulatorSettings
from tests.browser import open_page
from tests.page_support import client_of, sign_in
from tests.system import System, running_system, wait_until

pytestmark = pytest.mark.usefixtures("browser_kept")

ROWS = "#offer-rows tr"


def serve_numbers(system: System, count: int) -> None:
    """So many numbers of WhatsApp in Indonesia, each with its SMS."""
    _, token = system.sign_in(credit="500.00")
    order = {"service": "whatsapp", "country": "indonesia"}
    with client_of(system, token) as client, ThreadPoolExecutor(8) as buyers:
        bought = list(buyers.map(lambda _: client.post("/api/activations", json=order).json()["id"], range(count)))
        served = ("received", "completed")
        wait_until(
            lambda: all(client.get(f"/api/activations/{each}").json()["status"] in served for each in bought),
            "every number has its SMS",
        )
        wait_until(lambda: success_of(client.get("/api/offers").json()) is not None, "its success is told")


def success_of(offers: dict[str, list[dict[str, object]]]) -> object:
    (offer,) = [row for row in offers["offers"] if (row["service"], row["country"]) == ("whatsapp", "indonesia")]
    return offer["success"]


def names(page: Page) -> list[str]:
    return page.locator(f"{ROWS} th").all_inner_texts()


def test_offers_are_found_compared_and_bought(database_url: str) -> None:
    simulator = SimulatorSettings(port=0, sms_delay_s=0, early_cancel_s=0)
    with running_system(database_url, pollers=True, simulator=simulator) as system:
        serve_numbers(system, SUCCESS_TRIES_MIN)
        with open_page(f"{system.url}/#catalogue") as page:
            sign_in(page)
            expect(page.locator("#offer-count")).to_have_text("256 offers")
            expect(page.locator(ROWS)).to_have_count(40)
            page.click("#more-offers")
            expect(page.locator(ROWS)).to_have_count(80)
            expect(page.locator(ROWS).nth(40).locator("button")).to_be_focused()

            page.fill("#offer-search", "indon WHATS")
            expect(page.locator(ROWS)).to_have_count(1)
            row = page.locator(ROWS)
            assert row.locator("td").all_inner_texts()[0] == "5.00"
            stock = row.locator("td").nth(1).inner_text()
            assert int(stock.replace(",", "")) > 0
            expect(row.locator("td").nth(2)).to_have_text("100%")
            expect(page.locator("#offer-note")).to_contain_text("last 24 hours")
            expect(page.locator("#offer-note")).to_contain_text(f"Below {SUCCESS_TRIES_MIN} numbers")

            page.fill("#offer-search", "nothing like that")
            expect(page.locator("#no-offers")).to_be_visible()
            expect(page.locator("#offers")).to_be_hidden()
            page.fill("#offer-search", "telegram germany")
            expect(row.locator("td").nth(2)).to_have_text("–not known")  # too few tries  # noqa: RUF001
            page.fill("#offer-search", "")
            page.select_option("#offer-sort", "success")
            expect(page.locator(f"{ROWS} th").first).to_contain_text("WhatsApp Indonesia")
            page.check("#offer-stocked")
            page.fill("#offer-search", "no numbers left")
            expect(page.locator("#no-offers")).to_be_visible()

            page.fill("#offer-search", "whatsapp indonesia")
            page.focus("#offer-search")
            for _ in range(3):  # over the order and the choice
                page.keyboard.press("Tab")
            expect(row.get_by_role("button", name="Buy WhatsApp, Indonesia, for 5.00")).to_be_focused()
            page.keyboard.press("Enter")
            card = page.locator("#live-orders article")
            expect(card).to_have_attribute("data-status", "received")
            expect(card).to_be_focused()
            assert page.url.endswith("#numbers")
            page.go_back()
            expect(row).to_be_visible()
