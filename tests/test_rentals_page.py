"""A rented number from the click on: its messages live, longer, given back, given up."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from pollers.simulator import SimulatorSettings
from tests.browser import DEADLINE_MS, open_page
from tests.conftest import aside, execute
from tests.system import System, running_system
from tests.test_end_to_end import expect_wallet, sign_in

pytestmark = pytest.mark.usefixtures("browser_kept")

OPEN = "#open-rentals article.rental"


def rent(page: Page, hours: str) -> None:
    page.select_option("#rent-service", "whatsapp")
    page.select_option("#rent-country", "indonesia")
    page.select_option("#rent-hours", hours)
    page.click("#rent")


def send_sms(system: System, text: str) -> None:
    """An SMS arrives at the only number rented."""
    with httpx.Client(base_url=system.simulator_url or "", timeout=10) as simulator:
        [rental] = [row for row in simulator.get("/sim/rentals").json()["rentals"] if row["state"] == "active"]
        simulator.post(f"/sim/rentals/{rental['id']}/sms", json={"text": text}).raise_for_status()


def test_rent_read_extend_cancel_and_finish(database_url: str) -> None:
    simulator = SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=0)
    with (
        running_system(database_url, pollers=True, simulator=simulator) as system,
        open_page(system.url) as page,
    ):
        sign_in(page)
        page.select_option("#rent-hours", "4")
        expect(page.locator("#rent-price")).to_have_text("6.00")
        rent(page, "4")
        card = page.locator(OPEN)
        expect(card).to_have_attribute("data-status", "active")
        expect_wallet(page, "36.00", "6.00", "30.00")
        expect(card.locator(".left")).to_contain_text("left")
        expect(card.locator(".hint")).to_contain_text("cancel for")

        for text in ("Your code is 424242", "Your code is 171717"):
            send_sms(system, text)
            expect(card.locator(".messages li").first).to_contain_text(text, timeout=DEADLINE_MS)
        expect(card.locator(".messages li")).to_have_count(2)
        expect(page.locator(".toast").first).to_contain_text("171717")

        card.locator(".extend select").select_option("2")
        expect(card.locator(".extend-price")).to_have_text("3.00")
        card.locator(".extend button").click()
        expect(card).to_contain_text("Extended by 2 hours for 3.00.")
        expect_wallet(page, "36.00", "9.00", "27.00")

        page.reload()
        expect(card.locator(".messages li")).to_have_count(2)
        card.locator(".finish").click()
        card.get_by_text("Give it up? No money back").click()
        past = page.locator("#past-rentals article.rental")
        expect(past).to_have_attribute("data-status", "completed")
        expect_wallet(page, "27.00", "0.00", "27.00")

        rent(page, "2")
        expect(card).to_have_attribute("data-status", "active")
        card.locator(".cancel").click()
        expect(page.locator("#past-rentals article.rental[data-status=cancelled]")).to_have_count(1)
        expect_wallet(page, "27.00", "0.00", "27.00")


def test_nothing_ends_a_rental_while_its_extension_is_undecided(database_url: str) -> None:
    simulator = SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=0)
    with (
        running_system(database_url, pollers=True, simulator=simulator, environment={"ORDER_WAIT_S": "0"}) as system,
        open_page(system.url) as page,
    ):
        sign_in(page)
        rent(page, "4")
        card = page.locator(OPEN)
        expect(card).to_have_attribute("data-status", "active")
        ends = [card.locator(f".{end}") for end in ("cancel", "finish")]
        for end in ends:
            expect(end).to_be_visible()
        slow = {"action": "continueRentNumber", "fault": "slow", "delay_s": 3}
        httpx.post(f"{system.simulator_url}/sim/faults", json=slow).raise_for_status()

        card.locator(".extend button").focus()
        page.keyboard.press("Enter")
        expect(card).to_contain_text("Extending by 2 hours for 3.00")
        for end in ends:
            expect(end).to_be_hidden()
        expect(card.locator(".extend")).to_be_hidden()
        expect(card.locator(".hint")).to_contain_text("Until the extension is decided")
        expect(card).to_be_focused()  # what was pressed is gone, its card is not
        page.reload()
        expect(card.locator(".hint")).to_contain_text("Until the extension is decided")

        expect(card).to_contain_text("Extended by 2 hours for 3.00.", timeout=DEADLINE_MS)
        expect(page.locator("#announced")).to_contain_text("Extended by 2 hours for 3.00.")
        for end in (*ends, card.locator(".extend")):
            expect(end).to_be_visible()
        expect(card.locator(".hint")).to_contain_text("cancel for")


def test_a_price_that_covers_no_rental_there_is_said_at_the_form_and_on_the_card(database_url: str) -> None:
    aside(execute(database_url, "update services set rental_price_hour = 0.10 where service = 'whatsapp'"))
    with (
        running_system(database_url, pollers=True, simulator=SimulatorSettings(port=0)) as system,
        open_page(system.url, expected_errors=("409",)) as page,
    ):
        sign_in(page)
        page.select_option("#rent-service", "whatsapp")
        page.select_option("#rent-country", "germany")
        page.click("#rent")
        why = "The price offered does not cover rentals in this country now."
        expect(page.locator("#rent-message")).to_contain_text(why, timeout=DEADLINE_MS)
        expect(page.locator("#past-rentals article.rental .note")).to_contain_text(why)
        expect_wallet(page, "36.00", "0.00", "36.00")
