"""`Idempotency-Key`: on every POST that has an effect, a repeat has none and is given the first answer.

Purchases, whose keys are in the books: `test_orders.py`, `test_rentals.py`; rows and their times:
`tests/wallet_db/test_kept_answers.py`.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.api.kept import digest_of
from gateway.api.openapi import document
from gateway.api.operation import KEYED, READING, Operation
from gateway.app import DEMO_OPERATIONS, OPERATIONS
from gateway.auth import Authenticator
from tests.conftest import execute
from tests.gateway.api import ORDER, buy, client_of, refusal, wallet
from tests.gateway.test_security import BODIES, ask, bearer, named
from tests.system import JWT_SECRET, System
from wallet_db.connect import connect, pool
from wallet_db.kept_answers import begin_answer

ALL = (*OPERATIONS, *DEMO_OPERATIONS)
WITHOUT = {
    "card_reveal",  # its answer is a secret, of which nothing is kept
    "card_webhook_hear",  # the provider sends none, and the event's id is one
    "tokens_issue_ticket",  # its answer is a secret, of which nothing is kept
    "webhooks_hear",  # the provider sends none, and it is a hint
    "demo_create_session",  # nobody is there yet whose key it could be; a name says who is meant
    "demo_create_operator",
}
TAKING = [each for each in ALL if each.keeps or each.repeat == KEYED]


@pytest.fixture
def ann(system: System) -> Iterator[httpx.Client]:
    """An operator."""
    with client_of(system.url, Authenticator(JWT_SECRET).issue(uuid4(), role="admin")) as client:
        yield client


def key() -> dict[str, str]:
    return {"idempotency-key": str(uuid4())}


def is_replay(answer: httpx.Response) -> bool:
    return answer.headers.get("idempotent-replay") == "true"


def user_of(client: httpx.Client) -> UUID:
    return Authenticator(JWT_SECRET).session_of(client.headers["authorization"].removeprefix("Bearer ")).user_id


def scalar(system: System, query: str, *arguments: object) -> object:
    async def read() -> object:
        connection = await connect(system.database_url, "test")
        try:
            return await connection.fetchval(query, *arguments)
        finally:
            await connection.close()

    return asyncio.run(read())


# which


def test_every_post_takes_one_or_it_was_decided_why_not() -> None:
    told = {
        operation["operationId"]: {parameter["name"] for parameter in operation.get("parameters", ())}
        for path in document(ALL)["paths"].values()
        for method, operation in path.items()
        if method.upper() not in READING
    }
    assert {name for name, parameters in told.items() if "Idempotency-Key" not in parameters} == WITHOUT
    assert {each.name for each in TAKING} == told.keys() - WITHOUT


@pytest.mark.parametrize("operation", TAKING, ids=named)
def test_every_one_of_them_reads_it(system: System, operation: Operation) -> None:
    """A key that cannot be one is refused, whatever it would have been for."""
    assert operation.body is None or operation.body.__name__ in BODIES
    token = Authenticator(JWT_SECRET).issue(uuid4(), role="admin")
    with httpx.Client(base_url=system.url, timeout=30, trust_env=False) as client:
        answer = ask(client, operation, bearer(token) | {"idempotency-key": "k" * 201})
    assert "Idempotency-Key" in refusal(answer, 400, "BAD_REQUEST")["message"]


# what a repeat does


def test_a_repeat_is_given_the_first_answer(alice: httpx.Client) -> None:
    path, headers = f"/api/activations/{buy(alice)['id']}/check", key()
    first, again = (alice.post(path, headers=headers) for _ in range(2))
    assert (first.status_code, is_replay(first), is_replay(again)) == (200, False, True)
    assert (again.status_code, again.content, again.headers["content-type"]) == (
        first.status_code, first.content, first.headers["content-type"],
    )  # fmt: skip
    refusal(alice.post(path), 429, "CHECK_TOO_SOON")  # as it is answered without


def test_a_repeat_undoes_nothing_that_was_done_since(ann: httpx.Client, system: System) -> None:
    def price() -> str:
        services = httpx.get(f"{system.url}/api/services").json()["services"]
        return next(each["price"] for each in services if each["service"] == "other")

    first, headers = {"service": "other", "price": "6.00", "reason": "dearer"}, key()
    assert ann.post("/api/admin/services", json=first, headers=headers).status_code == 204
    assert ann.post("/api/admin/services", json=first | {"price": "7.00"}, headers=key()).status_code == 204
    again = ann.post("/api/admin/services", json=first, headers=headers)
    assert (again.status_code, again.content, is_replay(again), price()) == (204, b"", True, "7.00")
    assert ann.post("/api/admin/services", json=first).status_code == 204  # without a key it is set once more
    assert price() == "6.00"


def test_another_request_with_the_key_is_refused(ann: httpx.Client, alice: httpx.Client) -> None:
    path, headers = f"/api/admin/users/{user_of(alice)}/deposit", key()
    body = {"amount": "1.00", "reason": "paid by transfer"}
    assert ann.post(path, json=body, headers=headers).status_code == 200
    for other in ({"amount": "2.00"}, {"reason": "another"}):
        differs = refusal(ann.post(path, json=body | other, headers=headers), 409, "IDEMPOTENCY_MISMATCH")
        assert differs["field"] == "body"
    elsewhere = ann.post(path.replace("deposit", "adjust"), json=body, headers=headers)
    assert refusal(elsewhere, 409, "IDEMPOTENCY_MISMATCH")["field"] == "path"
    # Written otherwise it says the same.
    same = ann.post(path, content=b' {"reason" : "paid by transfer", "amount":"1.00"}', headers=headers)
    assert is_replay(same)
    assert wallet(alice)[0] == "37.00"


@pytest.mark.parametrize("other", [{"max_price": "9.00"}, {"max_price": None}, {"retry_on_timeout": False}])
@pytest.mark.parametrize("path", ["/api/activations", "/api/rentals"])
def test_another_purchase_with_the_key_is_refused(alice: httpx.Client, path: str, other: dict[str, object]) -> None:
    order = ORDER | {"service": "whatsapp", "max_price": "8.00"} | ({"hours": 4} if "rentals" in path else {})
    if "rentals" in path and "retry_on_timeout" in other:
        other = {"hours": 5}  # a rental is not tried again
    headers = key()
    first = alice.post(path, json=order, headers=headers)
    assert first.status_code == 201
    refused = refusal(alice.post(path, json=order | other, headers=headers), 409, "IDEMPOTENCY_MISMATCH")
    assert refused["field"] in ("body", *other)
    again = alice.post(path, json=order, headers=headers)
    assert (again.json()["id"], is_replay(again)) == (first.json()["id"], True)


def test_a_refusal_is_not_kept(ann: httpx.Client, alice: httpx.Client) -> None:
    path, headers = f"/api/admin/users/{user_of(alice)}", key()
    down = {"amount": "-40.00", "reason": "charged back"}
    refusal(ann.post(f"{path}/adjust", json=down, headers=headers), 402, "INSUFFICIENT_FUNDS")
    ann.post(f"{path}/deposit", json={"amount": "4.00", "reason": "paid"}, headers=key()).raise_for_status()
    assert not is_replay(ann.post(f"{path}/adjust", json=down, headers=headers))
    assert wallet(alice)[0] == "0.00"


def test_keys_of_two_users_are_two(system: System, alice: httpx.Client) -> None:
    headers = key()
    with client_of(system.url, system.sign_in()[1]) as bob:
        for client in (alice, bob):
            assert not is_replay(client.post(f"/api/activations/{buy(client)['id']}/cancel", headers=headers))


def test_twenty_at_once_with_one_key_are_one(ann: httpx.Client, system: System) -> None:
    reason = f"once {uuid4()}"
    body = {"provider": "herosms", "service": "other", "country": "usa", "state": None, "reason": reason}
    headers = key()
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: ann.post("/api/admin/routes", json=body, headers=headers), range(20)))
    for answer in answers:
        if answer.status_code != 204:
            assert refusal(answer, 409, "KEY_IN_USE")["retry_after_s"] == int(answer.headers["retry-after"]) == 1
    done = [answer for answer in answers if answer.status_code == 204 and not is_replay(answer)]
    assert len(done) == 1
    assert scalar(system, "select count(*) from system_logs where data ->> 'reason' = $1", reason) == 1


def test_the_key_of_a_request_that_was_cut_off_is_free_again(alice: httpx.Client, system: System) -> None:
    """A gateway died between the effect and the answer: what it did may be done again, which changes nothing."""
    path, headers = f"/api/activations/{buy(alice)['id']}/cancel", key()

    async def die() -> None:
        async with pool(system.database_url, "test", connections_max=2) as db:
            await begin_answer(db, user_of(alice), headers["idempotency-key"], path, digest_of(None))

    asyncio.run(die())
    refusal(alice.post(path, headers=headers), 409, "KEY_IN_USE")
    asyncio.run(execute(system.database_url, "update kept_answers set begun_at = begun_at - interval '3 minutes'"))
    answer = alice.post(path, headers=headers)
    assert (answer.status_code, is_replay(answer)) == (200, False)
