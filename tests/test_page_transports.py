"""A code reaches the page whatever the network lets through: each transport is cut in turn while an SMS is awaited."""

import pytest
from playwright.sync_api import expect

from tests.blocking_proxy import blocking_proxy
from tests.browser import open_page
from tests.page_support import NO_SMS_UNASKED, buy, deliver, expect_live, sign_in
from tests.system import running_system

pytestmark = pytest.mark.usefixtures("browser_kept")

NAMES = {"ws": "WebSocket", "sse": "SSE", "poll": "long-poll"}
TURNS = ((("ws",), "sse"), (("sse",), "ws"), (("ws", "sse"), "poll"))
"""What is blocked, and what the page then lives on."""


def test_a_code_arrives_while_each_transport_is_blocked_in_turn(database_url: str) -> None:
    cut = ("ERR_", "WebSocket connection to")
    with (
        running_system(database_url, pollers=True, simulator=NO_SMS_UNASKED) as system,
        blocking_proxy(system.url) as proxy,
        open_page(proxy.url, expected_errors=cut) as page,
    ):
        sign_in(page)
        for turn, (blocked, left) in enumerate(TURNS):
            proxy.block()
            page.reload()
            expect_live(page, "ws")
            card = buy(page)
            proxy.block(*blocked)
            expect_live(page, left)
            expect(page.locator("#connection")).to_have_text(f"live · {NAMES[left]}")
            code = f"90201{turn}"
            deliver(system, card, code)
            expect(card.locator(".code")).to_have_text(code)
            expect(page.locator(".toast").first).to_contain_text(code)
            page.reload()  # and now it is blocked from the first request on
            expect_live(page, left)
            expect(card.locator(".code")).to_have_text(code)
