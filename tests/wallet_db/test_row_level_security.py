"""Rows of one user: what onesms_user sees is the claimed user's, and without a claim nothing, without a word why."""

from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from tests.wallet_db.card_life import active, sell_cards
from tests.wallet_db.logins import connected, login, name_of
from tests.wallet_db.support import apply_sms, new_user, pending_order, run
from wallet_db.card_jobs import record_transactions
from wallet_db.connect import Connection, Pool
from wallet_db.roles import GATEWAY, OPERATOR, USER, WALLET

NO_USERS_BUSINESS = (
    "acknowledged_breaks",
    "card_customers",
    "card_documents",
    "card_reveals",
    "card_rule_hits",
    "kept_answers",
    "presence",
    "redactions",
    "revocations",
    "tickets",
)
"""The user's role may not read them at all: `test_privileges.py`."""
OWN = {
    "users": "id",
    "activations": "user_id",
    "rentals": "user_id",
    "sms_messages": "user_id",
    "wallet_holds": "user_id",
    "balance_operations": "user_id",
    "events": "user_id",
    "receipts": "user_id",
    "cards": "user_id",
    "card_fundings": "user_id",
    "card_transactions": "user_id",
}

NOTHING: dict[str, set[UUID]] = {table: set() for table in OWN}

CLAIMED_NOBODY = {
    "unset": None,
    "empty": "",
    "not JSON": "{",
    "no object": '["sub"]',
    "a string": '"sub"',
    "no sub": '{"role": "onesms_user"}',
    "null": '{"sub": null}',
    "no id": '{"sub": "root"}',
    "a number": '{"sub": 1}',
    "an object": '{"sub": {"sub": 1}}',
    "a NUL": '{"sub": "\\u0000"}',
    "half a surrogate": '{"sub": "\\ud800"}',
    "too deep": "[" * 100_000,
    "an injection": """{"sub": "' or true --"}""",
    "an unknown user": orjson.dumps({"sub": str(uuid4())}).decode(),
}


async def claim(connection: Connection, claims: str | None, user_id: str | None = None) -> None:
    """As a layer in front does at the beginning of its transaction."""
    for setting, value in (("request.jwt.claims", claims), ("onesms.user_id", user_id)):
        if value is not None:
            await connection.execute("select set_config($1, $2, false)", setting, value)


async def seen(connection: Connection) -> dict[str, set[UUID]]:
    """By table: whose rows there are."""
    found = {}
    for table, column in OWN.items():
        rows = await connection.fetch(f"select {column} from {table}")  # noqa: S608 - both are above
        found[table] = {row[0] for row in rows}
    return found


async def user_with_everything(db: Pool) -> UUID:
    """A row of theirs in every table."""
    user = await new_user(db, "36.00")
    await apply_sms(db, await pending_order(db, user))
    await pending_order(db, user)
    await db.execute("insert into receipts (user_id, seq, transport) values ($1, 1, 'ws')", user)
    await db.execute(
        "insert into rentals (user_id, service, country, status, hours, price, frozen_amount, closed_at, due_at)"
        " values ($1, 'whatsapp', 'indonesia', 'failed', 1, 5, 0, now(), null)",
        user,
    )
    await sell_cards(db)
    card = await active(db, user)
    await record_transactions(db, card, [{"id": "t", "usd": "-1", "status": "success"}])
    return user


def test_a_user_sees_their_rows_in_every_table_and_nobody_elses(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        users = [await user_with_everything(db) for _ in range(2)]
        for user in users:
            for claims, user_id in ((f'{{"sub": "{user}"}}', None), (None, str(user)), (f'{{"sub": "{user}"}}', "x")):
                async with connected(url, USER) as connection:
                    await claim(connection, claims, user_id)
                    assert await seen(connection) == {table: {user} for table in OWN}

    with login(database_url, USER) as url:
        run(database_url, scenario)


def test_every_table_with_a_users_rows_is_guarded(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        tables = await db.fetch(
            "select c.relname::text, c.relrowsecurity, c.relforcerowsecurity from pg_class c"
            " where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and (c.relname = 'users' or exists"
            " (select from pg_attribute where attrelid = c.oid and attname = 'user_id'))"
        )
        # Not forced: the owner, and so every SECURITY DEFINER function, is spared the policies.
        guarded = {(name, True, False) for name in OWN}
        assert {tuple(row) for row in tables} == guarded | {(name, False, False) for name in NO_USERS_BUSINESS}

    run(database_url, scenario)


@pytest.mark.parametrize("case", CLAIMED_NOBODY)
def test_a_claim_of_nobody_sees_nothing_and_no_error(shared_url: str, case: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await user_with_everything(db)
        async with connected(shared_url, USER) as connection:
            if CLAIMED_NOBODY[case]:
                await claim(connection, CLAIMED_NOBODY[case], str(user))  # which does not count then
            elif CLAIMED_NOBODY[case] is not None:
                await claim(connection, "", "")
            assert await seen(connection) == NOTHING

    run(shared_url, scenario)


@pytest.mark.parametrize("user_id", ["", "root", "0", "{}", "00000000-0000-0000-0000-00000000000g"])
def test_a_setting_that_names_nobody_sees_nothing_and_no_error(shared_url: str, user_id: str) -> None:
    async def scenario(db: Pool) -> None:
        await user_with_everything(db)
        async with connected(shared_url, USER) as connection:
            await claim(connection, None, user_id)
            assert await seen(connection) == NOTHING

    run(shared_url, scenario)


def test_a_condition_with_side_effects_is_not_shown_other_peoples_rows(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await new_user(db, "36.00")
        mine = await new_user(db, "5.00")
        async with connected(database_url, USER) as connection:
            await claim(connection, f'{{"sub": "{mine}"}}')
            count = "select count(*) from users where 1 / (balance - 36) < 0"
            assert await connection.fetchval(count) == 1
        with pytest.raises(asyncpg.DivisionByZeroError):  # who sees the other row as well meets it
            await db.fetchval(count)

    run(database_url, scenario)


def test_a_user_moves_no_money_and_reads_no_costs(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await user_with_everything(db)
        async with connected(database_url, USER) as connection:
            await claim(connection, f'{{"sub": "{user}"}}')
            for statement in (
                f"select atomic_deposit('{user}', 5, 'mine')",
                f"select atomic_refund('{user}', p_transaction_id => 'mine')",
                f"select create_activation('{user}', 'wa', '6')",
                f"select request_cancel('{user}', gen_random_uuid())",
                f"select lock_user_wallet('{user}')",
                "select id from users for update",
                "select provider_cost from activations",
                "select provider_order_id from activations",
                "select * from activations",
                "select actor from balance_operations",
                "select last4_sealed from cards",
                "select provider_card_id from cards",
                "select details from card_customers",
                "select sealed from card_documents",
                "select diff from strowallet_card_audit",
                "select value from settings",
                "select data from system_logs",
                "select user_id from v_frozen_balance_health",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
            assert await connection.fetchval("select wallet_json(u) from users u") is not None
            assert await connection.fetchval("select sms_json(id, null) from activations limit 1") is not None

    run(database_url, scenario)


def test_services_see_all_whatever_is_claimed_and_strangers_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        users = {await user_with_everything(db) for _ in range(2)}
        for role in (GATEWAY, OPERATOR, WALLET):
            async with connected(database_url, role) as connection:
                await claim(connection, f'{{"sub": "{next(iter(users))}"}}')
                assert users < {row[0] for row in await connection.fetch("select id from users")}
        stranger = name_of(url)
        await db.execute(f"grant select on users to {stranger}")
        async with connected(url) as connection:
            assert await connection.fetch("select id from users") == []

    with login(database_url) as url:
        run(database_url, scenario)


def test_the_claim_is_read_once_a_statement_and_services_have_no_filter(database_url: str) -> None:
    async def plan(role: str) -> str:
        async with connected(database_url, role) as connection:
            rows = await connection.fetch("explain select id from users where id = gen_random_uuid()")
            return "\n".join(row[0] for row in rows)

    async def scenario(_: Pool) -> None:
        assert "InitPlan" in await plan(USER)
        for role in (GATEWAY, OPERATOR, WALLET):
            assert "claimed" not in await plan(role)
            assert "InitPlan" not in await plan(role)

    run(database_url, scenario)
