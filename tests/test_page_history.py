"""What was: past orders and rentals with their messages, the wallet's movements; in pages, and narrowed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import DEADLINE_MS, open_page
from tests.page_support import NO_SMS_UNASKED, buy, client_of, deliver, sign_in
from tests.system import System, running_system

pytestmark = pytest.mark.usefixtures("browser_kept")

FAILED = 23
ORDERS, MOVEMENTS = "#past-orders article", "#operation-rows tr"


def fail_orders(system: System, token: str) -> None:
    """Orders for which there was no number: each holds money and gives it back."""
    order = {"service": "dry", "country": "germany"}
    with client_of(system, token) as client, ThreadPoolExecutor(6) as buyers:
        answers = buyers.map(lambda _: client.post("/api/activations", json=order), range(FAILED))
        assert {answer.status_code for answer in answers} == {409}


def ids(rows: Locator) -> list[str]:
    return [row.get_attribute("data-id") or "" for row in rows.all()]


def open_view(page: Page, view: str) -> None:
    page.click(f"#views a[href='#{view}']")


def test_past_orders_and_movements_in_pages_and_narrowed(database_url: str) -> None:
    with (
        running_system(database_url, pollers=True, simulator=NO_SMS_UNASKED) as system,
        open_page(system.url) as page,
    ):
        sign_in(page, credit="300.00")
        open_view(page, "orders")
        expect(page.locator("#no-past")).to_be_visible()
        expect(page.locator("#past-hint")).to_contain_text("with all its messages")
        open_view(page, "numbers")
        fail_orders(system, page.evaluate("JSON.parse(sessionStorage['onesms.session']).token"))
        card = buy(page)
        deliver(system, card, "424242")
        expect(card.locator(".code")).to_have_text("424242")
        card_id = card.get_attribute("data-id")
        expect(page.locator("#closed-orders article")).to_have_count(10)  # the newest only

        page.click("#closed-section a")
        expect(page.locator(ORDERS)).to_have_count(20)
        expect(page.locator(ORDERS).first).to_contain_text("424242")
        expect(page.locator("#past-place")).to_have_text("Page 1")
        expect(page.locator("#past-newer")).to_be_disabled()
        first = ids(page.locator(ORDERS))
        page.click("#past-older")
        expect(page.locator(ORDERS)).to_have_count(FAILED + 1 - 20)
        expect(page.locator("#past-place")).to_have_text("Page 2")
        expect(page.locator("#past-newer")).to_be_focused()  # there is nothing older
        assert not set(first) & set(ids(page.locator(ORDERS)))
        page.keyboard.press("Enter")
        expect(page.locator("#past-place")).to_have_text("Page 1")
        assert ids(page.locator(ORDERS)) == first

        page.select_option("#past-status", "completed")
        expect(page.locator(ORDERS)).to_have_count(1)
        expect(page.locator("#past-pager")).to_be_hidden()
        page.select_option("#past-country", "germany")
        expect(page.locator("#past-hint")).to_have_text("Nothing fits these filters.")
        page.select_option("#past-status", "failed")
        expect(page.locator(ORDERS)).to_have_count(20)
        page.fill("#past-to", "2020-01-01")
        expect(page.locator(ORDERS)).to_have_count(0)
        page.click("#past-clear")
        expect(page.locator(ORDERS)).to_have_count(20)

        open_view(page, "wallet")
        expect(page.locator(MOVEMENTS)).to_have_count(25)
        newest = page.locator(MOVEMENTS).first
        assert newest.locator("td, th").all_inner_texts()[2:] == ["\N{MINUS SIGN}5.00", "295.00", "0.00", "295.00"]
        expect(newest).to_contain_text("charged")
        expect(newest.locator(".copy-id")).to_have_attribute("aria-label", f"Copy order id {card_id}")
        page.click("#operations-older")
        expect(page.locator(MOVEMENTS)).to_have_count(2 * FAILED + 3 - 25)
        expect(page.locator(MOVEMENTS).last).to_contain_text("added")
        expect(page.locator(MOVEMENTS).last).to_contain_text("+300.00")
        page.select_option("#operations-type", "deposit")
        expect(page.locator(MOVEMENTS)).to_have_count(1)
        page.fill("#operations-to", "2020-01-01")
        expect(page.locator("#no-operations")).to_be_visible()


def test_a_rental_that_has_ended_keeps_all_its_messages(database_url: str) -> None:
    with (
        running_system(database_url, pollers=True, simulator=NO_SMS_UNASKED) as system,
        open_page(system.url) as page,
    ):
        sign_in(page)
        page.select_option("#rent-service", "whatsapp")
        page.select_option("#rent-country", "indonesia")
        page.click("#rent")
        card = page.locator("#open-rentals article")
        expect(card).to_have_attribute("data-status", "active")
        control = f"{system.simulator_url}/sim/rentals"
        (rental,) = page.request.get(control).json()["rentals"]
        for number in range(3):
            page.request.post(f"{control}/{rental['id']}/sms", data={"text": f"Message {number}: 1717{number}"})
            expect(card.locator(".messages li")).to_have_count(number + 1, timeout=DEADLINE_MS)
        card.locator(".finish").click()
        card.locator(".finish").press("Escape")
        expect(card.locator(".finish")).to_have_text("Finish")
        card.locator(".finish").click()
        card.locator(".finish").click()
        page.click("#past-rentals-section a")
        past = page.locator(ORDERS)
        expect(past).to_have_attribute("data-status", "completed")
        expect(past.locator(".messages li")).to_have_count(3)
        expect(page.locator("#past-kind")).to_have_value("rentals")
        page.select_option("#past-kind", "activations")
        expect(page.locator("#no-past")).to_be_visible()
