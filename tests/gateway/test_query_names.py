"""What an address does not know is refused by every GET, and whatever is refused is told in our own words."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connect_websocket

from gateway.api.faults import told
from gateway.api.openapi import DESCRIPTION
from gateway.app import DEMO_OPERATIONS, OPERATIONS
from gateway.auth import Authenticator
from gateway.errors import ApiError
from gateway.query_names import refuse_unknown_names
from gateway.realtime import websocket
from tests.gateway.api import client_of, refusal
from tests.system import JWT_SECRET, System

READ = [each for each in (*OPERATIONS, *DEMO_OPERATIONS) if each.method == "GET" and each.path != websocket.PATH]
LIBRARY_WORDS = ("Value error", "Input should", "Field required", "Extra inputs", "String should", "valid ")


@pytest.mark.parametrize("path", [each.path for each in READ])
def test_every_get_refuses_a_name_it_does_not_know(system: System, path: str) -> None:
    token = Authenticator(JWT_SECRET).issue(UUID(int=7), role="admin")
    path = path.replace("{", "").replace("}", "")  # names no order: the query is wrong whatever there is
    with client_of(system.url, token) as client:
        for query in ("limt=5", "limt=5&access_token=x"):
            answer = client.get(f"{path}?{query}")
            body = refusal(answer, 404, "UNKNOWN_ORDER") if "_id" in path else refusal(answer, 400, "BAD_REQUEST")
            assert "_id" in path or body["message"].startswith("limt: not known here; expected ")


def test_the_names_expected_are_told_and_none_where_there_is_none(alice: httpx.Client) -> None:
    body = refusal(alice.get("/api/wallet/operations?typ=freeze"), 400, "BAD_REQUEST")
    assert body["message"] == "typ: not known here; expected limit, from, to, before, type"
    body = refusal(alice.get("/api/wallet?limit=1"), 400, "BAD_REQUEST")
    assert body["message"] == "limit: not known here; expected no parameter"
    assert alice.get("/api/wallet?access_token=").status_code == 200  # a token may come there
    assert "not known" not in alice.head("/api/wallet?limit=1").text
    assert alice.head("/api/wallet?limit=1").status_code == 400
    assert "`access_token`; any other name is 400" in DESCRIPTION


def test_a_transport_refuses_a_misspelt_cursor_rather_than_begin_anew(system: System) -> None:
    _, token = system.sign_in()
    for path in ("poll", "sse"):
        answer = httpx.get(f"{system.url}/realtime/{path}?curser=x", headers={"Authorization": f"Bearer {token}"})
        assert "curser: not known here; expected cursor, ticket" in refusal(answer, 400, "BAD_REQUEST")["message"]
    address = system.url.replace("http", "ws", 1) + f"/realtime/ws?curser=x&access_token={token}"
    with pytest.raises(InvalidStatus) as refused, connect_websocket(address):
        pass
    assert refused.value.response.status_code == 400
    assert b"curser: not known here; expected cursor, ticket" in refused.value.response.body


@pytest.mark.parametrize("query", [b"", b"cursor=x", b"cursor=x&ticket=y&access_token=z", b"cursor"])
def test_what_is_known_passes(query: bytes) -> None:
    refuse_unknown_names(query, ("cursor", "ticket"))


@pytest.mark.parametrize("query", [b"Cursor=x", b"cursor=x&=", b"%63ursorx=1", b"\xff=1", b"a" * 9_000])
def test_what_is_not_does_not_and_is_told_shortly(query: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        refuse_unknown_names(query, ("cursor", "ticket"))
    assert len(str(refused.value)) < 120


class Colour(Enum):
    """A choice."""

    RED = "red"


def _ours(value: Any) -> Any:
    raise ValueError("expected something else")


class Everything(BaseModel):
    """Each kind of field that a body may have."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field("x", min_length=1, max_length=3)
    pattern: str = Field("a", pattern="^a$")
    whole: int = Field(1, ge=1, lt=10)
    share: float = Field(1.0, gt=0, le=1)
    yes: bool = True
    amount: Decimal = Field(Decimal(1), max_digits=5, decimal_places=2)
    id: UUID = UUID(int=0)
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    choice: Literal["a", "b"] = "a"
    colour: Colour = Colour.RED
    many: list[int] = Field([1], min_length=1, max_length=2)
    inner: dict[str, int] = {}
    ours: Annotated[str, BeforeValidator(_ours)] = "x"
    needed: str


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"text": ""}, "text: expected 1 or more characters"),
        ({"text": "long"}, "text: expected at most 3 characters"),
        ({"text": 1}, "text: expected a text"),
        ({"pattern": "b"}, "pattern: not written as expected"),
        ({"whole": 0}, "whole: expected 1 or more"),
        ({"whole": 10}, "whole: expected less than 10"),
        ({"whole": "one"}, "whole: expected a whole number"),
        ({"whole": 1.5}, "whole: expected a whole number"),
        ({"share": 0}, "share: expected more than 0.0"),
        ({"share": 2}, "share: expected 1.0 or less"),
        ({"share": "x"}, "share: expected a number"),
        ({"yes": "maybe"}, "yes: expected true or false"),
        ({"amount": "x"}, "amount: expected a sum of money in digits, with at most two decimals, as 5.00"),
        ({"amount": "1.234"}, "amount: expected a sum of money in digits, with at most two decimals, as 5.00"),
        ({"amount": "123456"}, "amount: expected fewer digits"),
        ({"id": "1"}, "id: expected a UUID"),
        ({"at": "now"}, "at: expected a moment by RFC 3339, with its offset from UTC, as 2026-11-21T00:00:00Z"),
        ({"choice": "c"}, "choice: expected 'a' or 'b'"),
        ({"colour": "blue"}, "colour: expected 'red'"),
        ({"many": []}, "many: expected 1 or more of them"),
        ({"many": [1, 2, 3]}, "many: expected 2 of them at most"),
        ({"many": ["x"]}, "many.0: expected a whole number"),
        ({"many": 1}, "many: expected a list"),
        ({"inner": 1}, "inner: expected an object"),
        ({"ours": "x"}, "ours: expected something else"),
    ],
)
def test_a_fault_is_told_in_our_words(said: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError) as fault:
        Everything.model_validate({"needed": "x"} | said)
    assert told(fault.value, Everything, "body") == expected


def test_what_is_missing_and_what_is_too_much_names_what_is_expected() -> None:
    with pytest.raises(ValidationError) as fault:
        Everything.model_validate({"text": "x", "txt": "x"})
    missing, extra = told(fault.value, Everything, "body").split("; ", 1)
    assert missing == "needed: expected it"
    assert extra.startswith("txt: not known here; expected text, pattern, whole, ")
    with pytest.raises(ValidationError) as fault:
        Everything.model_validate(7)
    assert told(fault.value, Everything, "body") == "body: expected an object"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/activations", {}),
        ("/api/activations", {"service": "", "country": 7, "max_price": "5,00", "mx": 1}),
        ("/api/rentals", {"service": "whatsapp", "country": "indonesia", "hours": "four"}),
        ("/realtime/revocations", {"user_id": "x", "token": "y"}),
    ],
)
def test_no_answer_speaks_the_library_s_words(alice: httpx.Client, path: str, body: dict[str, Any]) -> None:
    said = alice.post(path, json=body).json()["message"]
    assert not [word for word in LIBRARY_WORDS if word in said], said
    for query in ("limit=x", "limit=0", "from=yesterday", "before=x", "status=lost"):
        said = refusal(alice.get(f"/api/activations?{query}"), 400, "BAD_REQUEST")["message"]
        assert not [word for word in LIBRARY_WORDS if word in said], said
