"""Public keys: what a key may verify, where keys come from, and an issuer that rotates them or is away."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import jwt
import pytest
import websockets

from gateway.auth import Authenticator, Credentials, Jwks
from gateway.auth.keys import KeySet
from gateway.errors import ApiError
from tests.gateway.clients import Closed, Transport
from tests.gateway.support import in_a_loop, new_user, ready
from tests.system import JWT_SECRET, System, wait_until

pytest.importorskip("cryptography")

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

USER = UUID("8c2f6a51-1111-4222-8333-944455556666")
LATER = int(time.time()) + 3_600
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PRIVATE: dict[str, Any] = {"RS256": RSA, "ES256": EC, "EdDSA": ED}


def described(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    """A public key as a set describes it."""
    of = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    algorithm = next((found for kind, found in of.items() if isinstance(key, kind)), OKPAlgorithm)
    found: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)  # type: ignore[attr-defined]
    return found | ({} if kid is None else {"kid": kid}) | more


def document(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


ALL = document(described(RSA, "r", alg="RS256", use="sig"), described(EC, "e"), described(ED, "d"))


def signed(algorithm: str, kid: str | None, key: Any = None, **claims: Any) -> str:
    said = {"sub": str(USER), "exp": int(time.time()) + 60} | claims
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(said, key or PRIVATE[algorithm], algorithm=algorithm, headers=headers)


def authenticator(keys: bytes = ALL, secret: str | None = JWT_SECRET, **settings: Any) -> Authenticator:
    jwks = Jwks("unread")
    jwks.keys = KeySet.parse(keys)
    return Authenticator(secret, jwks, **settings)


def refusal_of(token: str, by: Authenticator) -> str:
    with pytest.raises(ApiError) as refused:
        by.session_of(token)
    return refused.value.code


# which key verifies what


@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "r"), ("ES256", "e"), ("EdDSA", "d")])
def test_each_algorithm_is_verified_by_the_key_it_names(algorithm: str, kid: str) -> None:
    assert authenticator().session_of(signed(algorithm, kid)).user_id == USER
    assert refusal_of(signed(algorithm, "another"), authenticator()) == "TOKEN_INVALID"


def test_secret_goes_on_beside_the_set_and_can_be_left_out() -> None:
    token = Authenticator(JWT_SECRET).issue(USER)
    assert authenticator().session_of(token).user_id == USER
    assert refusal_of(token, authenticator(secret=None)) == "TOKEN_INVALID"


def hs256(key: bytes, kid: str) -> str:
    """Signed by hand: PyJWT does not sign with what looks like a public key."""
    import hashlib
    import hmac

    def encoded(part: bytes) -> bytes:
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    claims = {"sub": str(USER), "exp": int(time.time()) + 60}
    head = encoded(json.dumps({"alg": "HS256", "kid": kid}).encode()) + b"." + encoded(json.dumps(claims).encode())
    return (head + b"." + encoded(hmac.new(key, head, hashlib.sha256).digest())).decode()


@pytest.mark.parametrize("secret", [JWT_SECRET, None])
@pytest.mark.parametrize("kid", ["r", "e", "d"])
def test_public_key_is_never_a_secret(kid: str, secret: str | None) -> None:
    key: Any = {"r": RSA, "e": EC, "d": ED}[kid]
    for encoding, form in (
        (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ):
        token = hs256(key.public_key().public_bytes(encoding, form), kid)
        assert refusal_of(token, authenticator(secret=secret)) == "TOKEN_INVALID"
    assert authenticator().session_of(hs256(JWT_SECRET.encode(), kid)).user_id == USER  # the control


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_key_verifies_by_its_own_algorithm_only(algorithm: str) -> None:
    assert refusal_of(signed(algorithm, "r", RSA), authenticator()) == "TOKEN_INVALID"


def test_token_signed_by_another_key_of_the_name_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    assert refusal_of(signed("ES256", "e", other), authenticator()) == "TOKEN_INVALID"


def test_token_that_names_no_key_is_verified_by_the_only_one() -> None:
    assert authenticator().session_of(signed("ES256", None)).user_id == USER
    two = document(described(EC, "e"), described(ec.generate_private_key(ec.SECP256R1()), "f"))
    assert refusal_of(signed("ES256", None), authenticator(two)) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "unusable",
    [
        described(RSA, "x", use="enc"),
        described(RSA, "x", alg="RS512"),
        described(RSA, "x", key_ops=["encrypt"]),
        described(rsa.generate_private_key(65537, 1024), "x"),  # noqa: S505 - that is the point
        described(ec.generate_private_key(ec.SECP384R1()), "x"),
        {"kty": "oct", "k": base64.urlsafe_b64encode(b"k" * 32).decode(), "kid": "x"},
        {"kty": "RSA", "kid": "x"},
        {"kid": "x"},
    ],
    ids=["use", "alg", "key_ops", "small", "curve", "oct", "empty", "no type"],
)
def test_key_that_is_not_for_this_is_passed_over(unusable: dict[str, Any]) -> None:
    assert len(KeySet.parse(document(unusable, described(ED, "d")))) == 1
    with pytest.raises(ValueError, match="expected a key for RS256, ES256, EdDSA, got none among 1"):
        KeySet.parse(document(unusable))


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"keys":7}', b'{"keys":[7]}', b"<html>", b'{"keys":[]}'])
def test_what_is_no_key_set_is_told(text: bytes) -> None:
    with pytest.raises(ValueError, match="expected a"):
        KeySet.parse(text)


@pytest.mark.parametrize(
    ("claims", "is_taken"),
    [
        ({"aud": "sms", "iss": "https://issuer.example"}, True),
        ({"aud": ["mail", "sms"], "iss": "https://issuer.example"}, True),
        ({"aud": "mail", "iss": "https://issuer.example"}, False),
        ({"iss": "https://issuer.example"}, False),
        ({"aud": "sms", "iss": "https://evil.example"}, False),
        ({"aud": "sms"}, False),
    ],
)
def test_audience_and_issuer_are_those_set(claims: dict[str, Any], is_taken: bool) -> None:
    strict = authenticator(audience="sms", issuer="https://issuer.example")
    token = signed("ES256", "e", **claims)
    if is_taken:
        assert strict.session_of(token)
    else:
        assert refusal_of(token, strict) == "TOKEN_INVALID"
    assert strict.session_of(strict.issue(USER))
    assert authenticator().session_of(token)  # the control


# where keys come from


class Issuer:
    """An address with a key set."""

    def __init__(self) -> None:
        self.document = ALL
        self.status = 200
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                self.send_response(outer.status)
                self.send_header("content-length", str(len(outer.document)))
                self.end_headers()
                self.wfile.write(outer.document)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/jwks.json"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    thread = Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


async def taken(by: Authenticator, token: str) -> bool:
    try:
        await by.authenticate(Credentials(token, False, None, None))
    except ApiError:
        return False
    return True


@in_a_loop
async def test_unknown_key_is_asked_for_and_found(issuer: Issuer) -> None:
    issuer.document = document(described(EC, "old"))
    jwks = Jwks(issuer.url, gap_s=0)
    await jwks.refresh()
    by = Authenticator(None, jwks)
    assert await taken(by, signed("ES256", "old"))
    assert issuer.asked == 1
    issuer.document = document(described(EC, "new"))
    assert await taken(by, signed("ES256", "old"))  # known, so nobody is asked
    assert await taken(by, signed("ES256", "new"))
    assert issuer.asked == 2
    assert not await taken(by, signed("ES256", "old"))


@in_a_loop
async def test_only_key_is_asked_for_anew_when_a_token_that_names_none_fails_it(issuer: Issuer) -> None:
    new = ec.generate_private_key(ec.SECP256R1())
    issuer.document = document(described(EC, None))
    jwks = Jwks(issuer.url, gap_s=0.3)
    await jwks.refresh()
    by = Authenticator(None, jwks)
    await asyncio.sleep(0.35)
    assert await taken(by, signed("ES256", None))
    assert not await taken(by, signed("ES256", None, exp=1))
    assert issuer.asked == 1  # an expired token is no sign of another key
    issuer.document = document(described(new, None))
    tokens = [signed("ES256", None, new, nonce=number) for number in range(20)]
    assert await asyncio.gather(*(taken(by, token) for token in tokens)) == [True] * 20
    assert not await taken(by, signed("ES256", None))
    assert issuer.asked == 2


@in_a_loop
async def test_unknown_keys_are_asked_for_once_however_many_come(issuer: Issuer) -> None:
    jwks = Jwks(issuer.url, gap_s=0.3)
    by = Authenticator(JWT_SECRET, jwks)
    tokens = [signed("ES256", f"unknown {number}") for number in range(50)]
    assert await asyncio.gather(*(taken(by, token) for token in [*tokens, signed("ES256", "e")])) == [False] * 50 + [
        True
    ]
    assert issuer.asked == 1
    assert await taken(by, Authenticator(JWT_SECRET).issue(USER))  # has nothing to do with it
    assert not await taken(by, "garbage")
    assert issuer.asked == 1
    await asyncio.sleep(0.35)
    assert not await taken(by, tokens[0])
    assert issuer.asked == 2


@pytest.mark.parametrize("fault", ["status", "garbage", "empty", "huge", "away"])
@in_a_loop
async def test_keys_stay_when_they_cannot_be_read_anew(issuer: Issuer, fault: str) -> None:
    jwks = Jwks(issuer.url, gap_s=0)
    await jwks.refresh()
    by = Authenticator(None, jwks)
    if fault == "status":
        issuer.status = 503
    elif fault == "away":
        issuer.server.shutdown()
        issuer.server.server_close()
    else:
        issuer.document = {"garbage": b"<html>", "empty": document(), "huge": b" " * 300_000 + ALL}[fault]
    await jwks.refresh()
    assert not await taken(by, signed("ES256", "unknown"))
    assert await taken(by, signed("ES256", "e"))


@in_a_loop
async def test_set_is_read_again_by_and_by(issuer: Issuer) -> None:
    jwks = Jwks(issuer.url, refresh_s=0.05)
    running = asyncio.create_task(jwks.run())
    await asyncio.to_thread(wait_until, lambda: len(jwks.keys) == 3, "the keys are read")
    issuer.document = document(described(EC, "e"))
    await asyncio.to_thread(wait_until, lambda: len(jwks.keys) == 1, "the keys are read again")
    running.cancel()
    await asyncio.wait({running})


@in_a_loop
async def test_rotated_keys_open_every_transport(system: System, tmp_path: Path, transport: Transport) -> None:
    """A file; the process has no secret of its own."""
    path = tmp_path / "jwks.json"
    path.write_bytes(document(described(EC, "old")))
    url = await asyncio.to_thread(system.start_gateway, JWT_JWKS=str(path), JWT_SECRET="", DEMO="0")
    started, gateway = time.monotonic(), system.processes[-1]
    async with new_user(system) as user:
        async with transport.connect(url, signed("ES256", "old", sub=user.id), None) as stream:
            await ready(stream)
        with pytest.raises(Closed) as refused:
            async with transport.connect(url, user.token, None) as stream:
                await stream.next()
        assert refused.value.code == 4500
        path.write_bytes(document(described(ED, "new")))
        await asyncio.sleep(max(0.0, started + 5.1 - time.monotonic()))  # since it was read last
        async with transport.connect(url, signed("EdDSA", "new", sub=user.id), None) as stream:
            await ready(stream)
    gateway.terminate()


@in_a_loop
async def test_open_websocket_is_renewed_with_a_token_of_a_new_key(system: System, tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(document(described(EC, "old")))
    url = await asyncio.to_thread(system.start_gateway, JWT_JWKS=str(path), JWT_SECRET="", DEMO="0")
    started, gateway = time.monotonic(), system.processes[-1]
    async with new_user(system) as user:
        address = (
            f"{url.replace('http', 'ws')}/realtime/ws?access_token={signed('ES256', 'old', sub=user.id, exp=LATER)}"
        )
        async with websockets.connect(address, proxy=None) as connection:
            assert json.loads(await connection.recv())["type"] == "ready"
            path.write_bytes(document(described(ED, "new")))
            await asyncio.sleep(max(0.0, started + 5.1 - time.monotonic()))
            for key, answer in ((EC, "error"), (ED, "auth.renewed")):
                token = signed("EdDSA" if key is ED else "ES256", "new", key, sub=user.id, exp=LATER)
                await connection.send(json.dumps({"type": "auth", "token": token}))
                assert json.loads(await connection.recv())["type"] == answer
    gateway.terminate()
