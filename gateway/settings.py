"""The gateway's settings, from the environment. The README has them as one table."""

import secrets
from pathlib import Path
from typing import Self

from jwt.algorithms import has_crypto
from pydantic import AwareDatetime, Field, SecretStr, field_validator, model_validator

from gateway.auth import is_address, is_safe_address
from gateway.auth.webhook_signature import WebhookSecrets
from gateway.cors import origins_of
from gateway.realtime.limits import TrustedProxies
from notifier.settings import NotifierSettings
from wallet_db.card_keys import CardKeySettings
from wallet_db.kept_secrets import kept_secret

SECRET_BYTES_MIN = 32  # RFC 7518 section 3.2: an HS256 key is at least as long as its hash
WEBHOOK_SECRET_BYTES_MIN = 16
DEMO_WEBHOOK_SECRET = "demo"  # noqa: S105 - the simulator's, as its key is
CARD_PROVIDER = "strowallet"


class GatewaySettings(NotifierSettings, CardKeySettings):
    """Units are in the names."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    port_shared: bool = False
    """Other gateways of this machine listen there, too: the kernel (Linux) deals the connections out among them."""
    operator_database_url: SecretStr | None = None
    """The database by a login that is a member of `onesms_operator`: /admin needs it. The demo does without."""
    jwt_secret: SecretStr | None = None
    """HS256 key of the tokens. Outside the demo it or `jwt_jwks` is given; the demo makes one, kept in `data_dir`."""
    jwt_jwks: str | None = None
    """Path or address of a JSON Web Key Set: tokens by RS256, ES256 or EdDSA are taken as well, or alone."""
    jwt_audience: str | None = None
    """What `aud` has to be or contain; unset: anything."""
    jwt_issuer: str | None = None
    """What `iss` has to be; unset: anything."""
    token_lifetime_s_max: int = Field(2_678_400, ge=60, le=400 * 86_400)
    """A token that would live longer is refused: so long a revocation is kept, and no longer."""
    token_warning_s: float = Field(60.0, ge=0, le=3_600)
    """How long before its token expires a connection is told; 0: not at all."""
    heartbeat_s: int = Field(25, ge=1, le=300)
    """A connection hears from us at least this often; one silent for two of these is closed."""
    buffer_bytes_max: int = Field(262_144, ge=4_096)
    """Unsent bytes a connection may pile up before it is closed as a slow consumer; it resumes by cursor."""
    frame_bytes_max: int = Field(16_384, ge=256)
    """Largest message a client may send over WebSocket."""
    ws_deflate: bool = False
    """Compress WebSocket messages for clients that offer permessage-deflate: fewer bytes, more of our time."""
    frames_per_s_max: int = Field(20, ge=0)
    """Frames a WebSocket client may send in the long run, twice as many at once; 0: any number."""
    connections_per_user_max: int = Field(50, ge=0)
    """Realtime connections of one user in one process; 0: any number."""
    connections_per_address_max: int = Field(1_000, ge=0)
    """Of one address, not counting loopback; 0: any number. Behind a proxy, see `trusted_proxies`."""
    api_requests_per_s_max: int = Field(50, ge=0)
    """Requests to the API of one user in the long run, in one process, twice as many at once; 0: any number."""
    api_requests_per_address_per_s_max: int = Field(200, ge=0)
    """The same of one address, not counting loopback; 0: any number. Behind a proxy, see `trusted_proxies`."""
    trusted_proxies: str = ""
    """Addresses and networks of proxies whose X-Forwarded-For is believed, separated by commas."""
    sms_activate_webhook_addresses: str = "188.42.218.183, 142.91.156.119"
    """Whose webhooks are taken for this provider's: addresses and networks, separated by commas; in the demo this
    machine's besides. The defaults are those the providers tell."""
    herosms_webhook_addresses: str = "84.32.223.53, 185.138.88.87"
    strowallet_webhook_secret: SecretStr | None = None
    """What Strowallet signs its webhooks with; without it they are not taken. In the demo: the simulator's."""
    strowallet_webhook_secret_previous: SecretStr | None = None
    """Counts as well while the sender goes over to the other one."""
    strowallet_webhook_previous_until: AwareDatetime | None = None
    """Until then; unset: for as long as the previous one is given."""
    card_details_kept_s: float = Field(300.0, ge=0, le=86_400)
    """What the provider said of a card is told again for so long before it is asked anew."""
    card_reveal_wait_s: float = Field(15.0, ge=1, le=60)
    """How long the full number and security code of a card are waited for."""
    card_reveals_per_user_max: int = Field(10, ge=1, le=1_000)
    """So often a user may see them within ten minutes, in one process."""
    kyc_image_bytes_max: int = Field(2_000_000, ge=10_000, le=8_000_000)
    """Of each image that comes with a customer."""
    cors_origins: str = ""
    """Origins whose pages may read the API and the realtime endpoints, separated by commas; `*`: all."""
    leave_s: float = Field(10.0, ge=0, le=20)
    """How long sending clients away may take, so that they do not come back all at once."""
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
            if not self.demo and self.jwt_jwks is None:
                raise ValueError(
                    "JWT_SECRET: expected the key that signs users' tokens, got nothing (DEMO=1 makes one, and with"
                    " JWT_JWKS none is needed)"
                )
        elif len(self.jwt_secret.get_secret_value().encode()) < SECRET_BYTES_MIN:
            raise ValueError(f"JWT_SECRET: expected at least {SECRET_BYTES_MIN} bytes, got fewer")
        return self

    @field_validator("strowallet_webhook_secret", "strowallet_webhook_secret_previous")
    @classmethod
    def _webhook_secrets_are_long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value().encode()) < WEBHOOK_SECRET_BYTES_MIN:
            raise ValueError(f"expected at least {WEBHOOK_SECRET_BYTES_MIN} bytes, got fewer")
        return secret

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_origins(cls, text: str) -> str:
        origins_of(text)
        return text

    @field_validator("trusted_proxies", "sms_activate_webhook_addresses", "herosms_webhook_addresses")
    @classmethod
    def _proxies_are_networks(cls, text: str) -> str:
        TrustedProxies.parse(text)
        return text

    @field_validator("jwt_jwks")
    @classmethod
    def _jwks_can_be_used(cls, source: str | None) -> str | None:
        if source is not None and not is_address(source) and not Path(source).is_file():
            raise ValueError("expected an address (https://…) or the path of a file")
        if source is not None and is_address(source) and not is_safe_address(source):
            raise ValueError(
                "expected https://…, or http:// of this machine: anybody on the way could put in keys of their own"
            )
        if source is not None and not has_crypto:
            raise ValueError("needs the package cryptography, which is not installed")
        return source

    @field_validator("operator_database_url")
    @classmethod
    def _operators_address_is_one(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("postgres://", "postgresql://")):
            raise ValueError("expected an address as of DATABASE_URL, postgresql://…")
        return url

    def operator_url(self, database_url: str) -> str | None:
        """Where operators' work is done; None: nowhere. In the demo one login may act as everybody."""
        if self.operator_database_url is not None:
            return self.operator_database_url.get_secret_value()
        return database_url if self.demo else None

    def jwt_key(self) -> str | None:
        """The secret, if tokens may be signed with one; the demo's is made once and found by every later start."""
        if self.jwt_secret is not None:
            return self.jwt_secret.get_secret_value()
        if not self.demo:
            return None
        return kept_secret(self.data_dir / "jwt_secret", lambda: secrets.token_urlsafe(SECRET_BYTES_MIN))

    def webhook_secrets(self) -> WebhookSecrets | None:
        """What signs Strowallet's webhooks; None: nothing does, so none is taken."""
        current, previous = self.strowallet_webhook_secret, self.strowallet_webhook_secret_previous
        if current is None:
            return WebhookSecrets(DEMO_WEBHOOK_SECRET.encode()) if self.demo else None
        until = self.strowallet_webhook_previous_until
        return WebhookSecrets(
            current.get_secret_value().encode(),
            previous.get_secret_value().encode() if previous is not None else None,
            until.timestamp() if until is not None else None,
        )
