"""Users as the gateway meets them: whoever holds a valid token has a wallet, empty until it is topped up."""

from uuid import UUID

from wallet_db.connect import Pool
from wallet_db.errors import refusals

KNOWN_MAX = 100_000


class Users:
    """Makes sure of a user's row, asking the database once a user and process."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: set[UUID] = set()

    def forget(self, user_id: UUID) -> None:
        """The row is not there: the database has been restored from before it was."""
        self._known.discard(user_id)

    async def ensure(self, user_id: UUID) -> None:
        """The row exists afterwards. Raises `WalletBusy`."""
        if user_id in self._known:
            return
        with refusals():
            await self._pool.execute("insert into users (id) values ($1) on conflict (id) do nothing", user_id)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known.add(user_id)
