"""Traces through the whole system, as a collector gets them; and that nobody pays for them who does not want them."""

import sys
import threading
import uuid
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
@pytest.mark.parametrize("parent", [None, PARENT], ids=["a trace of its own", "one that the client began"])
def test_an_order_is_one_trace_from_the_request_to_the_event_on_the_socket(
    database_url: str, parent: str | None
) -> None:
    with collector() as (url, spans):
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        with running_system(database_url, pollers=True, environment=environment) as system:
            _, token = system.sign_in()
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.stream("GET", f"{system.url}/realtime/sse", headers=headers, timeout=30) as stream:
                heard = stream.iter_lines()
                assert any(line.startswith("event: ready") for line in heard)
                order = {"service": "whatsapp", "country": "indonesia"}
                asked = {**headers, "Idempotency-Key": "k", **({"traceparent": parent} if parent else {})}
                answer = httpx.post(f"{system.url}/api/activations?x=hush", json=order, headers=asked, timeout=30)
                assert answer.status_code == 201
                again = httpx.post(f"{system.url}/api/activations", json=order, headers=asked, timeout=30)
                assert again.headers["idempotent-replay"] == "true"
                order_id = answer.json()["id"]
                assert httpx.get(f"{system.url}/api/activations/{order_id}", headers=headers).status_code == 200
                assert any(line.startswith("event: sms.received") for line in heard)
            trace_id = tracing.trace_id_of(order_id)

            def of_order(service: str, name: str) -> list[Any]:
                ours = [span for owner, span in list(spans) if (owner, span.name) == (service, name)]
                return [span for span in ours if span.trace_id.hex() == trace_id]

            def events() -> set[str]:
                return {attributes(span)["onesms.event"] for span in of_order("onesms-gateway", "deliver")}

            def methods() -> set[str]:
                return {attributes(span)["onesms.method"] for span in of_order("onesms-pollers", "provider call")}

            def looked() -> list[Any]:
                return [span for _, span in list(spans) if span.name == "GET /api/activations/{id}"]

            wait_until(lambda: "sms.received" in events(), "its SMS on the socket")
            wait_until(lambda: "buy" in methods(), "the purchase")
            wait_until(lambda: bool(looked()), "the look at it")
            wait_until(lambda: len(posts(spans)) == 2, "both requests")
    first, second = sorted(posts(spans), key=lambda span: span.start_time_unix_nano)
    roots = [span for _, span in spans if span.trace_id.hex() == trace_id and not span.parent_span_id]
    assert [root.span_id.hex() for root in roots] == [trace_id[:16]]
    assert all(
        attributes(span)[tracing.ORDER_ID] == order_id for span in [*of_order("onesms-gateway", "deliver"), first]
    )
    if parent is None:
        assert roots == [first]
        assert second.parent_span_id.hex() == trace_id[:16]
    else:
        assert [first.trace_id.hex(), first.parent_span_id.hex()] == parent.split("-")[1:3]
        assert [link.trace_id.hex() for link in first.links] == [trace_id]
        assert [link.span_id for link in roots[0].links] == [first.span_id]
    [look] = looked()
    assert attributes(look)[tracing.ORDER_ID] == order_id
    assert look.trace_id.hex() != trace_id, "reading is no part of an order's life"
    assert attributes(first)["http.response.status_code"] == 201
    assert attributes(first)["onesms.request_id"]
    statements = [span for _, span in spans if span.name == "sql"]
    of_request = [attributes(span) for span in statements if span.parent_span_id == first.span_id]
    assert any("create_activation" in each["db.query.text"] for each in of_request)
    work = {span.span_id for span in of_order("onesms-pollers", "work")}
    written = [span for span in statements if "apply_activation_sms" in attributes(span)["db.query.text"]]
    assert written
    assert all(span.parent_span_id in work for span in written)
    told = str(spans)
    for secret in ("hush", token, answer.json()["phone"] or "no phone"):
        assert secret not in told
    assert all(span.parent_span_id for span in statements)  # what belongs to no trace makes none


def posts(spans: list[Any]) -> list[Any]:
    return [span for _, span in list(spans) if span.name == "POST /api/activations"]


def test_every_process_and_psql_know_an_orders_trace() -> None:
    assert (
        tracing.trace_id_of("034829c0-0000-4000-8000-000000000001") == "00465bd548f534d05c50800577193bbd"
    )  # md5() of PostgreSQL


@needs_otel
def test_a_share_of_traces_is_a_share_of_orders() -> None:
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    sampler = TraceIdRatioBased(0.25)
    ids = (int(tracing.trace_id_of(str(uuid.UUID(int=n << 64 | 1 << 63, version=4))), 16) for n in range(2_000))
    taken = sum(sampler.should_sample(None, trace_id, "order").decision.is_sampled() for trace_id in ids)
    assert 400 < taken < 600
