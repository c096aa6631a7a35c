"""Cards over HTTP: who they are for, what they cost, what is done with them, and who sees them."""

import socket
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.api.cards import shapes
from gateway.api.cards.customers import body_bytes_max
from gateway.api.limited import LARGE_BODIES_MAX
from gateway.api.shapes import Card
from gateway.auth import Authenticator
from gateway.settings import GatewaySettings
from tests.gateway.api import client_of, refusal, wallet
from tests.gateway.card_desk import CVV, KEYS, NUMBER, CardDesk
from tests.gateway.customers import JPEG, PNG, customer
from tests.gateway.support import own_gateway
from tests.system import CARD_KEYS, JWT_SECRET, wait_until
from wallet_db.sealing import place

API = "/api/strowallet"
BACK, HELD, PAID = ("36.00", "0.00", "36.00"), ("36.00", "13.22", "22.78"), ("22.78", "0.00", "22.78")
"""A card with 10 USD costs 13.22: 2.00, and 1.122 a dollar."""
READS = ("card-details", "balance", "card-transactions")


@pytest.fixture
def bob(desk: CardDesk) -> Iterator[httpx.Client]:
    """Somebody else."""
    with client_of(desk.system.url, desk.system.sign_in()[1]) as client:
        yield client


@pytest.fixture
def ann(desk: CardDesk) -> Iterator[httpx.Client]:
    """An operator."""
    with client_of(desk.system.url, Authenticator(JWT_SECRET).issue(uuid4(), role="admin")) as client:
        yield client


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def details(client: httpx.Client, card_id: UUID) -> httpx.Response:
    return client.get(f"{API}/card-details", params={"card_id": str(card_id)})


def shaped(answer: httpx.Response, model: Any) -> Any:
    assert answer.is_success, answer.text
    return model.model_validate_json(answer.content)


# customers


def test_a_customer_is_registered_once_and_what_they_told_is_sealed(desk: CardDesk, owner: httpx.Client) -> None:
    body = customer()
    refusal(owner.get(f"{API}/customer"), 409, "CUSTOMER_NOT_REGISTERED")
    answer = desk.post(owner, "create-customer", body, **{"idempotency-key": "a"})
    assert answer.status_code == 202
    told = shaped(answer, shapes.Customer)
    assert (told.status, told.provider) == ("submitting", "strowallet")
    again = desk.post(owner, "create-customer", body, **{"idempotency-key": "a"})
    assert (again.json()["customer_id"], again.headers["idempotent-replay"]) == (str(told.customer_id), "true")
    refusal(desk.post(owner, "create-customer", body), 409, "CUSTOMER_EXISTS")
    other = body | {"city": "Abuja"}
    refusal(desk.post(owner, "create-customer", other, **{"idempotency-key": "a"}), 409, "IDEMPOTENCY_MISMATCH")
    refusal(desk.post(owner, "create-card", {"name_on_card": "ANN E", "usd": "10"}), 409, "CUSTOMER_NOT_REGISTERED")

    sealed = desk.value("select details from card_customers where id = $1", told.customer_id)
    opened = KEYS.open(sealed, place("card_customers", "details", told.customer_id)).decode()
    assert body["email"] in opened
    assert '"phone":"2348012345678"' in opened
    rows = desk.act(
        lambda db: db.fetch("select * from card_documents where customer_id = $1 order by kind", told.customer_id)
    )
    assert [(row["kind"], row["content_type"]) for row in rows] == [
        ("id_image", "image/png"), ("user_photo", "image/jpeg"),
    ]  # fmt: skip
    for row, content in zip(rows, (PNG, JPEG), strict=True):
        assert KEYS.open(row["sealed"], place("card_documents", "sealed", row["id"])) == content
        assert content[20:60] not in row["sealed"]
    assert body["email"].encode() not in desk.value(
        "select details from card_customers where id = $1", told.customer_id
    )

    desk.decide_customer(told.customer_id)
    assert shaped(owner.get(f"{API}/customer"), shapes.Customer).status == "registered"
    registered = desk.post(owner, "create-customer", body, **{"idempotency-key": "a"})
    assert (registered.status_code, registered.json()["status"]) == (201, "registered")


def test_whom_the_provider_refuses_may_try_again(
    desk: CardDesk, owner: httpx.Client, threads: ThreadPoolExecutor
) -> None:
    asked = threads.submit(owner.post, f"{API}/create-customer", json=customer(country="Nowhere"))
    query = "select id from card_customers where status = 'submitting'"
    desk.until("it is asked for", query)
    desk.decide_customer(desk.value(query), "KYC_REFUSED")
    told = refusal(asked.result(), 409, "CUSTOMER_REFUSED")["customer"]
    assert (told["status"], told["error_code"]) == ("failed", "KYC_REFUSED")
    desk.register(owner)


def test_an_address_is_one_customers(desk: CardDesk, owner: httpx.Client, bob: httpx.Client) -> None:
    body = customer()
    assert desk.post(owner, "create-customer", body).status_code == 202
    taken = refusal(desk.post(bob, "create-customer", body | {"email": body["email"].upper()}), 409, "CUSTOMER_EXISTS")
    assert taken["field"] == "email"
    desk.decide_customer(UUID(owner.get(f"{API}/customer").json()["customer_id"]), "KYC_REFUSED")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"first_name": ""}, "INVALID_ARGUMENT"),
        ({"last_name": "x" * 51}, "INVALID_ARGUMENT"),
        ({"city": "\0"}, "INVALID_ARGUMENT"),
        ({"email": "nobody"}, "INVALID_ARGUMENT"),
        ({"email": "a@b.example\nbcc: c@d.example"}, "INVALID_ARGUMENT"),
        ({"email": "x" * 300 + "@here.example"}, "INVALID_ARGUMENT"),
        ({"phone": "12"}, "INVALID_ARGUMENT"),
        ({"phone": "++4912345678"}, "INVALID_ARGUMENT"),
        ({"phone": "\u0664\u0669" * 5}, "INVALID_ARGUMENT"),
        ({"date_of_birth": "28.02.1990"}, "INVALID_ARGUMENT"),
        ({"date_of_birth": "1990-02-30"}, "INVALID_ARGUMENT"),
        ({"date_of_birth": "2999-01-01"}, "INVALID_ARGUMENT"),
        ({"date_of_birth": "1890-01-01"}, "INVALID_ARGUMENT"),
        ({"date_of_birth": 19900228}, "INVALID_ARGUMENT"),
        ({"id_type": "LIBRARY"}, "INVALID_ARGUMENT"),
        ({"id_number": "12 34"}, "INVALID_ARGUMENT"),
        ({"user_id": str(uuid4())}, "INVALID_ARGUMENT"),
        ({"id_image": "not base64!"}, "INVALID_IMAGE"),
        ({"id_image": b64encode(b"%PDF-1.7" + bytes(200)).decode()}, "INVALID_IMAGE"),
        ({"user_photo": b64encode(b"<svg>" + bytes(200)).decode()}, "INVALID_IMAGE"),
        ({"user_photo": ""}, "INVALID_ARGUMENT"),
        ({"user_photo": ["x"]}, "INVALID_ARGUMENT"),
    ],
    ids=range(22),
)
def test_a_customer_that_makes_no_sense_is_refused(
    desk: CardDesk, owner: httpx.Client, changes: dict[str, Any], code: str
) -> None:
    told = refusal(desk.post(owner, "create-customer", customer(**changes)), 422, code)
    for value in changes.values():
        assert len(str(value)) < 3 or str(value) not in told["message"]
    refusal(owner.get(f"{API}/customer"), 409, "CUSTOMER_NOT_REGISTERED")


def test_images_have_bounds_of_their_own(desk: CardDesk, owner: httpx.Client) -> None:
    """They may be larger than other bodies, up to what is said; beyond that nothing is read."""
    settings = GatewaySettings.model_validate({"demo": True})
    large = b64encode(PNG + bytes(1_999_000 - len(PNG))).decode()
    assert desk.post(owner, "create-customer", customer(id_image=large, user_photo=large)).status_code == 202
    too_large = b64encode(PNG + bytes(settings.kyc_image_bytes_max)).decode()
    told = refusal(desk.post(owner, "create-customer", customer(id_image=too_large)), 422, "INVALID_IMAGE")
    assert (told["field"], told["bytes_max"]) == ("id_image", 2_000_000)
    flood = customer(id_image="A" * body_bytes_max(settings))
    refusal(desk.post(owner, "create-customer", flood), 413, "BODY_TOO_LARGE")
    refusal(desk.post(owner, "create-card", {"name_on_card": "x" * 70_000, "usd": "1"}), 413, "BODY_TOO_LARGE")


def test_few_large_bodies_are_read_at_a_time(desk: CardDesk, owner: httpx.Client) -> None:
    """Whoever sends slowly holds one place, and not the memory of all."""
    host = (httpx.URL(desk.quick_url).host, httpx.URL(desk.quick_url).port or 80)
    head = (
        f"POST {API}/create-customer HTTP/1.1\r\nHost: x\r\nAuthorization: {owner.headers['authorization']}\r\n"
        "Content-Length: 1000000\r\n\r\n{"
    )
    with ExitStack() as stack:
        for _ in range(LARGE_BODIES_MAX):
            slow = stack.enter_context(socket.create_connection(host, timeout=10))
            slow.sendall(head.encode())

        def is_full() -> bool:
            answer = desk.post(owner, "create-customer", {})
            return answer.status_code == 503 and bool(refusal(answer, 503, "BUSY")["retry_after_s"])

        wait_until(is_full, "the places are taken")
        assert owner.get(f"{API}/list-cards").status_code == 200
    wait_until(lambda: desk.post(owner, "create-customer", {}).status_code == 422, "the places are free again")


# cards


def asked_for(owner: httpx.Client) -> UUID:
    """The owner's only card, as soon as it is written: the database has other tests' as well."""

    def cards() -> list[dict[str, str]]:
        listed: list[dict[str, str]] = owner.get(f"{API}/list-cards").json()["cards"]
        return listed

    wait_until(lambda: bool(cards()), "the card is asked for")
    (card,) = cards()
    return UUID(card["card_id"])


def test_a_card_costs_what_is_said_once_there_is_one(
    desk: CardDesk, owner: httpx.Client, threads: ThreadPoolExecutor
) -> None:
    desk.register(owner)
    wanted = {"name_on_card": "ANN EXAMPLE", "usd": "10.00"}
    asked = threads.submit(owner.post, f"{API}/create-card", json=wanted, headers={"idempotency-key": "one"})
    card_id = asked_for(owner)
    assert wallet(owner) == HELD
    desk.issue(card_id)
    answer = asked.result()
    assert answer.status_code == 201, answer.text
    card = shaped(answer, Card)
    assert (card.card_id, card.status, card.balance, card.funding.price) == (card_id, "active", "10.00", "13.22")
    assert wallet(owner) == PAID
    again = owner.post(f"{API}/create-card", json=wanted, headers={"idempotency-key": "one"})
    assert (again.status_code, again.json()["card_id"]) == (201, str(card_id))
    assert again.headers["idempotent-replay"] == "true"
    other = wanted | {"usd": "11.00"}
    refusal(
        owner.post(f"{API}/create-card", json=other, headers={"idempotency-key": "one"}), 409, "IDEMPOTENCY_MISMATCH"
    )
    assert wallet(owner) == PAID
    sealed = desk.value("select name_on_card_sealed from cards where id = $1", card_id)
    assert KEYS.open(sealed, place("cards", "name_on_card_sealed", card_id)) == b"ANN EXAMPLE"


def test_a_card_that_the_provider_does_not_make_costs_nothing(
    desk: CardDesk, owner: httpx.Client, threads: ThreadPoolExecutor
) -> None:
    desk.register(owner)
    asked = threads.submit(owner.post, f"{API}/create-card", json={"name_on_card": "ANN E", "usd": "10"})
    desk.fail(asked_for(owner), "CARD_DECLINED")
    told = refusal(asked.result(), 409, "CARD_FAILED")["card"]
    assert (told["status"], told["error_code"], told["funding"]["status"]) == ("failed", "CARD_DECLINED", "failed")
    assert wallet(owner) == BACK


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"usd": "0.50"}, 422, "INVALID_CARD_AMOUNT"),
        ({"usd": "1000.01"}, 422, "INVALID_CARD_AMOUNT"),
        ({"usd": "31.00"}, 402, "INSUFFICIENT_FUNDS"),
        ({"usd": "1.001"}, 422, "INVALID_ARGUMENT"),
        ({"usd": "-5"}, 422, "INVALID_ARGUMENT"),
        ({"usd": "NaN"}, 422, "INVALID_ARGUMENT"),
        ({"usd": "1e2"}, 422, "INVALID_ARGUMENT"),
        ({"usd": True}, 422, "INVALID_ARGUMENT"),
        ({"name_on_card": "A"}, 422, "INVALID_ARGUMENT"),
        ({"name_on_card": "Ann\nExample"}, 422, "INVALID_ARGUMENT"),
        ({"name_on_card": "Änn Example"}, 422, "INVALID_ARGUMENT"),
        ({"name_on_card": "A" * 27}, 422, "INVALID_ARGUMENT"),
        ({"name_on_card": 7}, 422, "INVALID_ARGUMENT"),
        ({"provider": "other"}, 422, "INVALID_ARGUMENT"),
    ],
    ids=range(14),
)
def test_a_card_that_makes_no_sense_is_refused_and_costs_nothing(
    desk: CardDesk, owner: httpx.Client, body: dict[str, Any], status: int, code: str
) -> None:
    desk.register(owner)
    wanted = {"name_on_card": "ANN EXAMPLE", "usd": "10.00"} | body
    refusal(desk.post(owner, "create-card", wanted), status, code)
    assert wallet(owner) == BACK
    assert owner.get(f"{API}/list-cards").json()["cards"] == []


def test_cards_are_listed_by_the_page_newest_first(desk: CardDesk, owner: httpx.Client, bob: httpx.Client) -> None:
    made = [str(desk.order(owner, "1.00")) for _ in range(3)]
    desk.card(bob, "1.00")

    def page(**query: object) -> Any:
        found = shaped(owner.get(f"{API}/list-cards", params=query), shapes.CardsPage)
        assert found.total == 3
        return [str(card.card_id) for card in found.cards]

    assert page() == made[::-1]
    assert page(page=1, size=2) == [made[2], made[1]]
    assert page(page=2, size=2) == [made[0]]
    assert page(page=3, size=2) == page(page=100_000, size=200) == []
    for query in ("page=0", "page=-1", "size=0", "size=201", "page=1&page=2", "page=%D9%A1", "page=100001", "size=x"):
        refusal(owner.get(f"{API}/list-cards?{query}"), 400, "BAD_REQUEST")


def test_details_are_shown_to_the_owner_as_the_provider_told_them(desk: CardDesk, owner: httpx.Client) -> None:
    card_id = desk.card(owner)
    answer = details(owner, card_id)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    card = shaped(answer, shapes.CardDetails)
    assert (card.name_on_card, card.last4, card.expiry, card.brand) == ("ANN EXAMPLE", "1111", "12/29", "visa")
    balance = shaped(owner.get(f"{API}/balance", params={"card_id": str(card_id)}), shapes.CardBalance)
    assert (balance.balance, balance.status) == ("10.00", "active")
    [listed] = owner.get(f"{API}/list-cards").json()["cards"]
    assert listed == answer.json()
    # In events and snapshots there is nothing of what is sealed.
    told = owner.get("/realtime/poll").json()
    [shown] = told["snapshot"]["cards"]
    assert shown == {name: value for name, value in listed.items() if name not in ("name_on_card", "last4", "expiry")}
    assert Card.model_validate(shown)


# what is done with them


def test_dollars_are_put_on_a_card_once(desk: CardDesk, owner: httpx.Client, threads: ThreadPoolExecutor) -> None:
    card_id = desk.card(owner)
    wanted = {"card_id": str(card_id), "usd": "5.00"}
    asked = threads.submit(owner.post, f"{API}/fund-card", json=wanted, headers={"idempotency-key": "more"})
    query = "select id from card_fundings where card_id = $1 and kind = 'funding'"
    desk.until("it is asked for", query, card_id)
    assert wallet(owner) == ("22.78", "5.61", "17.17")
    pending = refusal(desk.post(owner, "fund-card", wanted), 409, "FUNDING_PENDING")
    assert pending["funding_id"] == str(desk.value(query, card_id))
    desk.settle_funding(desk.value(query, card_id))
    answer = asked.result()
    funding = shaped(answer, Card).funding
    assert (answer.status_code, funding.status, funding.usd, funding.price) == (200, "completed", "5.00", "5.61")
    again = owner.post(f"{API}/fund-card", json=wanted, headers={"idempotency-key": "more"})
    assert (again.json()["funding"], again.headers["idempotent-replay"]) == (answer.json()["funding"], "true")
    assert wallet(owner) == ("17.17", "0.00", "17.17")


def test_dollars_that_the_provider_refuses_come_back(
    desk: CardDesk, owner: httpx.Client, threads: ThreadPoolExecutor
) -> None:
    card_id = desk.card(owner)
    asked = threads.submit(owner.post, f"{API}/fund-card", json={"card_id": str(card_id), "usd": "5"})
    query = "select id from card_fundings where card_id = $1 and kind = 'funding'"
    desk.until("it is asked for", query, card_id)
    desk.settle_funding(desk.value(query, card_id), "FUNDING_DECLINED")
    told = refusal(asked.result(), 409, "CARD_FUNDING_FAILED")["card"]
    assert told["funding"]["error_code"] == "FUNDING_DECLINED"
    assert wallet(owner) == PAID


def test_a_blocked_card_takes_no_money(desk: CardDesk, owner: httpx.Client, threads: ThreadPoolExecutor) -> None:
    card_id = desk.card(owner)
    which = {"card_id": str(card_id)}
    asked = threads.submit(owner.post, f"{API}/block-card", json=which)
    desk.until("it is asked for", "select wanted_action = 'block' from cards where id = $1", card_id)
    funding = {"card_id": str(card_id), "usd": "5.00"}
    wish = refusal(desk.post(owner, "fund-card", funding), 409, "CARD_NOT_USABLE")
    assert (wish["status"], wish["wanted_action"]) == ("active", "block")
    assert desk.post(owner, "block-card", which).status_code == 202  # asked for already
    desk.tell(card_id, "blocked")
    answer = asked.result()
    assert (answer.status_code, shaped(answer, Card).status) == (200, "blocked")
    refusal(desk.post(owner, "fund-card", funding), 409, "CARD_NOT_USABLE")
    assert desk.post(owner, "block-card", which).status_code == 200  # it is so
    assert desk.post(owner, "unblock-card", which).json()["wanted_action"] == "unblock"
    desk.tell(card_id, "active")
    assert desk.post(owner, "unblock-card", which).json()["status"] == "active"
    assert wallet(owner) == PAID
    desk.tell(card_id, "terminated")
    for path in ("fund-card", "block-card", "unblock-card", "card-reveal"):
        body = funding if path == "fund-card" else which
        refusal(desk.post(owner, path, body), 409, "CARD_NOT_USABLE")


def test_a_refused_block_is_told(desk: CardDesk, owner: httpx.Client, threads: ThreadPoolExecutor) -> None:
    card_id = desk.card(owner)
    asked = threads.submit(owner.post, f"{API}/block-card", json={"card_id": str(card_id)})
    desk.until("it is asked for", "select wanted_action = 'block' from cards where id = $1", card_id)
    desk.value("select refuse_card_action($1, 'block', 'NOT_NOW', null)", card_id)
    told = refusal(asked.result(), 409, "CARD_ACTION_REFUSED")["card"]
    assert (told["status"], told["error_code"]) == ("active", "NOT_NOW")


def test_transactions_come_page_by_page(desk: CardDesk, owner: httpx.Client) -> None:
    card_id = desk.card(owner)
    rows = [
        f'{{"id": "t{number}", "usd": "-{number}.00", "status": "success", "at": "2026-01-0{number}T00:00:00Z"}}'
        for number in (1, 2, 3)
    ]
    desk.value("select record_card_transactions($1, $2::text::jsonb)", card_id, f"[{','.join(rows)}]")

    def page(**query: object) -> Any:
        answer = owner.get(f"{API}/card-transactions", params={"card_id": str(card_id), **query})
        return shaped(answer, shapes.CardTransactions)

    assert [row.transaction_id for row in page().transactions] == ["t3", "t2", "t1"]
    first = page(limit=2)
    second = page(limit=2, before=first.next)
    assert [row.usd for row in (*first.transactions, *second.transactions)] == ["-3.00", "-2.00", "-1.00"]
    assert second.next is None
    refusal(owner.get(f"{API}/card-transactions?card_id={card_id}&before=x"), 400, "BAD_REQUEST")


# numbers


def test_the_owner_sees_the_number_and_nobody_keeps_it(
    desk: CardDesk, owner: httpx.Client, threads: ThreadPoolExecutor
) -> None:
    card_id = desk.card(owner)
    asked = threads.submit(owner.post, f"{API}/card-reveal", json={"card_id": str(card_id)})
    desk.answer_reveal(desk.claim_reveal())
    answer = asked.result()
    assert answer.json() == {"card_id": str(card_id), "card_number": NUMBER, "cvv": CVV, "expiry": "12/29"}
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    audit = "select count(*) from strowallet_card_audit where card_id = $1 and action like '%reveal%'"
    assert desk.value(audit, card_id) > 0


def test_an_answer_that_is_not_sealed_for_it_is_not_shown(
    desk: CardDesk, owner: httpx.Client, threads: ThreadPoolExecutor
) -> None:
    card_id = desk.card(owner)
    asked = threads.submit(owner.post, f"{API}/card-reveal", json={"card_id": str(card_id)})
    job = desk.claim_reveal()
    desk.answer_reveal(job, f'{{"id": "{job.id}", "kid": "k1", "epk": "", "nonce": "", "sealed": ""}}')
    refusal(asked.result(), 503, "CARD_REVEAL_UNANSWERED")


def test_a_refusal_of_the_provider_is_told(desk: CardDesk, owner: httpx.Client, threads: ThreadPoolExecutor) -> None:
    card_id = desk.card(owner)
    asked = threads.submit(owner.post, f"{API}/card-reveal", json={"card_id": str(card_id)})
    job = desk.claim_reveal()
    desk.value("select finish_card_reveal($1, p_error_code => 'CARD_FROZEN')", job.id)
    assert refusal(asked.result(), 409, "CARD_REVEAL_REFUSED")["reason"] == "CARD_FROZEN"


def test_a_number_is_looked_at_a_few_times_only(desk: CardDesk, owner: httpx.Client) -> None:
    """CARD_REVEALS_PER_USER_MAX; and one that nobody answers is given up in time."""
    card_id = desk.card(owner)
    with own_gateway(desk.system, CARD_REVEAL_WAIT_S="1") as url:
        path, which = f"{url}{API}/card-reveal", {"card_id": str(card_id)}
        for _ in range(4):
            answer = owner.post(path, json=which)
            refusal(answer, 503, "CARD_REVEAL_UNANSWERED")
            assert answer.headers["retry-after"] == "5"
        told = refusal(owner.post(path, json=which), 429, "TOO_MANY_REQUESTS")
        assert (told["of"], 500 < told["retry_after_s"] <= 600) == ("reveals", True)


# whose


def test_a_card_of_another_is_as_unknown_as_none(desk: CardDesk, owner: httpx.Client, bob: httpx.Client) -> None:
    hers, nobodys = desk.card(owner), uuid4()
    before = desk.act(lambda db: db.fetchrow("select * from cards where id = $1", hers))
    for path in READS:
        seen, unseen = (bob.get(f"{API}/{path}", params={"card_id": str(each)}) for each in (hers, nobodys))
        assert refusal(seen, 404, "CARD_NOT_FOUND")["message"] == f"no card {hers}"
        told = [each.text.replace(each.headers["x-request-id"], "") for each in (seen, unseen)]
        assert told[0].replace(str(hers), "id") == told[1].replace(str(nobodys), "id")
        assert seen.headers.keys() == unseen.headers.keys()
    for path, more in (("fund-card", {"usd": "5"}), ("block-card", {}), ("unblock-card", {}), ("card-reveal", {})):
        for each in (hers, nobodys):
            refusal(desk.post(bob, path, {"card_id": str(each), **more}), 404, "CARD_NOT_FOUND")
    assert bob.get(f"{API}/list-cards").json() == {"cards": [], "page": 1, "size": 50, "total": 0}
    assert desk.act(lambda db: db.fetchrow("select * from cards where id = $1", hers)) == before
    assert desk.value("select count(*) from card_reveals where card_id = $1", hers) == 0
    assert wallet(bob) == BACK


@pytest.mark.parametrize("text", ["", "1", "x", "urn:uuid:", "{}", "0" * 32, "\u0660" * 36, "' or 1=1--", "\0"])
def test_what_is_no_id_names_no_card(desk: CardDesk, owner: httpx.Client, text: str) -> None:
    for path in READS:
        refusal(owner.get(f"{API}/{path}", params={"card_id": text}), 400, "BAD_REQUEST")
        refusal(owner.get(f"{API}/{path}"), 400, "BAD_REQUEST")
    for path in ("block-card", "unblock-card", "card-reveal"):
        refusal(desk.post(owner, path, {"card_id": text}), 422, "INVALID_ARGUMENT")


def test_operators_see_all_cards_and_may_block_them(desk: CardDesk, owner: httpx.Client, ann: httpx.Client) -> None:
    card_id = desk.card(owner)
    assert details(ann, card_id).json() == details(owner, card_id).json()
    for path in READS:
        assert ann.get(f"{API}/{path}", params={"card_id": str(card_id)}).status_code == 200
    assert str(card_id) in [card["card_id"] for card in ann.get(f"{API}/list-cards").json()["cards"]]
    assert ann.get(f"{API}/list-cards").json()["total"] > owner.get(f"{API}/list-cards").json()["total"] - 1
    assert desk.post(ann, "block-card", {"card_id": str(card_id)}).json()["wanted_action"] == "block"
    by = desk.value("select wanted_by from cards where id = $1", card_id)
    assert by.startswith("operator:")
    desk.tell(card_id, "blocked")
    # Money and numbers are the owner's alone.
    refusal(desk.post(ann, "fund-card", {"card_id": str(card_id), "usd": "5"}), 404, "CARD_NOT_FOUND")
    refusal(desk.post(ann, "card-reveal", {"card_id": str(card_id)}), 404, "CARD_NOT_FOUND")


# settings


def test_without_keys_there_are_no_cards_and_everything_else_is_as_ever(desk: CardDesk, owner: httpx.Client) -> None:
    card_id = desk.card(owner)
    with own_gateway(desk.system, DEMO="0", CARD_KEYS="", STROWALLET_WEBHOOK_SECRET="") as url:
        which = {"card_id": str(card_id)}
        for path in (*(f"{each}?card_id={card_id}" for each in READS), "list-cards", "customer"):
            refusal(owner.get(f"{url}{API}/{path}"), 503, "CARDS_NOT_CONFIGURED")
        for path, body in (
            ("create-customer", customer()),
            ("create-card", {"name_on_card": "ANN EXAMPLE", "usd": "5"}),
            ("fund-card", which | {"usd": "5"}),
            ("block-card", which),
            ("unblock-card", which),
            ("card-reveal", which),
        ):
            refusal(owner.post(f"{url}{API}/{path}", json=body), 503, "CARDS_NOT_CONFIGURED")
        refusal(httpx.post(f"{url}/webhooks/strowallet", content=b"{}"), 503, "CARDS_NOT_CONFIGURED")
        assert owner.get(f"{url}/api/wallet").status_code == 200
        assert owner.get(f"{url}/realtime/poll").status_code == 200


def test_a_card_sealed_by_a_key_that_is_gone_is_shown_without_what_it_hid(desk: CardDesk, owner: httpx.Client) -> None:
    card_id = desk.card(owner)
    other = "k2:" + b64encode(bytes(32)).decode()
    with own_gateway(desk.system, CARD_KEYS=other) as url:
        card = owner.get(f"{url}{API}/card-details", params={"card_id": str(card_id)}).json()
        assert (card["last4"], card["expiry"], card["name_on_card"], card["balance"]) == (None, None, None, "10.00")
        assert "key 'k1', which is not given" in desk.system.processes[-1].output
    with own_gateway(desk.system, CARD_KEYS=f"{other},{CARD_KEYS}") as url:
        assert owner.get(f"{url}{API}/card-details", params={"card_id": str(card_id)}).json()["last4"] == "1111"
