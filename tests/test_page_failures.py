"""What the page says while it waits for the service, and when there is no answer: where it should be, with a way on."""

import pytest
from playwright.sync_api import expect

from tests.browser import DEADLINE_MS, open_page
from tests.page_support import sign_in
from tests.system import running_system

pytestmark = pytest.mark.usefixtures("browser_kept")

CUT = ("ERR_FAILED",)


def test_what_could_not_be_loaded_says_so_and_is_tried_again(database_url: str) -> None:
    with running_system(database_url) as system, open_page("about:blank", expected_errors=CUT) as page:
        for path in ("services", "offers", "wallet/operations"):
            page.route(f"**/api/{path}*", lambda route: route.abort())
        page.goto(system.url)
        sign_in(page)
        message = page.locator("#buy-message")
        expect(message).to_contain_text("No answer from the service.", timeout=DEADLINE_MS)
        expect(page.locator("#buy")).to_be_disabled()
        page.click("#views a[href='#catalogue']")
        expect(page.locator("#offer-message")).to_contain_text("No answer from the service.")
        expect(page.locator("#offers")).to_be_hidden()  # and no head of a table without one
        page.click("#views a[href='#wallet']")
        history = page.locator("#operations-message")
        expect(history).to_contain_text("No answer from the service.", timeout=DEADLINE_MS)

        page.unroute_all()
        history.get_by_role("button", name="Try again").click()
        expect(page.locator("#operation-rows tr")).to_have_count(1)
        expect(history).to_be_empty()
        message.get_by_role("button", name="Try again").click()
        expect(page.locator("#service option[value=whatsapp]")).to_be_attached()
        expect(message).to_be_empty()
        expect(page.locator("#offer-message")).to_be_empty()


def test_where_something_will_be_is_shown_until_it_is_there(database_url: str) -> None:
    with running_system(database_url) as system, open_page("about:blank") as page:
        page.route("**/api/wallet/operations*", lambda _: None)  # it is on its way for ever
        page.goto(f"{system.url}#wallet")
        sign_in(page)
        expect(page.locator("#wallet-view .skeleton")).to_be_visible()
        expect(page.locator("#no-operations")).to_be_hidden()
        page.unroute_all()
        page.select_option("#operations-type", "deposit")
        expect(page.locator("#operation-rows tr")).to_have_count(1)
        expect(page.locator("#wallet-view .skeleton")).to_be_hidden()


def test_an_order_that_does_not_exist_is_told_on_the_operators_page(database_url: str) -> None:
    missing = "00000000-0000-4000-8000-000000000000"
    with (
        running_system(database_url) as system,
        open_page(f"{system.url}/admin#order/{missing}", expected_errors=("404",)) as page,
    ):
        page.click("#demo-operator")
        expect(page.get_by_role("heading", name="Not found")).to_be_visible()
        expect(page.locator("#view")).to_contain_text(missing)
        page.route("**/api/admin/wallets*", lambda route: route.fulfill(status=404, json={"message": "gone"}))
        page.evaluate("location.hash = 'wallets'")
        expect(page.locator("#view")).to_contain_text("gone")
        page.unroute_all()
        page.get_by_role("link", name="← Orders").click()
        expect(page.locator("#view")).to_contain_text("Stuck orders")
