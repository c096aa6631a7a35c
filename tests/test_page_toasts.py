"""Messages over the page: they cover no control, wherever the page stands, and go when they are told to."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import DEADLINE_MS, open_page
from tests.page_support import NO_SMS_UNASKED, buy, deliver, sign_in
from tests.system import System, running_system

pytestmark = pytest.mark.usefixtures("browser_kept")

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
TABLET = {"viewport": {"width": 768, "height": 1024}}
DESK = {"viewport": {"width": 1180, "height": 800}}
WIDE = {"viewport": {"width": 1440, "height": 900}}

COVERED = """() => {
  const region = document.getElementById('toasts');
  const box = region.getBoundingClientRect();
  const meets = (each) => each.left < box.right - 1 && box.left < each.right - 1
    && each.top < box.bottom - 1 && box.top < each.bottom - 1;
  return [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
    .filter((each) => !region.contains(each) && each.checkVisibility() && meets(each.getBoundingClientRect()))
    .map((each) => `${each.tagName} ${each.id || each.className} ${each.textContent.slice(0, 20)}`);
}"""
FOCUS_IS_COVERED = """() => {
  const focused = document.activeElement;
  const region = document.getElementById('toasts');
  if (focused === document.body || region.contains(focused)) return false;
  const [a, b] = [focused, region].map((each) => each.getBoundingClientRect());
  return b.height > 0 && a.left < b.right && b.left < a.right && a.bottom > b.top + 1 && a.top < b.bottom - 1;
}"""


@pytest.fixture
def system(database_url: str) -> Iterator[System]:
    """No SMS comes unasked."""
    with running_system(database_url, pollers=True, simulator=NO_SMS_UNASKED) as running:
        yield running


def expect_nothing_covered(page: Page) -> None:
    """Where the message stands below the page instead: that all of the page can be scrolled clear of it."""
    place = page.locator("#toasts").get_attribute("data-place")
    if place == "dock":
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.evaluate("new Promise(requestAnimationFrame)")
        box = page.locator("#toasts").bounding_box()
        if box is None:  # what it said came in sight, so it is gone
            return
        assert box["y"] + box["height"] == pytest.approx(page.evaluate("innerHeight"), abs=1)
    assert page.evaluate(COVERED) == [], place


@pytest.mark.parametrize("reader", [PHONE, TABLET, DESK, WIDE], ids=["phone", "tablet", "desk", "wide"])
def test_a_message_covers_no_control_wherever_the_page_stands(system: System, reader: dict[str, object]) -> None:
    with open_page(system.url, reduced_motion="reduce", **reader) as page:
        sign_in(page, credit="90.00")
        cards = [buy(page) for _ in range(4)]
        page.click("#views a[href='#catalogue']")
        expect(page.locator("#offer-rows tr").first).to_be_visible()
        page.evaluate("scrollTo(0, 300)")  # among the rows, each with its button
        deliver(system, cards[0], "424242")
        expect(page.locator(".toast")).to_contain_text("424242")
        expect_nothing_covered(page)
        page.evaluate("scrollBy(0, 500)")
        page.evaluate("new Promise(requestAnimationFrame)")
        expect_nothing_covered(page)

        page.click("#views a[href='#numbers']")
        expect(page.locator("#live-orders article").first).to_be_visible()
        page.evaluate("new Promise(requestAnimationFrame)")
        expect_nothing_covered(page)
        deliver(system, cards[1], "171717")
        expect(cards[1].locator(".code")).to_have_text("171717")
        expect_nothing_covered(page)


def test_the_control_a_message_over_a_button_is_found(system: System) -> None:
    with open_page(system.url, **DESK) as page:
        sign_in(page)
        page.evaluate("document.getElementById('toasts').append('x')")
        page.evaluate("document.getElementById('toasts').style.inset = '0'")
        assert page.evaluate(COVERED)


def test_a_code_that_is_in_sight_is_not_told_twice_where_there_is_no_room(system: System) -> None:
    with open_page(system.url, **PHONE) as page:
        sign_in(page)
        card = buy(page)
        card.evaluate("(card) => card.scrollIntoView({ block: 'center', behavior: 'instant' })")
        deliver(system, card, "424242")
        expect(card.locator(".code")).to_have_text("424242")
        expect(page.locator("#announced-now")).to_contain_text("Code from WhatsApp: 4 2 4 2 4 2")
        expect(page.locator(".toast")).to_have_count(0)


def test_a_problem_stays_until_it_is_dismissed_and_the_focus_finds_back(system: System) -> None:
    with open_page(system.url, expected_errors=("500",), **DESK) as page:
        sign_in(page)
        card = buy(page)
        page.route("**/cancel", lambda route: route.fulfill(status=500, json={"error_code": "INTERNAL_ERROR"}))
        cancel = card.locator(".cancel")
        for _ in range(2):  # the same twice is one message
            with page.expect_response("**/cancel"):
                cancel.press("Enter")
        toast = page.locator(".toast")
        expect(toast).to_contain_text("Something went wrong at the service.")
        expect(toast).to_have_count(1)
        expect(page.locator("#announced-now p")).to_have_count(2)  # and said each time
        assert page.evaluate("document.getElementById('toasts').closest('[aria-live]')") is None

        expect(cancel).to_be_focused()
        toast.locator(".toast-close").focus()
        page.keyboard.press("Enter")
        expect(toast).to_have_count(0)
        expect(cancel).to_be_focused()
        cancel.press("Enter")
        expect(toast).to_have_count(1)
        page.keyboard.press("Escape")
        expect(toast).to_have_count(0)
        expect(cancel).to_be_focused()


def test_the_focus_is_never_below_a_message(system: System) -> None:
    with open_page(system.url, reduced_motion="reduce", **PHONE) as page:
        sign_in(page)
        card = buy(page)
        page.click("#views a[href='#catalogue']")
        expect(page.locator("#offer-rows tr").first).to_be_visible()
        page.evaluate("scrollTo(0, 300)")
        deliver(system, card, "424242")
        expect(page.locator("#toasts")).to_have_attribute("data-place", "dock", timeout=DEADLINE_MS)
        page.focus("#offer-search")
        for _ in range(15):
            page.keyboard.press("Tab")
            page.evaluate("new Promise(requestAnimationFrame)")
            assert not page.evaluate(FOCUS_IS_COVERED)
