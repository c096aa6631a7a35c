"""What providers and users write, on the page: texts, whatever they look like. A real browser on the real system."""

from uuid import uuid4

from playwright.sync_api import Page, expect

from gateway.auth import Authenticator
from pollers.simulator import SimulatorSettings
from tests.browser import open_page
from tests.conftest import aside, execute
from tests.gateway.api import client_of
from tests.system import JWT_SECRET, running_system

MARKUP = "<img src=x onerror='window.hit=1'><script>window.hit=1</script>"
BIDI = "your code \u202e4321\u202c\u2066 is 1234 \u200f"
CONTROL = "bell \x07 escape \x1b[31m end"
NAME = "<script>window.hit=1</script>"
TITLE = "<b>Whats</b>App<script>window.hit=1</script>"


def run_elsewhere(url: str, statement: str) -> None:
    aside(execute(url, statement))


def is_text_only(page: Page) -> None:
    assert page.evaluate("window.hit") is None
    assert page.locator("#desk b, #desk script, #desk img[onerror], #toasts img, #toasts script").count() == 0


def test_texts_of_others_are_shown_as_texts(database_url: str) -> None:
    run_elsewhere(database_url, f"update services set title = '{TITLE}' where service = 'whatsapp'")  # noqa: S608
    simulator = SimulatorSettings(port=0, sms_delay_s=3600, early_cancel_s=0)
    with (
        running_system(database_url, pollers=True, simulator=simulator) as system,
        open_page(system.url) as page,
    ):
        page.fill("#demo-name", NAME)
        page.click("#demo-start")
        expect(page.locator("#user-name")).to_have_text(NAME)
        seen: set[int] = set()
        for code, text in (("11-11", MARKUP), ("<i>2222</i>", BIDI), ("3333", CONTROL)):
            page.select_option("#service", "whatsapp")
            page.select_option("#country", "indonesia")
            page.click("#buy")
            cards = page.locator(".order", has=page.locator(".phone", has_text="+"))
            expect(cards).to_have_count(len(seen) + 1)
            expect(cards.first).to_contain_text(TITLE)

            control = f"{system.simulator_url}/sim/activations"
            orders = {order["id"] for order in page.request.get(control).json()["activations"]}
            (order,) = orders - seen
            seen = orders
            assert page.request.post(f"{control}/{order}/sms", data={"code": code, "text": text}).ok
            expect(page.locator("#announced-now")).to_contain_text(" ".join(code))
            shown = page.locator(".order .sms").get_by_text(text.split()[0]).first
            expect(shown).to_be_attached()
            assert text in (shown.text_content() or "")
            is_text_only(page)


def test_operators_page_shows_them_as_texts_in_every_view(database_url: str) -> None:
    with running_system(database_url, environment={"ORDER_WAIT_S": "0"}) as system:
        user_id, token = system.sign_in(NAME)
        with client_of(system.url, token) as client:
            client.get("/api/wallet").raise_for_status()
            order = client.post("/api/activations", json={"service": "whatsapp", "country": "indonesia"}).json()
        with client_of(system.url, Authenticator(JWT_SECRET).issue(uuid4(), role="admin")) as ann:
            deposit = {"amount": "1.00", "reason": MARKUP}
            path = f"/api/admin/users/{user_id}/deposit"
            ann.post(path, json=deposit, headers={"idempotency-key": "x"}).raise_for_status()
        quoted = MARKUP.replace("'", "''")
        data = f"jsonb_build_object('activation_id', '{order['id']}', 'provider', '{quoted}', '{TITLE}', '{quoted}')"
        run_elsewhere(
            database_url,
            f"""
                update services set title = '{TITLE}' where service = 'whatsapp';
                update activations set provider = '{TITLE}', due_at = now() - interval '10 minutes';
                insert into system_logs (level, source, message, data)
                    values ('error', '{TITLE}', '{quoted}', {data});
                insert into alerts (key, level, source, message, data, first_at, last_at, times)
                    values ('x', 'error', '{TITLE}', '{quoted}', {data}, now(), now(), 1)
            """,  # noqa: S608
        )
        with open_page(f"{system.url}/admin") as page:
            page.click("#demo-operator")
            expect(page.locator("#connection")).to_have_attribute("data-status", "live")
            views = page.eval_on_selector_all("a[href^='#']", "links => links.map(link => link.hash)")
            assert len(set(views)) >= 5
            for view in [*dict.fromkeys(views), f"#order/{order['id']}", f"#user/{user_id}"]:
                page.goto(f"{system.url}/admin{view}")
                expect(page.locator("#view h2").first).to_be_visible()
                page.wait_for_load_state("networkidle")
                assert page.evaluate("window.hit") is None, view
                made = "#view img, #view script, #view [onerror], #toasts img, #toasts script"
                assert page.locator(made).count() == 0, view
            expect(page.locator("#view")).to_contain_text(MARKUP)  # the reason, among the movements
