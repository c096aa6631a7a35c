"""What the demo needs in the database: prices, so that everything can be bought and rented."""

from decimal import Decimal

from wallet_db.connect import connect
from wallet_db.roles import OPERATOR

DEMO_PRICE = Decimal("5.00")
DEMO_RENTAL_PRICE_HOUR = Decimal("1.50")


async def set_demo_prices(url: str) -> None:
    """Give every service without a price the demo's; prices set by an operator stay."""
    connection = await connect(url, "demo", role=OPERATOR)
    try:
        await connection.execute("update services set price = $1 where price is null", DEMO_PRICE)
        await connection.execute(
            "update services set rental_price_hour = $1 where rental_price_hour is null", DEMO_RENTAL_PRICE_HOUR
        )
    finally:
        await connection.close()
