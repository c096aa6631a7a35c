"""NATS_URL taken apart, and the settings that hold it."""

import sys

import pytest

from notifier.bus.nats_url import NatsUrl, parse_nats_url
from notifier.settings import NotifierSettings
from wallet_db.settings import load


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nats://127.0.0.1:4222", NatsUrl(("nats://127.0.0.1:4222",))),
        ("tls://nats.example", NatsUrl(("tls://nats.example:4222",))),
        ("nats://[::1]:4333/", NatsUrl(("nats://[::1]:4333",))),
        ("nats://a:b@one, nats://two:1", NatsUrl(("nats://one:4222", "nats://two:1"), user="a", password="b")),
        ("nats://u%40x:p%2F%3A@h", NatsUrl(("nats://h:4222",), user="u@x", password="p/:")),
        ("nats://t%6Fken@h", NatsUrl(("nats://h:4222",), token="token")),
    ],
)
def test_a_url_names_servers_and_credentials(text: str, expected: NatsUrl) -> None:
    assert parse_nats_url(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1:4222",
        "http://h",
        "ws://h",
        "nats://",
        "nats://h:port",
        "nats://a:se/cret@h",
        "nats://h/subject",
        "nats://h?secret",
        "nats://h,",
        "nats://a:secret@h,nats://b:secret@h",
    ],
)
def test_what_is_no_url_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        parse_nats_url(text)
    assert not set(text.split("/")) & set(str(caught.value).split()) - {""}
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_credentials_are_not_printed() -> None:
    settings = NotifierSettings(nats_url="nats://user:secret@h")
    for text in (str(parse_nats_url("nats://user:secret@h")), repr(parse_nats_url("nats://secret@h")), repr(settings)):
        assert "secret" not in text


def test_a_missing_package_and_a_wrong_url_are_a_line_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BUS", "nats")
    monkeypatch.setenv("NATS_URL", "nats://user:sec/ret@h")
    monkeypatch.setitem(sys.modules, "nats", None)
    with pytest.raises(SystemExit) as caught:
        load(NotifierSettings)
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "BUS: nats needs the package nats-py, which is not installed",
        "NATS_URL: expected nats://[user:password@|token@]host[:port], or tls://…, several separated by commas",
    ]
