"""The page in French and in English: chosen by the browser, switched by hand, kept; and no text outside the tables."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import open_page
from tests.page_support import NO_SMS_UNASKED, buy, client_of, deliver, sign_in
from tests.system import ROOT, running_system

pytestmark = pytest.mark.usefixtures("browser_kept")

MARK = "⟦"
DATA = ", ".join(
    (
        ".brand", "#user-name", "#language", "time", ".sms", ".phone", ".code", ".code-box span", ".badge", "h3",
        ".amount", ".figure dd", "#price", "#rent-price", ".extend-price", ".toast-code span", ".toast-body span",
        ".toast-close", ".offer-service", ".operation-of", "#service", "#past-service", ".copy-code", "input",
        "[data-status] .chain a", ".copy-id",
    )
)  # fmt: skip
"""What people, providers and the catalogue call things, figures and times: the same in every language."""
UNMARKED = """(data) => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data: text, parentElement: parent } = walker.currentNode;
    if (!/\\p{L}/u.test(text) || parent.closest(data) || !parent.checkVisibility()) continue;
    if (!text.includes('⟦')) found.push(text);
  }
  for (const each of document.querySelectorAll('[aria-label], [placeholder], [title]')) {
    for (const name of ['aria-label', 'placeholder', 'title']) {
      const text = each.getAttribute(name);
      const isName = name === 'aria-label' && each.matches('article');
      if (text && text !== 'eyJ…' && !isName && !text.includes('⟦')) found.push(`${name}: ${text}`);
    }
  }
  return found;
}"""


def mark_texts(route: Route) -> None:
    """The French table, with a mark around each text."""
    table = (ROOT / "static/ui/texts_fr.js").read_text(encoding="utf-8")
    marked = re.sub(r"('[\w.]+':)|'([^'\n]*)'", lambda each: each[1] or f"'{MARK}{each[2]}⟧'", table)
    route.fulfill(body=marked, content_type="text/javascript")


def expect_marked(page: Page) -> None:
    assert page.evaluate(UNMARKED, DATA) == []


def test_every_visible_text_comes_from_the_tables(database_url: str) -> None:
    with (
        running_system(database_url, pollers=True, simulator=NO_SMS_UNASKED) as system,
        open_page("about:blank", locale="fr-FR", expected_errors=("401", "409")) as page,
    ):
        page.route("**/ui/texts_fr.js", mark_texts)
        page.goto(system.url)
        expect_marked(page)
        page.click("#use-token")
        expect_marked(page)
        page.fill("#token", "x.y.z")
        page.click("#token-start")
        expect(page.locator("#signin-message")).to_contain_text(MARK)
        page.click("#use-demo")

        sign_in(page)
        expect(page.locator("#rent-panel")).to_be_visible()
        expect_marked(page)
        deliver(system, buy(page), "424242")
        expect(page.locator(".toast")).to_be_visible()
        page.select_option("#service", "dry")
        expect(page.locator("#buy-obstacle")).to_contain_text(MARK)
        page.select_option("#service", "whatsapp")
        page.route("**/api/activations", lambda route: route.fulfill(status=409, json={"error_code": "NO_NUMBERS"}))
        page.click("#buy")
        expect(page.locator("#buy-message")).to_contain_text(MARK)
        page.unroute("**/api/activations")
        page.select_option("#rent-service", "whatsapp")
        page.select_option("#rent-country", "indonesia")
        page.click("#rent")
        rental = page.locator("#open-rentals article")
        expect(rental).to_have_attribute("data-status", "active")
        expect_marked(page)
        rental.locator(".extend button").click()
        expect(rental).to_contain_text("⟦Prolongé de")
        rental.locator(".finish").click()
        expect_marked(page)
        for view, shown in (
            ("catalogue", "#offer-rows tr"),
            ("orders", "#past-orders article"),
            ("wallet", "#operations"),
            ("cards", "#no-cards"),
        ):
            page.click(f"#views a[href='#{view}']")
            expect(page.locator(shown).first).to_be_visible()
            expect_marked(page)
        page.click("#new-card")
        expect(page.locator("#customer-form")).to_be_visible()
        expect_marked(page)
        page.click("#log-out")
        expect_marked(page)


def test_the_language_is_the_readers_until_they_choose_and_then_kept(database_url: str) -> None:
    with (
        running_system(database_url, pollers=True, simulator=NO_SMS_UNASKED) as system,
        open_page(system.url, locale="fr-CA") as page,
    ):
        expect(page.locator("html")).to_have_attribute("lang", "fr")
        expect(page.locator("#demo-start")).to_have_text("Commencer")
        expect(page.locator("#demo-credit")).to_have_value("36,00")
        sign_in(page, credit="1236.00")
        expect(page.locator("#available")).to_have_text(re.compile(r"^1\s236,00$"))
        expect(page.locator("#country")).to_have_value("indonesia")
        expect(page.locator("#rent-country")).to_have_value("indonesia")
        card = buy(page)
        expect(card).to_contain_text("En attente du SMS")
        expect(card).to_contain_text("Indonésie · 5,00")

        page.focus("#language")
        page.select_option("#language", "en")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.locator("#available")).to_have_text("1,231.00")
        expect(card).to_contain_text("Waiting for SMS")
        expect(card).to_contain_text("Indonesia · 5.00")
        expect(page.locator("#country option[value=germany]")).to_have_text("Germany")
        expect(page.locator("#connection")).to_have_text("live · WebSocket")
        expect(page.locator("#language")).to_be_focused()
        page.reload()
        expect(page.locator("#available")).to_have_text("1,231.00")
        expect(page.locator("html")).to_have_attribute("lang", "en")


def test_refusals_are_told_in_the_readers_language_by_their_code(database_url: str) -> None:
    simulator = NO_SMS_UNASKED.model_copy(update={"early_cancel_s": 120})
    with (
        running_system(database_url, pollers=True, simulator=simulator) as system,
        open_page(system.url, locale="fr", expected_errors=("409",)) as page,
    ):
        sign_in(page, credit="6.00")
        card = buy(page)
        expect(page.locator("#buy")).to_be_disabled()
        expect(page.locator("#buy-obstacle")).to_have_text("Disponible insuffisant pour cela.")
        expect(page.locator("#rent-obstacle")).to_have_text("Disponible insuffisant pour cela.")
        card.locator(".cancel").click()
        expect(card.locator(".hint")).to_contain_text("trop tôt, attendez")
        with client_of(system, page.evaluate("JSON.parse(sessionStorage['onesms.session']).token")) as client:
            client.post(f"/api/activations/{card.get_attribute('data-id')}/cancel")
        expect(card.locator(".hint")).to_contain_text("trop tôt")
