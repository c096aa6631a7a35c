"""What the demo needs in the database: prices, so that everything can be bought and rented, cards too."""

from decimal import Decimal

from wallet_db.connect import connect
from wallet_db.roles import OPERATOR

DEMO_PRICE = Decimal("5.00")
DEMO_RENTAL_PRICE_HOUR = Decimal("1.50")
DEMO_CARD_FEE = Decimal("2.00")
DEMO_USD_PRICE = Decimal("1.10")
DEMO_FUNDING_FEE_PERCENT = Decimal("2.00")


async def set_demo_prices(url: str) -> None:
    """Give every service without a price the demo's, and cards an offer; prices set by an operator stay."""
    connection = await connect(url, "demo", role=OPERATOR)
    try:
        await connection.execute("update services set price = $1 where price is null", DEMO_PRICE)
        await connection.execute(
            "update services set rental_price_hour = $1 where rental_price_hour is null", DEMO_RENTAL_PRICE_HOUR
        )
        await connection.execute(
            "insert into card_offers (provider, creation_fee, usd_price, funding_fee_percent, usd_min, usd_max,"
            " on_sale) values ('strowallet', $1, $2, $3, 1, 1000, true) on conflict (provider) do nothing",
            DEMO_CARD_FEE,
            DEMO_USD_PRICE,
            DEMO_FUNDING_FEE_PERCENT,
        )
    finally:
        await connection.close()
