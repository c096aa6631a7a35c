"""Webhooks of the provider of cards: what is signed is kept once, and whatever is sent moves no money and no card."""

import json
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.api.cards.card_webhook import BODY_BYTES_MAX
from gateway.auth.webhook_signature import DRIFT_S_MAX
from tests.gateway.api import refusal, wallet
from tests.gateway.card_desk import LEASE, NUMBER, WEBHOOK_SECRET, CardDesk, provider_id, signed
from tests.gateway.support import own_gateway
from tests.wallet_db.books import assert_sound
from wallet_db import card_notices

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cards.md"
PATH = "/webhooks/strowallet"
TRUE = {"success": True}


def event_of(card_id: UUID, event: str = "card.funded", **more: Any) -> dict[str, Any]:
    return {"event": event, "event_id": uuid4().hex, "cardId": provider_id(card_id), **more}


def kept(desk: CardDesk, event_id: str) -> Any:
    return desk.act(lambda db: db.fetchrow("select * from strowallet_webhook_events where event_id = $1", event_id))


def state(desk: CardDesk, client: httpx.Client, card_id: UUID) -> Any:
    """All that must not move by somebody's word: the card, its fundings, its transactions, and the wallet."""

    async def read(db: Any) -> Any:
        return [
            await db.fetch(f"select {columns} from {table} where {key} = $1 order by 1", card_id)  # noqa: S608 - below
            for table, key, columns in (
                ("cards", "id", "id, status, balance, wanted_action, closed_at, error_code, provider_card_id"),
                ("card_fundings", "card_id", "*"),
                ("card_transactions", "card_id", "*"),
            )
        ]

    return desk.act(read), wallet(client)


def test_a_signed_webhook_is_kept_once_and_its_card_is_looked_at(desk: CardDesk, owner: httpx.Client) -> None:
    card_id = desk.card(owner)
    said = event_of(card_id, amount="3", lastFour="1111", cvv="737", card_number=NUMBER, reason=f"card {NUMBER}")
    for _ in range(3):
        answer = desk.hear(said)
        assert (answer.status_code, answer.json()) == (200, TRUE)
    row = kept(desk, said["event_id"])
    assert (row["event"], row["card_id"], row["status"], row["signature_valid"]) == (
        "card.funded", card_id, "new", True,
    )  # fmt: skip
    assert json.loads(row["payload"]) == {"amount": "3", "reason": "card [withheld]"}
    jobs = desk.act(lambda db: card_notices.claim_card_webhooks(db, limit=50, lease=LEASE))
    assert [job.event_id for job in jobs].count(said["event_id"]) == 1


def test_the_same_webhook_many_times_at_once_is_one(desk: CardDesk, owner: httpx.Client) -> None:
    said = event_of(desk.card(owner))
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: desk.hear(said), range(64)))
    assert [answer.json() for answer in answers] == [TRUE] * 64
    count = "select count(*) from strowallet_webhook_events where event_id = $1"
    assert desk.value(count, said["event_id"]) == 1


@pytest.mark.parametrize(
    ("how", "headers"),
    [
        ("unsigned", lambda _: {}),
        ("unsigned", lambda body: {"x-strowallet-signature": signed(body)["x-strowallet-signature"]}),
        ("unsigned", lambda body: {"x-strowallet-timestamp": signed(body)["x-strowallet-timestamp"]}),
        ("unsigned", lambda body: signed(body) | {"x-strowallet-signature": "sha256=" + "0" * 64}),
        ("forged", lambda body: signed(body) | {"x-strowallet-signature": "0" * 64}),
        ("forged", lambda body: signed(body, secret="another secret of the provider")),
        ("forged", lambda body: signed(body + b" ")),
        ("forged", lambda body: signed(body) | {"x-strowallet-timestamp": "1"}),
        ("stale", lambda body: signed(body, at_s=1_000_000_000)),
        ("stale", lambda body: signed(body, at_s=4_000_000_000)),
    ],
    ids=range(10),
)
def test_what_is_not_signed_by_the_provider_lately_is_refused_and_counted(
    desk: CardDesk, owner: httpx.Client, how: str, headers: Any
) -> None:
    card_id = desk.card(owner)
    before, counted = state(desk, owner, card_id), count_of(desk, how)
    body = json.dumps(event_of(card_id, "card.blocked", status="blocked")).encode()
    told = refusal(desk.hear(body, headers(body)), 401, "SIGNATURE_INVALID")
    assert how in told["message"]
    assert count_of(desk, how) == counted + 1
    assert kept(desk, json.loads(body)["event_id"]) is None
    assert state(desk, owner, card_id) == before
    assert desk.value("select refresh_asked_at from cards where id = $1", card_id) is None
    # And so nobody has taken the place of the true one.
    assert desk.hear(body).status_code == 200
    assert kept(desk, json.loads(body)["event_id"])["signature_valid"]


def count_of(desk: CardDesk, outcome: str) -> float:
    metrics = httpx.get(f"{desk.quick_url}/metrics").text
    name = f'onesms_card_webhooks_total{{outcome="{outcome}"}} '
    return float(next(line for line in metrics.splitlines() if line.startswith(name)).removeprefix(name))


def test_refusals_are_told_as_security_and_not_as_often_as_they_come(desk: CardDesk) -> None:
    with own_gateway(desk.system) as url:
        gateway = desk.system.processes[-1]
        before = desk.value("select count(*) from strowallet_webhook_events where not signature_valid")
        for _ in range(50):
            refusal(httpx.post(url + PATH, content=b"{}"), 401, "SIGNATURE_INVALID")
        lines = [json.loads(line) for line in gateway.output.splitlines() if "webhook refused" in line]
        [line] = lines
        assert (line["category"], line["level"], line["verdict"], line["address"]) == (
            "security", "warning", "unsigned", "127.0.0.1",
        )  # fmt: skip
        after = desk.value("select count(*) from strowallet_webhook_events where not signature_valid")
        assert after - before == 1
    failed = desk.value("select webhooks_failed from card_alarm_figures()")
    assert failed >= 1


def test_the_previous_secret_counts_while_the_sender_goes_over(desk: CardDesk) -> None:
    body = json.dumps({"event": "balance.updated", "event_id": uuid4().hex}).encode()
    old, new = signed(body), signed(body, secret="the next secret of the webhooks")
    settings = {"STROWALLET_WEBHOOK_SECRET": "the next secret of the webhooks"}
    previous = settings | {"STROWALLET_WEBHOOK_SECRET_PREVIOUS": WEBHOOK_SECRET}
    for environment, status in (
        (settings, 401),
        (previous, 200),
        (previous | {"STROWALLET_WEBHOOK_PREVIOUS_UNTIL": "2020-01-01T00:00:00Z"}, 401),
        (previous | {"STROWALLET_WEBHOOK_PREVIOUS_UNTIL": "2999-01-01T00:00:00Z"}, 200),
    ):
        with own_gateway(desk.system, **environment) as url:
            assert httpx.post(url + PATH, content=body, headers=old).status_code == status
            assert httpx.post(url + PATH, content=body, headers=new).status_code == 200


def test_the_documented_example_runs(desk: CardDesk) -> None:
    """As a shell runs it, against a demo whose secret is nobody's."""
    block = (
        DOCUMENT.read_text(encoding="utf-8").partition("## Webhooks")[2].partition("```console")[2].partition("```")[0]
    )
    commands = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    with own_gateway(desk.system, STROWALLET_WEBHOOK_SECRET="") as url:
        script = "; ".join(commands).replace("localhost:8000", url.removeprefix("http://"))
        done = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True, timeout=30)
    assert json.loads(done.stdout) == TRUE
    assert kept(desk, "e-1")["event"] == "card.funded"


def test_signed_nonsense_is_refused_and_nothing_of_it_kept(desk: CardDesk) -> None:
    before = desk.value("select count(*) from strowallet_webhook_events where signature_valid")
    for body in (b"", b"{", b"[]", b"null", "{}".encode("utf-16"), b"\xff", b"event=card.funded", b"[" * 50_000):
        refusal(desk.hear(body), 400, "INVALID_JSON")
    refusal(desk.hear(b"x" * (BODY_BYTES_MAX + 1)), 413, "BODY_TOO_LARGE")
    refusal(httpx.get(f"{desk.quick_url}{PATH}"), 405, "METHOD_NOT_ALLOWED")
    assert desk.value("select count(*) from strowallet_webhook_events where signature_valid") == before


def test_whatever_is_sent_moves_neither_money_nor_cards(desk: CardDesk, owner: httpx.Client) -> None:
    """Seeded: hundreds of webhooks of every kind, in any order, again and forged; the provider alone decides."""
    chance = random.Random(20)
    card_id = desk.card(owner)
    funding = desk.post(owner, "fund-card", {"card_id": str(card_id), "usd": "5.00"}).json()["funding"]
    before = state(desk, owner, card_id)
    events = [
        "card.created", "card.blocked", "card.unblocked", "card.funded", "transaction.posted", "balance.updated",
        "virtualcard.created.complete", "virtualcard.transaction.authorization", "virtualcard.transaction.crossborder",
        "virtualcard.transaction.declined", "virtualcard.transaction.declined.terminated",
        "virtualcard.withdrawal.success", "authorization.request", "nonsense", "", 7, None, [], {},
    ]  # fmt: skip
    values = [
        "active", "terminated", "blocked", "5.00", "-5.00", 10**30, -1, 1e308, None, True, [], {"a": []}, "x" * 9_000,
        "\0", "\u202e", NUMBER, funding["id"], provider_id(card_id), str(card_id), "upstream-none",
    ]  # fmt: skip
    names = ["status", "balance", "amount", "cardId", "card_id", "id", "reference", "data", "type", "cvv", "event_id"]
    sent: list[bytes] = []
    for _ in range(300):
        said = {"event": chance.choice(events), "cardId": provider_id(card_id)}
        said |= {chance.choice(names): chance.choice(values) for _ in range(chance.randrange(6))}
        body = json.dumps(said).encode()
        sent.append(chance.choice(sent) if sent and chance.random() < 0.2 else body)
    chance.shuffle(sent)
    with ThreadPoolExecutor(8) as threads:
        for answer in threads.map(lambda body: (body, desk.hear(body)), sent):
            assert answer[1].status_code in (200, 400), (answer[0], answer[1].text)
        for body, headers in ((body, signed(body, at_s=DRIFT_S_MAX)) for body in sent[:50]):
            refusal(desk.hear(body, headers), 401, "SIGNATURE_INVALID")
    assert state(desk, owner, card_id) == before
    user_id = desk.value("select user_id from cards where id = $1", card_id)
    desk.act(lambda db: assert_sound(db, user_id))
    kept_texts = desk.value(
        "select coalesce(string_agg(e::text, ' '), '') from strowallet_webhook_events e where card_id = $1", card_id
    )
    assert NUMBER not in kept_texts
    assert desk.value("select count(*) from strowallet_webhook_events where card_id = $1", card_id) > 50
