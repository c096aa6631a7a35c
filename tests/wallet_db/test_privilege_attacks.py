"""What a stolen login tries: names of its own before ours, other roles, our functions and triggers themselves.

The login is a member of one role, or of all the services'. For the names it has a schema of its own besides, which is
more than any is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import asyncpg
import pytest

from tests.wallet_db.logins import connected, login, name_of
from tests.wallet_db.support import call, new_user, order, run, wallet
from wallet_db.connect import Pool, pool
from wallet_db.errors import InsufficientFunds, UnknownHold
from wallet_db.roles import GATEWAY, OPERATOR, POLLERS, ROLES, USER, WALLET

# What our functions call and read, each in a better fitting or an earlier form. Whoever comes to one of them says so.
OVERLOADS = (
    "format(text, text)", "format(text, text, text)", "format(text, uuid)", "length(text)", "now()",
    "round(numeric, integer)", "pg_notify(text, text)", "current_setting(text)", "quote_nullable(text)",
    "lock_user_wallet(uuid)", "check_amount(numeric)", "check_key(text, text)", "acting(text)",
    "ring_doorbell(uuid, bigint, text, jsonb)", "append_event(uuid, text, jsonb)", "refuse_freeze(uuid, numeric, text)",
    "iso_utc(timestamptz)", "refuse_mismatch(text, text)",
)  # fmt: skip
SHADOWED = ("users", "wallet_holds", "balance_operations", "events", "activations", "settings", "services")


@dataclass(frozen=True)
class Trap:
    """A login with a schema `mine` full of traps."""

    url: str

    async def arm(self, connection: asyncpg.Connection) -> None:  # type: ignore[type-arg]
        """All of it in front of everything else, temporary tables first of all."""
        await connection.execute(
            "set search_path = pg_temp, mine, pg_catalog, public;"
            + "".join(f"create temp table {table} (like public.{table});" for table in SHADOWED)
        )


@pytest.fixture
def trap(database_url: str) -> Iterator[Trap]:
    with login(database_url, GATEWAY, POLLERS, OPERATOR, WALLET) as url:
        name = name_of(url)
        body = "language plpgsql as $$ begin raise exception 'trapped %', current_user; end $$"
        traps = "".join(f"create function mine.{signature} returns text {body};" for signature in OVERLOADS)
        traps += f"create function mine.plus(numeric, numeric) returns numeric {body};"
        traps += f"create function mine.equal(uuid, uuid) returns boolean {body};"
        traps += "create operator mine.+ (leftarg = numeric, rightarg = numeric, function = mine.plus);"
        traps += "create operator mine.= (leftarg = uuid, rightarg = uuid, function = mine.equal);"
        traps += "".join(f"create table mine.{table} (like public.{table});" for table in SHADOWED)

        async def lay(db: Pool) -> None:
            await db.execute(f"create schema mine authorization {name}; grant {GATEWAY}, {USER} to {name}")
            await db.execute(f"grant select on all tables in schema public to {name}")

        run(database_url, lay)

        async def arm(_: Pool) -> None:
            async with connected(url) as connection:
                await connection.execute(traps)

        run(url, arm)
        yield Trap(url)


def test_functions_find_our_names_whatever_the_caller_puts_in_front(database_url: str, trap: Trap) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00")
        async with connected(trap.url) as connection:
            await trap.arm(connection)
            for statement in (
                "select format('%s', 'x')",
                "select 1.0 + 1.0",
                "select acting('x')",
            ):  # the traps do bite
                with pytest.raises(asyncpg.RaiseError, match="trapped"):
                    await connection.fetchval(statement)

            async def ours(function: str, **arguments: object) -> object:
                return await call(connection, f"public.{function}", p_user_id=user, **arguments)

            await ours("atomic_freeze", p_amount=Decimal(5), p_transaction_id="a")
            await ours("atomic_freeze", p_amount=Decimal(5), p_transaction_id="a")
            await ours("atomic_refund", p_amount=Decimal(2), p_transaction_id="a")
            await ours("atomic_deposit", p_amount=Decimal(3), p_transaction_id="b")
            await ours("atomic_adjust", p_amount=Decimal(-1), p_transaction_id="c", p_reason="counted again")
            await ours("create_activation", p_service="wa", p_country="6")
            with pytest.raises(InsufficientFunds):
                await ours("atomic_freeze", p_amount=Decimal(500), p_transaction_id="d")
            with pytest.raises(UnknownHold):
                await ours("atomic_commit", p_transaction_id="e")
            assert (
                await connection.fetchval("select public.correct_frozen_balance($1) ->> 'corrected'", user) == "false"
            )
            assert await connection.fetchval("select count(*) from public.claim_activations(10, '1 minute')") == 1
            for table in SHADOWED:
                for schema in ("pg_temp", "mine"):
                    assert await connection.fetch(f"table {schema}.{table}") == []
        assert await wallet(db, user) == ("35.00", "5.00", "30.00")

    run(database_url, scenario)


ESCALATIONS = (
    "set role postgres",
    "set role {owner}",
    "set session authorization {owner}",
    "grant {owner} to current_user",
    "grant onesms_operator to current_user with admin option",
    "alter role onesms_gateway superuser",
    "alter role current_user createrole",
    "create role other login",
    "create schema mine",
    "create table public.mine (x int)",
    "create function public.format(text, text) returns text language sql return 'mine'",
    "create view public.mine as select 1",
    "create or replace function acting(p_actor text default null) returns text language sql return 'somebody else'",
    "alter function atomic_freeze reset search_path",
    "alter function atomic_freeze security invoker",
    "alter function atomic_deposit owner to current_user",
    "grant execute on function atomic_adjust to public",
    "drop function check_amount",
    "alter table users disable trigger all",
    "alter table users disable trigger users_change_by_operation",
    "drop trigger balance_operations_append_only on balance_operations",
    "create trigger mine before update on users for each row execute function refuse_rewriting()",
    "alter table users disable row level security",
    "drop policy users_see_their_own on users",
    "create policy mine on users using (true)",
    "alter table balance_operations owner to current_user",
    "grant update on balance_operations to current_user",
    "alter table users drop constraint users_frozen_not_negative",
    "set session_replication_role = replica",
    "set local session_replication_role = replica",
    "alter system set session_replication_role = replica",
    "copy users to program 'true'",
    "copy (select 1) to '/tmp/onesms'",
    "select pg_read_file('/etc/passwd')",
    "do $$ begin lock table users in access exclusive mode; end $$",
    "vacuum full users",
)


@pytest.mark.parametrize("role", ROLES)
def test_a_login_does_not_become_more_than_its_role(database_url: str, role: str) -> None:
    others = [f"set role {other}" for other in ROLES if other != role]

    async def scenario(db: Pool) -> None:
        owner = await db.fetchval("select relowner::regrole::text from pg_class where oid = 'users'::regclass")
        for given in (None, role):
            async with connected(url, given) as connection:
                for statement in [each.format(owner=owner) for each in ESCALATIONS] + others:
                    try:
                        answer = await connection.execute(statement)
                    except asyncpg.InsufficientPrivilegeError:
                        continue
                    # Some are not refused but pass it by, with a warning.
                    assert statement.startswith(("grant", "vacuum")), f"{statement}: {answer}"
                assert await connection.fetchval("select current_user::text") == (given or name_of(url))
        assert await db.fetchval("select count(*) from pg_auth_members where member = $1::regrole", name_of(url)) == 1

    with login(database_url, role) as url:
        run(database_url, scenario)


def test_who_acts_is_written_down_and_not_claimed(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "0")
        async with pool(url, "test") as theirs:
            for number, actor in enumerate(("postgres", "onesms_operator:root", None)):
                await call(
                    theirs, "atomic_deposit", p_user_id=user, p_amount=1, p_transaction_id=f"{user}{number}",
                    p_actor=actor,
                )  # fmt: skip
        name = name_of(url)
        actors = await db.fetch("select actor from balance_operations where user_id = $1 order by number", user)
        assert [actor for (actor,) in actors] == [f"{name}:postgres", f"{name}:onesms_operator:root", name]

    with login(database_url, WALLET) as url:
        run(database_url, scenario)


def test_a_gateway_cannot_order_for_nothing(database_url: str) -> None:
    """The rows behind an order are the functions' own: neither a price nor a hold can be written past them."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db, "5.00")
        await order(db, user)
        async with pool(url, "test", role=GATEWAY) as gateway:
            for statement in (
                "update activations set status = 'pending', phone = '1'",
                "update wallet_holds set state = 'refunded'",
                "update services set price = 0.01",
                "update settings set value = '0'",
                "insert into users (id, name, balance) values (gen_random_uuid(), 'rich', 100)",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await gateway.execute(statement)
            with pytest.raises(InsufficientFunds):
                await call(gateway, "create_activation", p_user_id=user, p_service="wa", p_country="6")
        assert await wallet(db, user) == ("5.00", "5.00", "0.00")

    with login(database_url, GATEWAY) as url:
        run(database_url, scenario)
