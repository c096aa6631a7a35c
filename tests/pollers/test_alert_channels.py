"""Webhook and e-mail, against servers that listen."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pollers import alert_channels
from pollers.alert_channels import ChannelFault, Mail, Webhook, open_channels
from pollers.alert_settings import AlertSettings
from pollers.alert_text import Message
from pollers.alerts import try_channels
from pollers.smtp_url import SmtpServer
from tests.pollers.mail_server import mail_server

MESSAGE = Message("subject: Ünïcode", "line 1\nline 2", {"text": "line 1", "alerts": []})
FROM, TO = "onesms@example.org", ["ops@example.org", "night@example.org"]


@asynccontextmanager
async def hook(answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n") -> AsyncIterator[tuple[str, list[bytes]]]:
    """A webhook's receiver: its URL, and the requests it got. An empty answer: it never gives one."""
    got: list[bytes] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        got.append(head + await reader.readexactly(length))
        try:
            if answer:
                writer.write(answer)
            else:
                await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook/secret-of-the-hook", got


def test_a_webhook_gets_json() -> None:
    async def scenario() -> None:
        async with hook() as (url, got):
            await Webhook(url).tell(MESSAGE)
        [request] = got
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /hook/secret-of-the-hook HTTP/1.1\r\n")
        assert b"content-type: application/json" in head.lower()
        assert orjson.loads(body) == MESSAGE.body

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n", "HTTP 500"),
        (b"HTTP/1.1 307 There\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n", "HTTP 307"),
        (b"no http\r\n\r\n", "RemoteProtocolError"),
        (b"", "Timeout"),
    ],
)
def test_a_webhook_that_does_not_take_it_is_a_fault_without_the_address(
    answer: bytes, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_channels, "WEBHOOK_S", 0.3)

    async def scenario() -> None:
        async with hook(answer) as (url, got):
            with pytest.raises(ChannelFault, match=told) as fault:
                await Webhook(url).tell(MESSAGE)
        assert "secret" not in str(fault.value)
        assert len(got) == 1

    asyncio.run(scenario())


def test_of_a_webhooks_answer_only_the_status_is_read() -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n" + b"x" * 100_000

    async def scenario() -> None:
        async with asyncio.timeout(5), hook(endless) as (url, _):
            await Webhook(url).tell(MESSAGE)

    asyncio.run(scenario())


def test_a_mail_is_handed_over() -> None:
    async def scenario() -> None:
        async with mail_server() as server:
            await Mail(SmtpServer("127.0.0.1", server.port, tls=False), FROM, TO).tell(MESSAGE)
        [(sender, recipients, mail)] = server.mails
        assert (sender, recipients) == (FROM, TO)
        assert mail["Subject"] == MESSAGE.subject
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Date"]
        assert mail["Message-ID"].endswith("@example.org>")
        assert mail.get_content().split() == ["line", "1", "line", "2"]
        assert server.logins == []

    asyncio.run(scenario())


@pytest.mark.parametrize(("refuse", "told"), [(b"451 later\r\n", " 451"), (b"550 hush@example.org\r\n", " 550")])
def test_a_mail_that_is_refused_is_a_fault_by_its_number(refuse: bytes, told: str) -> None:
    async def scenario() -> None:
        async with mail_server(refuse=refuse) as server:
            with pytest.raises(ChannelFault, match=told) as fault:
                await Mail(SmtpServer("127.0.0.1", server.port, tls=False), FROM, TO).tell(MESSAGE)
            assert "hush" not in str(fault.value)
            assert server.mails == []

    asyncio.run(scenario())


def test_nobody_there_is_a_fault() -> None:
    async def scenario() -> None:
        with pytest.raises(ChannelFault, match="ConnectionRefusedError"):
            await Mail(SmtpServer("127.0.0.1", 9, tls=False), FROM, TO).tell(MESSAGE)
        with pytest.raises(ChannelFault, match="ConnectError"):
            await Webhook("http://127.0.0.1:9/").tell(MESSAGE)

    asyncio.run(scenario())


# --- TLS


def certificate(directory: Path) -> ssl.SSLContext:
    """A server's, for 127.0.0.1, signed by itself; `directory`/cert.pem is to be trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


def test_a_password_is_sent_once_tls_is_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))

    async def scenario() -> None:
        async with mail_server(tls=tls) as server:
            to = SmtpServer("127.0.0.1", server.port, tls=False, user="onesms", password="p@ss word")
            await Mail(to, FROM, TO).tell(MESSAGE)
        assert server.encrypted == [True]
        assert server.logins == [("onesms", "p@ss word")]

    asyncio.run(scenario())


def test_a_certificate_nobody_vouches_for_is_a_fault(tmp_path: Path) -> None:
    tls = certificate(tmp_path)

    async def scenario() -> None:
        async with mail_server(tls=tls) as server:
            to = SmtpServer("127.0.0.1", server.port, tls=False, user="onesms", password="p")
            with pytest.raises(ChannelFault, match="SSLCertVerificationError"):
                await Mail(to, FROM, TO).tell(MESSAGE)
        assert server.logins == []

    asyncio.run(scenario())


# --- settings


def settings(**given: str) -> AlertSettings:
    return AlertSettings.model_validate(given)


def test_channels_are_what_is_configured() -> None:
    mail = {"alert_email_to": "a@b.c, d@e.f", "alert_email_from": "g@h.i", "smtp_url": "smtp://host"}
    assert [channel.name for channel in open_channels(settings())] == []
    assert [channel.name for channel in open_channels(settings(alert_webhook_url="https://x/y"))] == ["webhook"]
    both = open_channels(settings(alert_webhook_url="https://x/y", **mail))
    assert [channel.name for channel in both] == ["webhook", "email"]


@pytest.mark.parametrize(
    "given",
    [
        {"alert_webhook_url": "ftp://hush"},
        {"smtp_url": "smtp://hush"},
        {"alert_email_to": "a@b.c", "alert_email_from": "hush", "smtp_url": "smtp://host"},
        {"alert_email_to": "a@b.c\r\nBcc: hush@x.y", "alert_email_from": "a@b.c", "smtp_url": "smtp://host"},
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        settings(**given)
    faults = refused.value.errors(include_input=False)  # type: ignore[attr-defined]
    assert not any("hush" in fault["msg"] for fault in faults)


def test_the_command_tries_every_channel(capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> tuple[int, int, int]:
        async with hook() as (url, got), mail_server() as server:
            smtp = {"alert_email_to": TO[0], "alert_email_from": FROM, "smtp_url": f"smtp://127.0.0.1:{server.port}"}
            well = await try_channels(settings(alert_webhook_url=url, **smtp))
            assert (len(got), len(server.mails)) == (1, 1)
            half = await try_channels(settings(alert_webhook_url="http://127.0.0.1:9/hush", **smtp))
            assert len(server.mails) == 2
            return well, half, await try_channels(settings())

    assert asyncio.run(scenario()) == (0, 1, 1)
    told = capsys.readouterr().out
    assert told.splitlines()[:4] == [
        "webhook: told",
        "email: told",
        "webhook: ConnectError (http://127.0.0.1:9)",
        "email: told",
    ]
    assert "hush" not in told
