"""Why a connection ends: one table, from which the gateway, the clients and the documentation are checked.

4000-4499: reconnect, with the cursor. 4500-4999: do not, until something has changed. WebSocket closes with the code;
SSE says it in a last event `close`; long-poll answers the matching HTTP status. Codes below 4000 are RFC 6455's.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CloseCode:
    """One way to end."""

    code: int
    name: str
    client_should: str

    @property
    def reconnect(self) -> bool:
        """Whether the client may come back with the same token."""
        return self.code < 4500


INTERNAL_ERROR = CloseCode(1011, "internal_error", "reconnect with the cursor")
SERVICE_RESTART = CloseCode(1012, "service_restart", "reconnect with the cursor after a short random delay")
SLOW_CONSUMER = CloseCode(4000, "slow_consumer", "reconnect with the cursor; what was not sent is replayed")
STREAM_RESET = CloseCode(4001, "stream_reset", "reconnect; the answer is a fresh snapshot")
SILENT = CloseCode(4002, "silent", "reconnect with the cursor; nothing was heard for two heartbeats")
TOO_MANY_CONNECTIONS = CloseCode(
    4003, "too_many_connections", "close others, or reconnect with the cursor after half a minute"
)
TOO_MANY_MESSAGES = CloseCode(4004, "too_many_messages", "reconnect with the cursor, and send less")
UNAUTHORIZED = CloseCode(4500, "unauthorized", "get a token, then reconnect with the cursor")
TOKEN_EXPIRED = CloseCode(4501, "token_expired", "get a new token, then reconnect with the cursor")
FOREIGN_ORIGIN = CloseCode(
    4502, "foreign_origin", "connect from the gateway's own origin, or send a token, not a cookie"
)
TOKEN_REVOKED = CloseCode(4503, "token_revoked", "get a new token, then reconnect with the cursor")

CLOSE_CODES = (
    INTERNAL_ERROR,
    SERVICE_RESTART,
    SLOW_CONSUMER,
    STREAM_RESET,
    SILENT,
    TOO_MANY_CONNECTIONS,
    TOO_MANY_MESSAGES,
    UNAUTHORIZED,
    TOKEN_EXPIRED,
    FOREIGN_ORIGIN,
    TOKEN_REVOKED,
)

BY_ERROR_CODE = {
    "TICKET_INVALID": UNAUTHORIZED,
    "TOKEN_MISSING": UNAUTHORIZED,
    "TOKEN_INVALID": UNAUTHORIZED,
    "TOKEN_EXPIRED": TOKEN_EXPIRED,
    "TOKEN_REVOKED": TOKEN_REVOKED,
    "FOREIGN_ORIGIN": FOREIGN_ORIGIN,
    "TOO_MANY_CONNECTIONS": TOO_MANY_CONNECTIONS,
}
