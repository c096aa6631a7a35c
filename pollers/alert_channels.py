"""The ways to tell operators: a webhook, and e-mail. Each tells one message or raises `ChannelFault`.

Addresses and passwords are in no error and no log line: what went wrong is said by its kind. Nothing here waits longer
than its timeouts; a webhook is not followed elsewhere, and of its answer only the status is read.
"""

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol

import httpx
import orjson

from pollers.alert_settings import AlertSettings
from pollers.alert_text import Message
from pollers.origins import origin_of
from pollers.smtp_url import SmtpServer, parse_smtp_url

WEBHOOK_S = 10.0
"""For all of it."""
SMTP_STEP_S = 5.0
"""For each step of the conversation: all of it is over before the job's lease is."""


class ChannelFault(Exception):
    """The message was not, or not surely, taken."""


class Channel(Protocol):
    """A way to tell. name: what the database keeps its state by; where: whom it tells it to, without secrets."""

    name: str
    where: str

    async def tell(self, message: Message) -> None:
        """Raises ChannelFault."""


class Webhook:
    """POSTs JSON: `text`, which common chat tools show, and each alert by its fields. Any 2xx is taken as told."""

    name = "webhook"

    def __init__(self, url: str) -> None:
        self._url = url
        self.where = origin_of(url)

    async def tell(self, message: Message) -> None:
        """One request, no second try: the job comes again."""
        headers = {"content-type": "application/json"}
        try:
            async with (
                asyncio.timeout(WEBHOOK_S),
                httpx.AsyncClient(follow_redirects=False) as client,
                client.stream("POST", self._url, content=orjson.dumps(message.body), headers=headers) as answer,
            ):
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise ChannelFault(type(error).__name__) from None
        if not 200 <= status < 300:
            raise ChannelFault(f"HTTP {status}")


class Mail:
    """Hands a plain text over to a mail server, which is to be the operator's own or their provider's."""

    name = "email"

    def __init__(self, server: SmtpServer, sender: str, recipients: Sequence[str]) -> None:
        self._server = server
        self.where = f"{server.host}:{server.port}"
        self._sender = sender
        self._recipients = tuple(recipients)

    async def tell(self, message: Message) -> None:
        """In a thread: the standard library's client waits as it works."""
        try:
            await asyncio.to_thread(self._send, self._mail(message))
        except smtplib.SMTPResponseException as error:
            raise ChannelFault(f"{type(error).__name__} {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelFault(type(error).__name__) from None

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail["From"] = self._sender
        mail["To"] = ", ".join(self._recipients)
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office notes, please
        mail.set_content(message.text)
        return mail

    def _send(self, mail: EmailMessage) -> None:
        server, trusted = self._server, ssl.create_default_context()
        connection = (
            smtplib.SMTP_SSL(server.host, server.port, timeout=SMTP_STEP_S, context=trusted)
            if server.tls
            else smtplib.SMTP(server.host, server.port, timeout=SMTP_STEP_S)
        )
        with connection:
            connection.ehlo()
            if not server.tls:
                if connection.has_extn("starttls"):
                    connection.starttls(context=trusted)
                    connection.ehlo()
                elif not server.may_be_plain:
                    raise smtplib.SMTPNotSupportedError("no STARTTLS, and a password to send")
            if server.user is not None and server.password is not None:
                connection.login(server.user, server.password)
            connection.send_message(mail)


def open_channels(settings: AlertSettings) -> list[Channel]:
    """Those that are configured."""
    channels: list[Channel] = []
    if settings.alert_webhook_url is not None:
        channels.append(Webhook(settings.alert_webhook_url.get_secret_value()))
    if settings.smtp_url is not None and settings.alert_email_from and settings.alert_email_to:
        recipients = [address.strip() for address in settings.alert_email_to.split(",")]
        server = parse_smtp_url(settings.smtp_url.get_secret_value())
        channels.append(Mail(server, settings.alert_email_from, recipients))
    return channels
