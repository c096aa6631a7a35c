"""Virtual cards on the user's page: who one is, a card, money on it, its number for half a minute, blocks."""

import struct
import zlib
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from pollers.simulator import SimulatorSettings
from tests.browser import DEADLINE_MS, open_page
from tests.gateway.api import new_card
from tests.gateway.customers import CUSTOMER
from tests.page_support import client_of, expect_live, sign_in, token_of
from tests.system import TLS, System, running_system
from tests.test_page_access import expect_narrow, measured, unnamed

pytestmark = pytest.mark.usefixtures("browser_kept")

WEBHOOK_SECRET = "a-secret-of-more-than-sixteen-bytes"
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
FIELDS = (
    "first_name", "last_name", "email", "phone", "date_of_birth", "house_number", "line1", "city", "state", "zip_code",
    "country", "id_number",
)  # fmt: skip


def png(side: int) -> bytes:
    """A picture that a browser can draw: red, so many pixels wide and high."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\xc0\x20\x20" * side) * side
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture
def system(database_url: str) -> Iterator[System]:
    """One whose provider makes cards at once, and tells of them by webhook."""
    environment = {"STROWALLET_WEBHOOK_SECRET": WEBHOOK_SECRET, "STROWALLET_REQUESTS_PER_S": "100"}
    simulator = SimulatorSettings(port=0)
    with running_system(database_url, pollers=True, simulator=simulator, environment=environment) as running:
        with control_of(running) as control:
            control.post("/sim/cards/settings", json={"activation_s": 0.2, "funding_s": 0.2}).raise_for_status()
            told = {"urls": [f"{running.url}/webhooks/strowallet"], "secret": WEBHOOK_SECRET}
            control.post("/sim/cards/webhooks", json=told).raise_for_status()
        yield running


def control_of(system: System) -> httpx.Client:
    return httpx.Client(base_url=system.simulator_url or "", verify=TLS)


def upstream(system: System) -> dict[str, str]:
    """The only card there is, as its provider has it: with number and code."""
    with control_of(system) as control:
        (card,) = control.get("/sim/cards").json()["cards"]
    return {name: str(card[name]) for name in ("id", "number", "cvv")}


def open_cards(page: Page) -> Locator:
    page.click("#cards-link")
    expect(page.locator("#card-list")).not_to_have_attribute("aria-busy", "true")
    return page.locator("#card-list article")


def buy_card(system: System, page: Page) -> Locator:
    """As a customer, by the API; the card on the page."""
    with client_of(system, token_of(page)) as client:
        new_card(client, "10.00")
    card = open_cards(page)
    expect(card).to_have_attribute("data-status", "active")
    return card


def tell_who(page: Page, id_image: bytes, user_photo: bytes) -> None:
    """The customer's form, filled and sent."""
    form = page.locator("#customer-form")
    for name in FIELDS:
        form.locator(f"[name={name}]").fill(CUSTOMER[name])
    form.locator("[name=phone]").fill("+234 801 234-56.78")  # as people write it
    form.locator("[name=id_type]").select_option("BVN")
    for name, content in (("id_image", id_image), ("user_photo", user_photo)):
        picture = {"name": "picture.png", "mimeType": "image/png", "buffer": content}
        form.locator(f"[name={name}]").set_input_files(files=[picture])  # type: ignore[list-item]
    page.click("#send-customer")


def test_a_refusal_is_seen_on_a_phone_though_the_form_is_longer_than_its_screen(system: System) -> None:
    with open_page(system.url, expected_errors=("409",), **PHONE) as page:
        sign_in(page)
        open_cards(page)
        page.click("#new-card")
        tell_who(page, b"no picture at all", png(40))
        message = page.locator("#new-card-message")
        expect(message).to_have_text("A picture cannot be used. Take it again, as JPEG or PNG.")
        expect(message).to_be_in_viewport()


def test_a_customer_gets_a_card_and_puts_money_on_it(system: System) -> None:
    with open_page(system.url, expected_errors=("409",)) as page:
        sign_in(page, credit="100.00")
        open_cards(page)
        expect(page.locator("#no-cards")).to_be_visible()
        page.click("#new-card")
        form = page.locator("#customer-form")
        expect(form.locator("[name=first_name]")).to_be_focused()
        tell_who(page, png(40), png(2_000))  # one of them larger than is taken

        expect(page.locator("#card-form")).to_be_visible(timeout=DEADLINE_MS)
        assert form.locator("[name=id_number]").input_value() == ""  # sent and forgotten
        page.fill("#card-name", "ANN EXAMPLE")
        page.fill("#card-usd", "10")
        expect(page.locator("#card-price")).to_have_text("13.22")
        page.click("#send-card")
        card = page.locator("#card-list article")
        expect(card).to_have_attribute("data-status", "active", timeout=DEADLINE_MS)
        expect(card.locator(".face-number")).to_have_text(f"•••• •••• •••• {upstream(system)['number'][-4:]}")
        expect(card.locator(".face")).to_contain_text("ANN EXAMPLE")
        expect(card.locator(".bank-balance")).to_contain_text("10.00 USD", timeout=DEADLINE_MS)
        expect(page.locator("#balance")).to_have_text("86.78")
        expect(page.locator("#new-card-panel")).to_be_hidden()

        card.locator(".fund input").fill("0.20")
        card.locator(".fund button").click()
        expect(card.locator(".message").first).to_have_text("From 1.00 to 1,000.00 dollars.")
        card.locator(".fund input").fill("5,00")
        expect(card.locator(".fund")).to_contain_text("Costs 5.61 from your wallet.")
        card.locator(".fund button").click()
        expect(card).to_contain_text("5.00 USD were added for 5.61.", timeout=DEADLINE_MS)
        expect(card.locator(".bank-balance")).to_contain_text("15.00 USD", timeout=DEADLINE_MS)
        expect(page.locator("#balance")).to_have_text("81.17")
        page.click("#views a[href='#wallet']")
        expect(page.locator("#operation-rows tr").first).to_contain_text("charged Card")


def test_a_number_is_shown_for_half_a_minute_and_kept_nowhere(system: System) -> None:
    with open_page("about:blank", permissions=["clipboard-read", "clipboard-write"]) as page:
        page.clock.install()
        page.goto(system.url)
        sign_in(page, credit="100.00")
        card = buy_card(system, page)
        secret = upstream(system)
        show, shown = card.locator(".show-number"), card.locator(".reveal")

        show.click()
        expect(shown).to_contain_text(secret["cvv"], timeout=DEADLINE_MS)
        expect(shown).to_be_focused()
        assert secret["number"] in shown.inner_text().replace(" ", "")
        for name, value in (("Copy the card number", secret["number"]), ("Copy the security code", secret["cvv"])):
            page.get_by_role("button", name=name).click()
            expect(page.locator("#announced")).to_contain_text("Copied")
            assert page.evaluate("navigator.clipboard.readText()") == value
        assert secret["number"] not in page.locator("#announced").inner_text().replace(" ", "")
        page.get_by_role("button", name="Hide now").click()
        expect_forgotten(page, secret)
        expect(card).to_be_focused()

        show.click()
        expect(shown).to_contain_text(secret["cvv"], timeout=DEADLINE_MS)
        page.clock.fast_forward(31_000)
        expect_forgotten(page, secret)

        show.click()
        expect(shown).to_contain_text(secret["cvv"], timeout=DEADLINE_MS)
        page.click("#views a[href='#numbers']")  # left
        expect_forgotten(page, secret)
        page.click("#cards-link")
        show.click()
        expect(shown).to_contain_text(secret["cvv"], timeout=DEADLINE_MS)
        page.select_option("#language", "fr")  # made anew
        expect_forgotten(page, secret)


def expect_forgotten(page: Page, secret: dict[str, str]) -> None:
    expect(page.locator(".reveal:not([hidden])")).to_have_count(0)
    kept = "document.documentElement.outerHTML + JSON.stringify([{...localStorage}, {...sessionStorage}])"
    everything = page.evaluate(kept).replace(" ", "")
    assert secret["number"] not in everything
    assert f">{secret['cvv']}<" not in everything


def test_a_card_is_blocked_freed_and_paid_with_before_its_owners_eyes(system: System) -> None:
    with open_page(system.url) as page:
        sign_in(page, credit="100.00")
        card = buy_card(system, page)
        card.locator(".block").focus()
        page.keyboard.press("Enter")
        expect(card).to_have_attribute("data-status", "blocked", timeout=DEADLINE_MS)
        for gone in (".block", ".fund", ".show-number"):
            expect(card.locator(gone)).to_be_hidden()
        expect(card).to_be_focused()
        expect(page.locator("#announced")).to_contain_text("The card: Blocked.")
        card.locator(".unblock").click()
        expect(card).to_have_attribute("data-status", "active", timeout=DEADLINE_MS)

        card.locator("summary").click()
        with control_of(system) as control:
            payment = {"usd": "3.50", "narrative": "A SHOP <b>somewhere</b>"}
            control.post(f"/sim/cards/{upstream(system)['id']}/transactions", json=payment).raise_for_status()
        row = card.locator(".spent li", has_text="A SHOP <b>somewhere</b>")
        expect(row).to_contain_text("−3.50", timeout=DEADLINE_MS)  # noqa: RUF001
        expect(card.locator(".bank-balance")).to_contain_text("6.50 USD", timeout=DEADLINE_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_cards_are_readable_and_fit_a_phone(system: System, scheme: str) -> None:
    with open_page(system.url, color_scheme=scheme, reduced_motion="reduce", locale="fr", **PHONE) as page:
        sign_in(page, credit="100.00")
        card = buy_card(system, page)
        card.locator("summary").click()
        card.locator(".show-number").click()
        expect(card.locator(".reveal dd").first).to_be_visible(timeout=DEADLINE_MS)
        expect_narrow(page)
        assert measured(page) > 20
        assert unnamed(page) == []
        page.click("#new-card")
        expect(page.locator("#card-form")).to_be_visible()
        page.evaluate("document.getElementById('customer-form').hidden = false")  # the longest form there is
        expect_narrow(page)
        assert measured(page) > 30


def test_no_cards_are_shown_where_there_are_none(database_url: str) -> None:
    with running_system(database_url) as system:
        _, token = system.sign_in("alice")
        with open_page(system.start_gateway(DEMO="0", CARD_KEYS="")) as page:
            page.click("#use-token")
            page.fill("#token", token)
            with page.expect_response("**/card-offer") as offer:
                page.click("#token-start")
            assert offer.value.json()["is_served"] is False
            expect_live(page)
            expect(page.locator("#cards-link")).to_be_hidden()
