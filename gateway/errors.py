"""API errors: one shape, one table.

Every refusal is `{"success": false, "error_code", "message", …data}` with the HTTP status the table gives its code.
Codes are stable; messages are for people. The wallet's own codes are `wallet_db.errors`' and have their statuses here
too.
"""

from typing import Any

from wallet_db.errors import WalletError

STATUS_BY_CODE = {
    "BAD_REQUEST": 400,
    "INVALID_JSON": 400,
    "TICKET_INVALID": 401,
    "TOKEN_MISSING": 401,
    "TOKEN_INVALID": 401,
    "TOKEN_EXPIRED": 401,
    "TOKEN_REVOKED": 401,
    "INSUFFICIENT_FUNDS": 402,
    "FOREIGN_ORIGIN": 403,
    "OPERATORS_ONLY": 403,
    "UNKNOWN_SENDER": 403,
    "NOT_FOUND": 404,
    "UNKNOWN_ORDER": 404,
    "UNKNOWN_USER": 404,
    "UNKNOWN_HOLD": 404,
    "METHOD_NOT_ALLOWED": 405,
    "REQUEST_TIMEOUT": 408,
    "NO_NUMBERS": 409,
    "ALREADY_CLOSED": 409,
    "ALREADY_SETTLED": 409,
    "CANCEL_REFUSED": 409,
    "CANCEL_TOO_LATE": 409,
    "EARLY_CANCEL_DENIED": 409,
    "EXTENSION_REFUSED": 409,
    "IDEMPOTENCY_MISMATCH": 409,
    "INVALID_TRANSITION": 409,
    "NOT_EXTENDABLE": 409,
    "ORDER_FAILED": 409,
    "RETRY_REFUSED": 409,
    "SMS_ALREADY_RECEIVED": 409,
    "SMS_NOT_RECEIVED": 409,
    "BODY_TOO_LARGE": 413,
    "INVALID_AMOUNT": 422,
    "INVALID_ARGUMENT": 422,
    "INVALID_HOURS": 422,
    "NOT_FOR_SALE": 422,
    "PRICE_ABOVE_LIMIT": 422,
    "UNKNOWN_COUNTRY": 422,
    "UNKNOWN_SERVICE": 422,
    "UPGRADE_REQUIRED": 426,
    "CHECK_TOO_SOON": 429,
    "TOO_MANY_CONNECTIONS": 429,
    "TOO_MANY_OPEN_ORDERS": 429,
    "HEADERS_TOO_LARGE": 431,
    "APPEND_ONLY": 500,
    "UNAUDITED_CHANGE": 500,
    "INTERNAL_ERROR": 500,
    "BUSY": 503,
    "UNAVAILABLE": 503,
}


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
