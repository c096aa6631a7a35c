"""Answers kept by Idempotency-Key, as rows: who begins a request carries it out, who repeats it is given its answer.

A row is begun before the request is carried out and ended with its answer, not in the transaction of its effect: one
that was cut off in between is begun again after `LEASE`. So this is for requests that may be carried out twice without
harm; what moves money has keys of its own, in that transaction. Rows go after `KEPT`, and a user's oldest before that.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

from wallet_db.connect import Pool
from wallet_db.errors import refusals

KEPT = timedelta(days=1)
LEASE = timedelta(minutes=2)
"""Longer than any request takes, waiting for a provider included."""
OF_A_USER_MAX = 1_000

# What is old goes as new rows come, so nobody has to be told to look.
BEGIN = """
with old as (
    delete from kept_answers
     where (user_id, key) in (select user_id, key from kept_answers where begun_at < now() - $5::interval
                               order by begun_at limit 10 for update skip locked)
       and (user_id, key) <> ($1, $2)
), too_many as (
    delete from kept_answers
     where user_id = $1 and key <> $2 and begun_at <= (select begun_at from kept_answers where user_id = $1
                                                       order by begun_at desc offset $7::int - 1 limit 1)
)
insert into kept_answers (user_id, key, path, digest, begun_at) values ($1, $2, $3, $4, clock_timestamp())
on conflict (user_id, key) do update
   set path = excluded.path, digest = excluded.digest, begun_at = excluded.begun_at, status = null, body = null
 where kept_answers.begun_at < now() - $5::interval
    or kept_answers.status is null and kept_answers.begun_at < now() - $6::interval
returning begun_at
"""


class Begun(NamedTuple):
    """The caller carries the request out, and ends the row with `keep_answer` or `forget_answer`."""

    user_id: UUID
    key: str
    at: datetime
    """Tells this beginning from a later one."""


class Kept(NamedTuple):
    """It was carried out before."""

    status: int
    body: bytes


Refused: TypeAlias = Literal["path", "body", "under way"]
"""What differs from the request that the key was used with; or the same is being carried out."""


async def begin_answer(pool: Pool, user_id: UUID, key: str, path: str, digest: bytes) -> Begun | Kept | Refused:
    """Begin the request, unless it was begun. digest: of all that it says besides its path."""
    with refusals():
        at = await pool.fetchval(BEGIN, user_id, key, path, digest, KEPT, LEASE, OF_A_USER_MAX)
        if at is not None:
            return Begun(user_id, key, at)
        row = await pool.fetchrow(
            "select path, digest, status, body from kept_answers where user_id = $1 and key = $2", user_id, key
        )
    if row is None:
        return "under way"  # it was refused just now, and forgotten
    if row["path"] != path:
        return "path"
    if row["digest"] != digest:
        return "body"
    return "under way" if row["status"] is None else Kept(row["status"], row["body"] or b"")


async def keep_answer(pool: Pool, begun: Begun, status: int, body: bytes) -> None:
    """It was carried out, and this is the answer."""
    await pool.execute(
        "update kept_answers set status = $4, body = $5 where (user_id, key, begun_at) = ($1, $2, $3)",
        *begun,
        status,
        body,
    )


async def forget_answer(pool: Pool, begun: Begun) -> None:
    """It was refused, and nothing was done: the key is free."""
    await pool.execute("delete from kept_answers where (user_id, key, begun_at) = ($1, $2, $3)", *begun)
