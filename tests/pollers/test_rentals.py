"""A rental with a real simulator: rented, read, extended, given back, ended; and each answer that may be lost."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from pollers.adoption import PURCHASE_WINDOW
from pollers.providers.contract import (
    AccountProblem,
    ActiveRental,
    NotOffered,
    ProviderError,
    Purchase,
    RentalResult,
    Unavailable,
)
from pollers.providers.sms_activate import SmsActivate
from pollers.rental_schedule import DOUBT_MAX, EXTENSION_PROOF, LAST_LOOK_MAX
from pollers.simulator import running
from tests.pollers.rentals import HOURS, RentalPlay, RentalRig, play_on
from tests.pollers.support import PATIENT
from wallet_db import rental_jobs
from wallet_db.errors import ExtensionPending

FROZEN = ("36.00", "6.00")
EXTENDED = ("36.00", "7.00")
PAID = ("30.00", "0.00")
REFUNDED = ("36.00", "0.00")
WINDOW_S = PURCHASE_WINDOW.total_seconds() + 1


@pytest.fixture
def play(orders_url: str) -> Iterator[RentalPlay]:
    with running(PATIENT) as base_url:
        yield lambda scenario: play_on(orders_url, base_url, scenario)


def test_a_rental_takes_its_sms_and_is_paid_at_its_end(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.order()
        await rig.work()
        assert await rig.end(rental) == ("active", None, *FROZEN)
        stored = await rig.row(rental)
        [upstream] = await rig.upstream()
        assert (stored["phone"], stored["provider_order_id"]) == (upstream["phone"], str(upstream["id"]))
        life = stored["ends_at"] - stored["purchased_at"]
        assert abs(life - timedelta(hours=HOURS)) < timedelta(minutes=1)

        for number in range(3):
            await rig.sms(rental, f"code {number}")
            await rig.pass_time(hours=1)
            await rig.work()
        await rig.sms(rental, "code 2")  # the same words at another time are another SMS
        await rig.pass_time(hours=1)
        await rig.work()
        assert await rig.texts(rental) == ["code 0", "code 1", "code 2", "code 2"]
        assert await rig.end(rental) == ("active", None, *FROZEN)

        await rig.pass_time(hours=HOURS)
        await rig.work()
        assert await rig.end(rental) == ("expired", None, *PAID)

    play(scenario)


def test_an_sms_of_which_only_the_text_is_told_shows_its_code(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.sms(rental, "Telegram login code 529753. Anyone who asks for it is a fraud.")
        await rig.sms(rental, "Welcome!")
        await rig.pass_time(seconds=5)
        await rig.work()
        codes = await rig.db.fetch("select code from sms_messages where rental_id = $1 order by id", rental)
        assert [code for (code,) in codes] == ["529753", None]

    play(scenario)


def test_many_pollers_show_each_sms_once(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        texts = [f"code {number}" for number in range(30)]
        for text in texts:
            await rig.sms(rental, text)
        await rig.pass_time(seconds=5)
        job = await rig.claim(rental)
        await asyncio.gather(*(rig.another_worker().work(job) for _ in range(5)))
        assert await rig.texts(rental) == texts

    play(scenario)


def test_what_is_not_for_rent_upstream_gives_the_money_back(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.order("dry")
        await rig.work()
        assert await rig.end(rental) == ("failed", "NO_NUMBERS", *REFUNDED)
        dear = await rig.order("wechat", hours=2)  # 0.50, for which nobody rents one out
        await rig.work()
        assert await rig.end(dear) == ("failed", "PRICE_TOO_LOW", *REFUNDED)
        assert await rig.upstream() == []

    play(scenario)


def test_an_unavailable_provider_is_asked_again_and_then_given_up(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        await rig.fault("getRentList", "http_500", count=3)
        rental = await rig.order()
        for _ in range(3):
            await rig.work()
            assert await rig.end(rental) == ("ordering", None, *FROZEN)
            await rig.pass_time(seconds=6)
        await rig.work()
        assert (await rig.end(rental))[0] == "active"

        hopeless = await rig.order()
        await rig.pass_time(seconds=60)
        await rig.fault("getRentList", "http_500")
        await rig.work()
        assert await rig.end(hopeless) == ("failed", "PROVIDER_UNAVAILABLE", *REFUNDED)

    play(scenario)


# the answer to a purchase is lost


@pytest.mark.parametrize(("fault", "made"), [("drop_answer", True), ("connection_reset", False)])
def test_a_lost_answer_leads_to_the_number_or_to_the_money(play: RentalPlay, fault: str, made: bool) -> None:
    async def scenario(rig: RentalRig) -> None:
        await rig.number()
        await rig.fault("getRentNumber", fault)
        rental = await rig.order()
        await rig.work()
        assert await rig.end(rental) == ("ordering", None, *FROZEN)
        await rig.pass_time(seconds=WINDOW_S)
        await rig.work()
        expected = ("active", None, *FROZEN) if made else ("failed", "PROVIDER_UNAVAILABLE", *REFUNDED)
        assert await rig.end(rental) == expected
        assert len(await rig.upstream()) == 1 + made

    play(scenario)


@pytest.mark.parametrize("fault", [Unavailable("slow"), AccountProblem("NO_BALANCE")])
def test_who_listed_beyond_its_lease_leaves_anothers_rent_alone(play: RentalPlay, fault: ProviderError) -> None:
    async def scenario(rig: RentalRig) -> None:
        class Rents(SmsActivate):
            async def rent(self, *of: Any) -> Purchase:
                purchase = await super().rent(*of)
                await rig.another_worker(providers={"sms_activate": ListsForLong(rig.base_url, "demo", rig.http)}).work(
                    stale
                )
                stored = await rig.row(rental)
                assert (stored["status"], stored["provider"]) == ("ordering", "sms_activate")
                assert stored["purchase_started_at"] is not None
                return purchase

        class ListsForLong(SmsActivate):
            async def active_rentals(self) -> list[ActiveRental]:
                raise fault

        rental = await rig.order()
        stale = await rig.claim(rental)
        await rig.db.execute("update rentals set due_at = now()")
        await rig.work(rig.another_worker(providers={"sms_activate": Rents(rig.base_url, "demo", rig.http)}))
        await rig.work()
        assert await rig.end(rental) == ("active", None, *FROZEN)
        assert len(await rig.upstream()) == 1

    play(scenario)


def test_who_was_refused_under_a_lease_of_before_leaves_the_doubt_to_another(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        class RefusedLate(SmsActivate):
            async def rent(self, *of: Any) -> Purchase:
                await rig.db.execute("update rentals set due_at = now()")
                await rig.work()  # begun: another waits for the window
                raise Unavailable("busy")

        rental = await rig.order()
        await rig.another_worker(providers={"sms_activate": RefusedLate(rig.base_url, "demo", rig.http)}).work(
            await rig.claim(rental)
        )
        stored = await rig.row(rental)
        assert (stored["status"], stored["provider"]) == ("ordering", "sms_activate")
        await rig.pass_time(seconds=WINDOW_S)
        await rig.work()
        assert await rig.end(rental) == ("failed", "PROVIDER_UNAVAILABLE", *REFUNDED)

    play(scenario)


def test_who_looked_for_an_orphan_too_early_does_not_fail_the_rental_that_found_it(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        class LooksForLong(SmsActivate):
            async def active_rentals(self) -> list[ActiveRental]:
                await rig.db.execute("update rentals set due_at = now()")
                await rig.work()  # its lease is over, another looks and adopts
                return []

        await rig.fault("getRentNumber", "drop_answer")
        rental = await rig.order()
        await rig.work()
        await rig.pass_time(seconds=WINDOW_S)
        await rig.another_worker(providers={"sms_activate": LooksForLong(rig.base_url, "demo", rig.http)}).work(
            await rig.claim(rental)
        )
        assert await rig.end(rental) == ("active", None, *FROZEN)

    play(scenario)


def test_a_last_look_from_before_an_extension_does_not_end_the_rental(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        class ExtendedMeanwhile(SmsActivate):
            async def rental_messages(self, provider_order_id: str) -> RentalResult:
                found = await super().rental_messages(provider_order_id)
                await rig.extend(rental)
                await rig.work()
                assert (await rig.row(rental))["extension_status"] == "extended"
                return found

        rental = await rig.number()
        await rig.pass_time(hours=HOURS, seconds=-30)
        job = await rig.claim(rental)
        a_minute_later = replace(job, clock_ahead=job.clock_ahead + timedelta(minutes=1))
        await rig.another_worker(providers={"sms_activate": ExtendedMeanwhile(rig.base_url, "demo", rig.http)}).work(
            a_minute_later
        )
        assert await rig.end(rental) == ("active", None, *EXTENDED)

    play(scenario)


def test_a_late_refusal_of_one_extension_leaves_the_next_alone(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.extend(rental)
        first = await rental_jobs.begin_extension(rig.db, rental, cost=None)
        assert first is not None
        assert await rental_jobs.begin_extension(rig.db, rental, cost=None) is None
        due_at = (await rig.row(rental))["due_at"]
        refuse = partial(rental_jobs.refuse_extension, rig.db, rental, "NOT_OFFERED", due_at=due_at)
        assert not await refuse(started_at=None)  # by who does not know that it is begun
        assert await refuse(started_at=first)
        await rig.extend(rental)
        second = await rental_jobs.begin_extension(rig.db, rental, cost=None)
        assert second is not None
        assert second != first
        assert not await refuse(started_at=first)
        await rental_jobs.abandon_extension(rig.db, rental, first, due_at)
        assert (await rig.row(rental))["extension_started_at"] == second
        assert await rig.end(rental) == ("active", None, *EXTENDED)
        await rental_jobs.abandon_extension(rig.db, rental, second, due_at)  # the control
        assert (await rig.row(rental))["extension_started_at"] is None

    play(scenario)


def test_a_number_that_was_listed_before_is_nobodys_orphan(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        await rig.provider("sms_activate").rent("by hand", "tg", "6", HOURS, None)
        await rig.fault("getRentNumber", "connection_reset")
        rental = await rig.order()
        await rig.work()
        await rig.pass_time(seconds=WINDOW_S)
        await rig.work()
        assert await rig.end(rental) == ("failed", "PROVIDER_UNAVAILABLE", *REFUNDED)

    play(scenario)


def test_alike_rentals_in_doubt_take_one_number_each(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        await rig.fault("getRentNumber", "drop_answer", count=3)
        rentals = [await rig.order() for _ in range(3)]
        await rig.work()
        await rig.pass_time(seconds=WINDOW_S)
        for _ in range(3):
            await rig.work()
            await rig.pass_time(seconds=6)
        assert {(await rig.row(rental))["status"] for rental in rentals} == {"active"}
        assert len({(await rig.row(rental))["provider_order_id"] for rental in rentals}) == 3
        assert len(await rig.upstream()) == 3

    play(scenario)


def test_unlike_rentals_in_doubt_never_take_one_anothers_number(play: RentalPlay) -> None:
    """One was made and one was not; the list does not say for which service: both are given back, neither guesses."""

    async def scenario(rig: RentalRig) -> None:
        await rig.fault("getRentNumber", "connection_reset", count=1)
        not_made = await rig.order("facebook")
        await rig.work()
        await rig.fault("getRentNumber", "drop_answer", count=1)
        made = await rig.order("google")
        await rig.work()
        await rig.pass_time(seconds=WINDOW_S)
        await rig.work()
        assert [await rig.end(rental) for rental in (made, not_made)] == [("ordering", None, *FROZEN)] * 2
        told = "select count(*) from system_logs where message = 'RENTAL_IN_DOUBT'"
        assert await rig.db.fetchval(told) == 1
        await rig.pass_time(seconds=DOUBT_MAX.total_seconds())
        await rig.work()
        for rental in (made, not_made):
            assert await rig.end(rental) == ("failed", "OUTCOME_UNKNOWN", *REFUNDED)
        assert await rig.db.fetchval("select count(*) from system_logs where message = 'OUTCOME_UNKNOWN'") == 2
        # What is left over upstream is never taken for a later one's.
        await rig.fault("getRentNumber", "connection_reset")
        later = await rig.order("facebook")
        await rig.work()
        await rig.pass_time(seconds=WINDOW_S)
        await rig.work()
        assert await rig.end(later) == ("failed", "PROVIDER_UNAVAILABLE", *REFUNDED)

    play(scenario)


def test_a_number_in_doubt_is_not_taken_by_one_begun_after_it_was_listed(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        await rig.fault("getRentNumber", "drop_answer", count=1)
        made = await rig.order("google")
        await rig.work()
        await rig.fault("getRentNumber", "connection_reset", count=1)
        not_made = await rig.order("facebook")
        await rig.work()
        await rig.pass_time(seconds=WINDOW_S)
        await rig.work()
        assert await rig.end(not_made) == ("failed", "PROVIDER_UNAVAILABLE", *REFUNDED)
        await rig.pass_time(seconds=60)
        await rig.work()
        assert await rig.end(made) == ("active", None, *FROZEN)

    play(scenario)


def test_one_given_up_in_doubt_stays_a_doubt_for_those_begun_before(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        await rig.fault("getRentNumber", "connection_reset", count=1)
        not_made = await rig.order("facebook")
        await rig.work()
        await rig.fault("getRentNumber", "drop_answer", count=1)
        made = await rig.order("google")
        await rig.work()
        await rig.pass_time(seconds=WINDOW_S)
        await rig.db.execute("select close_rental($1, 'failed', 'OUTCOME_UNKNOWN')", made)  # an operator's word
        await rig.work()
        assert await rig.end(not_made) == ("ordering", None, *FROZEN)

    play(scenario)


def test_without_a_list_an_operator_decides_or_the_window(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        worker = rig.another_worker("herosms")
        await rig.fault("getRentNumber", "drop_answer", count=2)
        recorded, given_up = await rig.order(), await rig.order()
        await rig.work(worker)
        await rig.pass_time(seconds=WINDOW_S)
        await rig.work(worker)
        for rental in (recorded, given_up):
            assert await rig.end(rental) == ("ordering", None, *FROZEN)
        upstream = (await rig.upstream())[0]
        await rig.db.execute(
            "select record_rental_purchase($1, $2, $3, null, now() + interval '1 day', now())",
            recorded,
            str(upstream["id"]),
            upstream["phone"],
        )
        await rig.work(worker)
        assert await rig.end(recorded) == ("active", None, *FROZEN)
        await rig.pass_time(seconds=DOUBT_MAX.total_seconds())
        await rig.work(worker)
        assert await rig.end(given_up) == ("failed", "OUTCOME_UNKNOWN", *REFUNDED)
        assert len(await rig.upstream()) == 2

    play(scenario)


def test_a_provider_without_rentals_is_passed_over(play: RentalPlay) -> None:
    class NoRentals(SmsActivate):
        async def rent(self, *_: object) -> object:  # type: ignore[override]
            raise NotOffered("no rentals here")

    async def scenario(rig: RentalRig) -> None:
        first = NoRentals(rig.base_url, "demo", rig.http)
        second = rig.provider("sms_activate")
        rental = await rig.order()
        await rig.work(rig.another_worker(providers={"herosms": first, "sms_activate": second}))
        assert (await rig.row(rental))["provider"] == "sms_activate"
        none = await rig.order()
        await rig.work(rig.another_worker(providers={"herosms": first}))
        assert await rig.end(none) == ("failed", "NOT_OFFERED", *REFUNDED)

    play(scenario)


def test_5sim_rents_by_its_own_names(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        await rig.db.execute("update services set rental_price_hour = 1.25")
        worker = rig.another_worker("fivesim")
        rental = await rig.number(worker)
        await rig.sms(rental, "hello")
        await rig.pass_time(seconds=6)
        await rig.work(worker)
        assert await rig.texts(rental) == ["hello"]
        await rig.request_cancel(rental)
        await rig.work(worker)
        assert await rig.end(rental) == ("active", "CANCEL_REFUSED", "36.00", "30.00")

    play(scenario)


# giving back, finishing, ending


def test_a_cancel_in_time_is_refunded(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.request_cancel(rental)
        await rig.work()
        assert await rig.end(rental) == ("cancelled", None, *REFUNDED)
        assert (await rig.upstream_state(rental))[0] == "cancelled"

    play(scenario)


def test_a_cancel_whose_answer_was_lost_is_still_one(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.request_cancel(rental)
        await rig.fault("setRentStatus", "drop_answer")
        await rig.work()
        assert await rig.end(rental) == ("active", None, *FROZEN)
        await rig.pass_time(seconds=6)
        await rig.work()
        assert await rig.end(rental) == ("cancelled", None, *REFUNDED)

    play(scenario)


def test_a_cancel_that_the_provider_finds_late_changes_nothing(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.control("settings", rental_cancel_s=0)
        await rig.request_cancel(rental)
        await rig.work()
        assert await rig.end(rental) == ("active", "CANCEL_TOO_LATE", *FROZEN)

    play(scenario)


def test_finishing_early_gives_the_number_up_and_is_paid(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.sms(rental, "the last")
        await rig.request_finish(rental)
        await rig.work()
        assert await rig.end(rental) == ("completed", None, *PAID)
        assert await rig.texts(rental) == ["the last"]
        assert (await rig.upstream_state(rental))[0] == "finished"

    play(scenario)


def test_what_the_provider_ends_early_is_paid_by_the_hour(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.pass_time(hours=5.5)
        await rig.provider("sms_activate").finish_rental((await rig.row(rental))["provider_order_id"])
        await rig.work()
        assert await rig.end(rental) == ("cancelled", "ENDED", "34.75", "0.00")  # 5 of 24 hours
        assert await rig.db.fetchval("select count(*) from system_logs where message = 'PROVIDER_ENDED'") == 1

    play(scenario)


def test_the_end_waits_for_a_provider_but_not_for_ever(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.pass_time(hours=HOURS)
        await rig.fault("getRentStatus", "http_500", count=100)
        await rig.work()
        assert await rig.end(rental) == ("active", None, *FROZEN)
        await rig.pass_time(seconds=LAST_LOOK_MAX.total_seconds())
        await rig.work()
        assert await rig.end(rental) == ("expired", None, *PAID)

    play(scenario)


# more time


def test_an_extension_ends_later_and_is_paid_at_the_end(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        before = (await rig.row(rental))["ends_at"]
        await rig.extend(rental)
        await rig.work()
        assert await rig.end(rental) == ("active", None, *EXTENDED)
        stored = await rig.row(rental)
        assert (stored["extension_status"], stored["hours"]) == ("extended", HOURS + 4)
        assert abs(stored["ends_at"] - before - timedelta(hours=4)) < timedelta(minutes=1)
        assert await rig.upstream_state(rental) == ("active", HOURS + 4)
        await rig.pass_time(hours=HOURS + 1)
        await rig.work()
        assert (await rig.end(rental))[0] == "active"
        await rig.pass_time(hours=3)
        await rig.work()
        assert await rig.end(rental) == ("expired", None, "29.00", "0.00")

    play(scenario)


def test_a_refused_extension_is_refunded_and_the_rental_goes_on(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.control("settings", balance="0.00")
        await rig.extend(rental)
        await rig.work()
        assert await rig.end(rental) == ("active", None, *FROZEN)
        assert (await rig.row(rental))["extension_error_code"] == "PROVIDER_ACCOUNT_PROBLEM"

    play(scenario)


@pytest.mark.parametrize(("fault", "sold"), [("drop_answer", True), ("connection_reset", False)])
def test_an_extension_in_doubt_is_decided_by_the_rentals_life(play: RentalPlay, fault: str, sold: bool) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.fault("continueRentNumber", fault)
        await rig.extend(rental)
        await rig.work()
        assert await rig.end(rental) == ("active", None, *EXTENDED)
        await rig.sms(rental, "meanwhile it serves")
        await rig.pass_time(hours=HOURS - 1)
        await rig.work()
        assert await rig.texts(rental) == ["meanwhile it serves"]
        assert await rig.end(rental) == ("active", None, *EXTENDED)
        await rig.pass_time(hours=1, seconds=1)
        await rig.work()
        if not sold:
            assert await rig.end(rental) == ("expired", None, *PAID)
            assert (await rig.row(rental))["extension_status"] == "refused"
            return
        assert await rig.end(rental) == ("active", None, *EXTENDED)  # not certain yet
        await rig.pass_time(seconds=EXTENSION_PROOF.total_seconds())
        await rig.work()
        assert (await rig.row(rental))["extension_status"] == "extended"
        assert await rig.upstream_state(rental) == ("active", HOURS + 4)
        await rig.pass_time(hours=4)
        await rig.work()
        assert await rig.end(rental) == ("expired", None, "29.00", "0.00")

    play(scenario)


def test_an_extension_waits_for_an_unavailable_provider_and_is_given_up(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.fault("continueRentNumber", "rate_limit", count=100)
        await rig.extend(rental)
        await rig.work()
        assert await rig.end(rental) == ("active", None, *EXTENDED)
        await rig.pass_time(seconds=61)
        await rig.work()
        assert await rig.end(rental) == ("active", None, *FROZEN)
        assert (await rig.row(rental))["extension_error_code"] == "PROVIDER_UNAVAILABLE"
        assert await rig.upstream_state(rental) == ("active", HOURS)

    play(scenario)


def test_two_pollers_extend_once(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.extend(rental)
        job = await rig.claim(rental)
        await asyncio.gather(*(rig.another_worker().work(job) for _ in range(4)))
        assert await rig.upstream_state(rental) == ("active", HOURS + 4)
        assert await rig.end(rental) == ("active", None, *EXTENDED)

    play(scenario)


def test_its_owner_cannot_end_a_rental_whose_extension_is_in_doubt(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.fault("continueRentNumber", "drop_answer")
        await rig.extend(rental)
        await rig.work()
        for end in (rig.request_finish, rig.request_cancel):
            with pytest.raises(ExtensionPending):
                await end(rental)
        await rig.work()
        assert await rig.end(rental) == ("active", None, *EXTENDED)
        assert await rig.upstream_state(rental) == ("active", HOURS + 4)

    play(scenario)


def test_who_comes_late_still_sees_that_a_rental_in_doubt_was_extended(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.fault("continueRentNumber", "drop_answer")
        await rig.extend(rental)
        await rig.work()
        await rig.pass_time(seconds=HOURS * 3600 + LAST_LOOK_MAX.total_seconds() + 1)
        await rig.work()
        assert await rig.end(rental) == ("active", None, *EXTENDED)
        assert (await rig.row(rental))["extension_status"] == "extended"

    play(scenario)


def test_an_extension_that_nobody_could_decide_is_told(play: RentalPlay) -> None:
    async def scenario(rig: RentalRig) -> None:
        rental = await rig.number()
        await rig.fault("continueRentNumber", "drop_answer")
        await rig.extend(rental)
        await rig.work()
        await rig.fault("getRentStatus", "connection_reset", count=100)
        await rig.pass_time(seconds=HOURS * 3600 + LAST_LOOK_MAX.total_seconds() + 1)
        await rig.work()
        assert await rig.end(rental) == ("expired", None, *PAID)
        told = "select data ->> 'reason' from system_logs where message = 'EXTENSION_IN_DOUBT' order by id desc"
        assert "refunded" in str(await rig.db.fetchval(told))

    play(scenario)
