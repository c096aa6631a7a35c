"""Orders for operators: found by whatever names them, with their timeline, cancelled or refunded."""

from uuid import UUID

from starlette.responses import Response

from gateway.api.admin import shapes
from gateway.api.admin.asked import (
    OPERATORS_TAG,
    UNSERVED,
    OrdersQuery,
    Reasoned,
    SearchQuery,
    actor_of,
    operators_of,
)
from gateway.api.admin.explained import explain
from gateway.api.operation import Access, Call, operation
from gateway.api.responses import Answer, JsonResponse
from gateway.api.shapes import Activation, Rental
from gateway.errors import ApiError
from wallet_db import operators
from wallet_db.orders import JsonObject


@operation(
    "GET",
    "/api/admin/search",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("What was found, newest first.", shapes.Found)},
    refuses=(UNSERVED,),
)
async def search(call: Call, query: SearchQuery) -> Response:
    """Find orders and users by an id, a name, a phone number or its last six digits or more."""
    pool, word = operators_of(call), query.q.strip()
    orders = await operators.search_orders(pool, word, days=query.days, place=query.before, limit=query.limit)
    users = await operators.find_users(pool, word) if query.before is None else []
    return JsonResponse({"users": users, **_page(orders, query.limit)})


@operation(
    "GET",
    "/api/admin/orders/stuck",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("Orders, newest first.", shapes.StuckOrders)},
    refuses=(UNSERVED,),
)
async def stuck(call: Call, query: OrdersQuery) -> Response:
    """Open orders not looked at in time, without a number after two minutes, or past their number's end; and why."""
    orders = await operators.stuck_orders(operators_of(call), place=query.before, limit=query.limit)
    page = _page(orders, query.limit)
    page["orders"] = [
        {name: order[name] for name in shapes.FoundOrder.model_fields}
        | {"why": next(iter(explain(order).reasons), None)}
        for order in page["orders"]
    ]
    return JsonResponse(page)


@operation(
    "GET",
    "/api/admin/orders/{order_id}",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    gives={200: Answer("The order.", shapes.OrderDetail)},
    refuses=(UNSERVED,),
)
async def show(call: Call, order_id: UUID) -> Response:
    """Show an order with all that is known to have happened with it, and why it stands where it stands."""
    pool = operators_of(call)
    order = await operators.read_order(pool, order_id)
    if order is None:
        raise ApiError("UNKNOWN_ORDER", f"no order {order_id}")
    timeline = await operators.read_timeline(pool, order_id)
    why = explain(order)
    return JsonResponse(
        {
            "order": order,
            "reasons": why.reasons,
            "may_cancel": why.may_cancel,
            "may_refund": why.may_refund,
            "may_close": why.may_close,
            "timeline": timeline,
        }
    )


@operation(
    "POST",
    "/api/admin/activations/{activation_id}/cancel",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat="Asking again changes nothing but is written down.",
    gives={202: Answer("Asked for; the provider decides.", Activation)},
    refuses=(UNSERVED, "SMS_ALREADY_RECEIVED", "ALREADY_CLOSED"),
)
async def cancel(call: Call, activation_id: UUID, body: Reasoned) -> Response:
    """Ask the provider to cancel a user's order."""
    order = await operators.cancel_activation(
        operators_of(call), activation_id, reason=body.reason, actor=actor_of(call)
    )
    return JsonResponse(order, 202)


@operation(
    "POST",
    "/api/admin/activations/{activation_id}/refund",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat="Asking again changes nothing.",
    gives={200: Answer("It has ended, and the money is back.", Activation)},
    refuses=(UNSERVED, "SMS_ALREADY_RECEIVED", "ALREADY_CLOSED"),
)
async def refund(call: Call, activation_id: UUID, body: Reasoned) -> Response:
    """End an order and give its money back, whatever the provider says.

    What the number cost upstream may then be lost: first ask for a cancel.
    """
    order = await operators.refund_activation(
        operators_of(call), activation_id, reason=body.reason, actor=actor_of(call)
    )
    return JsonResponse(order)


@operation(
    "POST",
    "/api/admin/rentals/{rental_id}/cancel",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat="Asking again changes nothing but is written down.",
    gives={202: Answer("Asked for; the provider decides.", Rental)},
    refuses=(UNSERVED, "ALREADY_CLOSED", "CANCEL_TOO_LATE"),
)
async def cancel_rental(call: Call, rental_id: UUID, body: Reasoned) -> Response:
    """Ask the provider to take a user's rental back, which it does for 20 minutes after the purchase."""
    rental = await operators.cancel_rental(operators_of(call), rental_id, reason=body.reason, actor=actor_of(call))
    return JsonResponse(rental, 202)


@operation(
    "POST",
    "/api/admin/rentals/{rental_id}/refund",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat="Asking again changes nothing.",
    gives={200: Answer("It has ended, and the money is back.", Rental)},
    refuses=(UNSERVED, "ALREADY_CLOSED"),
)
async def refund_rental(call: Call, rental_id: UUID, body: Reasoned) -> Response:
    """End a rental and give back all that it holds, extensions too, whatever the provider says.

    Nobody gives the number up upstream: what it cost there may be lost.
    """
    return JsonResponse(
        await operators.end_rental(operators_of(call), rental_id, refund=True, reason=body.reason, actor=actor_of(call))
    )


@operation(
    "POST",
    "/api/admin/rentals/{rental_id}/close",
    tag=OPERATORS_TAG,
    access=Access.OPERATOR,
    repeat="Asking again changes nothing.",
    gives={200: Answer("It has ended, and is paid.", Rental)},
    refuses=(UNSERVED, "ALREADY_CLOSED", "INVALID_TRANSITION"),
)
async def close_rental(call: Call, rental_id: UUID, body: Reasoned) -> Response:
    """End a rental that has a number and keep its money, whatever the provider says."""
    return JsonResponse(
        await operators.end_rental(
            operators_of(call), rental_id, refund=False, reason=body.reason, actor=actor_of(call)
        )
    )


def _page(orders: list[JsonObject], limit: int) -> JsonObject:
    following = orders[-1]["next"] if len(orders) == limit else None
    return {
        "orders": [{name: value for name, value in each.items() if name != "next"} for each in orders],
        "next": following,
    }


OPERATIONS = (search, stuck, show, cancel, refund, cancel_rental, refund_rental, close_rental)
