"""Traces through the whole system, as a collector gets them; and that nobody pays for them who does not want them."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from notifier.event import Event
from notifier.traced import ORDERS_MAX, orders_of, publishing
from tests.system import running_system, wait_until
from wallet_db import tracing
from wallet_db.settings import DatabaseSettings

needs_otel = pytest.mark.skipif(not tracing.is_installed(), reason="the extra otel is not installed")
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ID = "018f4d2c-7e7a-7c3e-9a55-0d7e4c9d1a2b"


def test_without_an_endpoint_nothing_is_traced() -> None:
    tracing.configure_tracing("gateway", DatabaseSettings())
    assert not tracing.is_tracing()
    with tracing.span("work", order_id=ID) as span, publishing([]) as published:
        assert span is None
        assert published is None


class NotInstalled:
    """Finds no opentelemetry, whether or not it is there."""

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(name)


def test_an_endpoint_without_the_library_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NotInstalled(), *sys.meta_path])
    with pytest.raises(ValueError, match="needs opentelemetry-sdk"):
        DatabaseSettings(otel_exporter_otlp_endpoint="http://127.0.0.1:4318")


def test_the_orders_of_a_batch_are_named_once_and_not_all() -> None:
    def event(payload: str) -> Event:
        return Event("u", 1, "activation.updated", "", payload)

    assert orders_of([event(f'{{"id": "{ID}", "status": "pending"}}'), event(f'{{"activation_id": "{ID}"}}')]) == [ID]
    assert orders_of([event('{"balance": "1.00"}')]) == []
    many = [event(f'{{"id": "018f4d2c-7e7a-7c3e-9a55-{n:012d}"}}') for n in range(1_000)]
    assert len(orders_of(many)) == ORDERS_MAX


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """A server of OTLP over HTTP: its URL, and all spans it got, each with its service's name."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    spans: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            import gzip

            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                [service] = [a.value.string_value for a in resource.resource.attributes if a.key == "service.name"]
                spans.extend((service, span) for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in span.attributes:
        value = getattr(each.value, each.value.WhichOneof("value"))
        found[each.key] = [item.string_value for item in value.values] if hasattr(value, "values") else value
    return found


@needs_otel
def test_an_order_is_followed_from_the_request_to_the_event(database_url: str) -> None:
    with collector() as (url, spans):
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        with running_system(database_url, pollers=True, environment=environment) as system:
            _, token = system.sign_in()
            order = {"service": "whatsapp", "country": "indonesia"}
            headers = {"Authorization": f"Bearer {token}", "traceparent": PARENT}
            answer = httpx.post(f"{system.url}/api/activations?x=hush", json=order, headers=headers, timeout=30)
            assert answer.status_code == 201
            order_id = answer.json()["id"]

            def of(service: str, name: str) -> list[Any]:
                return [span for owner, span in list(spans) if (owner, span.name) == (service, name)]

            def named(service: str, name: str) -> list[Any]:
                return [span for span in of(service, name) if order_id in attributes(span).get(tracing.ORDER_ID, ())]

            wait_until(lambda: bool(named("onesms-gateway", "POST /api/activations")), "the request")
            wait_until(lambda: bool(named("onesms-pollers", "work")), "the poller's work")
            wait_until(lambda: bool(named("onesms-notifier", "publish")), "its events")
            [request] = named("onesms-gateway", "POST /api/activations")
            work = named("onesms-pollers", "work")

            def bought() -> list[Any]:
                calls = of("onesms-pollers", "provider call")
                return [span for span in calls if attributes(span)["onesms.method"] == "buy"]

            wait_until(lambda: bool(bought()), "the purchase")
    assert request.trace_id.hex() == PARENT.split("-")[1]
    assert request.parent_span_id.hex() == PARENT.split("-")[2]
    assert attributes(request)["http.response.status_code"] == 201
    assert attributes(request)["onesms.request_id"]
    statements = [span for _, span in spans if span.name == "sql"]
    of_request = [attributes(span) for span in statements if span.parent_span_id == request.span_id]
    assert any("create_activation" in each["db.query.text"] for each in of_request)
    [purchase] = bought()
    assert purchase.trace_id in {span.trace_id for span in work}
    told = str([(service, span) for service, span in spans])
    for secret in ("hush", token, answer.json()["phone"] or "no phone"):
        assert secret not in told
    assert all(span.parent_span_id for span in statements)  # what belongs to no trace makes none
