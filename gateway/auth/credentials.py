"""Where a request's token is looked for: `Authorization: Bearer`, then `?access_token=`, then the cookie.

The query is for clients that cannot set a header; addresses are never logged here. A cookie is sent by the browser
whoever asked it to, so what came with it is kept to judge by: with a cookie the Origin must be ours. What comes twice,
where a proxy on the way and we might each believe another one, is believed not at all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs

COOKIE = "onesms_token"
ONCE = (b"authorization", b"origin", b"host")
TWICE = "Bearer twice"
"""Neither a token nor an origin."""


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
        if not self.from_cookie or self.origin is None:
            return False
        scheme, _, host = self.origin.partition("://")
        return not (host and host == self.host and scheme in ("http", "https"))


def credentials_of(headers: Iterable[tuple[bytes, bytes]], query: bytes) -> Credentials:
    """Find the token of a request: header, then query, then cookie. Names in `headers` are in lower case."""
    fields = [(name, value.decode("latin-1")) for name, value in headers]
    values = dict(fields)
    if len(values) < len(fields):
        values |= {name: TWICE for name in ONCE if sum(field == name for field, _ in fields) > 1}
    origin, host = values.get(b"origin"), values.get(b"host")
    scheme, _, token = values.get(b"authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return Credentials(token.strip(), False, origin, host)
    if b"access_token=" in query and (found := parse_qs(query.decode("latin-1")).get("access_token")):
        return Credentials(found[0] if len(found) == 1 else TWICE, False, origin, host)
    # Not http.cookies: there one odd cookie of somebody else's makes all after it vanish.
    for cookie in values.get(b"cookie", "").split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == COOKIE:
            return Credentials(value, True, origin, host)
    return Credentials(None, False, origin, host)
