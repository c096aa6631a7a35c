"""The operators' page in a real browser: from signing in to a stuck order, why it is stuck, and its money back."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
from playwright.sync_api import Page, expect

from tests.browser import open_page
from tests.conftest import execute
from tests.gateway.api import client_of
from tests.system import System, running_system
from wallet_db.events import OPERATORS

PHONE = {"width": 360, "height": 740}


def run_elsewhere(url: str, statement: str) -> None:
    with ThreadPoolExecutor(1) as elsewhere:  # the browser's driver has this thread's loop
        elsewhere.submit(asyncio.run, execute(url, statement)).result()


def stuck_order(system: System) -> tuple[str, str]:
    """Alice's id and her order: bought where no pollers are, and due for ten minutes."""
    user_id, token = system.sign_in("alice")
    with client_of(system.url, token) as alice:
        order = alice.post("/api/activations", json={"service": "whatsapp", "country": "indonesia"})
    assert order.status_code == 202, order.text
    run_elsewhere(system.database_url, "update activations set due_at = now() - interval '10 minutes'")
    return user_id, order.json()["id"]


def sign_in(page: Page) -> None:
    page.click("#demo-operator")
    expect(page.locator("#connection")).to_have_attribute("data-status", "live")


def answer_question(page: Page, reason: str, amount: str | None = None) -> None:
    expect(page.locator("#question")).to_be_visible()
    if amount is not None:
        page.fill("#question input[name=amount]", amount)
    page.fill("#question-reason", reason)
    page.click("#question-yes")
    expect(page.locator("#question")).to_be_hidden()


def test_stuck_order_is_found_explained_and_refunded(database_url: str) -> None:
    with running_system(database_url, environment={"ORDER_WAIT_S": "0"}) as system:
        user_id, order_id = stuck_order(system)
        with open_page(f"{system.url}/admin") as page:
            sign_in(page)
            stuck = page.locator("section", has=page.get_by_role("heading", name="Stuck orders"))
            expect(stuck.locator("tbody tr")).to_have_count(1)

            page.fill("#search", "alice")
            page.press("#search", "Enter")
            found = page.locator("section", has=page.get_by_role("heading", name="Orders", exact=True))
            found.get_by_role("link", name=order_id[:8]).click()
            expect(page.locator("#reasons")).to_contain_text("Nobody has looked at it for 6")
            expect(page.locator("#reasons")).to_contain_text("No number has been bought yet")
            for said in ("activation.created", "freeze"):
                expect(page.locator("#timeline")).to_contain_text(said)

            page.get_by_role("button", name="Refund now").click()
            page.click("#question-no")  # nothing happens without a yes
            expect(page.locator("#order-status")).to_have_attribute("data-status", "ordering")
            page.get_by_role("button", name="Refund now").click()
            answer_question(page, "ticket 12")
            expect(page.locator("#order-status")).to_have_attribute("data-status", "cancelled")
            for said in ("refund amount", "an operator refunded an order", "ticket 12"):
                expect(page.locator("#timeline")).to_contain_text(re.compile(said.replace(" ", ".*")))
            expect(page.get_by_role("button", name="Refund now")).to_have_count(0)

            page.goto(f"{system.url}/admin#user/{user_id}")
            expect(page.locator("#view")).to_contain_text("36.00")
            page.get_by_role("button", name="Deposit").click()
            answer_question(page, "paid by transfer", "4.00")
            expect(page.locator("tbody tr").first).to_contain_text("36.00 → 40.00")
            expect(page.locator("tbody tr").first).to_contain_text("paid by transfer")


def test_faulty_wallet_is_corrected_from_the_page(database_url: str) -> None:
    with running_system(database_url) as system:
        user_id, _ = system.sign_in("bob")
        run_elsewhere(
            database_url,
            f"""
                alter table users disable trigger user;
                update users set frozen_balance = 3 where id = '{user_id}';
                alter table users enable trigger user""",  # noqa: S608
        )
        with open_page(f"{system.url}/admin#wallets") as page:
            sign_in(page)
            expect(page.locator("tbody tr")).to_contain_text("WARNING")
            page.get_by_role("button", name="Correct now").click()
            expect(page.locator("#view")).to_contain_text("Every wallet agrees")

            alert = 'select append_event(\'%s\', \'admin.alert\', \'{"alert": "wallet", "problem": "frozen is 9.00"}\')'
            run_elsewhere(database_url, alert % OPERATORS)
            expect(page.locator("#toasts")).to_contain_text("Alert: frozen is 9.00")


def test_every_view_fits_a_phone_and_a_user_is_sent_away(database_url: str) -> None:
    with running_system(database_url, pollers=True) as system:
        _, token = system.sign_in("carol")
        with httpx.Client(base_url=system.url, headers={"authorization": f"Bearer {token}"}, timeout=30) as carol:
            bought = carol.post("/api/activations", json={"service": "whatsapp", "country": "indonesia"}).json()
        with open_page("about:blank", expected_errors=("403",)) as page:
            page.set_viewport_size(PHONE)  # type: ignore[arg-type]
            page.emulate_media(color_scheme="dark")
            page.goto(f"{system.url}/admin")
            page.fill("#token", token)
            page.click("#token-start")
            expect(page.locator("#signin-message")).to_contain_text("operator's role")
            sign_in(page)
            for name, shown in (
                ("orders", "Stuck orders"),
                (f"order/{bought['id']}", "What happened"),
                ("wallets", "Every wallet agrees"),
                ("trade", "Services by their orders"),
                ("figures", "Share of the decided orders"),
                ("alerts", "Log"),
            ):
                page.evaluate("hash => { location.hash = hash; }", name)
                expect(page.locator("#view")).to_contain_text(shown)
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
            page.evaluate("location.hash = 'figures'")
            plots = page.locator("svg.plot")
            expect(plots).to_have_count(10)
            for i in range(10):
                assert plots.nth(i).locator("> title").text_content()
            expect(page.locator("svg.plot rect title", has_text="received: 1").first).to_be_attached()
            page.reload()  # the session is the tab's
            expect(plots.first).to_be_visible()
            page.click("#log-out")
            expect(page.locator("#signin")).to_be_visible()
