"""Where a request's token is looked for: `Authorization: Bearer`, then `?access_token=`, then the cookie.

The query is for clients that cannot set a header; addresses are never logged here. A cookie is sent by the browser
whoever asked it to, so what came with it is kept to judge by: with a cookie the Origin must be ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs

COOKIE = "onesms_token"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token as it came, and what is needed to judge whether it may be used."""

    token: str | None
    from_cookie: bool
    origin: str | None
    host: str | None

    @property
    def foreign(self) -> bool:
        """A cookie that some other site's page made the browser send."""
        ours = self.origin is None or self.origin.partition("://")[2] == self.host
        return self.from_cookie and not ours


def credentials_of(headers: Iterable[tuple[bytes, bytes]], query: bytes) -> Credentials:
    """Find the token of a request: header, then query, then cookie. Names in `headers` are in lower case."""
    values = {name: value.decode("latin-1") for name, value in headers}
    origin, host = values.get(b"origin"), values.get(b"host")
    scheme, _, token = values.get(b"authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return Credentials(token.strip(), False, origin, host)
    if b"access_token=" in query and (found := parse_qs(query.decode("latin-1")).get("access_token")):
        return Credentials(found[0], False, origin, host)
    # Not http.cookies: there one odd cookie of somebody else's makes all after it vanish.
    for cookie in values.get(b"cookie", "").split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == COOKIE:
            return Credentials(value, True, origin, host)
    return Credentials(None, False, origin, host)
