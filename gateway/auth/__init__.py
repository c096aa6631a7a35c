"""Who is calling, and until when.

`credentials` finds the token of a request, `authenticator` makes a `session` of it, with a secret or the `keys` that
`jwks` fetches; `revoked` says which sessions count no more though their tokens have not expired; `tickets` stand for a
session once. Nothing here knows transports.
"""

from gateway.auth.authenticator import OPERATOR_ROLES, Authenticator
from gateway.auth.credentials import COOKIE, Credentials, credentials_of
from gateway.auth.jwks import Jwks, is_address, is_safe_address
from gateway.auth.revoked import Revoked
from gateway.auth.session import Session
from gateway.auth.tickets import Tickets, ticket_of

__all__ = [
    "COOKIE",
    "OPERATOR_ROLES",
    "Authenticator",
    "Credentials",
    "Jwks",
    "Revoked",
    "Session",
    "Tickets",
    "credentials_of",
    "is_address",
    "is_safe_address",
    "ticket_of",
]
