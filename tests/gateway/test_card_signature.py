"""Whose webhook it is, and what of it is kept: pure, so everything that can be sent is tried."""

import hmac
import json
import random
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.api.cards.notice import KEPT, VALUE_CHARS_MAX, read_notice
from gateway.auth.webhook_signature import DRIFT_S_MAX, Verdict, WebhookSecrets, sign, verdict_of
from gateway.settings import GatewaySettings

NOW = 1_763_757_074
BODY = b'{"event":"card.funded","cardId":"6001119434"}'
CURRENT, PREVIOUS = b"the current secret", b"the secret before it"
BOTH = WebhookSecrets(CURRENT, PREVIOUS, NOW + 60)
NUMBER, OTHER_NUMBER = "4111111111111111", "5555 5555 5555 4444"


def judged(
    signature: str | list[str] | None = None,
    timestamp: str | list[str] = str(NOW),
    *,
    body: bytes = BODY,
    secrets: WebhookSecrets = BOTH,
    now_s: float = NOW,
) -> Verdict:
    if signature is None:
        assert isinstance(timestamp, str)
        signature = sign(CURRENT, timestamp, BODY)
    as_list = [[each] if isinstance(each, str) else each for each in (signature, timestamp)]
    return verdict_of(as_list[0], as_list[1], body, secrets, now_s)


def test_the_signature_is_the_one_that_is_written_down() -> None:
    expected = hmac.new(CURRENT, f"{NOW}.".encode() + BODY, sha256).hexdigest()
    assert sign(CURRENT, str(NOW), BODY) == expected
    assert judged(expected) is Verdict.SIGNED
    assert judged(expected.upper()) is Verdict.SIGNED


@pytest.mark.parametrize("drift_s", [0, DRIFT_S_MAX, -DRIFT_S_MAX, DRIFT_S_MAX + 1, -DRIFT_S_MAX - 1, 10**9])
def test_five_minutes_either_way(drift_s: int) -> None:
    expected = Verdict.SIGNED if abs(drift_s) <= DRIFT_S_MAX else Verdict.STALE
    assert judged(timestamp=str(NOW), now_s=NOW + drift_s) is expected


def test_the_previous_secret_counts_until_its_time() -> None:
    signature = sign(PREVIOUS, str(NOW), BODY)
    assert judged(signature) is Verdict.SIGNED
    assert judged(signature, now_s=NOW + 60) is Verdict.FORGED
    assert judged(signature, secrets=WebhookSecrets(CURRENT)) is Verdict.FORGED
    assert judged(signature, secrets=WebhookSecrets(CURRENT, PREVIOUS), now_s=NOW + 200) is Verdict.SIGNED
    assert judged(now_s=NOW + 60) is Verdict.SIGNED  # the current one always


def test_a_timestamp_is_signed_too() -> None:
    """Else what was overheard could be sent again for ever."""
    old = sign(CURRENT, str(NOW - 10_000), BODY)
    assert judged(old, str(NOW - 10_000)) is Verdict.STALE
    assert judged(old, str(NOW)) is Verdict.FORGED


def test_any_other_body_is_forged() -> None:
    for at in range(len(BODY)):
        changed = bytearray(BODY)
        changed[at] ^= 1
        assert judged(body=bytes(changed)) is Verdict.FORGED
    assert judged(body=BODY + b" ") is Verdict.FORGED
    assert judged(body=b"") is Verdict.FORGED


@pytest.mark.parametrize(
    "signature",
    ["", "0" * 63, "0" * 65, "x" * 64, " " + "0" * 63, "sha256=" + "0" * 64, "\u0660" * 64, "0" * 64 + "\n", []],
)
def test_what_cannot_be_a_signature_is_none(signature: str | list[str]) -> None:
    assert judged(signature) is Verdict.UNSIGNED


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "1763757074.0", " 1763757074", "9" * 13, "\u0661", "+1", "NaN"])
def test_what_cannot_be_a_time_is_none(timestamp: str) -> None:
    assert judged("0" * 64, timestamp) is Verdict.UNSIGNED


def test_what_stands_there_twice_is_none() -> None:
    good = sign(CURRENT, str(NOW), BODY)
    assert judged([good, good]) is Verdict.UNSIGNED
    assert judged(good, [str(NOW), str(NOW)]) is Verdict.UNSIGNED
    assert judged(good, []) is Verdict.UNSIGNED


def test_no_secret_is_shown() -> None:
    assert "secret" not in repr(BOTH).lower().replace("webhooksecrets", "")


# the settings


def test_secrets_are_settings_and_in_the_demo_the_simulators() -> None:
    given = {
        "strowallet_webhook_secret": CURRENT.decode(),
        "strowallet_webhook_secret_previous": PREVIOUS.decode(),
        "strowallet_webhook_previous_until": "2026-11-21T00:00:00+01:00",
    }
    secrets = GatewaySettings.model_validate({"demo": True, **given}).webhook_secrets()
    until_s = datetime(2026, 11, 20, 23, tzinfo=UTC).timestamp()
    assert secrets == WebhookSecrets(CURRENT, PREVIOUS, until_s)
    assert GatewaySettings.model_validate({"demo": True}).webhook_secrets() == WebhookSecrets(b"demo")
    assert GatewaySettings.model_validate({"jwt_secret": "x" * 32}).webhook_secrets() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strowallet_webhook_secret", "x" * 15),
        ("strowallet_webhook_secret_previous", "short"),
        ("strowallet_webhook_previous_until", "2026-11-21T00:00:00"),
        ("strowallet_webhook_previous_until", "tomorrow"),
        ("card_keys", "k1:short"),
        ("card_reveal_wait_s", "0"),
        ("kyc_image_bytes_max", "100000000"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        GatewaySettings.model_validate({"demo": True, name: value})


# what is read


def notice(**said: Any) -> Any:
    return read_notice(json.dumps(said).encode())


def test_a_notice_is_an_event_of_a_card() -> None:
    found = read_notice(BODY)
    assert found is not None
    assert (found.event, found.provider_card_id, found.payload) == ("card.funded", "6001119434", {})
    created = notice(
        event="virtualcard.created.complete", id="x7", amount="3", cardId=6001119434, cardBrand="visa", lastFour="4242",
        status="active", createdStatus="complete", reference=43209,
    )  # fmt: skip
    assert (created.event_id, created.provider_card_id) == ("virtualcard.created.complete:x7", "6001119434")
    assert created.payload == {"amount": "3", "createdStatus": "complete", "reference": 43209, "status": "active"}
    inner = notice(event="balance.updated", event_id="e-1", data={"card_id": "c9", "balance": 5.5, "event": "other"})
    assert (inner.event_id, inner.event, inner.provider_card_id, inner.payload) == (
        "e-1", "balance.updated", "c9", {"balance": 5.5},
    )  # fmt: skip


def test_the_same_words_are_the_same_event_and_others_are_another() -> None:
    assert notice(event="a", cardId=1) == notice(event="a", cardId=1)
    ids = {
        each.event_id
        for each in (
            notice(event="a", cardId=1), notice(event="a", cardId=2), notice(event="a", id=1), notice(event="b", id=1),
            notice(event="b", id=1, event_id="1"),
        )
    }  # fmt: skip
    assert len(ids) == 5


@pytest.mark.parametrize(
    "said",
    [
        {"event": "card.created", "cardId": 1, "card_number": NUMBER, "cvv": "737", "expiry": "12/29"},
        {"event": "card.created", "cardId": NUMBER, "event_id": NUMBER, "id": int(NUMBER)},
        {"event": "x", "reason": f"declined {OTHER_NUMBER} cvv", "status": NUMBER, "amount": int(NUMBER)},
        {"event": "x", "data": {"reason": f"card {NUMBER}", "cvv2": "737", "date": [NUMBER], "fee": {"pan": NUMBER}}},
        {"event": f"x{NUMBER}", "type": OTHER_NUMBER.replace(" ", "-")},
        {NUMBER: "737", "event": "x"},
    ],
    ids=range(6),
)
def test_no_number_or_security_code_is_kept_wherever_it_stands(said: dict[str, Any]) -> None:
    found = notice(**said)
    told = repr(found) if "x4" not in found.event else repr(found).replace(found.event, "")
    for secret in (NUMBER, OTHER_NUMBER, OTHER_NUMBER.replace(" ", "-"), "737", "12/29"):
        assert secret not in told, told


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b'{"event": NaN}',
        b"[" * 100_000, b'{"a":' * 100_000, b'{"event":"\\ud800"}', b"event=card.funded&cardId=1",
        '{"event":"x"}'.encode("utf-16"), '{"event":"é"}'.encode("latin-1"),
    ],
    ids=range(15),
)  # fmt: skip
def test_what_is_no_object_of_json_is_no_notice(body: bytes) -> None:
    assert read_notice(body) is None


def test_whatever_it_holds_only_short_plain_values_stay() -> None:
    """Seeded: five thousand objects of anything, under the names that count and others."""
    chance = random.Random(7)
    names = [*KEPT, "event", "event_id", "id", "cardId", "card_id", "data", "lastFour", "\0", "x" * 300]
    values: list[Any] = [
        None, True, False, 0, -1, 1.5, 10**30, NUMBER, int(NUMBER), "", "\0", "x" * 10_000, "card.funded", [], [[1]],
        {}, {"a": {"b": NUMBER}}, "\u202e", "é" * 300, "a b",
    ]  # fmt: skip

    def anything(depth: int = 0) -> Any:
        if depth < 3 and chance.random() < 0.2:
            return {chance.choice(names): anything(depth + 1) for _ in range(chance.randrange(4))}
        return chance.choice(values)

    for _ in range(5_000):
        said = {chance.choice(names): anything() for _ in range(chance.randrange(8))}
        found = read_notice(json.dumps(said).encode())
        if found is None:
            continue  # an integer beyond 64 bits is none that we read
        assert found.payload.keys() <= KEPT
        assert all(isinstance(value, str | int | float | bool) for value in found.payload.values())
        assert all(len(str(value)) <= VALUE_CHARS_MAX for value in found.payload.values())
        assert len(found.event_id) <= 201
        assert len(found.event) <= 100
        told = json.dumps([found.event_id, found.event, found.provider_card_id, found.payload])
        assert NUMBER not in told
        assert "\\u0000" not in told
