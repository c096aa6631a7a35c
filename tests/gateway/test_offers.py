"""What can be bought, over HTTP: for everybody, the same for a few seconds, and not read from the database for each."""

import asyncio

import httpx

from gateway.api import shapes
from gateway.offers import Offers
from tests.system import System
from wallet_db.connect import pool
from wallet_db.roles import GATEWAY


def test_everybody_may_look_and_hears_of_a_change_only(system: System) -> None:
    answer = httpx.get(f"{system.url}/api/offers")
    told = shapes.Offers.model_validate_json(answer.content)
    assert ("whatsapp", "indonesia", "5.00") in {(each.service, each.country, each.price) for each in told.offers}
    assert (told.success_hours, told.success_tries_min) == (24, 20)
    again = httpx.get(f"{system.url}/api/offers", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304 or again.headers["etag"] != answer.headers["etag"]


def test_many_who_look_cost_one_reading_in_a_while(database_url: str) -> None:
    async def scenario() -> None:
        now_s = 100.0
        async with pool(database_url, "test", role=GATEWAY) as gateway, pool(database_url, "test") as owner:
            offers = Offers(gateway, kept_s=5, clock=lambda: now_s)
            first, *others = await asyncio.gather(*(offers.read() for _ in range(20)))
            assert all(other is first for other in others)
            await owner.execute("update services set price = 6 where service = 'whatsapp'")
            now_s = 104.9
            assert await offers.read() is first
            now_s = 105.0
            assert b'"6.00"' in await offers.read()

    asyncio.run(scenario())
