"""`/docs` in a real browser: what the document says is on it, nothing comes from elsewhere, and it fits a phone."""

from playwright.sync_api import expect

from gateway.app import DEMO_OPERATIONS, OPERATIONS
from gateway.errors import ERRORS
from tests.browser import open_page
from tests.system import System

PHONE = {"width": 360, "height": 740}


def test_page_shows_the_document_and_loads_nothing_from_elsewhere(system: System) -> None:
    asked: list[str] = []
    with open_page("about:blank") as page:  # a violation of the policy is an error in the console: the test would fail
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{system.url}/docs")
        expect(page.locator(".operation")).to_have_count(len((*OPERATIONS, *DEMO_OPERATIONS)))
        expect(page.locator("#errors tbody tr")).to_have_count(len(ERRORS))
        buy = page.locator("#activations_buy")
        buy.locator("summary").first.click()
        for said in ("Idempotency-Key", "retry_on_timeout", "Buy a number", "201"):
            expect(buy).to_contain_text(said)
        buy.locator(".refusals summary").click()
        buy.get_by_role("link", name="INSUFFICIENT_FUNDS").click()
        expect(page.locator("#error-INSUFFICIENT_FUNDS")).to_be_in_viewport()
    assert asked
    assert all(address.startswith(system.url) for address in asked)


def test_page_fits_a_phone_and_opens_what_its_address_names(system: System) -> None:
    with open_page("about:blank") as page:
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        page.emulate_media(color_scheme="dark")
        page.goto(f"{system.url}/docs#rentals_extend")
        expect(page.locator("#rentals_extend")).to_have_attribute("open", "")
        expect(page.locator("#rentals_extend")).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(17, 21, 19)"
