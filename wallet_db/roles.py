"""The database roles our processes act as, and making sure that they exist.

They are groups without a login of their own: whoever logs in is granted those it may act as, and takes one of them for
each connection (`wallet_db.connect`). What a role may do is written in `sql/privileges/`. Roles belong to the server,
not to one of its databases, so another database may have made them before, or be making them now.
"""

from contextlib import suppress

import asyncpg

from wallet_db.connect import Connection

GATEWAY = "onesms_gateway"
POLLERS = "onesms_pollers"
NOTIFIER = "onesms_notifier"
OPERATOR = "onesms_operator"
WALLET = "onesms_wallet"
"""A service outside of these processes that moves money, such as a payment system."""
USER = "onesms_user"
"""A layer that lets users read the database by themselves: each sees what is theirs."""

ROLES = (GATEWAY, POLLERS, NOTIFIER, OPERATOR, WALLET, USER)


async def make_roles(connection: Connection) -> list[str]:
    """Create those that do not exist and let whoever is connected act as each; returns those that are still lacking.

    Both may be refused. A lacking role stops a migration; not being a member only matters to who wants to act as one.
    """
    for role in await _lacking(connection):
        with suppress(asyncpg.InsufficientPrivilegeError, asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            await connection.execute(f"create role {role} nologin")
    if lacking := await _lacking(connection):
        return lacking
    # Since 16 whoever creates a role administers it, and grants itself the rest: to act as it, not to inherit it.
    by_option = connection.get_server_version().major >= 16
    rows = await connection.fetch(
        "select name from unnest($1::text[]) as role (name) where not pg_has_role(session_user, name, $2)",
        ROLES,
        "SET" if by_option else "MEMBER",
    )
    for (role,) in rows:
        # Another database's migration may be granting the same to the same: then one of the two fails, either way.
        with suppress(asyncpg.InsufficientPrivilegeError, asyncpg.UniqueViolationError, asyncpg.InternalServerError):
            await connection.execute(
                f"grant {role} to session_user" + (" with set true, inherit false" if by_option else "")
            )
    return []


async def _lacking(connection: Connection) -> list[str]:
    rows = await connection.fetch(
        "select name from unnest($1::text[]) with ordinality as role (name, place)"
        " where name not in (select rolname from pg_roles) order by place",
        ROLES,
    )
    return [name for (name,) in rows]
