"""Tokens: who is calling, and until when.

A JWT (HS256) with `sub`, the user's uuid, and `exp`; `role` may be `admin` or `service_role`. It comes as
`Authorization: Bearer`, as `?access_token=` (for clients that cannot set a header; never logged) or as the cookie
`onesms_token`. A cookie is sent by the browser whoever asked it to, so with a cookie the Origin must be ours.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import jwt

from gateway.errors import ApiError
from wallet_db.events import OPERATORS

COOKIE = "onesms_token"
OPERATOR_ROLES = frozenset({"admin", "service_role"})
DEMO_TOKEN_LIFETIME_S = 24 * 3600
INVALID = "the token is not valid: expected a JWT signed with this gateway's key (HS256), with `sub`, a uuid, and `exp`"
"""For whoever makes tokens; the same whatever is wrong, for whoever guesses them."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a valid token says."""

    user_id: UUID
    role: str
    expires_at: float
    """Seconds since the epoch (RFC 7519 NumericDate)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token as it came, and what is needed to judge whether it may be used."""

    token: str | None
    from_cookie: bool
    origin: str | None
    host: str | None


def credentials_of(headers: Iterable[tuple[bytes, bytes]], query: bytes) -> Credentials:
    """Find the token of a request: header, then query, then cookie. Names in `headers` are in lower case."""
    values = {name: value.decode("latin-1") for name, value in headers}
    origin, host = values.get(b"origin"), values.get(b"host")
    scheme, _, token = values.get(b"authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return Credentials(token.strip(), False, origin, host)
    if b"access_token=" in query and (found := parse_qs(query.decode("latin-1")).get("access_token")):
        return Credentials(found[0], False, origin, host)
    # Not http.cookies: there one odd cookie of somebody else's makes all after it vanish.
    for cookie in values.get(b"cookie", "").split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == COOKIE:
            return Credentials(value, True, origin, host)
    return Credentials(None, False, origin, host)


class Authenticator:
    """Makes and verifies tokens with one key."""

    def __init__(self, key: str) -> None:
        self._key = key

    def verify(self, credentials: Credentials) -> Session:
        """The session. Raises ApiError TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED or FOREIGN_ORIGIN."""
        if credentials.token is None:
            raise ApiError("TOKEN_MISSING", "expected a token: Authorization: Bearer, ?access_token= or a cookie")
        ours = credentials.origin is None or credentials.origin.partition("://")[2] == credentials.host
        if credentials.from_cookie and not ours:
            raise ApiError("FOREIGN_ORIGIN", "a cookie is accepted from this site's own pages only")
        return self.session_of(credentials.token)

    def session_of(self, token: str) -> Session:
        """What the token says. Raises ApiError TOKEN_INVALID or TOKEN_EXPIRED, without telling why further."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key, algorithms=["HS256"], options={"require": ["exp", "sub"], "verify_aud": False}
            )
            role = claims.get("role")
            user_id = UUID(claims["sub"])
            if str(user_id) == OPERATORS and role not in OPERATOR_ROLES:
                raise ApiError("TOKEN_INVALID", INVALID)
            # A role of another system that shares the key (Supabase: "authenticated") is an ordinary user's here.
            return Session(user_id, role if role in OPERATOR_ROLES else "user", float(claims["exp"]))
        except jwt.ExpiredSignatureError:
            raise ApiError("TOKEN_EXPIRED", "the token has expired: get a new one") from None
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
            raise ApiError("TOKEN_INVALID", INVALID) from None

    def issue(self, user_id: UUID, *, lifetime_s: float = DEMO_TOKEN_LIFETIME_S, role: str = "user") -> str:
        """A token for this user: the demo's way to sign in, and the tests'."""
        return jwt.encode(
            {"sub": str(user_id), "role": role, "exp": int(time.time() + lifetime_s)}, self._key, algorithm="HS256"
        )
