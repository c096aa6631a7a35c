"""The simulated Strowallet: its rules of cards and money without a clock, then its oddities over real HTTP."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from random import Random
from threading import Thread
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from pydantic import ValidationError

from pollers.cards.strowallet import Strowallet
from pollers.simulator import SimulatorSettings, running
from pollers.simulator.strowallet import WANTED
from pollers.simulator.strowallet_account import OVER, CardTerms, StrowalletAccount
from pollers.simulator.strowallet_record import cards_from_json, cards_to_json
from pollers.simulator.till import Refusal
from tests.pollers.card_providers import DOCUMENTS, person
from wallet_db.card_numbers import is_card_number

T0 = 1_700_000_000.0
FUNDS = Decimal("500.00")


class Cards(RuleBasedStateMachine):
    """Whatever is asked in whatever order: no dollar is lost, and a card that is over holds none."""

    cards = Bundle("cards")

    @initialize()
    def begin(self) -> None:
        self.account = StrowalletAccount(Random(1), FUNDS)
        self.account.register("ann@example.com", {})
        self.now, self.spent = T0, Decimal(0)

    @rule(target=cards, usd=st.integers(1, 200), declined=st.booleans())
    def create(self, usd: int, declined: bool) -> int:
        self.account.terms = CardTerms(declines_creations=declined)
        try:
            return self.account.create("ann@example.com", "ANN", Decimal(usd), self.now).id
        except Refusal:
            return -1

    @rule(card=cards, usd=st.integers(1, 200), declined=st.booleans())
    def fund(self, card: int, usd: int, declined: bool) -> None:
        self.account.terms = CardTerms(declines_fundings=declined)
        self.refusable(lambda: self.account.fund(card, Decimal(usd), self.now))

    @rule(card=cards, usd=st.integers(1, 200))
    def spend(self, card: int, usd: int) -> None:
        def pay() -> None:
            if self.account.spend(card, Decimal(usd), "SHOP", self.now).status == "success":
                self.spent += usd

        self.refusable(pay)

    @rule(card=cards, is_frozen=st.booleans())
    def freeze(self, card: int, is_frozen: bool) -> None:
        self.refusable(lambda: self.account.freeze(card, self.now, is_frozen=is_frozen))

    @rule(card=cards)
    def terminate(self, card: int) -> None:
        self.refusable(lambda: self.account.put(card, "terminated", self.now))

    @rule(seconds=st.integers(0, 5))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def restart(self) -> None:
        record = cards_from_json(cards_to_json(self.account.record()))
        assert record == self.account.record()
        self.account = StrowalletAccount(Random(2), FUNDS)
        self.account.resume(record)

    @invariant()
    def no_dollar_is_lost(self) -> None:
        if not hasattr(self, "account"):
            return
        cards = list(self.account.cards(self.now))  # what fell due is applied by looking
        held = self.account.till.balance + self.spent
        for card in cards:
            held += card.balance + sum(each.usd for each in card.transactions if each.status == "pending")
            assert card.status not in OVER or card.balance == 0
            assert card.balance >= 0
        assert held == FUNDS

    @staticmethod
    def refusable(do: Any) -> None:
        with suppress(Refusal):
            do()


TestCards = Cards.TestCase


def test_numbers_are_such_as_anybody_would_take_for_real() -> None:
    account = StrowalletAccount(Random(1))
    account.register("ann@example.com", {})
    numbers = {account.create("ann@example.com", "ANN", Decimal(1), T0).number for _ in range(50)}
    assert len(numbers) == 50
    assert all(is_card_number(number) for number in numbers)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"balance":"1","next_id":1,"customers":[],"cards":[{}]}'])
def test_what_is_no_account_is_said_in_one_line(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        cards_from_json(raw)


# --- over HTTP


@pytest.fixture
def url() -> Iterator[str]:
    with running(SimulatorSettings(port=0, seed=1)) as base_url:
        yield base_url


def test_without_its_slash_a_path_loses_the_body(url: str) -> None:
    with httpx.Client(base_url=url) as client:
        fields = {"public_key": "demo", "card_id": "1"}
        moved = client.post("/api/bitvcard/fetch-card-detail", json=fields)
        assert (moved.status_code, moved.headers["location"]) == (301, "/api/bitvcard/fetch-card-detail/")
        followed = client.post("/api/bitvcard/fetch-card-detail", json=fields, follow_redirects=True)
        assert followed.status_code == 405  # as a GET, without what was said


@pytest.mark.parametrize("form", ["json", "data", "params"])
def test_fields_come_in_every_form(url: str, form: str) -> None:
    with httpx.Client(base_url=url) as client:
        given: Any = {form: {"public_key": "demo", "card_id": "7"}}
        answer = client.post("/api/bitvcard/fetch-card-detail/", **given)
        assert (answer.status_code, answer.json()) == (400, {"success": False, "message": "Card not found"})


def test_key_is_not_in_the_log_and_images_are_not_either(url: str) -> None:
    async def main() -> None:
        async with httpx.AsyncClient() as client:
            await Strowallet(url, "demo", client).register(person(), DOCUMENTS)
            await Strowallet(url, "demo", client).balance()
            log = (await client.get(f"{url}/sim/log")).text
        assert '"action":"create-user"' in log
        assert '"action":"wallet/balance/USD"' in log
        assert "demo" not in log
        assert "base64" not in log

    asyncio.run(main())


def test_account_outlives_the_process(tmp_path: Path) -> None:
    async def made(url: str) -> str:
        async with httpx.AsyncClient() as client:
            provider = Strowallet(url, "demo", client)
            await provider.register(person(), DOCUMENTS)
            await client.post(f"{url}/sim/cards/settings", json={"activation_s": 0})
            return (await client.get(f"{url}/sim/cards")).text

    async def found(url: str) -> str:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{url}/sim/cards")).text

    settings = SimulatorSettings(port=0, seed=1, state_file=tmp_path / "simulator.json")
    with running(settings) as url:
        before = asyncio.run(made(url))
    with running(settings) as url:
        assert asyncio.run(found(url)) == before
    assert (tmp_path / "simulator.strowallet.json").exists()


@contextmanager
def listening() -> Iterator[tuple[str, Queue[tuple[dict[str, str], bytes]]]]:
    """Somebody who is told by webhook: the URL, and what came as (headers, body)."""
    heard: Queue[tuple[dict[str, str], bytes]] = Queue()

    class Hear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard.put((headers, self.rfile.read(int(headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hear)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_who_is_told_from_the_start_is_a_setting() -> None:
    with listening() as (hook, heard), running(SimulatorSettings(port=0, seed=1, card_webhook_url=hook)) as base_url:
        with httpx.Client(base_url=base_url) as client:
            client.post("/sim/cards/settings", json={"activation_s": 0})
            who = {"public_key": "demo", "customerEmail": "a@example.com"}
            client.post("/api/bitvcard/create-user/", json=dict.fromkeys(WANTED, "x") | who)
            card = {"name_on_card": "A", "amount": "3", "card_type": "visa"}
            client.post("/api/bitvcard/create-card/", json=who | card)
            headers, body = heard.get(timeout=10)
        signed = headers["x-strowallet-timestamp"].encode() + b"." + body
        assert headers["x-strowallet-signature"] == hmac.new(b"demo", signed, hashlib.sha256).hexdigest()
    with pytest.raises(ValidationError, match="card_webhook_url"):
        SimulatorSettings(port=0, card_webhook_url="http://example.com/hook")


@pytest.mark.parametrize("secret", [None, "s3cret"])
def test_what_happens_to_a_card_is_told_signed_or_not(url: str, secret: str | None) -> None:
    with listening() as (hook, heard), httpx.Client(base_url=url) as client:
        assert client.post("/sim/cards/webhooks", json={"urls": [hook], "secret": secret}).status_code == 200
        client.post("/sim/cards/settings", json={"activation_s": 0, "funding_s": 0})
        fields = dict.fromkeys(WANTED, "x")
        who = {"public_key": "demo", "customerEmail": "a@example.com"}
        assert client.post("/api/bitvcard/create-user/", json=fields | who).json()["success"]
        card = {"name_on_card": "A", "amount": "3", "card_type": "visa"}
        id_ = client.post("/api/bitvcard/create-card/", json=who | card).json()["response"]["card_id"]
        headers, body = heard.get(timeout=10)
        said = json.loads(body)
        assert (said["event"], said["cardId"]) == ("virtualcard.created.complete", str(id_))
        assert said["event_id"]
        assert ("x-strowallet-signature" in headers) == (secret is not None)
        if secret is not None:
            signed = headers["x-strowallet-timestamp"].encode() + b"." + body
            expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
            assert headers["x-strowallet-signature"] == expected
        client.post(f"/sim/cards/{id_}/transactions", json={"usd": "1.00"})
        client.post(f"/sim/cards/{id_}/transactions", json={"usd": "50.00"})
        client.post(f"/sim/cards/{id_}", json={"status": "frozen"})
        client.post(f"/sim/cards/{id_}", json={"status": "terminated"})
        events = {json.loads(heard.get(timeout=10)[1])["event"] for _ in range(4)}
        assert events == {
            "virtualcard.transaction.authorization",
            "virtualcard.transaction.declined",
            "card.blocked",
            "virtualcard.transaction.declined.terminated",
        }


def test_only_loopback_is_told(url: str) -> None:
    answer = httpx.post(f"{url}/sim/cards/webhooks", json={"urls": ["http://example.com/"]})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "BAD_REQUEST")


def test_control_says_what_is_not_there(url: str) -> None:
    assert httpx.post(f"{url}/sim/cards/1", json={"status": "frozen"}).status_code == 404
    assert httpx.post(f"{url}/sim/cards/1/transactions", json={"usd": "0"}).status_code == 400
