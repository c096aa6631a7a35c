"""What the demo needs in the database: prices, so that everything can be bought."""

from decimal import Decimal

from wallet_db.connect import connect
from wallet_db.roles import OPERATOR

DEMO_PRICE = Decimal("5.00")


async def set_demo_prices(url: str) -> None:
    """Give every service without a price the demo's; prices set by an operator stay."""
    connection = await connect(url, "demo", role=OPERATOR)
    try:
        await connection.execute("update services set price = $1 where price is null", DEMO_PRICE)
    finally:
        await connection.close()
