"""A token verified before is not verified again, and yet ends when it ends."""

import time
from unittest.mock import patch
from uuid import UUID

import jwt
import pytest

from gateway.auth import Authenticator
from gateway.auth.session import Session
from gateway.auth.verified import TOKENS_MAX, Verified
from gateway.errors import ApiError
from tests.system import JWT_SECRET
from wallet_db.revocations import Revocation

USER = UUID(int=1)


def session(lifetime_s: float = 60) -> Session:
    return Session(USER, "user", time.time() + lifetime_s)


def test_second_time_costs_no_signature() -> None:
    authenticator = Authenticator(JWT_SECRET)
    token = authenticator.issue(USER)
    first = authenticator.session_of(token)
    with patch.object(jwt, "decode", side_effect=AssertionError("verified again")):
        assert authenticator.session_of(token) is first


def test_revocation_counts_for_a_token_verified_before() -> None:
    authenticator = Authenticator(JWT_SECRET)
    token = authenticator.issue(USER)
    authenticator.session_of(token)
    authenticator.revoked.learn([Revocation(USER, None, time.time() + 1)])
    with pytest.raises(ApiError, match="revoked"):
        authenticator.session_of(token)


def test_token_that_differs_in_its_signature_only_is_another() -> None:
    authenticator = Authenticator(JWT_SECRET)
    token = authenticator.issue(USER)
    authenticator.session_of(token)
    forged = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    with pytest.raises(ApiError, match="not valid"):
        authenticator.session_of(forged)


def test_expired_one_is_forgotten() -> None:
    verified = Verified()
    verified.remember("t", session(-1), None)
    assert verified.find("t", None) is None
    assert len(verified) == 0


def test_other_keys_verify_anew() -> None:
    verified, keys, others = Verified(), object(), object()
    verified.remember("t", session(), keys)
    assert verified.find("t", keys) is not None
    assert verified.find("t", others) is None
    assert verified.find("t", keys) is None  # forgotten, too


def test_the_longest_unused_goes_first() -> None:
    verified, one = Verified(), session()
    for number in range(TOKENS_MAX):
        verified.remember(str(number), one, None)
    assert verified.find("0", None) is one
    verified.remember("new", one, None)
    assert verified.find("0", None) is one
    assert verified.find("1", None) is None
    assert len(verified) == TOKENS_MAX
