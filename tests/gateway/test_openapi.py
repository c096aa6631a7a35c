"""The API's document says what is served, and what is served is as the document says."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
import yaml
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.api import shapes
from gateway.api.openapi import document
from gateway.api.operation import KEYED, READING, Access, Call, operation
from gateway.api.responses import EXCEPTION_HANDLERS, Answer
from gateway.app import DEMO_OPERATIONS, OPERATIONS, routes_of
from gateway.errors import ERRORS, ApiError
from tests.gateway.api import ORDER, buy, client_of, refusal
from tests.gateway.conftest import Provider
from tests.gateway.support import own_gateway
from tests.system import System

ALL = (*OPERATIONS, *DEMO_OPERATIONS)
IN_REALTIME = (
    "Activation", "Rental", "Wallet", "Sms", "Extension", "Card", "CardTransaction", "Funding", "Snapshot", "Event",
)  # fmt: skip
ASYNCAPI = Path(__file__).resolve().parents[2] / "docs" / "asyncapi.yaml"


# the document


def test_document_served_is_that_of_the_operations(system: System, impatient_url: str) -> None:
    answer = httpx.get(f"{system.url}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document(ALL)
    assert httpx.get(f"{impatient_url}/openapi.json").json() == document(OPERATIONS)  # outside the demo


def test_every_route_is_in_it() -> None:
    paths = document(ALL)["paths"]
    served = {(route.path, method) for route in routes_of(ALL) for method in route.methods or () if method != "HEAD"}
    assert served == {(path, method.upper()) for path, methods in paths.items() for method in methods}


def test_what_changes_something_says_what_a_repeat_does() -> None:
    for each in ALL:
        assert (each.repeat is not None) == (each.method not in READING), each.name
        assert each.summary, each.name
        assert each.refuses <= ERRORS.keys(), each.name
    assert {each.name for each in ALL if each.repeat == KEYED} == {
        "activations_buy", "cards_create", "cards_fund", "customers_create", "rentals_rent", "rentals_extend",
        "users_deposit", "users_adjust",
    }  # fmt: skip


def test_names_are_unique_and_references_lead_somewhere() -> None:
    whole = document(ALL)
    names = [operation["operationId"] for path in whole["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)
    for reference in set(re.findall(r"'\$ref': '#/([^']+)'", str(whole))):
        found = whole
        for part in reference.split("/"):
            found = found[part]


def test_every_error_code_is_of_an_operation_or_of_none_at_all() -> None:
    of_operations = set().union(*(each.refuses for each in ALL))
    # Answered where no operation is met, or never to be seen.
    assert ERRORS.keys() - of_operations == {
        "METHOD_NOT_ALLOWED", "UNKNOWN_HOLD", "ALREADY_SETTLED", "APPEND_ONLY", "UNAUDITED_CHANGE",
    }  # fmt: skip


def test_shapes_are_those_of_the_realtime_document() -> None:
    told = yaml.safe_load(ASYNCAPI.read_text(encoding="utf-8"))["components"]
    models: dict[str, type[BaseModel]] = {name: getattr(shapes, name) for name in IN_REALTIME}
    for name, model in models.items():
        schema = told["schemas"][name]
        assert model.model_fields.keys() == schema["properties"].keys() - {"redacted"}, name
        assert {field for field, info in model.model_fields.items() if info.is_required()} == set(schema["required"])
    assert shapes.Polled.model_fields.keys() == told["messages"]["polled"]["payload"]["properties"].keys()


def test_refusal_that_is_not_declared_is_answered_and_logged_as_a_fault() -> None:
    """So every test that runs a gateway finds one: a traceback in its log fails the test."""

    @operation("GET", "/x", tag="x", access=Access.PUBLIC, is_limited=False, gives={200: Answer("never")})
    async def hesitate(call: Call) -> Response:
        """Refuse what was not declared."""
        raise ApiError("NO_NUMBERS", "none")

    async def ask() -> httpx.Response:
        app = Starlette(routes=routes_of([hesitate]), exception_handlers=EXCEPTION_HANDLERS)

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": {"services": None, "limits": None}}, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(with_state), base_url="http://x") as client:
            return await client.get("/x")

    with structlog.testing.capture_logs() as lines:
        refusal(asyncio.run(ask()), 409, "NO_NUMBERS")
    assert [(line["event"], line["error_code"], line["log_level"]) for line in lines] == [
        ("undocumented refusal", "NO_NUMBERS", "error")
    ]


def test_handler_takes_what_its_path_names() -> None:
    async def forgetful(call: Call) -> Response:
        """Take nothing."""
        raise AssertionError

    with pytest.raises(TypeError, match="forgetful: expected call"):
        operation("GET", "/x/{order_id}", tag="x", gives={})(forgetful)


# the answers


def shaped(answer: httpx.Response, model: type[BaseModel]) -> Any:
    """The answer's object, once it is clear that it is of this shape and has nothing besides."""
    assert answer.is_success, answer.text
    return model.model_validate_json(answer.content)


def test_answers_have_the_shapes_they_are_told_to_have(alice: httpx.Client, provider: Provider) -> None:
    order = shaped(alice.post("/api/activations", json=ORDER | {"service": "whatsapp"}), shapes.Activation)
    provider.deliver_sms(order.phone, "4711")
    with httpx.stream("GET", f"{alice.base_url}/realtime/sse", headers=alice.headers) as stream:
        next(line for line in stream.iter_lines() if "4711" in line)
    assert shaped(alice.get(f"/api/activations/{order.id}"), shapes.Activation).sms[0].code == "4711"
    assert shaped(alice.get("/api/activations"), shapes.Activations).activations
    rental = {"service": "whatsapp", "country": "indonesia", "hours": 4}
    rented = shaped(alice.post("/api/rentals", json=rental), shapes.Rental)
    shaped(alice.post(f"/api/rentals/{rented.id}/extend", json={"hours": 4}), shapes.Rental)
    assert shaped(alice.get("/api/rentals"), shapes.Rentals).rentals[0].extension
    assert shaped(alice.get("/api/wallet/operations"), shapes.WalletOperations).operations
    shaped(alice.get("/api/wallet"), shapes.Wallet)
    assert shaped(alice.get("/api/services"), shapes.Catalogue).services
    assert shaped(alice.get("/realtime/poll"), shapes.Polled).snapshot.rentals
    shaped(alice.post("/realtime/tickets"), shapes.Ticket)
    shaped(alice.get("/healthz"), shapes.Alive)
    shaped(alice.get("/readyz"), shapes.Readiness)


def test_catalogue_and_document_are_sent_again_only_if_they_changed(system: System) -> None:
    for path in ("/api/services", "/openapi.json", "/docs", "/admin", "/app.js"):
        first = httpx.get(system.url + path)
        etag = first.headers["etag"]
        known_tags = [etag, f"W/{etag}", f'"other", {etag}', *(["*"] if path != "/app.js" else [])]
        for known in known_tags:
            again = httpx.get(system.url + path, headers={"if-none-match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert httpx.get(system.url + path, headers={"if-none-match": '"other"'}).content == first.content


def test_405_names_all_that_a_path_serves(system: System) -> None:
    answer = httpx.request("DELETE", f"{system.url}/api/activations")
    refusal(answer, 405, "METHOD_NOT_ALLOWED")
    assert set(re.split(r",\s*", answer.headers["allow"])) == {"GET", "HEAD", "POST"}


# lists


def test_lists_can_be_narrowed_and_paged_through(alice: httpx.Client) -> None:
    kept = [buy(alice, country=country)["id"] for country in ("indonesia", "india", "indonesia")]
    alice.post(f"/api/activations/{kept[0]}/cancel").raise_for_status()

    def ids(**query: object) -> list[str]:
        found, before = [], None
        while True:
            page = alice.get("/api/activations", params={**query, "limit": 1, **({"before": before} if before else {})})
            found += [order["id"] for order in page.json()["activations"]]
            before = page.json()["next"]
            if before is None:
                return found

    assert ids() == kept[::-1]
    assert ids(status="pending") == [kept[2], kept[1]]
    assert ids(status=["pending", "cancelled"]) == kept[::-1]
    assert ids(country="india") == [kept[1]]
    assert ids(service="whatsapp") == []
    at = [alice.get(f"/api/activations/{each}").json()["created_at"] for each in kept]
    # The JSON's milliseconds are cut off: the moment after is surely later.
    after = (datetime.fromisoformat(at[0]) + timedelta(milliseconds=1)).astimezone(UTC).isoformat()
    assert ids(**{"from": after}) == [kept[2], kept[1]]
    assert ids(to=after) == [kept[0]]
    assert ids(**{"from": after, "to": after}) == []


def test_operations_can_be_narrowed(alice: httpx.Client) -> None:
    buy(alice)
    types = [each["type"] for each in alice.get("/api/wallet/operations").json()["operations"]]
    assert types == ["freeze", "deposit"]
    for type_ in types:
        found = alice.get("/api/wallet/operations", params={"type": type_}).json()["operations"]
        assert [each["type"] for each in found] == [type_]
    assert alice.get("/api/wallet/operations?to=2020-01-01T00:00:00Z").json() == {"operations": [], "next": None}


@pytest.mark.parametrize(
    "query",
    [
        "status=open",
        "status=pending&status=",
        "service=",
        f"country={'x' * 51}",
        "service=%00",
        "from=yesterday",
        "from=0",
        "to=2026-01-01",
        "to=2026-01-01T00:00:00",
        "from=0001-01-01T00:00:00%2B14:00",
        "from=2026-13-01T00:00:00Z",
    ],
)
def test_filters_that_cannot_be_meant_are_refused(alice: httpx.Client, query: str) -> None:
    for path in ("/api/activations", "/api/rentals"):
        refusal(alice.get(f"{path}?{query}"), 400, "BAD_REQUEST")


# request ids


def test_request_id_goes_into_answer_refusal_and_log(system: System, alice: httpx.Client) -> None:
    answer = alice.post("/api/activations", json=ORDER, headers={"x-request-id": "shop-42/a"})
    assert answer.headers["x-request-id"] == "shop-42/a"
    line = next(line for line in system.gateway.output.splitlines() if '"shop-42/a"' in line)
    assert answer.json()["id"] in line
    assert '"operation": "activations_buy"' in line
    refused = alice.get("/api/activations/x", headers={"x-request-id": "shop-43"})
    assert refusal(refused, 404, "UNKNOWN_ORDER")["request_id"] == refused.headers["x-request-id"] == "shop-43"


@pytest.mark.parametrize("sent", ["", "two words", "x" * 129, "<script>", "ü", '"', "\\n"])
def test_request_id_that_a_log_could_not_take_is_replaced(system: System, sent: str) -> None:
    answer = httpx.get(f"{system.url}/healthz", headers=[(b"x-request-id", sent.encode())])
    made = answer.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{24}", made)
    assert made != httpx.get(f"{system.url}/healthz").headers["x-request-id"]


def test_refusals_of_transports_and_of_broken_requests_have_one_too(system: System) -> None:
    refused = httpx.get(f"{system.url}/realtime/sse", headers={"x-request-id": "s-1"})
    assert refusal(refused, 401, "TOKEN_MISSING")["request_id"] == refused.headers["x-request-id"] == "s-1"
    cut = httpx.get(f"{system.url}/", headers={"x-request-id": "s-2", "x-padding": "x" * 70_000})
    assert refusal(cut, 431, "HEADERS_TOO_LARGE")["request_id"] == cut.headers["x-request-id"] == "s-2"


# limits


def test_too_many_requests_of_one_user_are_refused_and_say_when(system: System) -> None:
    with own_gateway(system, DEMO="0", API_REQUESTS_PER_S_MAX="2") as url:
        with client_of(url, system.token()) as ann, client_of(url, system.token()) as bob:
            answers = [ann.get("/api/wallet") for _ in range(8)]
            allowed = [answer for answer in answers if answer.status_code == 200]
            assert [answer.headers["ratelimit"] for answer in allowed[:2]] == ['"user";r=3;t=1', '"user";r=2;t=1']
            assert allowed[0].headers["ratelimit-policy"] == '"user";q=4;w=2'
            body = refusal(answers[-1], 429, "TOO_MANY_REQUESTS")
            assert (body["of"], body["limit"], body["retry_after_s"]) == ("user", 2, 1)
            assert answers[-1].headers["retry-after"] == "1"
            assert answers[-1].headers["ratelimit"].startswith('"user";r=0;')
            assert bob.get("/api/wallet").status_code == 200
            assert ann.get("/healthz").status_code == 200
        assert httpx.get(f"{url}/api/services").status_code == 200  # counts for no user, and loopback for no address


def test_too_many_requests_of_one_address_are_refused_before_anything_is_looked_at(system: System) -> None:
    environment = {"API_REQUESTS_PER_ADDRESS_PER_S_MAX": "2", "TRUSTED_PROXIES": "127.0.0.0/8", "DEMO": "0"}
    with own_gateway(system, **environment) as url:
        guesses = [
            httpx.get(f"{url}/api/wallet", headers={"authorization": "Bearer x", "x-forwarded-for": "203.0.113.7"})
            for _ in range(6)
        ]
        assert [answer.status_code for answer in guesses[:4]] == [401] * 4
        assert refusal(guesses[-1], 429, "TOO_MANY_REQUESTS")["of"] == "address"
        other = httpx.get(f"{url}/api/services", headers={"x-forwarded-for": "203.0.113.8"})
        assert other.headers["ratelimit"] == '"address";r=3;t=1'


def test_demo_on_this_machine_is_not_bothered(system: System) -> None:
    with own_gateway(system, API_REQUESTS_PER_S_MAX="1", API_REQUESTS_PER_ADDRESS_PER_S_MAX="1") as url:
        with client_of(url, system.token()) as ann:
            answers = [ann.get("/api/wallet") for _ in range(10)]
        assert {answer.status_code for answer in answers} == {200}
        assert "ratelimit" not in answers[0].headers
