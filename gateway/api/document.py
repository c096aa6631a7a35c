"""`/openapi.json`, the API's document, and `/docs`, which shows it to people with nothing loaded from elsewhere."""

from pathlib import Path

from starlette.responses import Response

from gateway.api.operation import Access, Call, operation
from gateway.api.responses import ETAG, Answer, page_response, shared_response
from gateway.api.shapes import Document

PAGE = Path(__file__).resolve().parent.parent.parent / "static" / "docs.html"


@operation(
    "GET",
    "/openapi.json",
    tag="process",
    access=Access.PUBLIC,
    gives={
        200: Answer("OpenAPI 3.1.", Document, headers=(ETAG,)),
        304: Answer("It has not changed since `If-None-Match`.", headers=(ETAG,)),
    },
)
async def openapi(call: Call) -> Response:
    """This document."""
    document: bytes = call.request.state.document
    return shared_response(call.request, document)


@operation(
    "GET",
    "/docs",
    tag="process",
    access=Access.PUBLIC,
    is_limited=False,
    gives={
        200: Answer("A page.", media_type="text/html", headers=(ETAG,)),
        304: Answer("It has not changed since `If-None-Match`.", headers=(ETAG,)),
    },
)
async def docs(call: Call) -> Response:
    """This document for people."""
    return await page_response(call.request, PAGE)


OPERATIONS = (openapi, docs)
