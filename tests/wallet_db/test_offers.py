"""What can be bought: stock and success over all routes in use, and nothing of whom we buy from, or for how much."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson

from tests.wallet_db.support import MINUTE, NOW, Database, call, new_user, run
from tests.wallet_db.test_routes import decide, margin, told, tried
from wallet_db.connect import Pool, pool
from wallet_db.orders import read_offers
from wallet_db.roles import GATEWAY

LATER = NOW + 30 * MINUTE


async def offer(db: Database, tries_min: int = 1, now: Any = LATER) -> dict[str, Any]:
    """WhatsApp in Indonesia."""
    offers = await call(db, "offers_json", p_tries_min=tries_min, p_now=now)
    (found,) = [
        each for each in orjson.loads(offers) if (each["service"], each["country"]) == ("whatsapp", "indonesia")
    ]
    return dict(found)


def test_stock_is_what_the_routes_in_use_have_told_lately(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        assert (await offer(db))["stock"] is None
        await told(db, "herosms", "0.5", stock=30, at=NOW)
        await told(db, "fivesim", "0.7", stock=12, at=NOW)
        assert (await offer(db))["stock"] == 42
        await decide(db, "disabled")
        assert (await offer(db))["stock"] == 12
        assert (await offer(db, now=NOW + timedelta(hours=3)))["stock"] is None

    run(database_url, scenario)


def test_success_is_told_from_enough_tries_of_the_last_day(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "100.00")
        await tried(db, user, 3, 1)
        await tried(db, user, 0, 1, "fivesim")
        assert (await offer(db, tries_min=5))["success"] == 0.6
        assert (await offer(db, tries_min=6))["success"] is None
        assert (await offer(db, now=LATER + timedelta(hours=24)))["success"] is None
        await told(db, "fivesim", "0.7", at=NOW)
        await decide(db, "disabled", "fivesim")
        assert (await offer(db, tries_min=4))["success"] == 0.75

    run(database_url, scenario)


def test_the_gateway_reads_prices_but_neither_costs_nor_providers(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("update services set price = null where service = 'telegram'")
        await margin(db, "100")
        await told(db, "herosms", "1.23")
        async with pool(database_url, "test", role=GATEWAY) as gateway:
            offers = await read_offers(gateway, 20)
        prices = {(each["service"], each["country"]): each["price"] for each in offers}
        assert prices["whatsapp", "indonesia"] == str(Decimal("1.23") * 2)
        assert prices["whatsapp", "india"] == "5.00"
        assert not [service for service, _ in prices if service == "telegram"]
        assert {name for each in offers for name in each} == {"service", "country", "price", "stock", "success"}

    run(database_url, scenario)
