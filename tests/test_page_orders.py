"""An order on the page after its SMS: one more, done with it; its id for support; and what is not to be had says so."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import DEADLINE_MS, open_page
from tests.page_support import NO_SMS_UNASKED, buy, deliver, sign_in
from tests.system import running_system

pytestmark = pytest.mark.usefixtures("browser_kept")


def test_a_served_number_waits_for_another_sms_and_is_finished(database_url: str) -> None:
    with (
        running_system(database_url, pollers=True, simulator=NO_SMS_UNASKED) as system,
        open_page(system.url) as page,
    ):
        sign_in(page)
        card = buy(page)
        expect(card.locator(".another-sms")).to_be_hidden()
        expect(card.locator(".finish")).to_be_hidden()
        deliver(system, card, "424242")
        expect(card.locator(".code")).to_have_text("424242")

        card.locator(".another-sms").click()
        expect(card.locator(".hint")).to_have_text("waiting for another SMS", timeout=DEADLINE_MS)
        expect(card.locator(".another-sms")).to_be_hidden()
        expect(card.locator(".left")).to_contain_text("left")
        deliver(system, card, "171717")
        expect(card.locator(".code")).to_have_text("171717", timeout=DEADLINE_MS)
        expect(card.locator(".sms li")).to_have_count(2)
        expect(page.locator("#balance")).to_have_text("31.00")  # it is free of charge

        card.locator(".finish").click()
        expect(card).to_have_attribute("data-status", "completed", timeout=DEADLINE_MS)
        expect(card.locator(".finish")).to_be_hidden()
        expect(card.locator(".another-sms")).to_be_hidden()


def test_an_orders_id_is_copied_whole(database_url: str) -> None:
    with (
        running_system(database_url, pollers=True, simulator=NO_SMS_UNASKED) as system,
        open_page(system.url, permissions=["clipboard-read", "clipboard-write"]) as page,
    ):
        sign_in(page)
        card = buy(page)
        order_id = card.get_attribute("data-id") or ""
        control = card.get_by_role("button", name=f"Copy order id {order_id}")
        expect(control).to_have_text(order_id[:8])
        control.click()
        expect(control).to_have_text(re.compile("Copied"))
        assert page.evaluate("navigator.clipboard.readText()") == order_id


def test_what_is_sold_no_more_is_off_the_page_once_somebody_is_refused(database_url: str) -> None:
    with (
        running_system(database_url, pollers=True, simulator=NO_SMS_UNASKED) as system,
        open_page(system.url, expected_errors=("422",)) as page,
    ):
        sign_in(page)
        buy(page).locator(".cancel").click()
        operators = page.request.post(f"{system.url}/demo/operators")
        headers = {"authorization": f"Bearer {operators.json()['token']}"}
        off = {"service": "whatsapp", "state": "disabled", "reason": "no more of it"}
        disabled = page.request.post(f"{system.url}/api/admin/services/state", headers=headers, data=off)
        assert disabled.ok, disabled.text()
        expect(page.locator("#price")).to_have_text("5.00")
        page.click("#buy")
        expect(page.locator("#buy-message")).to_have_text(re.compile("^WhatsApp, Indonesia: not for sale any more"))
        expect(page.locator("#service")).to_have_value("")  # and nothing else by the same press
        expect(page.locator("#price")).to_have_text("\N{EN DASH}")
        expect(page.locator("#buy")).to_be_disabled()
        expect(page.locator("#buy-obstacle")).to_have_text("Not for sale there now.")
        page.click("#views a[href='#catalogue']")
        page.fill("#offer-search", "whatsapp")
        expect(page.locator("#no-offers")).to_be_visible()
