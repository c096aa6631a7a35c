"""The gateway's settings, from the environment. The README has them as one table."""

import os
import secrets
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from notifier.settings import NotifierSettings

SECRET_BYTES_MIN = 32  # RFC 7518 section 3.2: an HS256 key is at least as long as its hash


class GatewaySettings(NotifierSettings):
    """Units are in the names."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    jwt_secret: SecretStr | None = None
    """HS256 key of the tokens. Outside the demo it must be given; the demo makes one and keeps it in `data_dir`."""
    heartbeat_s: int = Field(25, ge=1, le=300)
    """A connection hears from us at least this often; one silent for two of these is closed."""
    buffer_bytes_max: int = Field(262_144, ge=4_096)
    """Unsent bytes a connection may pile up before it is closed as a slow consumer; it resumes by cursor."""
    frame_bytes_max: int = Field(16_384, ge=256)
    """Largest message a client may send over WebSocket."""
    body_bytes_max: int = Field(65_536, ge=256)
    """Largest HTTP request body."""
    request_s: float = Field(30.0, ge=0.1, le=600)
    """How long a connection may take until its request is whole, body and all."""
    order_wait_s: float = Field(10.0, ge=0, le=60)
    """How long a purchase or cancel request waits for the provider's answer before it says 202."""
    database_connections_max: int = Field(10, ge=2, le=200)

    @model_validator(mode="after")
    def _secret_is_given(self) -> Self:
        if self.jwt_secret is None:
            if not self.demo:
                raise ValueError(
                    "JWT_SECRET: expected the key that signs users' tokens, got nothing (DEMO=1 makes one)"
                )
        elif len(self.jwt_secret.get_secret_value().encode()) < SECRET_BYTES_MIN:
            raise ValueError(f"JWT_SECRET: expected at least {SECRET_BYTES_MIN} bytes, got fewer")
        return self

    def jwt_key(self) -> str:
        """The signing key; the demo's is made on first use and found again by every later start."""
        if self.jwt_secret is not None:
            return self.jwt_secret.get_secret_value()
        return _kept_secret(self.data_dir / "jwt_secret")


def _kept_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.touch(mode=0o600)
    new.write_text(secrets.token_urlsafe(SECRET_BYTES_MIN), encoding="ascii")
    try:
        path.hardlink_to(new)  # whole or not at all, and the first of several processes wins
    except FileExistsError:
        pass
    finally:
        new.unlink()
    return path.read_text(encoding="ascii")
