"""Who a card is for: `create-customer`, once for each user, with pictures; and what became of it.

What comes in is sealed in this process before a row has it, and is never told again, neither to its owner: the provider
alone looks at it. The images go some time after the provider has decided.
"""

import asyncio
import re
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from starlette.responses import Response

from gateway.api.cards.asked import TAG, keys_of
from gateway.api.cards.images import NoImage, base64_chars, read_image
from gateway.api.cards.shapes import Customer
from gateway.api.kept import digest_of
from gateway.api.operation import KEYED, Call, operation
from gateway.api.requests import Text, idempotency_key_of, request_id_of_call
from gateway.api.responses import REPLAY, Answer, JsonResponse
from gateway.errors import STATUS_BY_CODE, ApiError
from gateway.settings import CARD_PROVIDER, GatewaySettings
from wallet_db.cards import SealedDocument, create_card_customer, read_card_customer
from wallet_db.orders import JsonObject
from wallet_db.sealing import CardKeys, place

DOCUMENTS = ("id_image", "user_photo")
FIELDS_BYTES_MAX = 16_384
"""Of a body without its images."""
LOOK_AGAIN_S = 0.5
"""A customer is no event: whether it is decided is asked this often."""
BORN_AFTER = date(1900, 1, 1)

_PHONE = re.compile(r"\+?([0-9]{7,15})")
_EMAIL = re.compile(r"[^\s@\"<>(),:;\\]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}", re.ASCII)


def _phone(value: Any) -> Any:
    found = _PHONE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("expected 7 to 15 digits, with the country's code")
    return found[1]


def _email(value: Any) -> Any:
    if not isinstance(value, str) or len(value) > 254 or not value.isascii() or not _EMAIL.fullmatch(value):
        raise ValueError("expected an e-mail address")
    return value


def _born(value: Any) -> Any:
    try:
        born = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date() if len(value) == 10 else None
    except (ValueError, TypeError):
        born = None
    if born is None or not BORN_AFTER <= born < datetime.now(UTC).date():
        raise ValueError("expected a day in the past, YYYY-MM-DD")
    return value


Short = Annotated[Text, Field(min_length=1, max_length=50)]
Line = Annotated[Text, Field(min_length=1, max_length=100)]
Base64 = Annotated[
    str,
    Field(
        min_length=1,
        repr=False,
        description="A JPEG or PNG in base64, as it is or as a `data:` address; KYC_IMAGE_BYTES_MAX at most.",
    ),
]


class NewCustomer(BaseModel):
    """Who somebody is, as the provider of cards has to know."""

    model_config = ConfigDict(extra="forbid")

    first_name: Short
    last_name: Short
    email: Annotated[str, BeforeValidator(_email), WithJsonSchema({"type": "string", "format": "email"})]
    phone: Annotated[str, BeforeValidator(_phone), WithJsonSchema({"type": "string", "pattern": r"^\+?\d{7,15}$"})]
    date_of_birth: Annotated[str, BeforeValidator(_born), WithJsonSchema({"type": "string", "format": "date"})]
    house_number: Annotated[Text, Field(min_length=1, max_length=20)]
    line1: Line
    city: Short
    state: Short
    zip_code: Annotated[Text, Field(min_length=1, max_length=20)]
    country: Short
    id_type: Literal["BVN", "NIN", "PASSPORT"]
    id_number: Annotated[str, Field(min_length=4, max_length=30, pattern=r"^[A-Za-z0-9-]+$")]
    id_image: Base64
    user_photo: Base64

    @property
    def details(self) -> bytes:
        """All but the images, as it is sealed."""
        return orjson.dumps(self.model_dump(exclude=set(DOCUMENTS)))


def body_bytes_max(settings: GatewaySettings) -> int:
    """Of a new customer's."""
    return FIELDS_BYTES_MAX + len(DOCUMENTS) * base64_chars(settings.kyc_image_bytes_max)


@operation(
    "POST",
    "/api/strowallet/create-customer",
    tag=TAG,
    repeat=KEYED,
    body_bytes_max=body_bytes_max,
    gives={
        201: Answer("The provider knows the user: cards can be had.", Customer, headers=(REPLAY,)),
        202: Answer("Still being looked at: ask `customer` again.", Customer, headers=(REPLAY,)),
    },
    refuses=(
        "UNKNOWN_USER",
        "CARDS_NOT_CONFIGURED",
        "CARDS_NOT_SOLD",
        "CUSTOMER_EXISTS",
        "CUSTOMER_REFUSED",
        "IDEMPOTENCY_MISMATCH",
        "INVALID_IMAGE",
    ),
)
async def create(call: Call, body: NewCustomer) -> Response:
    """Become a customer of the provider of cards, with who one is and two images of it."""
    keys, key = keys_of(call), idempotency_key_of(call.request)
    customer_id = uuid4()
    documents = await asyncio.to_thread(_sealed_documents, keys, body, call.services.settings.kyc_image_bytes_max)
    customer = await create_card_customer(
        call.services.pool,
        call.session.user_id,
        customer_id,
        provider=CARD_PROVIDER,
        details=keys.seal(body.details, place("card_customers", "details", customer_id)),
        email_digest=keys.digest(body.email.lower()),
        documents=documents,
        idempotency_key=key,
        request_id=request_id_of_call(call.request),
        request_digest=digest_of(body) if key is not None else None,
    )
    replayed = customer.pop("replayed")
    customer = await _decided(call, customer)
    if customer["status"] == "failed":
        code = customer["error_code"]
        raise ApiError(
            code if code in STATUS_BY_CODE else "CUSTOMER_REFUSED",
            "the provider did not register the customer",
            customer=customer,
        )
    headers = {"idempotent-replay": "true"} if replayed else {}
    return JsonResponse(customer, 202 if customer["status"] == "submitting" else 201, headers)


@operation(
    "GET",
    "/api/strowallet/customer",
    tag=TAG,
    gives={200: Answer("As far as it is.", Customer)},
    refuses=("CARDS_NOT_CONFIGURED", "CUSTOMER_NOT_REGISTERED"),
)
async def show(call: Call) -> Response:
    """What became of the user as a customer."""
    keys_of(call)
    found = await _read(call)
    if found is None:
        raise ApiError("CUSTOMER_NOT_REGISTERED", "nobody has told who the user is", status=None)
    return JsonResponse(found)


def _sealed_documents(keys: CardKeys, body: NewCustomer, bytes_max: int) -> list[SealedDocument]:
    documents = []
    for kind in DOCUMENTS:
        try:
            image = read_image(getattr(body, kind), bytes_max)
        except NoImage as fault:
            raise ApiError("INVALID_IMAGE", f"{kind}: {fault}", field=kind, bytes_max=bytes_max) from None
        document_id: UUID = uuid4()
        sealed = keys.seal(image.content, place("card_documents", "sealed", document_id))
        documents.append(SealedDocument(document_id, kind, image.content_type, sealed))
    return documents


async def _decided(call: Call, customer: JsonObject) -> JsonObject:
    with suppress(TimeoutError):
        async with asyncio.timeout(call.services.settings.order_wait_s):
            while customer["status"] == "submitting":
                await asyncio.sleep(LOOK_AGAIN_S)
                customer = await _read(call) or customer
    return customer


async def _read(call: Call) -> JsonObject | None:
    return await read_card_customer(call.services.pool, call.session.user_id, CARD_PROVIDER)


OPERATIONS = (create, show)
