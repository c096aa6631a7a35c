"""Wallets that are not well, and what was logged and told: what needs a person."""

from uuid import UUID

from starlette.responses import Response

from gateway.api.admin import shapes
from gateway.api.admin.asked import (
    OPERATORS_TAG,
    UNSERVED,
    LogsQuery,
    NumberedQuery,
    Reasoned,
    WalletsQuery,
    actor_of,
    operators_of,
)
from gateway.api.operation import Access, Call, operation
from gateway.api.responses import Answer, JsonResponse
from wallet_db import operators


@operation(
    "GET",
    "/api/admin/wallets",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("Wallets that are not OK.", shapes.FaultyWallets)},
    refuses=(UNSERVED,),
)
async def faulty(call: Call, query: WalletsQuery) -> Response:
    """The wallets that disagree with their holds or orders, by their users' ids."""
    found = await operators.faulty_wallets(operators_of(call), after=query.after, limit=query.limit)
    return JsonResponse({"wallets": found, "next": found[-1]["user_id"] if len(found) == query.limit else None})


@operation(
    "POST",
    "/api/admin/wallets/{user_id}/correct",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat="What is right already is left as it is.",
    gives={200: Answer("What was done.", shapes.Correction)},
    refuses=(UNSERVED, "UNKNOWN_USER"),
)
async def correct(call: Call, user_id: UUID, body: Reasoned) -> Response:
    """Set right now what of a WARNING can be known; what cannot is alerted and left to a person."""
    done = await operators.correct_wallet(operators_of(call), user_id, reason=body.reason, actor=actor_of(call))
    return JsonResponse(done)


@operation(
    "GET",
    "/api/admin/logs",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("A page, newest first.", shapes.Logs)},
    refuses=(UNSERVED,),
)
async def logs(call: Call, query: LogsQuery) -> Response:
    """What was written down for operators."""
    rows = await operators.list_logs(
        operators_of(call), levels=[*query.level] or None, before=query.before, limit=query.limit
    )
    following = rows[-1]["next"] if len(rows) == query.limit else None
    told = [{name: value for name, value in row.items() if name != "next"} for row in rows]
    return JsonResponse({"logs": told, "next": following})


@operation(
    "GET",
    "/api/admin/alerts",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("A page, newest first.", shapes.Alerts)},
    refuses=(UNSERVED,),
)
async def alerts(call: Call, query: NumberedQuery) -> Response:
    """What operators were told of; one that lasts is one, with a count."""
    found = await operators.list_alerts(operators_of(call), before=query.before, limit=query.limit)
    return JsonResponse({"alerts": found, "next": found[-1]["id"] if len(found) == query.limit else None})


OPERATIONS = (faulty, correct, logs, alerts)
