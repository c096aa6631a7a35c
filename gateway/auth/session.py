"""A session: what a valid token says."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Session:
    """One token's. Times are seconds since the epoch (RFC 7519 NumericDate)."""

    user_id: UUID
    role: str
    """`admin`, `service_role` or `user`."""
    expires_at: float
    issued_at: float = 0.0
    """0: the token does not say, and counts as old."""
    token_id: str = ""
    """See `wallet_db.revocations.token_id`."""
