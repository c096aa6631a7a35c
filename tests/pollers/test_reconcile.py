"""Our books beside the provider's: exact to the cent when nothing is under way, and each way of disagreeing is told."""

import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from pollers.books import Comparison, findings_of, judge_balance, to_look_at
from pollers.providers.contract import ActiveOrder, Delivered, Ended, Message, Waiting
from pollers.providers.sms_activate import SmsActivate
from pollers.readings import compare, read_balances
from pollers.reconcile import as_json, lines
from pollers.simulator import running
from tests.forks import run
from tests.pollers.support import PATIENT, Play, Rig
from wallet_db.provider_books import BalanceReading, ProviderBooks, ProviderOrder

NAME = "sms_activate"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SMS = Delivered((Message("424242", "Your code is 424242"),))
QUIET = ProviderBooks(Decimal(0), Decimal(0), Decimal(0))


def order(status: str, **facts: Any) -> ProviderOrder:
    """An order of ours, whose number cost 0.80."""
    is_closed = status in {"completed", "cancelled", "timeout", "failed"}
    plain = {
        "kind": "activation", "id": uuid4(), "provider_order_id": "1", "cost": Decimal("0.80"), "held": Decimal(0),
        "is_closed": is_closed, "is_overdue": False, "is_moving": False, "closed_at": NOW if is_closed else None,
    }  # fmt: skip
    return ProviderOrder(**plain | {"status": status} | facts)


def there(id_: str = "1") -> ActiveOrder:
    return ActiveOrder(id_, "6281", "wa", "6", cost=Decimal("0.80"))


def kinds(orders: list[ProviderOrder], active: list[ActiveOrder], **looked: Any) -> list[str]:
    found, _ = findings_of(orders, active, None, {id_[1:]: said for id_, said in looked.items()}, purchases_begun=False)
    return [each.kind for each in found]


# --- the comparison, pure


@pytest.mark.parametrize("status", ["pending", "received", "completed"])
def test_a_number_on_both_sides_is_nothing_to_look_at(status: str) -> None:
    assert kinds([order(status)], [there()]) == []


def test_a_number_that_only_the_provider_has_is_an_orphan() -> None:
    assert kinds([order("pending")], [there(), there("2")]) == ["orphan"]


def test_while_a_purchase_is_under_way_the_number_may_be_its_own() -> None:
    found, slack = findings_of([], [there()], None, {}, purchases_begun=True)
    assert (found, slack) == ([], Decimal("0.80"))


def test_a_rental_that_only_the_provider_has_is_an_orphan() -> None:
    found, _ = findings_of([], [], {"7"}, {}, purchases_begun=False)
    assert [(each.kind, each.provider_order_id) for each in found] == [("orphan", "7")]


@pytest.mark.parametrize("status", ["cancelled", "timeout", "failed"])
def test_refunded_here_and_paid_there_is_a_loss(status: str) -> None:
    assert kinds([order(status)], [there()]) == ["refunded_but_open"]
    assert kinds([order(status)], [], _1=SMS) == ["refunded_but_served"]
    assert kinds([order(status)], [], _1=Ended()) == []


def test_an_open_order_that_is_over_there_is_told_only_if_nobody_looks() -> None:
    assert kinds([order("pending", is_overdue=True)], [], _1=Ended()) == ["ended_there"]
    assert kinds([order("pending")], [], _1=None) == ["unknown_there"]
    assert kinds([order("pending")], [], _1=SMS) == []
    assert kinds([order("pending")], [], _1=Waiting()) == []
    found, slack = findings_of([order("pending")], [], None, {"1": Ended()}, purchases_begun=False)
    assert (found, slack) == ([], Decimal("0.80"))


def test_money_frozen_behind_a_closed_order_is_told() -> None:
    assert kinds([order("cancelled", held=Decimal(5))], []) == ["frozen_behind_closed"]


def test_the_newest_are_looked_at_first_and_only_so_many() -> None:
    old = order("cancelled", provider_order_id="1")
    new = order("timeout", provider_order_id="2", closed_at=datetime(2026, 1, 2, tzinfo=UTC))
    gone = order("pending", provider_order_id="3")
    assert to_look_at([old, new, gone, order("pending", provider_order_id="4")], {"4"}, 2) == [gone, new]


@pytest.mark.parametrize(
    ("balance", "slack", "found"),
    [
        ("9.20", "0", []),
        ("9.19", "0", ["balance"]),
        ("10.00", "0", ["balance", "charged_but_ended"]),
        ("10.00", "0.80", []),
        ("10.01", "0.80", ["balance", "charged_but_ended"]),
    ],
)
def test_the_balance_moves_as_the_orders_say_up_to_what_was_under_way(
    balance: str, slack: str, found: list[str]
) -> None:
    compared = Comparison(NAME, balance=Decimal(balance))
    books = ProviderBooks(Decimal("1.60"), Decimal("0.80"), Decimal(0))
    before = BalanceReading(NOW, Decimal(5), Decimal(0), Decimal(0), paid_in=Decimal(5))
    judge_balance(compared, books, Decimal(slack), before, [order("completed")], {"1": Ended()})
    assert compared.expected == Decimal("9.20")
    assert [each.kind for each in compared.findings] == found
    assert compared.agrees == (not found)


# --- with a provider


async def compared(rig: Rig, paid_in: str = "0") -> Comparison:
    provider = SmsActivate(rig.base_url, "demo", rig.http)
    return await compare(rig.db, NAME, provider, paid_in=Decimal(paid_in), checks_max=50)


def test_every_way_an_order_ends_agrees_to_the_cent(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        first = await compared(rig)
        assert (first.agrees, first.expected) == (True, None)
        served, waiting = await rig.number(), await rig.number()
        cancelled, silent = await rig.number(), await rig.number("none")
        await rig.fault("getNumberV2", "drop_answer")
        adopted = await rig.order()
        await rig.work()
        await rig.pass_time(31, only=adopted)
        await rig.work()
        await rig.sms(served)
        await rig.request_cancel(cancelled)
        await rig.pass_time(1200, only=silent)
        await rig.pass_time(2)
        await rig.work()
        row = await rig.row(adopted)
        assert (row["status"], row["provider_cost"]) == ("pending", (await rig.row(waiting))["provider_cost"])
        second = await compared(rig)
        assert second.findings == []
        assert (second.difference, second.tolerance) == (Decimal(0), Decimal(0))
        assert (second.open_here, second.open_there) == (3, 3)
        assert second.balance is not None
        assert first.balance is not None
        assert second.balance < first.balance

    play(scenario)


def test_a_number_bought_behind_our_back_is_found_twice_and_again_until_it_is_explained(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await compared(rig)
        bought = await SmsActivate(rig.base_url, "demo", rig.http).buy("theirs", "wa", "6", None)
        assert bought.cost
        for _ in range(2):
            found = await compared(rig)
            assert [(each.kind, each.provider_order_id) for each in found.findings] == [
                ("orphan", bought.provider_order_id),
                ("balance", None),
            ]
            assert found.difference == -bought.cost
            assert not found.agrees
        await SmsActivate(rig.base_url, "demo", rig.http).cancel(bought.provider_order_id)
        assert (await compared(rig)).agrees

    play(scenario)


def test_a_payment_is_explained_once(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await compared(rig)
        await rig.control("settings", balance="10050.00")
        assert [each.kind for each in (await compared(rig)).findings] == ["balance"]
        assert (await compared(rig, paid_in="50.00")).agrees
        assert (await compared(rig)).agrees

    play(scenario)


def test_a_refund_without_the_providers_word_is_found(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await compared(rig)
        activation = await rig.number()
        await rig.db.execute("select close_activation($1, 'cancelled')", activation)
        found = await compared(rig)
        assert [each.kind for each in found.findings] == ["refunded_but_open", "balance"]
        await rig.sms(activation)
        await SmsActivate(rig.base_url, "demo", rig.http).finish((await rig.row(activation))["provider_order_id"])
        assert [each.kind for each in (await compared(rig)).findings] == ["balance"]

    play(scenario)


def test_what_is_under_way_is_the_tolerance(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await compared(rig)
        activation = await rig.order()
        await rig.begin_purchase(activation)
        found = await compared(rig)
        assert (found.agrees, found.tolerance) == (True, Decimal("5.00"))

    play(scenario)


def test_a_provider_that_cannot_be_asked_does_not_agree(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        bad = SmsActivate(rig.base_url, "wrong", rig.http)
        found = await compare(rig.db, NAME, bad, paid_in=Decimal(0), checks_max=5)
        assert not found.agrees
        assert any("could not be asked: PROVIDER_ACCOUNT_PROBLEM" in line for line in lines([found]))
        assert lines([found])[-1] == "the books could not be compared"

    play(scenario)


def test_the_periodic_job_remembers_each_account(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        providers = {NAME: SmsActivate(rig.base_url, "demo", rig.http)}
        assert await read_balances(rig.db, {}, providers=providers) == {"read": 1, "differing": 0}
        await rig.control("settings", balance="1.00")
        assert await read_balances(rig.db, {}, providers=providers) == {"read": 1, "differing": 1}
        assert await rig.db.fetchval("select count(*) from provider_balances") == 2

    play(scenario)


def test_the_report_says_the_same_to_machines_and_people(play: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await compared(rig)
        await SmsActivate(rig.base_url, "demo", rig.http).buy("theirs", "wa", "6", None)
        found = await compared(rig)
        told = json.loads(as_json([found]))
        assert told["agrees"] is False
        [provider] = told["providers"]
        assert [each["kind"] for each in provider["findings"]] == ["orphan", "balance"]
        assert all(any(each["hint"] in line for line in lines([found])) for each in provider["findings"])

    play(scenario)


# --- the command


def command(database_url: str, base_url: str, *words: str, **environment: str) -> tuple[int, str]:
    """Its exit status, and what it printed and complained of."""
    port = str(urlsplit(base_url).port)
    settings = {"PATH": os.environ["PATH"], "DATABASE_URL": database_url, "DEMO": "1", "SIM_PORT": port, **environment}
    done = run(["pollers", "reconcile", *words], env=settings)
    return done.returncode, done.stdout + done.stderr


def test_the_command_names_the_address_it_could_not_ask(orders_url: str) -> None:
    """Whose key is refused; the key is not shown."""
    with running(PATIENT) as base_url:
        status, said = command(orders_url, base_url, SMS_ACTIVATE_URL=base_url, SMS_ACTIVATE_KEY="hush-hush")
    assert status == 1
    assert f" ({base_url})\n" in said
    assert "hush-hush" not in said


def test_the_command_asks_every_account_and_says_by_its_status_whether_all_agree(orders_url: str) -> None:
    with running(PATIENT) as base_url:
        status, said = command(orders_url, base_url)
        assert (status, said.splitlines()[-1]) == (0, "the books agree")
        httpx.post(f"{base_url}/sim/settings", json={"balance": "10000.01"}).raise_for_status()
        status, said = command(orders_url, base_url, "--json")
        told = json.loads(said)
        assert (status, told["agrees"]) == (1, False)
        assert {each["provider"]: each["difference"] for each in told["providers"]} == {
            "sms_activate": "0.0100", "herosms": "0.0100", "fivesim": "0.0100",
        }  # fmt: skip
        words = [f"--paid-in={provider}=0.01" for provider in ("sms_activate", "herosms", "fivesim")]
        assert command(orders_url, base_url, *words)[0] == 0


def test_wrong_usage_of_the_command_is_told(orders_url: str, empty_database_url: str) -> None:
    assert command(orders_url, "http://127.0.0.1:9", "--paid-in", "nobody=5") == (
        2,
        "--paid-in: no account at nobody is configured\n",
    )
    status, said = command(orders_url, "http://127.0.0.1:9", "--paid-in", "herosms")
    assert status == 2
    assert "expected PROVIDER=AMOUNT, got 'herosms'" in said
    assert command(empty_database_url, "http://127.0.0.1:9") == (
        1,
        "no schema of ours here, or an older one: python -m wallet_db migrate\n",
    )
