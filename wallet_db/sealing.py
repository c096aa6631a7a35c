"""Sealing: what is kept of a card or its holder is unreadable without the keys, and opens in its own place only.

    seal        keys.seal(b"4242", place("cards", "last4_sealed", card_id))
    open        keys.open(sealed, place("cards", "last4_sealed", card_id))

Stored is `version 1 | length of the key's id | key's id | nonce (12) | AES-256-GCM's ciphertext and tag (16)`, bytes,
with the place as associated data: a value copied into another row or column does not open. The first key seals, all
open, so keys are exchanged without a pause. Nonces are random: a key may seal 2^32 times (NIST SP 800-38D, 8.3).

A reveal's answer crosses the database's NOTIFY, which every login may hear, and is sealed to one process's X25519 key
of the moment, under a key made by HKDF-SHA256 from both what the two agreed on and one of our keys: so nobody opens it
but who asked, not even with our keys, and nobody makes one up who lacks them. No I/O and no clock in here; chance is
the system's.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from os import urandom
from typing import Self
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
KEY_ID_CHARS_MAX = 32
ANSWER_BYTES_MAX = 7_000
"""A NOTIFY carries less than 8,000."""


class Unsealable(Exception):
    """What should open does not: sealed by a key that is not given any more, for another place, or not by us.

    Its text names the key's id and the place, never a value.
    """


def place(table: str, column: str, row_id: UUID | int | str) -> str:
    """Where a value stands. A row's id is one that the row keeps for ever."""
    return f"{table}.{column}:{row_id}"


@dataclass(frozen=True, slots=True, repr=False)
class CardKeys:
    """Keys by their ids, the first of which seals."""

    _keys: Mapping[str, bytes]

    @classmethod
    def parse(cls, text: str) -> Self:
        """`k2:BASE64,k1:BASE64`, each of 32 bytes. Raises ValueError, whose text holds no key."""
        keys: dict[str, bytes] = {}
        for number, part in enumerate(text.split(","), 1):
            key_id, _, encoded = part.strip().partition(":")
            if not (0 < len(key_id) <= KEY_ID_CHARS_MAX and key_id.isascii() and key_id.isalnum()):
                raise ValueError(
                    f"key {number}: expected ID:BASE64, the id of 1 to {KEY_ID_CHARS_MAX} letters or digits"
                )
            try:
                key = b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                raise ValueError(f"key {number} ({key_id}): expected base64 behind the colon") from None
            if len(key) != KEY_BYTES:
                raise ValueError(f"key {number} ({key_id}): expected {KEY_BYTES} bytes in base64, got {len(key)}")
            if key_id in keys:
                raise ValueError(f"key {number}: expected each id once, got {key_id} again")
            keys[key_id] = key
        return cls(keys)

    @staticmethod
    def make(key_id: str) -> str:
        """A new key, as `parse` takes it."""
        return f"{key_id}:{b64encode(urandom(KEY_BYTES)).decode()}"

    def __repr__(self) -> str:
        """Which there are; no key is ever shown."""
        return f"CardKeys({', '.join(self._keys)})"

    @property
    def sealing_id(self) -> str:
        """Of the key that seals."""
        return next(iter(self._keys))

    def seal(self, plain: bytes, place: str) -> bytes:
        """What may be stored at this place."""
        key_id, nonce = self.sealing_id, urandom(NONCE_BYTES)
        head = bytes((VERSION, len(key_id))) + key_id.encode()
        return head + nonce + AESGCM(self._keys[key_id]).encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """What was sealed for this place. Raises Unsealable."""
        key_id, at = _head(sealed)
        key = self._key(key_id, place)
        nonce, rest = sealed[at : at + NONCE_BYTES], sealed[at + NONCE_BYTES :]
        try:
            return AESGCM(key).decrypt(nonce, rest, place.encode())
        except InvalidTag:
            raise Unsealable(f"{place}: what is there was not sealed for it by key {key_id}") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the key that seals now has sealed it. Raises Unsealable for what is no sealed value."""
        return _head(sealed)[0] == self.sealing_id

    def digest(self, text: str) -> bytes:
        """A fingerprint to compare by, of what is too easily guessed for a plain one: 32 bytes.

        It is the last key's, which stays the same while others are put before it.
        """
        last = list(self._keys.values())[-1]
        mac = hmac.HMAC(_derived(last, b"", b"onesms digest"), hashes.SHA256())
        mac.update(text.encode())
        return mac.finalize()

    def seal_answer(self, public_key: bytes, reveal_id: UUID, plain: bytes) -> str:
        """JSON that only who asked can open: `{"id", "kid", "epk", "nonce", "sealed"}`, the last three in base64.

        public_key: `RevealKey.public`. Raises ValueError for what is no public key, and if the text would be too long
        for a NOTIFY.
        """
        ours = X25519PrivateKey.generate()
        epk = ours.public_key().public_bytes_raw()
        shared = ours.exchange(X25519PublicKey.from_public_bytes(public_key))
        key_id, nonce = self.sealing_id, urandom(NONCE_BYTES)
        cipher = AESGCM(_answer_key(shared, self._keys[key_id], epk, public_key))
        answer = {"id": str(reveal_id), "kid": key_id}
        for name, value in (
            ("epk", epk),
            ("nonce", nonce),
            ("sealed", cipher.encrypt(nonce, plain, _reveal_place(reveal_id))),
        ):
            answer[name] = b64encode(value).decode()
        text = orjson.dumps(answer).decode()
        if len(text) > ANSWER_BYTES_MAX:
            raise ValueError(f"expected an answer of at most {ANSWER_BYTES_MAX} bytes when sealed, got {len(text)}")
        return text

    def open_answer(self, asker: "RevealKey", reveal_id: UUID, text: str) -> bytes:
        """What `seal_answer` sealed for this key and reveal. Raises Unsealable for anything else."""
        where = f"reveal {reveal_id}"
        try:
            said = orjson.loads(text)
            key_id = said["kid"]
            epk, nonce, sealed = (b64decode(said[name], validate=True) for name in ("epk", "nonce", "sealed"))
            shared = asker.exchange(epk)
            cipher = AESGCM(_answer_key(shared, self._key(key_id, where), epk, asker.public))
            return cipher.decrypt(nonce, sealed, _reveal_place(reveal_id))
        except (ValueError, KeyError, TypeError, InvalidTag):
            raise Unsealable(f"{where}: the answer was not sealed for it") from None

    def _key(self, key_id: str, where: str) -> bytes:
        try:
            return self._keys[key_id]
        except KeyError:
            raise Unsealable(f"{where}: sealed by key {key_id[:KEY_ID_CHARS_MAX]!r}, which is not given") from None


class RevealKey:
    """The key pair of one reveal: made by who asks, kept in memory and nowhere else, gone with the answer."""

    __slots__ = ("_private", "public")

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes_raw()
        """32 bytes; may be known to anybody."""

    def exchange(self, epk: bytes) -> bytes:
        """What both agree on. Raises ValueError for what is no public key."""
        return self._private.exchange(X25519PublicKey.from_public_bytes(epk))


def _head(sealed: bytes) -> tuple[str, int]:
    """The key's id, and where the nonce begins."""
    at = 2 + (sealed[1] if len(sealed) > 1 else 0)
    if len(sealed) < at + NONCE_BYTES + TAG_BYTES or sealed[0] != VERSION:
        raise Unsealable(f"expected a sealed value of version {VERSION}, got {len(sealed)} bytes that are none")
    try:
        return sealed[2:at].decode("ascii"), at
    except UnicodeDecodeError:
        raise Unsealable("expected a key's id in ASCII") from None


def _reveal_place(reveal_id: UUID) -> bytes:
    return place("card_reveals", "answer", reveal_id).encode()


def _answer_key(shared: bytes, ours: bytes, epk: bytes, public_key: bytes) -> bytes:
    return _derived(shared, _derived(ours, b"", b"onesms reveal"), b"onesms reveal" + epk + public_key)


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt or None, info).derive(key)
