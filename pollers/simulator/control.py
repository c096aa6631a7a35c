"""The control side of the simulator, for tests and for people: everything under `/sim`.

    GET  /sim/activations            every order with its true state, by provider, open ones first
    POST /sim/activations/{id}/sms   {"code"?,"text"?,"late"?}: an SMS arrives now; late: for a number given back
    POST /sim/faults                 {"action"?,"fault","count"?,"delay_s"?}: the next go wrong (see `faults.py`)
    DELETE /sim/faults               nothing goes wrong any more
    GET  /sim/log                    the newest requests of the protocol, without keys
    POST /sim/settings               {"sms_delay_s"?,"early_cancel_s"?,"lifetime_s"?,"rental_cancel_s"?,
                                     "rental_hour_s"?,"balance"?}: of all accounts

Rentals and webhooks: `control_rentals.py`. Routes, limits and time: `control_scenario.py`.
Errors: {"success":false,"error_code","message"} with HTTP 400, 404 or 409. No key: it listens on loopback only.
"""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pollers.simulator.bodies import BODY_BYTES_MAX, read_body
from pollers.simulator.faults import ANY_ACTION, ArmedFault, Fault
from pollers.simulator.simulation import Simulation
from pollers.simulator.state import SimulatedOrder
from pollers.simulator.till import Refusal

ModelT = TypeVar("ModelT", bound=BaseModel)


class Body(BaseModel):
    """A request's body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class SmsBody(Body):
    """What arrives; drawn if absent."""

    code: str | None = Field(default=None, max_length=1000)
    text: str | None = Field(default=None, max_length=4_000)


class ActivationSmsBody(SmsBody):
    """Likewise, and whether it comes after the number was given back."""

    late: bool = False


class FaultBody(Body):
    """What is to go wrong, and for how many requests."""

    action: str = ANY_ACTION
    fault: Fault
    count: int = Field(default=1, ge=1, le=1_000_000)
    delay_s: float = Field(default=5.0, ge=0, le=60)


class SettingsBody(Body):
    """Only the fields given change; sms_delay_s null means drawn."""

    sms_delay_s: float | None = Field(default=None, ge=0)
    early_cancel_s: float = Field(default=0, ge=0)
    lifetime_s: float = Field(default=0, gt=0, allow_inf_nan=False)
    rental_cancel_s: float = Field(default=0, ge=0)
    rental_hour_s: float = Field(default=0, gt=0, allow_inf_nan=False)
    balance: Decimal = Field(default=Decimal(0), ge=0, max_digits=12, decimal_places=2)


class ControlError(Exception):
    """A control request that cannot be served."""

    def __init__(self, http_status: int, error_code: str, message: str) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.error_code = error_code


async def show_error(_: Request, error: Exception) -> Response:
    """Render a ControlError; the application's handler for it."""
    if not isinstance(error, ControlError):
        raise error
    content = {"success": False, "error_code": error.error_code, "message": str(error)}
    return JSONResponse(content, status_code=error.http_status)


def control_routes(simulation: Simulation) -> list[Route]:
    """Routes under `/sim` for this simulation."""
    control = _Control(simulation)
    return [
        Route("/sim/activations", control.list_activations, methods=["GET"]),
        Route("/sim/activations/{id:int}/sms", control.deliver_sms, methods=["POST"]),
        Route("/sim/faults", control.arm_fault, methods=["POST"]),
        Route("/sim/faults", control.clear_faults, methods=["DELETE"]),
        Route("/sim/log", control.show_log, methods=["GET"]),
        Route("/sim/settings", control.change_settings, methods=["POST"]),
    ]


class _Control:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    async def list_activations(self, _: Request) -> Response:
        now = self._simulation.clock.now()
        orders = [
            _shown(provider, order)
            for provider, account in self._simulation.accounts.items()
            for order in account.orders(now)
        ]
        self._simulation.keep()
        return JSONResponse({"activations": orders})

    async def deliver_sms(self, request: Request) -> Response:
        sms = await body_of(request, ActivationSmsBody)
        id_: int = request.path_params["id"]
        refused = "NO_ACTIVATION"
        for provider, account in self._simulation.accounts.items():
            try:
                deliver = account.deliver_late if sms.late else account.deliver
                order = deliver(id_, self._simulation.clock.now(), sms.code, sms.text)
            except Refusal as refusal:
                refused = refusal.word if refused == "NO_ACTIVATION" else refused
            else:
                self._simulation.keep()
                return JSONResponse(_shown(provider, order))
        raise ControlError(404 if refused == "NO_ACTIVATION" else 409, refused, f"order {id_} takes no SMS")

    async def arm_fault(self, request: Request) -> Response:
        body = await body_of(request, FaultBody)
        try:
            self._simulation.faults.arm(ArmedFault(body.action, body.fault, body.count, body.delay_s))
        except ValueError as error:
            raise ControlError(409, "TOO_MANY_FAULTS", str(error)) from None
        return JSONResponse({"success": True})

    async def clear_faults(self, _: Request) -> Response:
        self._simulation.faults.clear()
        return JSONResponse({"success": True})

    async def show_log(self, _: Request) -> Response:
        return JSONResponse({"requests": list(self._simulation.log)})

    async def change_settings(self, request: Request) -> Response:
        changes = (await body_of(request, SettingsBody)).model_dump(exclude_unset=True)
        balance = changes.pop("balance", None)
        for account in self._simulation.accounts.values():
            account.timing = replace(account.timing, **changes)
            if balance is not None:
                account.fund(balance)
        self._simulation.keep()
        classic = self._simulation.account
        return JSONResponse({**asdict(classic.timing), "balance": str(classic.balance)})


async def body_of(request: Request, model: type[ModelT]) -> ModelT:
    """Read a body. Raises ControlError."""
    raw = await read_body(request)
    if raw is None:
        raise ControlError(400, "BAD_REQUEST", f"expected a body of at most {BODY_BYTES_MAX} bytes")
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        faults = ", ".join(f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in error.errors())
        raise ControlError(400, "BAD_REQUEST", faults) from None


def _shown(provider: str, order: SimulatedOrder) -> dict[str, Any]:
    return {
        "provider": provider,
        "id": order.id,
        "order_id": order.order_id,
        "service": order.service,
        "country": order.country,
        "phone": order.phone,
        "price": str(order.price),
        "state": order.state.value,
        "messages": [{"code": sms.code, "text": sms.text, "at": iso_of(sms.at)} for sms in order.messages],
        "bought_at": iso_of(order.bought_at),
        "expires_at": iso_of(order.expires_at),
    }


def iso_of(at: float) -> str:
    """`2022-06-01T17:30:57.000Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
