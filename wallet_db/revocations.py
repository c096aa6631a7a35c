"""Revoked tokens: one, by its id, or all that a user was given before a moment. Locks and refusals: `revoke_tokens`.

The rows are the truth; the NOTIFY on `CHANNEL` says only that there may be new ones. A reader reads on from the oldest
transaction that was open at its last reading, so a row that commits late is seen too, and most readings find none.
A token's id is its `jti`, or what `token_id_of` makes of it. The command: `python -m wallet_db revoke`.
"""

import argparse
import base64
import hashlib
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import orjson

from wallet_db.connect import Connection, Pool, connect
from wallet_db.errors import WalletError, refusals

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it

CHANNEL = "onesms_revocations"
TOKEN_ID_CHARS_MAX = 200
BEGINNING = "0"
"""The horizon of a reader that has read nothing yet."""


class Revocation(NamedTuple):
    """One row: of a user or of a token."""

    user_id: UUID | None
    token_id: str | None
    at: float
    """Seconds since the epoch, by the database's clock."""


def token_id(jti: object, token: str) -> str:
    """The id of a signed token whose claim `jti` is this: that, or without a usable one a digest of what was signed.

    Not of the whole token: a signature can be written in several ways, and each would be another id.
    """
    if isinstance(jti, str) and 0 < len(jti) <= TOKEN_ID_CHARS_MAX and jti.isprintable():
        return jti
    return "sha256:" + hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()


def token_id_of(token: str) -> str:
    """The id of a token of which only the text is known; it is not verified. Raises ValueError if it is no JWT."""
    try:
        _, payload, _ = token.encode("ascii").split(b".")
        claims = orjson.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        return token_id(claims.get("jti"), token)
    except (ValueError, AttributeError):
        raise ValueError("expected a JWT: three parts with dots between them, the second a JSON object") from None


async def revoke_user(connection: Connection | Pool, user_id: UUID, actor: str | None = None) -> Revocation:
    """Revoke what the user was given before now."""
    at: datetime = await connection.fetchval("select revoke_tokens(p_user_id => $1, p_actor => $2)", user_id, actor)
    return Revocation(user_id, None, at.timestamp())


async def revoke_token(connection: Connection | Pool, token_id: str, actor: str | None = None) -> Revocation:
    """Revoke one token. Raises InvalidArgument."""
    with refusals():
        at: datetime = await connection.fetchval(
            "select revoke_tokens(p_token_id => $1, p_actor => $2)", token_id, actor
        )
    return Revocation(None, token_id, at.timestamp())


async def read_revocations(connection: Connection | Pool, horizon: str = BEGINNING) -> tuple[list[Revocation], str]:
    """What was revoked since the reading that returned this horizon (some of it again), and the next one's horizon."""
    rows = await connection.fetch(
        "select h.horizon::text, r.user_id, r.token_id, extract(epoch from r.at)::float8 as at"
        "  from (select pg_snapshot_xmin(pg_current_snapshot()) as horizon) h"
        "  left join revocations r on r.xid >= $1::text::xid8",
        horizon,
    )
    found = [Revocation(row["user_id"], row["token_id"], row["at"]) for row in rows if row["at"] is not None]
    return found, rows[0]["horizon"]


async def forget_revocations(connection: Connection | Pool, lifetime: timedelta) -> int:
    """Delete what concerns no token any more, if none lives longer; how many rows."""
    forgotten: int = await connection.fetchval("select forget_revocations($1)", lifetime)
    return forgotten


def add_parser(commands: "Commands") -> None:
    """The command and its options."""
    parser = commands.add_parser("revoke", help="make tokens count no more, also for connections that are open")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--user", type=UUID, metavar="UUID", help="all that this user was given before now")
    which.add_argument("--token-id", metavar="ID", help="the token with this jti")
    which.add_argument("--token", action="store_true", help="the token on standard input, which others do not see")
    parser.set_defaults(run=run)


async def run(url: str, arguments: argparse.Namespace) -> int:
    """Revoke; the exit status: 0 done, 1 refused."""
    try:
        wanted = token_id_of(_first_line(sys.stdin)) if arguments.token else arguments.token_id
        connection = await connect(url, "revoke")
        try:
            if arguments.user is not None:
                await revoke_user(connection, arguments.user)
            else:
                await revoke_token(connection, wanted)
        finally:
            await connection.close()
    except (ValueError, WalletError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the answer
        return 1
    print(f"revoked: {f'the tokens of user {arguments.user} until now' if arguments.user else f'token {wanted}'}")  # noqa: T201
    return 0


def _first_line(lines: Iterable[str]) -> str:
    return next(iter(lines), "").strip()
