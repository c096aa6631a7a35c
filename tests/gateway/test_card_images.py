"""Images of a customer: what they are their bytes say, and how large they may be is known before they are read."""

from base64 import b64encode

import pytest

from gateway.api.cards.images import BYTES_MIN, NoImage, base64_chars, read_image

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 200
PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 200
MAX = 1_000


def text_of(content: bytes) -> str:
    return b64encode(content).decode()


@pytest.mark.parametrize(("content", "kind"), [(JPEG, "image/jpeg"), (PNG, "image/png")])
def test_an_image_is_read_with_and_without_the_head_of_an_address(content: bytes, kind: str) -> None:
    for text in (text_of(content), f"data:{kind};base64,{text_of(content)}"):
        image = read_image(text, MAX)
        assert (image.content_type, image.content) == (kind, content)
        assert text_of(content)[:20] not in repr(image)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "64 to 1000 bytes"),
        ("hush!", "expected base64"),
        (text_of(JPEG)[:-1], "expected base64"),
        (text_of(JPEG) + "\n", "expected base64"),
        (text_of(JPEG).replace("A", "-", 1) + "é", "expected base64"),
        (text_of(JPEG[: BYTES_MIN - 1]), "64 to 1000 bytes"),
        (text_of(JPEG + b"j" * MAX), "at most 1000 bytes"),
        (text_of(JPEG + b"j" * (MAX - len(JPEG) + 1)), "1000 bytes"),
        (text_of(b"GIF89a" + b"g" * 200), "JPEG or a PNG"),
        (text_of(b"<svg onload='x'>" + b" " * 200), "JPEG or a PNG"),
        (text_of(b"%PDF-1.7" + b" " * 200), "JPEG or a PNG"),
        (text_of(b" " + JPEG), "JPEG or a PNG"),
        (f"data:image/png;base64,{text_of(JPEG)}", "expected data:image/jpeg"),
        (f"data:text/html;base64,{text_of(JPEG)}", "expected data:image/jpeg"),
        (f",{text_of(JPEG)}", "expected data:image/jpeg"),
    ],
    ids=range(15),
)
def test_anything_else_is_refused_without_repeating_it(text: str, told: str) -> None:
    with pytest.raises(NoImage, match=told) as refused:
        read_image(text, MAX)
    assert "hush" not in str(refused.value)
    assert len(str(refused.value)) < 100


def test_the_largest_image_fits_what_its_text_may_be() -> None:
    largest = JPEG + b"j" * (MAX - len(JPEG))
    text = f"data:image/jpeg;base64,{text_of(largest)}"
    assert len(text) == base64_chars(MAX)
    assert read_image(text, MAX).content == largest
