"""Users for operators: what they have, every movement with who made it, and money moved by hand."""

from decimal import Decimal
from typing import Literal
from uuid import UUID

from starlette.responses import Response

from gateway.api.admin import shapes
from gateway.api.admin.asked import (
    OPERATORS_TAG,
    UNSERVED,
    NewAdjustment,
    NewDeposit,
    NumberedQuery,
    actor_of,
    operators_of,
    transaction_id_of,
)
from gateway.api.operation import KEYED, Access, Call, operation
from gateway.api.responses import REPLAY, Answer, JsonResponse
from gateway.errors import ApiError
from gateway.realtime.roll_call import merged_sessions
from wallet_db import operators

MONEY_REFUSALS = (
    UNSERVED,
    "UNKNOWN_USER",
    "INVALID_AMOUNT",
    "IDEMPOTENCY_MISMATCH",
)


@operation(
    "GET",
    "/api/admin/users/{user_id}",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("The user.", shapes.User)},
    refuses=(UNSERVED, "UNKNOWN_USER"),
)
async def show(call: Call, user_id: UUID) -> Response:
    """Show a user: wallet and its health, open orders, since when revoked."""
    user = await operators.read_user(operators_of(call), user_id)
    if user is None:
        raise ApiError("UNKNOWN_USER", f"no user {user_id}")
    return JsonResponse(user)


@operation(
    "GET",
    "/api/admin/users/{user_id}/sessions",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("Tokens, the newest first.", shapes.Sessions)},
    refuses=(UNSERVED,),
)
async def sessions(call: Call, user_id: UUID) -> Response:
    """Which of a user's tokens the gateways know of, and what is open on each.

    Tokens are not kept: one that was not used lately is not here, but `/realtime/revocations` reaches it as well.
    """
    operators_of(call)
    rolls = await call.services.roll_call.call(user_id)
    return JsonResponse(
        {
            "sessions": merged_sessions(rolls),
            "left_out": sum(roll.sessions_left_out for roll in rolls),
            "gateways": [roll.name for roll in rolls],
        }
    )


@operation(
    "GET",
    "/api/admin/users/{user_id}/operations",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("A page.", shapes.Audit)},
    refuses=(UNSERVED,),
)
async def audit(call: Call, user_id: UUID, query: NumberedQuery) -> Response:
    """Every movement of a user's money with who acted, newest first."""
    found = await operators.list_audit(operators_of(call), user_id, before=query.before, limit=query.limit)
    return JsonResponse({"operations": found, "next": found[-1]["number"] if len(found) == query.limit else None})


@operation(
    "POST",
    "/api/admin/users/{user_id}/deposit",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat=KEYED,
    keeps=True,
    gives={200: Answer("The money is there.", shapes.Moved, headers=(REPLAY,))},
    refuses=MONEY_REFUSALS,
)
async def deposit(call: Call, user_id: UUID, body: NewDeposit) -> Response:
    """Top a wallet up. The `Idempotency-Key` is required."""
    return await _move(call, "deposit", user_id, body.amount, body.reason)


@operation(
    "POST",
    "/api/admin/users/{user_id}/adjust",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat=KEYED,
    keeps=True,
    gives={200: Answer("The balance is changed.", shapes.Moved, headers=(REPLAY,))},
    refuses=(*MONEY_REFUSALS, "INSUFFICIENT_FUNDS"),
)
async def adjust(call: Call, user_id: UUID, body: NewAdjustment) -> Response:
    """Correct what a user owns, up or down. The `Idempotency-Key` is required."""
    return await _move(call, "adjust", user_id, body.amount, body.reason)


async def _move(
    call: Call, kind: Literal["deposit", "adjust"], user_id: UUID, amount: Decimal, reason: str
) -> Response:
    transaction_id = transaction_id_of(call)
    moved = await operators.move_money(
        operators_of(call), kind, user_id, amount, transaction_id, reason=reason, actor=actor_of(call)
    )
    headers = {"idempotent-replay": "true"} if moved["replayed"] else {}
    wallet = {name: moved[name] for name in ("balance", "frozen", "available")}
    return JsonResponse(
        {"operation_number": moved["operation_number"], "type": kind, "amount": moved["amount"], "wallet": wallet},
        headers=headers,
    )


OPERATIONS = (show, sessions, audit, deposit, adjust)
