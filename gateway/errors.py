"""API errors: one shape, one table.

Every refusal is `{"success": false, "error_code", "message", "request_id", …data}` with the HTTP status the table gives
its code. Codes are stable; messages are for people. The wallet's own codes are `wallet_db.errors`' and have their
statuses here too. The API's document (`gateway.api.openapi`) and its page show this table; each route says which of
the codes it answers.
"""

from typing import Any, NamedTuple

from wallet_db.errors import WalletError


class ErrorCode(NamedTuple):
    """One row of the table."""

    status: int
    meaning: str
    """For whoever writes a client: what has happened, and what to do."""


ERRORS = {
    "BAD_REQUEST": ErrorCode(400, "Something in address, headers or framing is not as expected; the message names it."),
    "INVALID_JSON": ErrorCode(400, "The body is no JSON object, or names something in it twice."),
    "TICKET_INVALID": ErrorCode(401, "The ticket was used, or is too old: get a new one."),
    "TOKEN_MISSING": ErrorCode(401, "No token came with the request."),
    "TOKEN_INVALID": ErrorCode(401, "The token does not verify."),
    "TOKEN_EXPIRED": ErrorCode(401, "The token's time is over: get a new one."),
    "TOKEN_REVOKED": ErrorCode(401, "The token has been revoked: get a new one."),
    "SIGNATURE_INVALID": ErrorCode(401, "The webhook is not signed by the provider, or too long ago."),
    "INSUFFICIENT_FUNDS": ErrorCode(402, "`needed` is more than `available`."),
    "FOREIGN_ORIGIN": ErrorCode(403, "A cookie counts from this site's own pages only; others send a token."),
    "OPERATORS_ONLY": ErrorCode(403, "The token's role is not an operator's."),
    "UNKNOWN_SENDER": ErrorCode(403, "A webhook that does not come from the provider's addresses."),
    "NOT_FOUND": ErrorCode(404, "Nothing is served at this address."),
    "UNKNOWN_ORDER": ErrorCode(404, "The user has no such order; another user's is as unknown as none."),
    "UNKNOWN_USER": ErrorCode(404, "The user is gone."),
    "CARD_NOT_FOUND": ErrorCode(404, "The user has no such card; another user's is as unknown as none."),
    "UNKNOWN_HOLD": ErrorCode(404, "No such hold."),
    "METHOD_NOT_ALLOWED": ErrorCode(405, "The address is served, this method is not: see `Allow`."),
    "REQUEST_TIMEOUT": ErrorCode(408, "The request did not come whole in time."),
    "NO_NUMBERS": ErrorCode(409, "Nobody has a number to sell; nothing was charged."),
    "ALREADY_CLOSED": ErrorCode(409, "The order has ended."),
    "ALREADY_SETTLED": ErrorCode(409, "The hold has ended otherwise."),
    "CANCEL_REFUSED": ErrorCode(409, "The provider does not cancel this order."),
    "CANCEL_TOO_LATE": ErrorCode(409, "A rental can be given back soon after its purchase only."),
    "CARD_ACTION_REFUSED": ErrorCode(409, "The provider did not block or unblock the card; see `card`."),
    "CARD_FAILED": ErrorCode(409, "The provider made no card; nothing was charged."),
    "CARD_FUNDING_FAILED": ErrorCode(409, "The provider put no money on the card; nothing was charged."),
    "CARD_REVEAL_REFUSED": ErrorCode(409, "The provider does not tell this card's number."),
    "CUSTOMER_REFUSED": ErrorCode(409, "The provider did not register the customer; see `customer`."),
    "CARD_NOT_USABLE": ErrorCode(409, "Not with a card in this `status`, or with this `wanted_action` under way."),
    "CUSTOMER_EXISTS": ErrorCode(409, "The user, or another one by this address, is a customer: see `field`."),
    "CUSTOMER_NOT_REGISTERED": ErrorCode(409, "The provider does not know the user yet: `status` says how far it is."),
    "EARLY_CANCEL_DENIED": ErrorCode(409, "The provider does not cancel yet: again in `retry_after_s`."),
    "EXTENSION_PENDING": ErrorCode(409, "An extension is not decided yet: the rental cannot be ended before it is."),
    "EXTENSION_REFUSED": ErrorCode(409, "The rental was not extended; nothing was charged for it."),
    "FUNDING_PENDING": ErrorCode(409, "Another funding of the card is under way: `funding_id`."),
    "IDEMPOTENCY_MISMATCH": ErrorCode(409, "The Idempotency-Key was used with another request; `field` differs."),
    "KEY_IN_USE": ErrorCode(409, "A request with this Idempotency-Key is under way: again in `retry_after_s`."),
    "INVALID_TRANSITION": ErrorCode(409, "Not from the state that the order is in."),
    "NOT_EXTENDABLE": ErrorCode(409, "The rental does not run, or something is under way with it: see `reason`."),
    "ORDER_FAILED": ErrorCode(409, "No number could be had; nothing was charged."),
    "RETRY_REFUSED": ErrorCode(409, "The provider does not wait for another SMS."),
    "SMS_ALREADY_RECEIVED": ErrorCode(409, "The SMS came first, so the order is paid."),
    "SMS_NOT_RECEIVED": ErrorCode(409, "The order has had no SMS yet."),
    "BODY_TOO_LARGE": ErrorCode(413, "The body is larger than is taken."),
    "BODY_ENCODED": ErrorCode(415, "The body is compressed: send it as it is."),
    "INVALID_AMOUNT": ErrorCode(422, "No sum of money that can be meant here."),
    "INVALID_ARGUMENT": ErrorCode(422, "A value in the body is not as expected; the message names it."),
    "INVALID_CARD_AMOUNT": ErrorCode(422, "A card takes from `min` to `max` dollars at once, to the cent."),
    "INVALID_HOURS": ErrorCode(422, "Rentals last from `min` to `max` hours."),
    "INVALID_IMAGE": ErrorCode(422, "Not a JPEG or PNG in base64, or larger than `bytes_max`; `field` names it."),
    "CARDS_NOT_SOLD": ErrorCode(422, "No cards of this provider are for sale."),
    "NOT_FOR_SALE": ErrorCode(422, "The service has no price."),
    "PRICE_ABOVE_LIMIT": ErrorCode(422, "`price` is above the `max_price` given."),
    "UNKNOWN_COUNTRY": ErrorCode(422, "No country of this name or code."),
    "UNKNOWN_SERVICE": ErrorCode(422, "No service of this name or code."),
    "UPGRADE_REQUIRED": ErrorCode(426, "This address speaks WebSocket."),
    "CHECK_TOO_SOON": ErrorCode(429, "The order was looked at just now: again in `retry_after_s`."),
    "TOO_MANY_CONNECTIONS": ErrorCode(429, "Close some, or come back in `retry_after_s`."),
    "TOO_MANY_OPEN_ORDERS": ErrorCode(429, "`open` orders are open, `max` may be."),
    "TOO_MANY_REQUESTS": ErrorCode(429, "More requests than one user or address may send: again in `retry_after_s`."),
    "HEADERS_TOO_LARGE": ErrorCode(431, "Address and headers are larger than is taken."),
    "APPEND_ONLY": ErrorCode(500, "The audit may not be rewritten: a fault of ours."),
    "UNAUDITED_CHANGE": ErrorCode(500, "A balance was to change without an operation: a fault of ours."),
    "INTERNAL_ERROR": ErrorCode(500, "A fault of ours, which has been logged under `request_id`."),
    "BUSY": ErrorCode(503, "Somebody else was at work there, and nothing was done: again in `retry_after_s`."),
    "CARDS_NOT_CONFIGURED": ErrorCode(503, "Cards are not served here: keys or secrets of theirs are not set."),
    "CARD_REVEAL_UNANSWERED": ErrorCode(503, "The provider has not told the number yet: again in `retry_after_s`."),
    "UNAVAILABLE": ErrorCode(503, "The database is away, or the process is leaving: again in `retry_after_s`."),
}

STATUS_BY_CODE = {code: error.status for code, error in ERRORS.items()}


class ApiError(Exception):
    """A refusal to be answered as such."""

    def __init__(self, code: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.status = STATUS_BY_CODE[code]
        self.body = {"success": False, "error_code": code, "message": message, **data}

    @classmethod
    def of(cls, refusal: WalletError) -> "ApiError":
        """The wallet's refusal as an answer."""
        return cls(refusal.code, str(refusal), **refusal.data)
