"""Tokens: verified, and for the demo made.

A JWT with `sub`, the user's uuid, and `exp`; `role` may be `admin` or `service_role`, `iat` and `jti` let it be revoked
precisely. One that would live longer than the bound is refused, for revocations are forgotten after that time.
"""

import time
from typing import Any
from uuid import UUID, uuid4

import jwt

from gateway.auth.credentials import Credentials
from gateway.auth.jwks import Jwks
from gateway.auth.revoked import Revoked
from gateway.auth.session import Session
from gateway.auth.verified import Verified
from gateway.errors import ApiError
from wallet_db.events import OPERATORS
from wallet_db.revocations import token_id

OPERATOR_ROLES = frozenset({"admin", "service_role"})
DEMO_TOKEN_LIFETIME_S = 24 * 3600
LIFETIME_S_MAX = 31 * 24 * 3600
INVALID = (
    "the token is not valid: expected a JWT signed with this gateway's secret (HS256) or a key of its JWKS (RS256,"
    " ES256, EdDSA), with `sub`, a uuid, and `exp`, within TOKEN_LIFETIME_S_MAX, and `aud` and `iss` if they are set"
)
"""For whoever makes tokens; the same whatever is wrong, for whoever guesses them."""


class Authenticator:
    """Verifies tokens with a secret, with the keys of a set, or either; makes them with the secret."""

    def __init__(
        self,
        secret: str | None,
        jwks: Jwks | None = None,
        *,
        audience: str | None = None,
        issuer: str | None = None,
        lifetime_s_max: int = LIFETIME_S_MAX,
    ) -> None:
        self.revoked = Revoked()
        """Asked for each token; filled by whoever hears of revocations."""
        self.jwks = jwks
        self._verified = Verified()
        self._secret = secret
        self._audience = audience
        self._issuer = issuer
        self._lifetime_s_max = lifetime_s_max

    async def authenticate(self, credentials: Credentials) -> Session:
        """Like `verify`, with the issuer asked for a key not known yet."""
        if credentials.token is not None and not credentials.foreign:
            await self.know_key_of(credentials.token)
        return self.verify(credentials)

    async def know_key_of(self, token: str) -> None:
        """Make sure of the key that the token names, if anybody has it; done already for those signed by a secret."""
        if self.jwks is not None:
            await self.jwks.know_key_of(token)

    def verify(self, credentials: Credentials) -> Session:
        """The session. Raises ApiError TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED or FOREIGN_ORIGIN."""
        if credentials.token is None:
            raise ApiError("TOKEN_MISSING", "expected a token: Authorization: Bearer, ?access_token= or a cookie")
        if credentials.foreign:
            raise ApiError("FOREIGN_ORIGIN", "a cookie is accepted from this site's own pages only")
        return self.session_of(credentials.token)

    def session_of(self, token: str) -> Session:
        """What the token says. Raises ApiError TOKEN_INVALID, without telling why further, _EXPIRED or _REVOKED."""
        keys = None if self.jwks is None else self.jwks.keys
        session = self._verified.find(token, keys)
        if session is None:
            session = self._verify(token)
            self._verified.remember(token, session, keys)
        if self.revoked.covers(session):
            raise ApiError("TOKEN_REVOKED", "the token has been revoked: get a new one")
        return session

    def seen_of(self, user_id: UUID) -> list[Session]:
        """The user's sessions that this process has seen lately and that still count."""
        return [session for session in self._verified.of(user_id) if not self.revoked.covers(session)]

    def _verify(self, token: str) -> Session:
        try:
            return self._read(token)
        except jwt.ExpiredSignatureError:
            raise ApiError("TOKEN_EXPIRED", "the token has expired: get a new one") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise ApiError("TOKEN_INVALID", INVALID) from None

    def _read(self, token: str) -> Session:
        key, algorithm = self._key_of(token)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],  # the key's own: a public key is never taken for a secret
            audience=self._audience,
            issuer=self._issuer,
            options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
        )
        user_id, role = UUID(claims["sub"]), claims.get("role")
        if str(user_id) == OPERATORS and role not in OPERATOR_ROLES:
            raise ValueError("role: the operators' stream is for operators")
        expires_at, issued_at = float(claims["exp"]), float(claims.get("iat", 0))
        if expires_at - (issued_at or time.time()) > self._lifetime_s_max:
            raise ValueError(f"exp: expected a lifetime of {self._lifetime_s_max} s or less")
        # A role of another system that shares the key (Supabase: "authenticated") is an ordinary user's here.
        return Session(
            user_id,
            role if role in OPERATOR_ROLES else "user",
            expires_at,
            issued_at,
            token_id(claims.get("jti"), token),
        )

    def _key_of(self, token: str) -> tuple[Any, str]:
        if self.jwks is None:
            return self._secret, "HS256"  # another algorithm does not verify
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg", "")
        key = self._secret if algorithm == "HS256" else self.jwks.keys.find(header.get("kid"), algorithm)
        if key is None:
            raise ValueError("alg, kid: expected those of a key known here")
        return key, algorithm

    def issue(self, user_id: UUID, *, lifetime_s: float = DEMO_TOKEN_LIFETIME_S, role: str = "user") -> str:
        """A token for this user: the demo's way to sign in, and the tests'. Needs a secret."""
        if self._secret is None:
            raise RuntimeError("issue() without a secret")
        now = time.time()
        claims = {
            "sub": str(user_id),
            "role": role,
            "iat": now,  # not in whole seconds: one made right after a revocation is not taken for an older one
            "exp": int(now + min(lifetime_s, self._lifetime_s_max)),
            "jti": uuid4().hex,
            **({} if self._audience is None else {"aud": self._audience}),
            **({} if self._issuer is None else {"iss": self._issuer}),
        }
        return jwt.encode(claims, self._secret, algorithm="HS256")
