"""The page for everybody: contrast as painted, phones, keyboards, and what a screen reader is told."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import open_page
from tests.page_support import NO_SMS_UNASKED, buy, deliver, fail_order, sign_in
from tests.system import System, running_system

pytestmark = pytest.mark.usefixtures("browser_kept")

VIEWS = {
    "numbers": "#live-orders",
    "catalogue": "#offer-rows tr",
    "orders": "#past-orders article",
    "wallet": "#operations",
}
CONTRAST_MIN = 4.5
EDGE_CONTRAST_MIN = 3.0

# Luminance by WCAG 2.2; colours of any notation are read back from a canvas.
MEASURED = """([textMin, edgeMin]) => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const ground = (element) => {
    if (!element) return rgba('Canvas');
    const colour = rgba(getComputedStyle(element).backgroundColor);
    return colour[3] === 1 ? colour : over(colour, ground(element.parentElement));
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const own = (element) => Number(getComputedStyle(element).opacity);
  const opacity = (element) => (element ? own(element) * opacity(element.parentElement) : 1);
  const faint = [];
  let texts = 0;
  const judge = (what, colour, behind, least) => {
    const found = ratio(over(colour, behind), behind);
    if (found < least) faint.push(`${what}: ${found.toFixed(2)}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || !parent.checkVisibility() || parent.closest('.visually-hidden, option')) continue;
    texts += 1;
    const behind = ground(parent);
    const [r, g, b, a] = rgba(getComputedStyle(parent).color);
    const what = `${parent.tagName} ${parent.className} "${text.slice(0, 30)}"`;
    judge(what, [r, g, b, a * opacity(parent)], behind, textMin);
  }
  for (const control of document.querySelectorAll('input, select, textarea')) {
    if (!control.checkVisibility()) continue;
    const behind = ground(control.parentElement);
    judge(`text of #${control.id}`, rgba(getComputedStyle(control).color), ground(control), textMin);
    const example = getComputedStyle(control, '::placeholder');
    judge(`example of #${control.id}`, rgba(example.color), ground(control), textMin);
    if (control.type !== 'checkbox' && control.id !== 'language') {
      judge(`edge of #${control.id}`, rgba(getComputedStyle(control).borderTopColor), behind, edgeMin);
    }
  }
  return { texts, faint };
}"""


def fill_page(page: Page, system: System, credit: str = "36.00") -> None:
    """One of each: an order that waits, one with its code, one that failed, one that was cancelled, a rental."""
    sign_in(page, credit=credit)
    page.select_option("#service", "dry")
    expect(page.locator("#buy-obstacle")).not_to_be_empty()
    fail_order(system, page)
    buy(page).locator(".cancel").click()
    expect(page.locator("#closed-orders article")).to_have_count(2)
    deliver(system, buy(page), "424242")
    buy(page, "telegram", "germany")
    page.locator("#rent-panel").evaluate("(panel) => { panel.open = true; }")
    page.select_option("#rent-service", "whatsapp")
    page.select_option("#rent-country", "indonesia")
    page.click("#rent")
    expect(page.locator("#open-rentals article")).to_have_attribute("data-status", "active")
    expect(page.locator("#live-orders .code")).to_have_text("424242")


def walk_views(page: Page) -> Iterator[str]:
    """Each view in turn, once it is filled."""
    for view, filled in VIEWS.items():
        page.click(f"#views a[href='#{view}']")
        expect(page.locator(filled).first).to_be_visible()
        yield view


@pytest.fixture
def system(database_url: str) -> Iterator[System]:
    """No SMS comes unasked."""
    with running_system(database_url, pollers=True, simulator=NO_SMS_UNASKED) as running:
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_edges_stand_out_in_both_schemes(system: System, scheme: str) -> None:
    with open_page(system.url, color_scheme=scheme, reduced_motion="reduce", expected_errors=("409",)) as page:
        assert measured(page) > 5
        fill_page(page, system)
        for view in walk_views(page):
            if view == "catalogue":
                expect(page.locator(".toast")).to_be_visible()
            assert measured(page) > 30
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground))) > 380) == (scheme == "light")


def measured(page: Page) -> int:
    """How many texts there are; none of them is faint."""
    found = page.evaluate(MEASURED, [CONTRAST_MIN, EDGE_CONTRAST_MIN])
    assert found["faint"] == []
    return int(found["texts"])


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_a_phone_shows_all_of_it_without_scrolling_sideways(system: System, locale: str) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
    with open_page(system.url, locale=locale, expected_errors=("409",), **phone) as page:
        expect_narrow(page)
        fill_page(page, system, credit="987654.32")  # wide figures
        for _ in walk_views(page):
            expect_narrow(page)
            expect(page.locator("#connection")).to_be_in_viewport()
            expect(page.locator("#log-out")).to_be_in_viewport()


def expect_narrow(page: Page) -> None:
    beyond = """() => [...document.body.querySelectorAll('*')]
      .filter((each) => each.checkVisibility() && !each.closest('.visually-hidden, .skip'))
      .filter((each) => each.getBoundingClientRect().right > innerWidth + 0.5)
      .map((each) => `${each.tagName}.${each.className}#${each.id}`)"""
    assert page.evaluate(beyond) == []
    assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [360, 360]


OVERLAPS = """() => {
  const texts = (row) => {
    const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const text = walker.currentNode.data.trim();
      if (!text || !walker.currentNode.parentElement.checkVisibility()) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      found.push(...[...range.getClientRects()].map((box) => ({ text, box })));
    }
    return found;
  };
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const found = [];
  for (const row of document.querySelectorAll('#operation-rows tr')) {
    const all = texts(row);
    all.forEach(({ text, box }, index) => {
      for (const other of all.slice(index + 1)) if (meet(box, other.box)) found.push(`${text} / ${other.text}`);
    });
  }
  return found;
}"""


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_the_wallets_history_is_readable_on_a_phone(system: System, locale: str) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    with open_page(system.url, locale=locale, **phone) as page:
        sign_in(page, credit="987654.32")
        fail_order(system, page)
        deliver(system, buy(page), "424242")
        page.click("#views a[href='#wallet']")
        expect(page.locator("#operation-rows tr")).to_have_count(5)  # added, two held, one given back, one charged
        for width in (360, 390):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate(OVERLAPS) == [], width
            first = page.locator("#operation-rows tr").first
            what, when, amount = (first.locator(each).bounding_box() for each in ("th", ".when", ".moved"))
            assert what
            assert when
            assert amount
            assert what["y"] + what["height"] <= when["y"] + 1  # the control: they have places of their own
            assert what["x"] + what["width"] <= amount["x"] + 1


def focused(page: Page) -> str:
    """The id of what has the focus, or else its class; it can be seen, and the browser shows that it has it."""
    what: dict[str, Any] = page.evaluate(
        """() => {
          const { id, className, tagName } = document.activeElement;
          const box = document.activeElement.getBoundingClientRect();
          const { outlineStyle } = getComputedStyle(document.activeElement);
          return { name: id || className || tagName, isSeen: box.width > 0, outline: outlineStyle };
        }"""
    )
    assert what["isSeen"], what
    assert what["outline"] != "none" or what["name"] == "BODY", what
    return str(what["name"])


def tab_to(page: Page, name: str, *, most: int = 60) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page) == name:
            return
    raise AssertionError(f"{name} is not reached")


def test_everything_is_done_by_keyboard_and_the_focus_keeps_its_place(system: System) -> None:
    with open_page(system.url) as page:
        tab_to(page, "demo-name")
        page.keyboard.type("alice")
        page.keyboard.press("Enter")
        expect(page.locator("#connection")).to_have_attribute("data-status", "live")
        expect(page.locator("#buy")).to_be_enabled()
        page.keyboard.press("Tab")

        tab_to(page, "service")
        page.keyboard.type("WhatsApp")
        tab_to(page, "country")
        page.keyboard.type("Indo")
        tab_to(page, "buy")
        page.keyboard.press("Enter")
        card = page.locator("#live-orders article")
        expect(card).to_have_attribute("data-status", "pending")
        assert focused(page) == "buy"

        tab_to(page, "button small cancel")
        page.locator("#retry").evaluate("(box) => box.form.requestSubmit()")  # another order comes in above
        expect(card).to_have_count(2)
        assert focused(page) == "button small cancel"
        page.keyboard.press("Enter")
        expect(page.locator("#closed-orders article")).to_have_count(1)
        expect(page.locator("#closed-orders article")).to_be_focused()  # the button is gone, its card is not

        deliver(system, card.first, "424242")
        expect(page.locator(".toast")).to_be_visible()
        expect(page.locator("#closed-orders article")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator(".toast")).to_have_count(0)

        page.reload()
        expect(page.locator("#connection")).to_have_attribute("data-status", "live")
        page.keyboard.press("Tab")
        assert focused(page) == "skip button"
        page.keyboard.press("Enter")
        expect(page.locator("#content")).to_be_focused()
        page.locator("#views a").first.focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#offer-rows tr").first).to_be_visible()
        tab_to(page, "offer-search")
        page.keyboard.type("telegram")
        expect(page.locator("#offer-count")).to_have_text("16 offers")


LISTEN = """() => {
  window.told = [];
  const live = '[aria-live], [role=alert], [role=status], [role=log]';
  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      const region = (target.closest ? target : target.parentElement).closest(live);
      if (!region) continue;
      told.push(...[...addedNodes].map((node) => node.textContent), target.nodeType === 3 ? target.data : '');
    }
  }).observe(document, { subtree: true, childList: true, characterData: true });
}"""


def test_a_code_is_announced_once(system: System) -> None:
    with open_page(system.url) as page:
        sign_in(page)
        card = buy(page)
        page.evaluate(LISTEN)
        deliver(system, card, "424242")
        expect(page.locator(".toast")).to_be_visible()
        expect(card.locator(".code")).to_have_text("424242")
        expect(page.locator("#available")).to_have_text("31.00")
        told = [text for text in page.evaluate("told") if text]
        assert [text for text in told if re.search(r"4 ?2 ?4 ?2 ?4 ?2", text)] == ["Code from WhatsApp: 4 2 4 2 4 2"]


def unnamed(page: Page) -> list[str]:
    """Controls and landmarks of the accessibility tree that have no name."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    named = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "Date", "table", "article", "navigation"}
    found = [node for node in nodes if not node["ignored"] and node["role"]["value"] in named]
    assert len(found) > 5
    return [node["role"]["value"] for node in found if not node.get("name", {}).get("value")]


def test_a_screen_reader_finds_its_way(system: System) -> None:
    with open_page(system.url, expected_errors=("409",)) as page:
        assert unnamed(page) == []
        fill_page(page, system)
        expect(page.locator("#live-orders article").first).to_match_aria_snapshot(
            """
            - article "Telegram, Germany":
              - heading "Telegram" [level=3]
              - button /Copy number \\+\\d+/
              - button "Cancel"
            """
        )
        expect(page.get_by_role("navigation", name="Views").get_by_role("link")).to_have_count(5)
        for view in walk_views(page):
            assert unnamed(page) == [], view
            current = page.locator("#views [aria-current=page]")
            expect(current).to_have_attribute("href", f"#{view}")
        page.click("#views a[href='#catalogue']")
        row = page.get_by_role("row", name=re.compile("Amazon Brazil"))
        expect(row.get_by_role("cell")).to_have_count(4)
        expect(row.get_by_role("rowheader")).to_have_count(1)
