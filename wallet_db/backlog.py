"""What there is to do for the pollers, as figures. Effects: the SQL function of the same name."""

from dataclasses import dataclass

from wallet_db.connect import Pool


@dataclass(frozen=True, slots=True)
class Backlog:
    """Open orders of a kind (activation, rental) in a status; how many are due, and for how long the longest has been.

    due: claimed ones are not counted, they are under way.
    """

    kind: str
    status: str
    open: int
    due: int
    oldest_due_s: float


async def read_backlog(pool: Pool) -> list[Backlog]:
    """One row for each kind and status with open orders."""
    return [Backlog(**row) for row in await pool.fetch("select * from read_backlog()")]
