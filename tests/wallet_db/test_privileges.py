"""Who may do what: every function, table and column against every role, as decided here and as the database has it.

The tables below are the decision. What is in the database and not in them fails, so nothing new is anybody's by chance.
"""

from collections import defaultdict
from collections.abc import Set as AbstractSet
from uuid import uuid4

import asyncpg
import pytest

from tests.system import JWT_SECRET, Process, free_port, wait_until_ready
from tests.wallet_db.logins import login
from tests.wallet_db.support import call, new_user, run
from wallet_db.connect import Pool, pool
from wallet_db.errors import AppendOnly, refusals
from wallet_db.migrate import MigrationError, migrate
from wallet_db.orders import create_activation, list_activations, list_operations, read_wallet, request_cancel
from wallet_db.roles import GATEWAY, NOTIFIER, OPERATOR, POLLERS, ROLES, USER, WALLET

FUNCTIONS: dict[str, AbstractSet[str]] = {
    # money
    "atomic_freeze": {WALLET},
    "atomic_commit": {WALLET},
    "atomic_refund": {WALLET},
    "atomic_deposit": {WALLET, OPERATOR},
    "atomic_adjust": {OPERATOR},
    "lock_user_wallet": {WALLET, OPERATOR},
    "expire_holds": {POLLERS, OPERATOR},
    "correct_frozen_balance": {POLLERS, OPERATOR},
    "acknowledge_break": {OPERATOR},
    # orders
    "create_activation": {GATEWAY},
    "request_cancel": {GATEWAY},
    "claim_activations": {POLLERS},
    "begin_purchase": {POLLERS},
    "pass_purchase": {POLLERS},
    "abandon_purchase": {POLLERS},
    "record_purchase": {POLLERS},
    "reschedule_activation": {POLLERS},
    "refuse_cancel": {POLLERS},
    "apply_activation_sms": {POLLERS},
    "close_activation": {POLLERS},
    "end_unserved": {POLLERS},
    "tried_providers": {POLLERS},
    "record_another_sms": {POLLERS},
    "request_another_sms": {GATEWAY},
    "request_finish": {GATEWAY},
    "request_check": {GATEWAY},
    "enter_sms": {GATEWAY},
    "cancel_activation": {OPERATOR},
    "refund_activation": {OPERATOR},
    "cancel_rental": {OPERATOR},
    "end_rental": {OPERATOR},
    "set_service_state": {OPERATOR},
    # rentals
    **dict.fromkeys(
        ("create_rental", "request_rental_cancel", "request_rental_finish", "request_extension"), frozenset({GATEWAY})
    ),
    **dict.fromkeys(
        (
            "claim_rentals", "begin_rental_purchase", "abandon_rental_purchase", "reschedule_rental",
            "refuse_rental_cancel", "apply_rental_sms", "begin_extension", "abandon_extension", "record_extension",
            "refuse_extension",
        ),
        frozenset({POLLERS}),
    ),
    "record_rental_purchase": {POLLERS, OPERATOR},
    "close_rental": {POLLERS, OPERATOR},
    # cards
    **dict.fromkeys(
        ("create_card_customer", "read_card_customer", "create_card", "request_card_funding", "ask_card_reveal",
         "take_card_webhook"),
        frozenset({GATEWAY}),
    ),
    "request_card_action": {GATEWAY, POLLERS, OPERATOR},
    "ask_card_refresh": {GATEWAY, POLLERS, OPERATOR},
    **dict.fromkeys(
        (
            "claim_card_customers", "read_card_documents", "begin_card_customer", "abandon_card_customer",
            "record_card_customer", "fail_card_customer", "reschedule_card_customer", "claim_cards",
            "begin_card_creation", "abandon_card_creation", "record_card_state", "record_card_transactions",
            "begin_card_action", "abandon_card_action", "refuse_card_action", "reschedule_card", "read_card_doubts",
            "claim_card_fundings", "begin_card_funding", "abandon_card_funding", "accept_card_funding",
            "reschedule_card_funding", "claim_card_webhooks", "finish_card_webhook", "reschedule_card_webhook",
            "claim_card_reveals", "finish_card_reveal", "purge_card_documents", "purge_card_numbers",
        ),
        frozenset({POLLERS}),
    ),
    **dict.fromkeys(
        ("record_card_created", "fail_card", "complete_card_funding", "fail_card_funding"),
        frozenset({POLLERS, OPERATOR}),
    ),
    **dict.fromkeys(("card_json", "card_funding_json", "card_transaction_json"), frozenset({GATEWAY, OPERATOR})),
    # cards looked after
    **dict.fromkeys(
        (
            "claim_card_reconciliations", "read_cards_to_compare", "record_card_mismatch",
            "advance_card_reconciliation", "finish_card_reconciliation", "read_unjudged_card_transactions",
            "mark_card_transactions_judged", "note_card_rule_hit", "card_alarm_figures", "purge_card_payloads",
            "forget_card_reveals",
        ),
        frozenset({POLLERS}),
    ),
    **dict.fromkeys(("ask_card_reconciliation", "sum_card_day"), frozenset({POLLERS, OPERATOR})),
    **dict.fromkeys(("import_card", "import_card_webhook"), frozenset({OPERATOR})),
    # routes
    "service_prices_json": {GATEWAY},
    "rental_countries_json": {GATEWAY},
    "offers_json": {GATEWAY},
    "read_routes": {POLLERS},
    "record_prices": {POLLERS},
    "judge_routes": {POLLERS},
    "set_route_state": {OPERATOR},
    "set_waiting_arms": {OPERATOR},
    "set_service_price": {OPERATOR},
    # alerts
    "fold_alerts": {POLLERS},
    "alerts_to_tell": {POLLERS},
    "mark_alerts_told": {POLLERS},
    "rest_alert_channel": {POLLERS},
    "close_alerts": {POLLERS},
    "alerts_over": {POLLERS},
    "mark_alerts_over": {POLLERS},
    # accounts, and what is heard of orders
    "claim_account_looks": {POLLERS},
    "finish_account_look": {POLLERS},
    "read_open_orders": {POLLERS},
    "hint_absent": {POLLERS},
    "claim_late_looks": {POLLERS},
    "finish_late_looks": {POLLERS},
    "tell_overdue": {POLLERS},
    "uncover_orders": {POLLERS},
    "share_accounts": {POLLERS},
    "leave_accounts": {POLLERS},
    "rest_account": {POLLERS},
    "was_hinted": {POLLERS},
    "read_backlog": {POLLERS},
    "hint_order": {GATEWAY},
    "note_presence": {GATEWAY},
    # accounts with providers
    "provider_books": {POLLERS},
    "provider_orders": {POLLERS},
    "record_provider_balance": {POLLERS},
    # the rest
    "claim_periodic_jobs": {POLLERS},
    "finish_periodic_job": {POLLERS},
    "forget_events": {POLLERS},
    "forget_provider_calls": {POLLERS},
    "redact_events": {POLLERS},
    "new_epoch": {OPERATOR},
    "revoke_tokens": {GATEWAY, OPERATOR},
    "forget_revocations": {GATEWAY},
    # reading, with the caller's own rights
    "iso_utc": {*ROLES} - {POLLERS},
    "event_line": {NOTIFIER},
    "wallet_json": {GATEWAY, OPERATOR, WALLET, USER},
    "operation_json": {GATEWAY, OPERATOR, WALLET},
    "sms_json": {GATEWAY, OPERATOR, USER},
    "activation_json": {GATEWAY, OPERATOR},
    "rental_json": {GATEWAY, OPERATOR},
    "snapshot_json": {GATEWAY, OPERATOR},
    "wallet_health": {OPERATOR},
    "claimed_user_id": {USER},
    # private
    **dict.fromkeys(
        (
            "acting", "activations_append_event", "alert_lasts", "alert_wallet", "append_event", "append_operation",
            "change_balance", "check_amount", "check_hold_order", "check_key", "check_reason", "check_remarks",
            "claim_settlement_id",
            "find_hold", "apply_late_sms", "check_open_orders", "check_rental_hours", "find_country", "find_service",
            "lock_activation", "lock_own_received", "lock_rental", "refuse_while_extending", "restate_rental_frozen",
            "tell_may_be_sold",
            "operation_result", "redacted_json", "refund_due", "refuse_freeze", "refuse_mismatch",
            "refuse_rewriting", "refuse_second_end",
            "refuse_unaudited_change", "refuse_unknown_transition", "rentals_append_event", "replay_freeze",
            "replay_settlement", "restate_frozen", "ring_doorbell", "schedule_redaction", "settle_ended_orders",
            "fair_shares", "place_activation", "plan_retry", "retry_countries", "waiting_arm_of",
            "system_logs_name_request",
            "charge_late_sms", "lose_late_sms", "refunded_of", "settle_owed_sms", "stop_follower", "tell_stream",
            "retail_price", "route_prices_max_age", "settle_hold", "sms_messages_append_event",
            # cards
            "act_on_card", "audit_card", "card_customer_json", "card_fundings_append_event", "card_fundings_audit",
            "card_reveals_audit", "card_transactions_append_event", "cards_append_event", "cards_audit",
            "check_hold_funding", "end_card_funding", "end_pending_card", "find_card_offer", "find_card_replay",
            "lock_card",
            "lock_card_funding", "open_card_funding", "refund_unbegun_funding", "refuse_card_use",
            "refuse_unknown_card_transition", "tell_card_money", "write_card_state",
            # rules of the audit, called by its CHECKs
            "adjust_moves_balance", "commit_spends_frozen", "correct_restates_frozen", "deposit_adds_to_balance",
            "freeze_moves_available_to_frozen", "operation_type_is_known", "refund_moves_frozen_to_available",
        ),
        frozenset(),
    ),
}  # fmt: skip

OF_OPERATIONS = (
    "SELECT(user_id,number,type,amount,balance_before,balance_after,frozen_before,frozen_after,available_before,"
    "available_after,transaction_id,hold_transaction_id,activation_id,rental_id,reason,created_at)"
)
OF_ACTIVATIONS = (
    "SELECT(id,user_id,service,country,status,price,frozen_amount,idempotency_key,phone,error_code,created_at,"
    "purchased_at,expires_at,cancel_requested_at,cancel_allowed_at,closed_at,max_price,retry_countries,retry_of,"
    "retry_number,retried_by,retry_refused,waits_until)"
)
OF_RENTALS = (
    "SELECT(id,user_id,service,country,status,hours,price,frozen_amount,idempotency_key,phone,error_code,created_at,"
    "purchased_at,ends_at,cancel_requested_at,closed_at)"
)
"""What users see of theirs: not what it cost, nor from whom it came."""
RENTALS_IN_WORK = (
    "SELECT(id,user_id,service,country,status,hours,frozen_amount,provider,provider_order_id,error_code,"
    "purchase_started_at,closed_at)"
)

OF_CARDS = (
    "SELECT(id,user_id,provider,status,brand,currency,balance,checked_at,wanted_action,wanted_at,error_code,created_at,"
    "activated_at,closed_at)"
)
OF_FUNDINGS = (
    "SELECT(id,card_id,user_id,kind,usd,price,frozen_amount,status,idempotency_key,error_code,created_at,ended_at)"
)
CARDS_IN_WORK = (
    "SELECT(id,user_id,customer_id,provider,provider_card_id,status,currency,balance,checked_at,wanted_action,"
    "created_at,activated_at,closed_at,imported_at)"
)
FUNDINGS_IN_WORK = (
    "SELECT(id,card_id,user_id,kind,usd,price,frozen_amount,status,provider_reference,provider_transaction_id,begun_at,"
    "accepted_at,error_code,created_at,ended_at)"
)

TABLES: dict[str, dict[str, set[str]]] = {
    "users": {
        GATEWAY: {"SELECT", "INSERT(id,name)"},
        POLLERS: {"SELECT(id,balance,frozen_balance)"},
        OPERATOR: {"SELECT", "INSERT(id,name)"},
        WALLET: {"SELECT"},
        USER: {"SELECT"},
    },
    "wallet_holds": {
        POLLERS: {"SELECT(user_id,amount,state,activation_id,rental_id,funding_id)"},
        OPERATOR: {"SELECT"},
        WALLET: {"SELECT"},
        USER: {"SELECT"},
    },
    "balance_operations": {
        GATEWAY: {"SELECT"},
        OPERATOR: {"SELECT"},
        WALLET: {"SELECT"},
        USER: {OF_OPERATIONS},
    },
    "acknowledged_breaks": {OPERATOR: {"SELECT"}},
    "activations": {
        GATEWAY: {"SELECT"},
        POLLERS: {
            "SELECT(id,user_id,service,country,status,frozen_amount,provider,provider_order_id,purchase_started_at)"
        },
        OPERATOR: {"SELECT"},
        USER: {OF_ACTIVATIONS},
    },
    "rentals": {
        GATEWAY: {"SELECT"},
        POLLERS: {RENTALS_IN_WORK},
        OPERATOR: {"SELECT"},
        USER: {OF_RENTALS},
    },
    "sms_messages": {GATEWAY: {"SELECT"}, OPERATOR: {"SELECT"}, USER: {"SELECT"}},
    "events": {GATEWAY: {"SELECT"}, NOTIFIER: {"SELECT"}, OPERATOR: {"SELECT"}, USER: {"SELECT"}},
    "receipts": {
        GATEWAY: {"SELECT", "INSERT(user_id,seq,transport,type,order_id)"},
        OPERATOR: {"SELECT"},
        USER: {"SELECT"},
    },
    "redactions": {},
    "cards": {GATEWAY: {"SELECT"}, POLLERS: {CARDS_IN_WORK}, OPERATOR: {"SELECT"}, USER: {OF_CARDS}},
    "card_fundings": {
        GATEWAY: {"SELECT"},
        POLLERS: {FUNDINGS_IN_WORK},
        OPERATOR: {"SELECT"},
        USER: {OF_FUNDINGS},
    },
    "card_transactions": {role: {"SELECT"} for role in (GATEWAY, POLLERS, OPERATOR, USER)},
    "card_customers": {
        OPERATOR: {
            (
                "SELECT(id,user_id,provider,status,provider_customer_id,error_code,request_id,created_at,submitted_at,"
                "registered_at,due_at)"
            )
        }
    },
    "card_documents": {OPERATOR: {"SELECT(id,customer_id,user_id,kind,content_type,created_at,purge_at)"}},
    "card_offers": {GATEWAY: {"SELECT"}, OPERATOR: {"SELECT", "INSERT", "UPDATE", "DELETE"}},
    "card_transitions": {OPERATOR: {"SELECT"}},
    "strowallet_card_audit": {GATEWAY: {"SELECT"}, OPERATOR: {"SELECT"}},
    "strowallet_webhook_events": {OPERATOR: {"SELECT"}},
    "card_reveals": {OPERATOR: {"SELECT"}},
    "card_reconciliations": {POLLERS: {"SELECT"}, OPERATOR: {"SELECT"}},
    "card_mismatches": {OPERATOR: {"SELECT"}},
    "card_daily": {OPERATOR: {"SELECT"}},
    "card_rules": {POLLERS: {"SELECT"}, OPERATOR: {"SELECT", "INSERT", "UPDATE", "DELETE"}},
    "card_rule_hits": {OPERATOR: {"SELECT"}},
    "provider_accounts": {OPERATOR: {"SELECT"}},
    "account_shares": {OPERATOR: {"SELECT"}},
    "account_rests": {OPERATOR: {"SELECT"}},
    "presence": {},
    "late_looks": {},
    "numbers_in_doubt": {POLLERS: {"SELECT", "UPDATE(found_id,found_at)", "DELETE"}, OPERATOR: {"SELECT"}},
    "services": {
        GATEWAY: {"SELECT"},
        POLLERS: {"SELECT(service,price)"},
        OPERATOR: {
            "SELECT",
            (
                "UPDATE(price,timeout_refund_percent,margin_percent,margin_fixed,price_step,rental_price_hour,"
                "retry_on_timeout)"
            ),
        },
        USER: {"SELECT"},
    },
    "countries": {GATEWAY: {"SELECT"}, OPERATOR: {"SELECT"}, USER: {"SELECT"}},
    "provider_services": {POLLERS: {"SELECT"}, OPERATOR: {"SELECT", "INSERT", "UPDATE", "DELETE"}},
    "provider_countries": {POLLERS: {"SELECT"}, OPERATOR: {"SELECT", "INSERT", "UPDATE", "DELETE"}},
    "routes": {OPERATOR: {"SELECT"}},
    "route_attempts": {OPERATOR: {"SELECT"}},
    "provider_calls": {
        POLLERS: {"INSERT(order_id,at,provider,method,outcome,answer,seconds,times)"},
        OPERATOR: {"SELECT"},
    },
    "v_route_health": {OPERATOR: {"SELECT"}},
    "waiting_arms": {OPERATOR: {"SELECT"}},
    "v_waiting_outcomes": {OPERATOR: {"SELECT"}},
    "v_activation_outcomes": {OPERATOR: {"SELECT"}},
    "v_service_health": {OPERATOR: {"SELECT"}},
    "v_country_health": {OPERATOR: {"SELECT"}},
    "v_response_time": {OPERATOR: {"SELECT"}},
    "v_dashboard_stats": {OPERATOR: {"SELECT"}},
    "provider_balances": {OPERATOR: {"SELECT"}},
    "settings": {GATEWAY: {"SELECT"}, NOTIFIER: {"SELECT"}, OPERATOR: {"SELECT", "UPDATE(value,updated_at)"}},
    "system_logs": {POLLERS: {"INSERT(level,source,message,data)"}, OPERATOR: {"SELECT"}},
    "alerts": {POLLERS: {"SELECT(level,closed_at)"}, OPERATOR: {"SELECT"}},
    "alert_tellings": {OPERATOR: {"SELECT"}},
    "alert_channels": {OPERATOR: {"SELECT"}},
    "periodic_jobs": {GATEWAY: {"SELECT"}, POLLERS: {"SELECT"}, OPERATOR: {"SELECT", "UPDATE(every,due_at)"}},
    "revocations": {GATEWAY: {"SELECT"}, OPERATOR: {"SELECT"}},
    "tickets": {GATEWAY: {"SELECT", "INSERT", "DELETE"}},
    "kept_answers": {GATEWAY: {"SELECT", "INSERT", "UPDATE", "DELETE"}},
    "v_frozen_balance_health": {POLLERS: {"SELECT"}, OPERATOR: {"SELECT"}},
    "schema_migrations": {role: {"SELECT"} for role in ROLES if role != USER},
}

MONEY = ("wallet_holds", "balance_operations", "events", "activations", "rentals", "sms_messages")
"""Written by functions only."""

GRANTED = """
    select c.relname::text, grantee::regrole::text, privilege_type, null
      from pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner)))
     where c.relnamespace = 'public'::regnamespace and c.relkind not in ('i', 'I') and grantee <> c.relowner
     union all
    select c.relname, x.grantee::regrole::text, x.privilege_type, string_agg(a.attname, ',' order by a.attnum)
      from pg_class c join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) x
     where c.relnamespace = 'public'::regnamespace
     group by 1, 2, 3
     union all
    select p.proname, grantee::regrole::text, privilege_type, null
      from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner)))
     where p.pronamespace = 'public'::regnamespace and grantee <> p.proowner
     union all
    select nspname, grantee::regrole::text, privilege_type, null from pg_namespace, aclexplode(nspacl)
     where nspname = 'public' and grantee <> nspowner
"""


async def granted(db: Pool) -> dict[str, dict[str, set[str]]]:
    """By object and role: what has been granted, columns in brackets. '-' is PUBLIC."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    rows = await db.fetch(GRANTED)
    for name, role, privilege, columns in rows:
        found[name][role].add(privilege if columns is None else f"{privilege}({columns})")
    return found


async def names(db: Pool, query: str) -> set[str]:
    return {name for (name,) in await db.fetch(query)}


def test_every_table_and_view_is_decided_for_every_role(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        found = await granted(db)
        relations = await names(
            db,
            "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')",
        )
        assert relations == TABLES.keys()
        assert {name: dict(found[name]) for name in relations} == TABLES
        sequences = await names(
            db, "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'S'"
        )
        assert sequences
        assert not sequences & found.keys()

    run(database_url, scenario)


def test_every_function_is_decided_for_every_role(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        found = await granted(db)
        functions = await names(db, "select proname::text from pg_proc where pronamespace = 'public'::regnamespace")
        assert {name: set(found.get(name, {})) for name in functions} == FUNCTIONS

    run(database_url, scenario)


def test_everybody_may_do_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        of_everybody = {name: roles["-"] for name, roles in (await granted(db)).items() if "-" in roles}
        assert of_everybody in ({}, {"public": {"USAGE"}})

    run(database_url, scenario)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_calls_what_it_may_and_nothing_else(database_url: str, role: str) -> None:
    """Really called, with nulls: whatever else it meets, it lacks a right only where that is decided."""

    async def scenario(db: Pool) -> None:
        functions = await db.fetch(
            "select proname::text, array(select format_type(type, null) from unnest(proargtypes) as type)"
            "  from pg_proc where pronamespace = 'public'::regnamespace order by 1"
        )
        async with pool(database_url, "test", role=role) as theirs:
            for name, types in functions:
                outcome = await _outcome(theirs, f"select {name}({', '.join(f'null::{type_}' for type_ in types)})")
                assert (outcome != "refused") == (role in FUNCTIONS[name]), (name, outcome)

    run(database_url, scenario)


async def _outcome(db: Pool, statement: str) -> str:
    async with db.acquire() as connection:
        attempt = connection.transaction()
        await attempt.start()
        try:
            await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            return "refused"
        except asyncpg.PostgresError as error:
            return f"{error.sqlstate} {error}"
        finally:
            await attempt.rollback()
        return "done"


WRITES = ("insert into {0} default values", "update {0} set user_id = user_id", "delete from {0}", "truncate {0}")
USER_WRITES = (
    "insert into users (id, balance) values (gen_random_uuid(), 100)",
    "update users set balance = balance + 100",
    "update users set event_seq = 0, operation_number = 0",
    "delete from users",
    "truncate users cascade",
)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_writes_what_functions_write(database_url: str, role: str) -> None:
    async def scenario(_: Pool) -> None:
        async with pool(database_url, "test", role=role) as theirs:
            for statement in [write.format(table) for table in MONEY for write in WRITES] + list(USER_WRITES):
                assert await _outcome(theirs, statement) == "refused", statement

    run(database_url, scenario)


REWRITING = (
    "update balance_operations set reason = 'nothing happened'",
    "delete from balance_operations",
    "truncate balance_operations",
)


@pytest.mark.parametrize("role", ROLES)
def test_the_audit_is_rewritten_by_no_role(database_url: str, role: str) -> None:
    async def scenario(db: Pool) -> None:
        await new_user(db)
        async with pool(database_url, "test", role=role) as theirs:
            for statement in REWRITING:
                assert await _outcome(theirs, statement) == "refused"
            await db.execute(f"grant all on balance_operations to {role}")
            for statement in REWRITING:
                with pytest.raises(AppendOnly), refusals():
                    await theirs.execute(statement)

    run(database_url, scenario)


def test_every_function_with_its_owners_rights_pins_its_names(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        rows = await db.fetch(
            "select proname::text, coalesce(array_to_string(proconfig, ';'), '') from pg_proc"
            " where pronamespace = 'public'::regnamespace and prosecdef"
        )
        assert {pinned.split(";")[0] for _, pinned in rows} == {"search_path=public, pg_temp"}
        # What others may call is one of these, or reads with their own rights.
        reading = {name for name, roles in FUNCTIONS.items() if roles} - {name for name, _ in rows}
        assert all(
            name.endswith("_json") for name in reading - {"iso_utc", "event_line", "wallet_health", "claimed_user_id"}
        )
        assert (
            await db.fetchval(
                "select count(*) from pg_proc where pronamespace = 'public'::regnamespace and provolatile = 'v'"
                " and proname = any ($1)",
                list(reading),
            )
            == 0
        )

    run(database_url, scenario)


PROCESSES = [("gateway", GATEWAY), ("notifier", NOTIFIER), ("pollers", POLLERS)]
ENVIRONMENT = {"JWT_SECRET": JWT_SECRET, "SMS_ACTIVATE_URL": "http://127.0.0.1:9", "SMS_ACTIVATE_KEY": "none"}


def test_a_login_that_is_only_a_gateway_makes_the_gateways_calls(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        async with pool(url, "test", role=GATEWAY) as gateway:
            order = await create_activation(gateway, user, "wa", "6", idempotency_key=None, max_price=None)
            await request_cancel(gateway, user, order["id"])
            assert len(await list_activations(gateway, user, limit=5, before=None)) == 1
            operations = await list_operations(gateway, user, limit=5, before=None)
            assert [operation["type"] for operation in operations] == ["refund", "freeze", "deposit"]
            assert await read_wallet(gateway, user) == {"balance": "36.00", "frozen": "0.00", "available": "36.00"}
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await call(gateway, "atomic_deposit", p_user_id=user, p_amount=5, p_transaction_id=uuid4().hex)
        actors = await names(db, "select actor from balance_operations where type in ('freeze', 'refund')")
        assert actors == {GATEWAY}

    with login(database_url, GATEWAY) as url:
        run(database_url, scenario)


@pytest.mark.parametrize(("module", "role"), PROCESSES)
def test_a_process_needs_no_more_than_its_role(database_url: str, module: str, role: str) -> None:
    with login(database_url, role) as url:
        port = free_port()
        process = Process(module, {**ENVIRONMENT, "DATABASE_URL": url, "PORT": str(port)})
        try:
            if module == "gateway":
                wait_until_ready(f"http://127.0.0.1:{port}", process)
            else:
                process.wait_until_it("follower.leads" if module == "notifier" else "bus.listening")
            process.stop()
        finally:
            process.close()


@pytest.mark.parametrize(("module", "role"), PROCESSES)
def test_a_process_that_may_not_act_as_its_role_says_so_in_one_line(database_url: str, module: str, role: str) -> None:
    other = NOTIFIER if role == GATEWAY else GATEWAY
    with login(database_url, other) as url:
        process = Process(module, {**ENVIRONMENT, "DATABASE_URL": url, "PORT": str(free_port())})
        try:
            assert process.wait() == 1
            said = [line for line in process.output.splitlines() if line.startswith("DATABASE_URL: ")]
            assert len(said) == 1
            assert f'permission denied to set role "{role}"' in said[0]
            assert f"has to grant {role} to onesms_login_" in said[0]
            assert "Traceback" not in process.output
        finally:
            process.close()


def test_a_login_without_the_right_is_told_who_migrates(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        assert await migrate(url) == []
        await db.execute("update schema_migrations set checksum = 'old' where name = 'functions'")
        with pytest.raises(MigrationError, match=r"may not change it: run `python -m wallet_db migrate` as \w+$"):
            await migrate(url)

    with login(database_url, GATEWAY) as url:
        run(database_url, scenario)


def test_a_pooled_connection_keeps_its_role_and_its_bounds(database_url: str) -> None:
    settings = (
        "select current_user::text, current_setting('lock_timeout'), current_setting('statement_timeout'),"
        " current_setting('search_path')"
    )

    async def scenario(_: Pool) -> None:
        async with pool(database_url, "test", role=NOTIFIER, connections_max=1) as theirs:
            for _ in range(2):
                async with theirs.acquire() as connection:
                    row = await connection.fetchrow(settings)
                    assert row is not None
                    assert tuple(row) == (NOTIFIER, "5s", "20s", "public, pg_temp")
                    await connection.execute("set lock_timeout = 0; set statement_timeout = 0; set search_path = ''")

    run(database_url, scenario)
