"""What is said of alerts, and what never is."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from pollers.alert_text import LINES_MAX, message_of, over_message
from pollers.smtp_url import SmtpServer, parse_smtp_url
from wallet_db.alerts import Alert, EndedAlert

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def alert(
    id_: int = 1,
    level: str = "error",
    message: str = "UNKNOWN_ANSWER",
    *,
    times: int = 1,
    told: int = 0,
    **data: object,
) -> Alert:
    return Alert(id_, level, "pollers", message, data, AT, AT + timedelta(minutes=times - 1), times, told)


def test_one_alert_is_a_subject_and_a_line() -> None:
    message = message_of([alert(provider="fivesim", method="check", reason="who knows")])
    assert message.subject == "OneSMS error: UNKNOWN_ANSWER"
    assert message.text.splitlines() == [
        message.subject,
        "[error] UNKNOWN_ANSWER (pollers) provider fivesim, method check, reason who knows; 2026-01-01T12:00:00Z",
    ]
    assert message.body["text"] == message.text
    [told] = message.body["alerts"]
    assert told["id"] == told["times"] == 1
    assert told["data"] == {"provider": "fivesim", "method": "check", "reason": "who knows"}


def test_what_goes_on_says_how_often() -> None:
    text = message_of([alert(times=3, told=1)]).text
    assert "again: UNKNOWN_ANSWER" in text
    assert "3 times since 2026-01-01T12:00:00Z, last 2026-01-01T12:02:00Z" in text


@pytest.mark.parametrize(
    ("closed_by", "how"), [("ended", "what caused it is no more"), ("quiet", "not since 2026-01-01T12:02:00Z")]
)
def test_what_is_over_says_how_one_knows(closed_by: str, how: str) -> None:
    one = asdict(alert(times=3, told=3, provider="fivesim", raw="424242"))
    message = over_message([EndedAlert(**one, closed_at=AT + timedelta(hours=2), closed_by=closed_by)])
    assert message.text.splitlines() == [
        "OneSMS over: UNKNOWN_ANSWER",
        f"[over] UNKNOWN_ANSWER (pollers) provider fivesim; 3 times since 2026-01-01T12:00:00Z, {how}",
    ]
    [over] = message.body["over"]
    assert (over["closed_at"], over["closed_by"], message.body["alerts"]) == ("2026-01-01T14:00:00Z", closed_by, [])


def test_many_are_one_message_of_bounded_length() -> None:
    alerts = [alert(id_, "critical" if id_ < 3 else "error") for id_ in range(1, 1_001)]
    message = message_of(alerts)
    assert message.subject == "OneSMS: 1000 alerts, 2 critical, first: UNKNOWN_ANSWER"
    assert len(message.text.splitlines()) == LINES_MAX + 2
    assert f"and {1_000 - LINES_MAX} more" in message.text
    assert (len(message.body["alerts"]), message.body["more"]) == (LINES_MAX, 1_000 - LINES_MAX)


@pytest.mark.parametrize("key", ["raw", "code", "text", "token", "reason", "api_key", "sms"])
def test_no_code_leaves_the_database(key: str) -> None:
    message = message_of([alert(**{key: "Your code is 424242, G-133-700"})])
    told = orjson.dumps([message.subject, message.text, message.body]).decode()
    assert "424242" not in told
    assert "133" not in told


def test_a_providers_words_address_nobody_and_stay_on_their_line() -> None:
    message = message_of([alert(message="a\r\nBcc: <x>", reason="<!channel> @here\n[x](http://evil)" + "y" * 500)])
    assert "\n" not in message.subject
    assert "\r" not in message.subject
    assert len(message.text.splitlines()) == 2
    assert not set("<>@") & set(message.text)
    assert len(message.text) < 400


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", SmtpServer("mail.example.org", 587, tls=False)),
        ("smtp://u:p%40ss@host:25", SmtpServer("host", 25, tls=False, user="u", password="p@ss")),
        ("smtps://u:p@host/", SmtpServer("host", 465, tls=True, user="u", password="p")),
    ],
)
def test_a_mail_servers_address_is_taken_apart(url: str, server: SmtpServer) -> None:
    assert parse_smtp_url(url) == server
    assert "p@ss" not in repr(parse_smtp_url(url))


@pytest.mark.parametrize(
    "url", ["", "host", "http://host", "smtp://", "smtp://host:port", "smtp://user@host", "smtp://h/x?secret=hush"]
)
def test_an_address_that_is_none_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        parse_smtp_url(url)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("smtp://host", True),
        ("smtp://u:p@host", False),
        ("smtp://u:p@127.0.0.1", True),
        ("smtp://u:p@[::1]", True),
        ("smtp://u:p@localhost", True),
    ],
)
def test_a_password_crosses_no_network_in_the_clear(url: str, plain: bool) -> None:
    assert parse_smtp_url(url).may_be_plain is plain
