"""Who a card is for, as tests tell it."""

from base64 import b64encode
from typing import Any
from uuid import uuid4

PNG = b"\x89PNG\r\n\x1a\n" + b"a picture of nobody, of some hundred bytes. " * 4
JPEG = b"\xff\xd8\xff\xe0" + b"another picture of nobody, of some hundred bytes. " * 4
CUSTOMER: dict[str, Any] = {
    "first_name": "Ann", "last_name": "Example", "email": "ann@here.example", "phone": "+2348012345678",
    "date_of_birth": "1990-02-28", "house_number": "7", "line1": "Example Street", "city": "Lagos", "state": "Lagos",
    "zip_code": "100001", "country": "Nigeria", "id_type": "BVN", "id_number": "22212345678",
    "id_image": b64encode(PNG).decode(), "user_photo": "data:image/jpeg;base64," + b64encode(JPEG).decode(),
}  # fmt: skip


def customer(**changes: Any) -> dict[str, Any]:
    """A new customer's body, by an address of its own."""
    return CUSTOMER | {"email": f"{uuid4().hex}@here.example"} | changes
