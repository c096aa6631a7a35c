"""The operators' side of the API, under `/api/admin`, and their page at `/admin`.

Each operation wants an operator's token, and the pool that acts as `onesms_operator` over a login of its own
(`OPERATOR_DATABASE_URL`; in the demo the one login there is). Without that pool they answer 404: the gateway's own
role can do nothing of this, so a fault in what serves users opens none of it.
"""

from gateway.api.admin import cards, figures, orders, page, trade, users, wallets

OPERATIONS = (
    *page.OPERATIONS,
    *orders.OPERATIONS,
    *users.OPERATIONS,
    *wallets.OPERATIONS,
    *trade.OPERATIONS,
    *cards.OPERATIONS,
    *figures.OPERATIONS,
)
