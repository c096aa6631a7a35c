"""What the tests of the user's page share: signing in, buying, and SMS that come when a test wants them."""

import httpx
from playwright.sync_api import Locator, Page, expect

from pollers.simulator import SimulatorSettings
from tests.system import TLS, System

NO_SMS_UNASKED = SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=0)


def sign_in(page: Page, name: str = "alice", credit: str = "36.00") -> None:
    """As a demo user; returns when the connection is live."""
    page.fill("#demo-name", name)
    page.fill("#demo-credit", credit)
    page.click("#demo-start")
    expect_live(page)


def expect_live(page: Page, transport: str | None = None) -> None:
    light = page.locator("#connection")
    expect(light).to_have_attribute("data-status", "live")
    if transport is not None:
        expect(light).to_have_attribute("data-transport", transport)


def buy(page: Page, service: str = "whatsapp", country: str = "indonesia") -> Locator:
    """By the form. The card of the order that came of it, once it has a number."""
    page.select_option("#service", service)
    page.select_option("#country", country)
    with page.expect_response("**/api/activations") as answer:
        page.click("#buy")
    card = page.locator(f"#order-{answer.value.json()['id']}")
    expect(card).to_have_attribute("data-status", "pending")
    return card


def token_of(page: Page) -> str:
    token: str = page.evaluate("JSON.parse(sessionStorage['onesms.session']).token")
    return token


def fail_order(system: System, page: Page) -> None:
    """An order for which there is no number: the page does not offer it, the API takes it."""
    with client_of(system, token_of(page)) as client:
        assert client.post("/api/activations", json={"service": "dry", "country": "germany"}).status_code == 409


def deliver(system: System, card: Locator, code: str) -> None:
    """An SMS with this code comes to the card's number."""
    phone = "".join(letter for letter in card.locator(".phone").inner_text() if letter.isdigit())
    with httpx.Client(base_url=system.simulator_url or "", verify=TLS) as control:
        orders = control.get("/sim/activations").json()["activations"]
        (order_id,) = [order["id"] for order in orders if order["phone"] == phone]
        control.post(f"/sim/activations/{order_id}/sms", json={"code": code}).raise_for_status()


def client_of(system: System, token: str) -> httpx.Client:
    """The API as this user."""
    return httpx.Client(base_url=system.url, verify=TLS, headers={"authorization": f"Bearer {token}"}, timeout=30)
