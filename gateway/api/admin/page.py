"""`/admin`: the operators' page. Its files are public like any; what they ask for wants an operator's token."""

from pathlib import Path

from starlette.responses import Response

from gateway.api.operation import Access, Call, operation
from gateway.api.responses import ETAG, Answer, page_response

PAGE = Path(__file__).resolve().parents[3] / "static" / "admin.html"


@operation(
    "GET",
    "/admin",
    tag="operators",
    access=Access.PUBLIC,
    is_limited=False,
    gives={
        200: Answer("A page.", media_type="text/html", headers=(ETAG,)),
        304: Answer("It has not changed since `If-None-Match`.", headers=(ETAG,)),
    },
)
async def admin(call: Call) -> Response:
    """The operators' page."""
    return await page_response(call.request, PAGE)


OPERATIONS = (admin,)
