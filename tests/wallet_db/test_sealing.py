"""What is sealed opens with its key and in its place, and nowhere else; what two agree on, nobody else reads."""

import stat
from base64 import b64decode, b64encode
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import ValidationError

from wallet_db.card_keys import CardKeySettings
from wallet_db.sealing import ANSWER_BYTES_MAX, CardKeys, RevealKey, Unsealable, place

NUMBER = b'{"card_number":"4111111111111111","cvv":"737","expiry":"12/29"}'
K1 = "k1:" + b64encode(bytes(range(32))).decode()
K2 = "k2:" + b64encode(bytes(range(32, 64))).decode()
OLD, NEW, BOTH = CardKeys.parse(K1), CardKeys.parse(K2), CardKeys.parse(f"{K2}, {K1}")
HERE = place("cards", "last4_sealed", UUID(int=1))


def test_what_is_sealed_opens_in_its_place() -> None:
    for plain in (b"", b"4242", b"x" * 100_000):
        sealed = OLD.seal(plain, HERE)
        assert OLD.open(sealed, HERE) == plain
        assert plain == b"" or plain not in sealed
    assert OLD.seal(b"4242", HERE) != OLD.seal(b"4242", HERE)  # a nonce counts once


def test_the_format_is_the_one_that_is_written_down() -> None:
    """So that what was sealed years ago opens with any implementation of AES-256-GCM."""
    assert HERE == "cards.last4_sealed:00000000-0000-0000-0000-000000000001"
    sealed = OLD.seal(b"4242", HERE)
    assert sealed[:4] == b"\x01\x02k1"
    assert AESGCM(bytes(range(32))).decrypt(sealed[4:16], sealed[16:], HERE.encode()) == b"4242"
    nonce = bytes(12)
    by_hand = b"\x01\x02k1" + nonce + AESGCM(bytes(range(32))).encrypt(nonce, b"4242", HERE.encode())
    assert OLD.open(by_hand, HERE) == b"4242"


@pytest.mark.parametrize(
    "elsewhere",
    [place("cards", "last4_sealed", UUID(int=2)), place("cards", "expiry_sealed", UUID(int=1)), ""],
)
def test_a_value_moved_elsewhere_does_not_open(elsewhere: str) -> None:
    with pytest.raises(Unsealable):
        OLD.open(OLD.seal(b"4242", HERE), elsewhere)


def test_no_bit_can_be_changed() -> None:
    sealed = OLD.seal(b"4242", HERE)
    for at in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(Unsealable):
            OLD.open(bytes(changed), HERE)
    for length in range(len(sealed)):
        with pytest.raises(Unsealable):
            OLD.open(sealed[:length], HERE)
    with pytest.raises(Unsealable):
        OLD.open(sealed + b"x", HERE)


def test_keys_are_exchanged_without_a_pause() -> None:
    old = OLD.seal(b"4242", HERE)
    assert BOTH.open(old, HERE) == b"4242"
    assert not BOTH.is_current(old)
    anew = BOTH.seal(BOTH.open(old, HERE), HERE)
    assert BOTH.is_current(anew)
    assert NEW.open(anew, HERE) == b"4242"
    with pytest.raises(Unsealable, match="key 'k1', which is not given"):
        NEW.open(old, HERE)


def test_a_key_of_the_same_id_is_not_the_same_key() -> None:
    other = CardKeys.parse("k1:" + b64encode(b"x" * 32).decode())
    with pytest.raises(Unsealable):
        other.open(OLD.seal(b"4242", HERE), HERE)


def test_fingerprints_stay_while_keys_are_put_before() -> None:
    assert OLD.digest("ann@here.example") == BOTH.digest("ann@here.example")
    assert len({OLD.digest("ann@here.example"), OLD.digest("bob@here.example"), NEW.digest("ann@here.example")}) == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "key 1: expected ID:BASE64"),
        ("k1", r"key 1 \(k1\): expected 32 bytes"),
        ("k-1:" + b64encode(bytes(32)).decode(), "letters or digits"),
        ("k" * 33 + ":", "of 1 to 32"),
        ("k1:hush-hush!", "expected base64"),
        ("k1:" + b64encode(b"hush" * 4).decode(), "expected 32 bytes in base64, got 16"),
        (f"{K1},{K1}", "expected each id once, got k1"),
        (f"{K1},", "key 2: expected ID:BASE64"),
        (f"é:{K1}", "letters or digits"),
    ],
)
def test_what_is_no_key_is_told_without_it(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        CardKeys.parse(text)
    assert "hush" not in str(refused.value)
    assert b64encode(b"hush" * 4).decode() not in str(refused.value)


def test_keys_are_never_shown() -> None:
    text = CardKeys.make("k7")
    keys = CardKeys.parse(text)
    assert repr(keys) == str(keys) == "CardKeys(k7)"
    settings = CardKeySettings.model_validate({"card_keys": text})
    assert text.partition(":")[2] not in repr(settings)


# reveals


def test_an_answer_is_read_by_who_asked() -> None:
    asker, reveal_id = RevealKey(), uuid4()
    text = BOTH.seal_answer(asker.public, reveal_id, NUMBER)
    assert BOTH.open_answer(asker, reveal_id, text) == NUMBER
    assert b"4111" not in text.encode()
    assert orjson.loads(text)["id"] == str(reveal_id)
    assert BOTH.seal_answer(asker.public, reveal_id, NUMBER) != text
    # Also if the pollers have the new key before the gateway seals with it.
    assert CardKeys.parse(f"{K1},{K2}").open_answer(asker, reveal_id, text) == NUMBER


def test_an_answer_is_read_by_nobody_else_and_of_no_other_reveal() -> None:
    asker, reveal_id = RevealKey(), uuid4()
    text = OLD.seal_answer(asker.public, reveal_id, NUMBER)
    for keys, who, which in ((OLD, RevealKey(), reveal_id), (OLD, asker, uuid4()), (NEW, asker, reveal_id)):
        with pytest.raises(Unsealable):
            keys.open_answer(who, which, text)


def test_an_answer_of_somebody_without_our_keys_is_none() -> None:
    """Whoever may NOTIFY knows the public key, and may have seen the reveal's id."""
    asker, reveal_id = RevealKey(), uuid4()
    forger = CardKeys.parse("k1:" + b64encode(b"x" * 32).decode())
    with pytest.raises(Unsealable):
        OLD.open_answer(asker, reveal_id, forger.seal_answer(asker.public, reveal_id, NUMBER))


@pytest.mark.parametrize("name", ["kid", "epk", "nonce", "sealed"])
@pytest.mark.parametrize("value", [None, 7, "", "!", b64encode(bytes(32)).decode()])
def test_a_broken_answer_is_none(name: str, value: object) -> None:
    asker, reveal_id = RevealKey(), uuid4()
    said = orjson.loads(OLD.seal_answer(asker.public, reveal_id, NUMBER))
    with pytest.raises(Unsealable):
        OLD.open_answer(asker, reveal_id, orjson.dumps(said | {name: value}).decode())
    changed = bytearray(b64decode(said["sealed"]))
    changed[0] ^= 1
    with pytest.raises(Unsealable):
        OLD.open_answer(asker, reveal_id, orjson.dumps(said | {"sealed": b64encode(changed).decode()}).decode())


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '"x"', "\ud800"])
def test_what_is_no_answer_is_none(text: str) -> None:
    with pytest.raises(Unsealable):
        OLD.open_answer(RevealKey(), uuid4(), text)


def test_an_answer_fits_a_notify() -> None:
    asker = RevealKey()
    assert len(OLD.seal_answer(asker.public, uuid4(), b"x" * 5_000)) <= ANSWER_BYTES_MAX
    with pytest.raises(ValueError, match="at most 7000 bytes"):
        OLD.seal_answer(asker.public, uuid4(), b"x" * 5_500)


@pytest.mark.parametrize("public_key", [b"", bytes(31), bytes(32)])
def test_nothing_is_sealed_to_what_is_no_key(public_key: bytes) -> None:
    """Of 32 zeros everybody knows what comes of the agreement (RFC 7748 section 6.1)."""
    with pytest.raises(ValueError, match=r".+"):
        OLD.seal_answer(public_key, uuid4(), NUMBER)


# the setting


def test_the_demo_makes_a_key_and_every_later_process_finds_it(tmp_path: Path) -> None:
    settings = CardKeySettings.model_validate({"demo": True, "data_dir": tmp_path / "data"})
    first, second = settings.keys_of_cards(), settings.keys_of_cards()
    assert first is not None
    assert second is not None
    assert second.open(first.seal(b"4242", HERE), HERE) == b"4242"
    [kept] = (tmp_path / "data").iterdir()
    assert (kept.name, stat.S_IMODE(kept.stat().st_mode)) == ("card_keys", 0o600)


def test_outside_the_demo_keys_are_given_or_there_are_none(tmp_path: Path) -> None:
    assert CardKeySettings.model_validate({"data_dir": tmp_path}).keys_of_cards() is None
    assert list(tmp_path.iterdir()) == []
    given = CardKeySettings.model_validate({"data_dir": tmp_path, "card_keys": f"{K2},{K1}"}).keys_of_cards()
    assert given is not None
    assert given.sealing_id == "k2"


def test_a_key_that_is_none_is_told_at_the_start_without_it() -> None:
    with pytest.raises(ValidationError) as refused:
        CardKeySettings.model_validate({"card_keys": "k1:hush"})
    [fault] = refused.value.errors(include_url=False, include_input=False)
    assert fault["msg"] == "Value error, key 1 (k1): expected 32 bytes in base64, got 3"
