"""Tokens verified lately: a poll comes with the same one every few seconds, and verifying costs more than answering it.

Remembered is a digest of the token and what it says, with the keys it was verified by: other keys, and it is verified
anew. Whether it has expired or been revoked is asked each time. Bounded; what was not used for longest goes first.
"""

import time
from collections import OrderedDict
from hashlib import sha256
from uuid import UUID

from gateway.auth.session import Session

TOKENS_MAX = 20_000
"""About 300 bytes each."""


class Verified:
    """Of one process."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[bytes, tuple[Session, object]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, token: str, keys: object) -> Session | None:
        """What the token says, if it was verified with these very keys and has not expired."""
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        session, verified_by = self._sessions.get(digest, (None, None))
        if session is None:
            return None
        if verified_by is not keys or session.expires_at <= time.time():
            del self._sessions[digest]
            return None
        self._sessions.move_to_end(digest)
        return session

    def of(self, user_id: UUID) -> list[Session]:
        """This user's that have not expired, the one used last at the end. It looks at all: for operators only."""
        now = time.time()
        return [each for each, _ in self._sessions.values() if each.user_id == user_id and each.expires_at > now]

    def remember(self, token: str, session: Session, keys: object) -> None:
        """It has just been verified with these keys."""
        self._sessions[sha256(token.encode("utf-8", "surrogatepass")).digest()] = session, keys
        if len(self._sessions) > TOKENS_MAX:
            self._sessions.popitem(last=False)
