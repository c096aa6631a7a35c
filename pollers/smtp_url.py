"""Where e-mail is handed over, and as whom: the setting SMTP_URL taken apart. Pure.

The credentials are kept out of every text that is made here, errors and representations.
"""

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

SUBMISSION_PORT, TLS_PORT = 587, 465
EXPECTED = "expected smtp://[user:password@]host[:port], or smtps://…"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """tls: from the first byte (smtps); else it begins when the server offers it (STARTTLS)."""

    host: str
    port: int
    tls: bool
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def may_be_plain(self) -> bool:
        """Whether to go on with a server that offers no STARTTLS: on this machine, or where no password is sent."""
        return self.user is None or _is_loopback(self.host)


def parse_smtp_url(text: str) -> SmtpServer:
    """Take SMTP_URL apart; credentials are percent-decoded. Raises ValueError, which does not quote it."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(EXPECTED) from None
    if parts.scheme not in ("smtp", "smtps") or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(EXPECTED)
    if (parts.username is None) != (parts.password is None):
        raise ValueError("expected a user and a password, or neither")
    tls = parts.scheme == "smtps"
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password is not None else None
    return SmtpServer(host, port or (TLS_PORT if tls else SUBMISSION_PORT), tls, user, password)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
