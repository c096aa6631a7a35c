"""What is known to be revoked, and which token is meant by an id: values in, answers out."""

import time
from typing import Any
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth import Authenticator, Revoked, Session
from gateway.errors import ApiError
from wallet_db.revocations import Revocation, token_id_of

KEY = "a-key-of-the-tests-of-more-than-32-bytes"
EXP = int(time.time()) + 600
USERS = [UUID(int=number) for number in range(3)]
TIMES = st.integers(1, 20).map(float)
REVOCATIONS = st.lists(
    st.one_of(
        st.builds(Revocation, st.sampled_from(USERS), st.none(), TIMES),
        st.builds(Revocation, st.none(), st.sampled_from("abc"), TIMES),
    )
)


def signed(key: str = KEY, **claims: Any) -> str:
    said = {"sub": str(USERS[1]), "exp": EXP} | claims
    return jwt.encode(said, key, algorithm="HS256")


def session(issued_at: float, token_id: str = "t") -> Session:  # noqa: S107 - an id
    return Session(USERS[1], "user", 1e10, issued_at, token_id)


@given(REVOCATIONS, TIMES, st.sampled_from("abc"), st.randoms())
def test_order_and_repetition_do_not_matter(rows: list[Revocation], issued_at: float, token: str, random: Any) -> None:
    """It says what the rows say, whichever way they came: hints are doubled, and late ones overtaken."""
    revoked = Revoked()
    shuffled = rows * 2
    random.shuffle(shuffled)
    for row in shuffled:
        revoked.learn([row])
    expected = any(row.token_id == token or (row.user_id == USERS[1] and issued_at < row.at) for row in rows)
    assert revoked.covers(session(issued_at, token)) is expected
    assert len(revoked) == len({(row.user_id, row.token_id) for row in rows})


@given(REVOCATIONS, TIMES)
def test_only_what_is_new_is_told(rows: list[Revocation], at: float) -> None:
    revoked = Revoked()
    assert revoked.learn(rows) is bool(rows)
    assert revoked.learn(rows) is False
    assert revoked.learn([Revocation(USERS[0], None, 21.0)]) is True


def test_token_without_a_time_of_issue_counts_as_old() -> None:
    revoked = Revoked()
    revoked.learn([Revocation(USERS[1], None, 1.0)])
    assert revoked.covers(session(0.0))
    assert not revoked.covers(session(1.0))


@pytest.mark.parametrize("iat", [{}, {"iat": 0}], ids=["none", "zero"])
def test_user_revoked_needs_tokens_that_say_when_they_were_issued(iat: dict[str, int]) -> None:
    """One that does not may be older than the revocation, so it is taken for that."""
    authenticator = Authenticator(KEY)
    assert authenticator.session_of(signed(**iat))
    authenticator.revoked.learn([Revocation(USERS[1], None, time.time() - 10)])
    with pytest.raises(ApiError) as refused:
        authenticator.session_of(signed(**iat))
    assert refused.value.code == "TOKEN_REVOKED"
    assert authenticator.session_of(signed(iat=int(time.time())))


def test_what_is_old_enough_is_forgotten() -> None:
    revoked = Revoked()
    revoked.learn([Revocation(USERS[1], None, 1.0), Revocation(None, "old", 1.0), Revocation(None, "new", 2.0)])
    revoked.forget(before=2.0)
    assert len(revoked) == 1
    assert revoked.covers(session(0.0, "new"))
    assert not revoked.covers(session(0.0, "old"))


@pytest.mark.parametrize("jti", ["a", "x" * 200, "é 🔑"])
def test_a_tokens_id_is_its_jti(jti: str) -> None:
    assert token_id_of(signed(jti=jti)) == jti == Authenticator(KEY).session_of(signed(jti=jti)).token_id


@pytest.mark.parametrize("claims", [{}, {"jti": ""}, {"jti": "x" * 201}, {"jti": "\0"}])
def test_token_without_a_usable_jti_has_an_id_of_its_own(claims: dict[str, Any]) -> None:
    token, other = signed(**claims), signed(**claims, nonce=1)
    assert token_id_of(token).startswith("sha256:")
    assert token_id_of(token) == Authenticator(KEY).session_of(token).token_id != token_id_of(other)


def test_another_signature_does_not_make_another_token() -> None:
    """Base64's last bits, ECDSA's other half, the key that signs anew: what was signed is the same."""
    token = signed()
    other = signed(key="another-key-of-the-tests-of-more-than-32-bytes")
    assert token.rpartition(".")[0] == other.rpartition(".")[0]
    authenticator = Authenticator(KEY)
    authenticator.revoked.learn([Revocation(None, token_id_of(other), time.time())])
    with pytest.raises(ApiError) as refused:
        authenticator.session_of(token)
    assert refused.value.code == "TOKEN_REVOKED"


@pytest.mark.parametrize(
    ("claims", "is_taken"),
    [
        ({"exp": 3_590}, True),
        ({"exp": 3_610}, False),
        ({"exp": 3_600 * 24 * 365 * 50}, False),
        ({"exp": 3_590, "iat": -10}, True),
        ({"exp": 3_595, "iat": -10}, False),
        ({"exp": 60, "iat": -3_600 * 24}, False),
        ({"exp": 60, "iat": 30}, False),  # from the future
    ],
)
def test_token_that_outlives_revocations_is_refused(claims: dict[str, int], is_taken: bool) -> None:
    now = int(time.time())
    token = signed(**{name: now + offset for name, offset in claims.items()})
    authenticator = Authenticator(KEY, lifetime_s_max=3_600)
    if is_taken:
        assert authenticator.session_of(token)
    else:
        with pytest.raises(ApiError) as refused:
            authenticator.session_of(token)
        assert refused.value.code == "TOKEN_INVALID"
