"""A mail server that keeps what it is given: as much of SMTP (RFC 5321) as a client needs, over real sockets."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default


@dataclass
class MailServer:
    """port; what came: each mail with its envelope, whether TLS was on, and who had logged in."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    refuse: bytes = b""
    """Answered to MAIL, if not empty."""
    mails: list[tuple[str, list[str], Message | EmailMessage]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients, secure = "", [], False
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().strip():
            command, _, rest = line.partition(" ")
            answer = b"250 ok\r\n"
            match command.upper():
                case "EHLO":
                    offered = b"250-STARTTLS\r\n" if self.tls and not secure else b""
                    answer = b"250-here\r\n" + offered + b"250 AUTH PLAIN\r\n"
                case "STARTTLS" if self.tls is not None:
                    writer.write(b"220 go on\r\n")
                    await writer.start_tls(self.tls)
                    secure, answer = True, b""
                case "AUTH":
                    _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
                    self.logins.append((user, password))
                    answer = b"235 welcome\r\n"
                case "MAIL":
                    sender, recipients = rest.split("<")[1].split(">")[0], []
                    answer = self.refuse or answer
                case "RCPT":
                    recipients.append(rest.split("<")[1].split(">")[0])
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    content = await reader.readuntil(b"\r\n.\r\n")
                    self.mails.append((sender, recipients, message_from_bytes(content[:-5], policy=default)))
                    self.encrypted.append(secure)
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
            writer.write(answer)
            await writer.drain()


@asynccontextmanager
async def mail_server(*, tls: ssl.SSLContext | None = None, refuse: bytes = b"") -> AsyncIterator[MailServer]:
    """One on a port of its own."""
    mail = MailServer(tls=tls, refuse=refuse)
    server = await asyncio.start_server(mail.talk, "127.0.0.1", 0)
    async with server:
        mail.port = server.sockets[0].getsockname()[1]
        yield mail
