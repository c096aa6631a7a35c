"""Virtual cards on the operators' page: found, with who did what to them; blocked; compared with the provider's."""

import pytest
from playwright.sync_api import expect

from pollers.simulator import SimulatorSettings
from tests.browser import DEADLINE_MS, open_page
from tests.gateway.api import client_of, new_card
from tests.system import running_system
from tests.test_admin_page import PHONE, run_elsewhere, sign_in

pytestmark = pytest.mark.usefixtures("browser_kept")


def test_a_card_is_found_blocked_and_compared_with_the_providers_books(database_url: str) -> None:
    with running_system(database_url, pollers=True, simulator=SimulatorSettings(port=0)) as system:
        user_id, token = system.sign_in("alice", credit="100.00")
        with client_of(system.url, token) as alice:
            card_id = new_card(alice, "10.00")["card_id"]
        with open_page(f"{system.url}/admin#cards") as page:
            sign_in(page)
            cards = page.locator("section", has=page.get_by_role("heading", name="Cards", exact=True))
            expect(cards.locator("tbody tr")).to_contain_text("active")
            page.fill("#card-search", "nobody")
            page.press("#card-search", "Enter")
            expect(page.locator("#view")).to_contain_text("None of this name.")
            for word in ("alice", card_id[:8]):
                page.fill("#card-search", word)
                page.press("#card-search", "Enter")
                expect(page.get_by_role("heading", name=f"Cards for {word}")).to_be_visible()
                expect(page.get_by_role("link", name=card_id[:8])).to_be_visible()
            page.get_by_role("link", name=card_id[:8]).click()

            expect(page.locator("#card-status")).to_have_attribute("data-status", "active")
            for said in ("creation", "10.00", "13.22", "status pending_activation → active"):
                expect(page.locator("#view")).to_contain_text(said)
            expect(page.locator("#view")).not_to_contain_text("ANN EXAMPLE")  # whose name is on it is not theirs to see
            page.get_by_role("button", name="Block").click()
            page.click("#question-yes")
            expect(page.locator("#card-status")).to_have_attribute("data-status", "blocked", timeout=DEADLINE_MS)
            audit = page.locator("section", has=page.get_by_role("heading", name="Audit"))
            expect(audit).to_contain_text("status active → blocked")
            expect(audit).to_contain_text("operator")

            run_elsewhere(database_url, "update cards set balance = 99, checked_at = now()")
            page.evaluate("location.hash = 'cards'")
            page.get_by_role("button", name="Compare now").click()
            page.click("#question-yes")
            expect(page.locator("#toasts")).to_contain_text("It has been asked for.")
            reports = page.locator("section", has=page.get_by_role("heading", name="Reconciliation"))
            expect(reports.locator("tbody tr").first).to_contain_text("differs", timeout=DEADLINE_MS)
            expect(reports).to_contain_text("99.00")
            page.get_by_role("button", name="Compare and correct").click()
            page.click("#question-yes")
            expect(reports.locator("tbody tr").first).to_contain_text("corrected", timeout=DEADLINE_MS)

            page.set_viewport_size(PHONE)  # type: ignore[arg-type]
            for view in ("cards", f"card/{card_id}", f"user/{user_id}"):
                page.evaluate("view => { location.hash = view; }", view)
                expect(page.locator("#view h2").first).to_be_visible()
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], view
