"""The pictures of README.md and docs/operators.md, taken anew: `python -m tests.pictures`. It wants Chromium.

What is on them happens: a system of its own is started on a database that is thrown away, numbers are bought, codes
arrive from the simulated provider, a provider falls silent. Two runs differ in ids, numbers and times only.
"""

import asyncio
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from pollers.simulator import SimulatorSettings
from tests.browser import open_page
from tests.conftest import execute
from tests.page_support import buy, client_of, deliver, sign_in
from tests.past_orders import fill
from tests.system import ROOT, System, running_system
from wallet_db.connect import pool
from wallet_db.embedded import EmbeddedPostgres
from wallet_db.migrate import migrate

DOCS = ROOT / "docs"
BYTES_MAX = 200_000
READER: dict[str, Any] = {"viewport": {"width": 1240, "height": 760}, "locale": "en-GB", "reduced_motion": "reduce"}
PRICES = """
    update services set price = case service when 'whatsapp' then 5.20 when 'telegram' then 6.80
                                             when 'google' then 3.40 else 4.50 end"""


def take_users_page(system: System, picture: Path) -> None:
    """Codes that have arrived, a number that waits for one, a rented number with its messages."""
    with open_page(system.url, **READER) as page:
        sign_in(page, credit="60.00")
        page.select_option("#rent-service", "telegram")
        page.select_option("#rent-country", "indonesia")
        page.select_option("#rent-hours", "24")
        waiting = buy(page, "google", "vietnam")
        served = buy(page, "telegram", "indonesia")
        deliver(system, served, "973706")
        expect(served.locator(".code")).to_have_text("973706")
        newest = buy(page, "whatsapp", "indonesia")
        page.keyboard.press("Escape")
        deliver(system, newest, "860056")
        expect(newest.locator(".code")).to_have_text("860056")
        expect(waiting.locator(".left")).to_contain_text("left")
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=picture)


def take_operators_page(system: System, picture: Path) -> None:
    """An order whose provider has fallen silent: why it stands where it stands, and what can be done."""
    _, token = system.sign_in("alice", "36.00")
    with httpx.Client(base_url=system.simulator_url or "", timeout=30) as simulator, client_of(system, token) as alice:
        silence = {"fault": "slow", "delay_s": 60, "count": 1000}
        simulator.post("/sim/faults", json=silence).raise_for_status()
        order = alice.post("/api/activations", json={"service": "whatsapp", "country": "indonesia"}).json()
        with open_page(f"{system.url}/admin", **READER) as page:
            page.click("#demo-operator")
            show_order(page, order["id"])
            page.screenshot(path=picture)
        simulator.delete("/sim/faults").raise_for_status()


def show_order(page: Page, order_id: str) -> None:
    expect(page.locator("#connection")).to_have_attribute("data-status", "live")
    page.evaluate("id => { location.hash = `order/${id}`; }", order_id)
    expect(page.locator("#timeline")).to_contain_text("was asked for a number")
    page.mouse.move(0, 0)


def main() -> None:
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="onesms-pictures-"))
        embedded = EmbeddedPostgres(Path(directory))
        stack.callback(embedded.stop)
        url = embedded.start()
        asyncio.run(prepare(url))
        simulator = SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=0, seed=7)
        system = stack.enter_context(running_system(url, pollers=True, simulator=simulator))
        for take, name in ((take_users_page, "page.png"), (take_operators_page, "operators.png")):
            take(system, DOCS / name)
            size = (DOCS / name).stat().st_size
            assert size <= BYTES_MAX, f"docs/{name}: expected {BYTES_MAX} bytes at most, got {size}"


async def prepare(url: str) -> None:
    """A day's orders, so that the catalogue knows how often a number had its SMS."""
    await migrate(url)
    await execute(url, PRICES)
    async with pool(url, "pictures", connections_max=2) as db:
        await fill(db, datetime.now(UTC), count=480)


if __name__ == "__main__":
    main()
