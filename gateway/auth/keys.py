"""A JSON Web Key Set (RFC 7517) as keys to verify with. Pure: text in, keys out; `jwks` knows where it comes from.

A key verifies by one algorithm, its own: RS256, ES256 or EdDSA. So a token cannot choose how it is verified, and a
public key is never taken for a secret (RFC 8725 section 3.1). What is not one of these, or not for signatures, or too
weak, is passed over, for a set may hold more than we use.
"""

from collections.abc import Mapping
from typing import Any

import jwt
import orjson

ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
"""By type and curve of the key."""
RSA_BITS_MIN = 2048  # RFC 7518 section 3.3


class KeySet:
    """Public keys, by id and algorithm."""

    def __init__(self, keys: Mapping[tuple[str | None, str], Any]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def parse(cls, document: bytes) -> "KeySet":
        """The keys of a set that can be used here. Raises ValueError if it is no key set, or has none."""
        try:
            described = orjson.loads(document)["keys"]
            keys = dict(found for key in described if (found := _named(key)) is not None)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            raise ValueError('expected a JSON Web Key Set: {"keys":[…]}') from None
        if not keys:
            raise ValueError(f"expected a key for {', '.join(ALGORITHMS.values())}, got none among {len(described)}")
        return cls(keys)

    def find(self, kid: object, algorithm: object) -> Any:
        """The key a token names, for its algorithm; None: there is none.

        A token that names no key is verified with the only one there is for its algorithm.
        """
        if kid is not None:
            return next((key for name, key in self._keys.items() if name == (kid, algorithm)), None)
        fitting = [key for (_, of), key in self._keys.items() if of == algorithm]
        return fitting[0] if len(fitting) == 1 else None


def verifies(token: str, key: Any, algorithm: str) -> bool:
    """Whether the token's signature is this key's, whatever the token says."""
    try:
        jwt.PyJWS().decode(token, key, algorithms=[algorithm])
    except jwt.PyJWTError:
        return False
    return True


def _named(key: Mapping[str, Any]) -> tuple[tuple[str | None, str], Any] | None:
    """The key by its id and algorithm; None: not one for us, and no reason to do without the others."""
    try:
        algorithm = _algorithm_of(key)
        usable = _usable(key, algorithm) if algorithm else None
    except (TypeError, AttributeError, ValueError):
        return None
    kid = key.get("kid")
    return ((kid if isinstance(kid, str) else None, algorithm), usable) if algorithm and usable is not None else None


def _algorithm_of(key: Mapping[str, Any]) -> str | None:
    algorithm = ALGORITHMS.get((key.get("kty", ""), key.get("crv")))
    if key.get("use", "sig") != "sig" or "verify" not in key.get("key_ops", ["verify"]):
        return None
    return algorithm if key.get("alg", algorithm) == algorithm else None


def _usable(described: Mapping[str, Any], algorithm: str) -> Any:
    public = {name: value for name, value in described.items() if name in ("kty", "crv", "n", "e", "x", "y")}
    try:
        key = jwt.PyJWK(public, algorithm).key
    except jwt.PyJWTError:
        return None
    return None if algorithm == "RS256" and key.key_size < RSA_BITS_MIN else key
