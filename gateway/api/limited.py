"""Who a request counts for, and what its answer says of that: the shell around `rate_limits`.

This machine's own addresses count for no address, like its connections (`gateway.realtime.limits`): that is a proxy, or
somebody who could do worse. In the demo they count for no user either.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from starlette.types import Scope

from gateway.api.rate_limits import RateLimit, Standing, headers_of
from gateway.errors import ApiError
from gateway.headers import FURTHER
from gateway.realtime.limits import LOOPBACK, TrustedProxies
from gateway.realtime.realtime import peer_of
from gateway.settings import GatewaySettings

LARGE_BODIES_MAX = 8
RETRY_AFTER_S = 1
STANDINGS = "onesms.standings"
"""What was counted of a request, in its ASGI scope."""


class Limits:
    """The counts of one process."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._of_user = RateLimit("user", settings.api_requests_per_s_max)
        self._of_address = RateLimit("address", settings.api_requests_per_address_per_s_max)
        self._proxies = TrustedProxies.parse(settings.trusted_proxies)
        self._spares_loopback = settings.demo
        self._large_bodies = 0

    def count_address(self, scope: Scope) -> None:
        """One request of where it comes from. Raises ApiError TOO_MANY_REQUESTS."""
        address = self._proxies.client(*peer_of(scope))
        if address != LOOPBACK:
            _note(scope, self._of_address.take(address, time.monotonic()))

    def count_user(self, user_id: UUID, scope: Scope) -> None:
        """One request of this user. Raises ApiError TOO_MANY_REQUESTS."""
        if not (self._spares_loopback and self._proxies.client(*peer_of(scope)) == LOOPBACK):
            _note(scope, self._of_user.take(user_id, time.monotonic()))

    @contextmanager
    def large_body(self) -> Iterator[None]:
        """While a body of megabytes is read, as few at a time take memory. Raises ApiError BUSY."""
        if self._large_bodies >= LARGE_BODIES_MAX:
            raise ApiError("BUSY", f"{LARGE_BODIES_MAX} large bodies are being read", retry_after_s=RETRY_AFTER_S)
        self._large_bodies += 1
        try:
            yield
        finally:
            self._large_bodies -= 1


def _note(scope: Scope, standing: Standing | None) -> None:
    if standing is None:
        return
    standings = scope.setdefault(STANDINGS, [])
    standings.append(standing)
    scope[FURTHER].update(headers_of(standings))
    if standing.is_refused:
        raise ApiError(
            "TOO_MANY_REQUESTS",
            f"expected at most {standing.per_s} requests a second of one {standing.policy}",
            of=standing.policy,
            limit=standing.per_s,
            retry_after_s=standing.retry_after_s,
        )
