"""Tokens: where they are looked for, in which order, and what makes one invalid."""

import base64
import json
import time
from typing import Any
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth import Authenticator, Credentials, credentials_of
from gateway.errors import ApiError
from wallet_db.events import OPERATORS

KEY = "a-key-of-the-tests-of-more-than-32-bytes"
USER = UUID("8c2f6a51-1111-4222-8333-944455556666")
HOST = (b"host", b"sms.example:8000")


def claims(**changes: Any) -> dict[str, Any]:
    said = {"sub": str(USER), "exp": int(time.time()) + 3_600, **changes}
    return {name: value for name, value in said.items() if value is not None}


def signed(key: str = KEY, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm)


def refusal_of(token: str | None, *, from_cookie: bool = False, origin: str | None = None) -> str:
    with pytest.raises(ApiError) as refused:
        Authenticator(KEY).verify(Credentials(token, from_cookie, origin, "sms.example:8000"))
    assert not token or token not in str(refused.value) or len(token) < 10
    return refused.value.code


# where it is found


def test_header_comes_before_query_and_query_before_cookie() -> None:
    header, cookie, query = (b"authorization", b"Bearer h"), (b"cookie", b"onesms_token=c"), b"x=1&access_token=q"
    assert credentials_of([HOST, cookie, header], query).token == "h"
    found = credentials_of([HOST, cookie], query)
    assert (found.token, found.from_cookie) == ("q", False)
    found = credentials_of([HOST, cookie], b"")
    assert (found.token, found.from_cookie) == ("c", True)
    assert credentials_of([HOST], b"") == Credentials(None, False, None, "sms.example:8000")


@pytest.mark.parametrize("value", [b"bearer h", b"BEARER  h ", b"Bearer h"])
def test_scheme_is_read_without_regard_to_case(value: bytes) -> None:
    assert credentials_of([(b"authorization", value)], b"").token == "h"


@pytest.mark.parametrize("value", [b"Basic h", b"Bearer", b"Bearer ", b"h", b""])
def test_header_of_another_kind_is_passed_over(value: bytes) -> None:
    assert credentials_of([(b"authorization", value)], b"access_token=q").token == "q"


@pytest.mark.parametrize(
    "value",
    [
        b"onesms_token=c",
        b'theme={"dark":1}; onesms_token=c; other=2',
        b"a=b=c;onesms_token=c",
        b"\xff\xfe=\xe9; onesms_token=c",
        b"not_onesms_token=x; onesms_token=c",
    ],
)
def test_cookie_is_found_among_others(value: bytes) -> None:
    assert credentials_of([(b"cookie", value)], b"").token == "c"


@given(
    st.lists(st.tuples(st.sampled_from([b"authorization", b"cookie", b"origin", b"host"]), st.binary())), st.binary()
)
def test_any_request_is_taken_calmly(headers: list[tuple[bytes, bytes]], query: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        Authenticator(KEY).verify(credentials_of(headers, query))
    assert refused.value.status in (401, 403)


# what it says


def test_valid_token_is_a_session() -> None:
    expires_at = int(time.time()) + 3_600
    session = Authenticator(KEY).session_of(signed(exp=expires_at, role="admin"))
    assert (session.user_id, session.role, session.expires_at) == (USER, "admin", expires_at)


def test_issued_token_is_valid() -> None:
    authenticator = Authenticator(KEY)
    session = authenticator.session_of(authenticator.issue(USER, lifetime_s=60))
    assert (session.user_id, session.role) == (USER, "user")
    assert 58 < session.expires_at - time.time() <= 60


@pytest.mark.parametrize("role", ["authenticated", "root", None])
def test_role_of_another_system_is_a_users(role: str | None) -> None:
    assert Authenticator(KEY).session_of(signed(role=role)).role == "user"


def unsigned(algorithm: str) -> str:
    parts = ({"alg": algorithm, "typ": "JWT"}, claims())
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return ".".join(encoded) + "."


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "x.y.z",
        "é.ü.ß",
        "\0",
        "." * 10_000,
        unsigned("none"),
        unsigned("None"),
        unsigned("HS256"),
        signed("another-key-of-the-tests-of-more-than-32-bytes"),
        signed(KEY * 2, algorithm="HS384"),
        signed(KEY * 2, algorithm="HS512"),
        signed(exp=None),
        signed(sub=None),
        signed(sub="alice"),
        signed(sub=""),
        signed(exp="soon"),
        signed(exp=[]),
        signed(exp=float("inf")),
        signed(role=["admin"]),
        signed(nbf=int(time.time()) + 3600),
        signed()[:-2],
        signed().replace(".", "", 1),
    ],
)
def test_token_that_is_not_valid_is_refused(token: str) -> None:
    assert refusal_of(token) == "TOKEN_INVALID"


def test_missing_token_is_told_apart() -> None:
    assert refusal_of(None) == "TOKEN_MISSING"


def test_expired_token_is_told_apart_if_it_was_ours() -> None:
    assert refusal_of(signed(exp=int(time.time()) - 1)) == "TOKEN_EXPIRED"
    assert refusal_of(signed("another-key-of-the-tests-of-more-than-32-bytes", exp=1)) == "TOKEN_INVALID"


# who asks


@pytest.mark.parametrize("origin", ["https://evil.example", "http://sms.example", "null", "", "http://["])
def test_cookie_of_a_foreign_page_is_refused(origin: str) -> None:
    assert refusal_of(signed(), from_cookie=True, origin=origin) == "FOREIGN_ORIGIN"


@pytest.mark.parametrize("origin", [None, "http://sms.example:8000", "https://sms.example:8000"])
def test_cookie_of_our_own_page_is_accepted(origin: str | None) -> None:
    session = Authenticator(KEY).verify(Credentials(signed(), True, origin, "sms.example:8000"))
    assert session.user_id == USER


def test_token_that_was_sent_on_purpose_is_accepted_from_anywhere() -> None:
    assert Authenticator(KEY).verify(Credentials(signed(), False, "https://app.example", "sms.example:8000"))


@pytest.mark.parametrize("role", ["admin", "service_role"])
def test_the_operators_stream_is_for_operators(role: str) -> None:
    assert refusal_of(signed(sub=OPERATORS)) == "TOKEN_INVALID"
    assert refusal_of(signed(sub="{" + OPERATORS.upper() + "}", role="user")) == "TOKEN_INVALID"
    assert Authenticator(KEY).session_of(signed(sub=OPERATORS, role=role)).role == role
