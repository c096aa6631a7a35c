"""What this process knows to be revoked. Pure: rows in, yes or no out.

It forgets nothing but what can concern no token any more, so a database that is away lets nobody back in. No token
lives longer than the bound, so a revocation older than it can go: at most one entry for each user and each token
revoked within that time is kept.
"""

from collections.abc import Iterable
from uuid import UUID

from gateway.auth.session import Session
from wallet_db.revocations import Revocation


class Revoked:
    """Users and tokens, with the moment each was revoked."""

    def __init__(self) -> None:
        self._users: dict[UUID, float] = {}
        self._tokens: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._users) + len(self._tokens)

    def learn(self, revocations: Iterable[Revocation]) -> bool:
        """Take these in; whether any was new."""
        before = len(self)
        later = False
        for user_id, token_id, at in revocations:
            if user_id is not None:
                later |= at > self._users.get(user_id, at)
                self._users[user_id] = max(at, self._users.get(user_id, at))
            elif token_id is not None:
                self._tokens[token_id] = at
        return later or len(self) > before

    def covers(self, session: Session) -> bool:
        """Whether the session counts no more: its token was revoked, or its user later than it was issued."""
        return session.token_id in self._tokens or session.issued_at < self._users.get(session.user_id, -1.0)

    def forget(self, before: float) -> None:
        """Let go of what was revoked before this moment."""
        self._users = {user_id: at for user_id, at in self._users.items() if at >= before}
        self._tokens = {token_id: at for token_id, at in self._tokens.items() if at >= before}
