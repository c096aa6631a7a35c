"""Where NATS is, and as whom to come: the setting NATS_URL taken apart.

Pure. The credentials leave the addresses here, so that neither an error nor a log line of anybody who is given an
address can hold one. They are percent-decoded, as in every URL; NATS's own clients differ in that.
"""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

DEFAULT_PORT = 4222
EXPECTED = "expected nats://[user:password@|token@]host[:port], or tls://…, several separated by commas"


@dataclass(frozen=True, slots=True)
class NatsUrl:
    """Servers of one cluster, and one set of credentials for all of them."""

    servers: tuple[str, ...]
    """Addresses with scheme and port, without credentials."""
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return ",".join(self.servers)


def parse_nats_url(text: str) -> NatsUrl:
    """Take NATS_URL apart. Raises ValueError, which does not quote it: the text may hold a password."""
    try:
        parts = [urlsplit(part.strip()) for part in text.split(",")]
        servers = tuple(_address(part) for part in parts)
    except ValueError:
        raise ValueError(EXPECTED) from None
    credentials = {(part.username, part.password) for part in parts if part.username}
    if len(credentials) > 1:
        raise ValueError("expected the same credentials for all servers, got different ones")
    user, password = credentials.pop() if credentials else (None, None)
    if user is None:
        return NatsUrl(servers)
    if password is None:
        return NatsUrl(servers, token=unquote(user))
    return NatsUrl(servers, user=unquote(user), password=unquote(password))


def _address(part: SplitResult) -> str:
    if part.scheme not in ("nats", "tls") or not part.hostname or part.path.strip("/") or part.query or part.fragment:
        raise ValueError(EXPECTED)
    host = f"[{part.hostname}]" if ":" in part.hostname else part.hostname
    return f"{part.scheme}://{host}:{part.port or DEFAULT_PORT}"
