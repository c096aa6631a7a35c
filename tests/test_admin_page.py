"""The operators' page in a real browser: orders, wallets, sessions, services and alerts, found and acted upon."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import open_page
from tests.conftest import aside, execute
from tests.gateway.api import client_of
from tests.system import System, running_system, wait_until
from tests.test_page_toasts import COVERED
from wallet_db.events import OPERATORS
from wallet_db.revocations import token_id_of

pytestmark = pytest.mark.usefixtures("browser_kept")

PLOTS = 12
PHONE = {"width": 360, "height": 740}


def run_elsewhere(url: str, statement: str) -> None:
    aside(execute(url, statement))


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
            expect(page.locator("#reasons")).to_contain_text("Nobody has looked at it for 10 min")
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
            movements = page.locator("section", has=page.get_by_role("heading", name="Movements"))
            expect(movements.locator("tbody tr").first).to_contain_text("36.00 → 40.00")
            expect(movements.locator("tbody tr").first).to_contain_text("paid by transfer")


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
            page.locator("#question-reason").fill("ticket 14")
            page.locator("#question-yes").click()
            expect(page.locator("#view")).to_contain_text("Every wallet agrees")

            alert = 'select append_event(\'%s\', \'admin.alert\', \'{"alert": "wallet", "problem": "frozen is 9.00"}\')'
            run_elsewhere(database_url, alert % OPERATORS)
            expect(page.locator("#toasts")).to_contain_text("Alert: frozen is 9.00")


CUT_WORDS = """() => {
    const cut = [];
    for (const cell of document.querySelectorAll('th, td')) {
        const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
            for (const { 0: word, index } of text.data.matchAll(/[\\p{L}\\p{N}_]+/gu)) {
                const range = document.createRange();
                range.setStart(text, index);
                range.setEnd(text, index + word.length);
                if (range.getClientRects().length > 1) cut.push(word);
            }
        }
    }
    return cut;
}"""


def test_no_word_of_a_table_is_cut_on_a_desk(database_url: str) -> None:
    with running_system(database_url) as system:
        user_id, _ = system.sign_in("bob")
        run_elsewhere(
            database_url,
            f"""
                alter table users disable trigger user;
                update users set frozen_balance = 3 where id = '{user_id}';
                alter table users enable trigger user""",  # noqa: S608
        )
        with open_page(f"{system.url}/admin#wallets", viewport={"width": 1280, "height": 800}) as page:
            sign_in(page)
            for view in ("wallets", "trade"):
                page.evaluate("view => { location.hash = view; }", view)
                expect(page.locator("tbody tr").first).to_be_visible()
                assert page.evaluate(CUT_WORDS) == [], view
            # In one call, for the page draws its tables anew when it hears of something.
            narrow = (
                "document.querySelectorAll('table').forEach((each) => { each.style.tableLayout = 'fixed';"
                " each.style.width = '10rem'; })"
            )
            cut = page.evaluate(f"() => {{ {narrow}; return ({CUT_WORDS})(); }}")
            assert cut != [], "the control: they would be found"


def test_alert_comes_and_goes_by_itself(database_url: str) -> None:
    with running_system(database_url) as system, open_page(f"{system.url}/admin#alerts") as page:
        sign_in(page)
        expect(page.locator("#view")).to_contain_text("nothing has needed a person")
        run_elsewhere(
            database_url,
            "insert into system_logs (level, source, message, data)"
            """ values ('error', 'pollers', 'PROVIDER_NOT_ANSWERING', '{"provider": "fivesim"}');"""
            "select fold_alerts(10)",
        )
        expect(page.locator("#toasts")).to_contain_text("Alert: PROVIDER_NOT_ANSWERING")
        assert page.evaluate(COVERED) == []
        expect(page.locator("#announced-now")).to_contain_text("Alert: PROVIDER_NOT_ANSWERING")
        expect(page.locator("#alerts-count")).to_have_text("1 open")
        alerts = page.locator("section", has=page.get_by_role("heading", name="Alerts", exact=True)).locator("tbody tr")
        expect(alerts).to_contain_text("open")
        run_elsewhere(
            database_url,
            "insert into system_logs (at, level, source, message, data) values"
            """ (now() + interval '1 s', 'info', 'pollers', 'PROVIDER_ANSWERS_AGAIN', '{"provider": "fivesim"}');"""
            "select close_alerts('{}', '1 hour')",
        )
        expect(page.locator("#toasts")).to_contain_text("Over: PROVIDER_NOT_ANSWERING: fivesim")
        expect(alerts).to_contain_text("its cause is no more")
        expect(page.locator("#alerts-count")).to_be_hidden()


def test_newcomer_finds_a_stuck_order_sees_why_and_refunds_it(database_url: str) -> None:
    """The walk of docs/operators.md; two minutes of waiting are passed by hand."""
    with (
        running_system(database_url, pollers=True, environment={"ORDER_WAIT_S": "0"}) as system,
        open_page(f"{system.url}/admin") as page,
    ):
        _, token = system.sign_in("alice")
        sign_in(page)
        expect(page.locator("#view")).to_contain_text("None: every open order is looked at in time.")
        with httpx.Client(base_url=system.simulator_url, timeout=30) as simulator:
            assert simulator.post("/sim/faults", json={"fault": "slow", "delay_s": 10, "count": 1000}).is_success
            with client_of(system.url, token) as alice:
                order = alice.post("/api/activations", json={"service": "whatsapp", "country": "indonesia"}).json()
                wait_until(lambda: asks_for_a_number(system), "the purchase is begun")
                run_elsewhere(database_url, "update activations set created_at = now() - interval '3 minutes'")

                expect(page.locator("#stuck-count")).to_have_text("1 stuck")  # by itself
                stuck = page.locator("section", has=page.get_by_role("heading", name="Stuck orders"))
                expect(stuck.locator("tbody tr")).to_contain_text("its outcome is not known", timeout=40_000)
                stuck.get_by_role("link", name=order["id"][:8]).click()
                expect(page.locator("#reasons")).to_contain_text("Nothing else is bought until")
                expect(page.locator("#timeline")).to_contain_text("was asked for a number")
                page.get_by_role("button", name="Refund now").click()
                answer_question(page, "the provider does not answer")
                expect(page.locator("#order-status")).to_have_attribute("data-status", "cancelled")
                expect(page.locator("#timeline")).to_contain_text("an operator refunded an order")
                expect(page.locator("#stuck-count")).to_be_hidden()
                assert alice.get("/api/wallet").json()["available"] == "36.00"
            assert simulator.delete("/sim/faults").is_success


def asks_for_a_number(system: System) -> bool:
    log = httpx.get(f"{system.simulator_url}/sim/log").json()["requests"]
    return any(each["action"] in ("getNumber", "getNumberV2", "buy") for each in log)


def test_one_session_is_ended_and_the_other_goes_on(database_url: str) -> None:
    with running_system(database_url) as system, open_page(f"{system.url}/admin") as page:
        user_id, token = system.sign_in("alice")
        _, other = system.sign_in("alice")
        with client_of(system.url, token) as one, client_of(system.url, other) as two:
            assert (one.get("/api/wallet").status_code, two.get("/api/wallet").status_code) == (200, 200)
            sign_in(page)
            page.evaluate(f"location.hash = 'user/{user_id}'")
            sessions = page.locator("section", has=page.get_by_role("heading", name="Sessions")).locator("tbody tr")
            expect(sessions).to_have_count(2)
            sessions.filter(has=page.locator(f"[title='{token_id_of(token)}']")).get_by_role("button").click()
            page.click("#question-yes")
            expect(sessions).to_have_count(1)
            assert (one.get("/api/wallet").status_code, two.get("/api/wallet").status_code) == (401, 200)


def test_rental_is_refunded_and_a_service_disabled_from_the_page(database_url: str) -> None:
    with (
        running_system(database_url, pollers=True) as system,
        open_page(f"{system.url}/admin", expected_errors=("422",)) as page,
    ):
        _, token = system.sign_in("bob")
        with client_of(system.url, token) as bob:
            wanted = {"service": "whatsapp", "country": "indonesia", "hours": 4}
            rental = bob.post("/api/rentals", json=wanted).json()
            sign_in(page)
            page.evaluate(f"location.hash = 'order/{rental['id']}'")
            expect(page.get_by_role("button", name="Close now")).to_be_visible()
            page.get_by_role("button", name="Refund now").click()
            answer_question(page, "the number is blocked")
            expect(page.locator("#order-status")).to_contain_text("REFUNDED_BY_OPERATOR")
            assert bob.get("/api/wallet").json()["available"] == "36.00"

            page.evaluate("location.hash = 'trade'")
            whatsapp = page.locator("tbody tr", has=page.get_by_role("link", name="WhatsApp"))
            whatsapp.get_by_role("button", name="Disable").click()
            answer_question(page, "ticket 7")
            expect(whatsapp).to_contain_text("off sale, was 5.00")
            refused = bob.post("/api/activations", json={"service": "whatsapp", "country": "indonesia"})
            assert refused.json()["error_code"] == "NOT_FOR_SALE"
            whatsapp.get_by_role("button", name="Enable").click()
            answer_question(page, "ticket 7 is mended")
            expect(whatsapp).to_contain_text("enabled")
            bought = bob.post("/api/activations", json={"service": "whatsapp", "country": "indonesia"})
            assert (bought.status_code, bought.json()["price"]) == (201, "5.00")


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
                ("trade", "By their orders of 24 hours"),
                ("figures", "Share of the decided orders"),
                ("alerts", "Log"),
            ):
                page.evaluate("hash => { location.hash = hash; }", name)
                expect(page.locator("#view")).to_contain_text(shown)
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
            page.evaluate("location.hash = 'figures'")
            plots = page.locator("svg.plot")
            expect(plots).to_have_count(PLOTS)
            for i in range(PLOTS):
                assert plots.nth(i).locator("> title").text_content()
            expect(page.locator("svg.plot rect title", has_text="received: 1").first).to_be_attached()
            expect(page.locator("svg.plot rect title", has_text="freeze: 1").first).to_be_attached()
            page.reload()  # the session is the tab's
            expect(plots.first).to_be_visible()
            page.click("#log-out")
            expect(page.locator("#signin")).to_be_visible()
