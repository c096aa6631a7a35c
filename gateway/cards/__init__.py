"""What a gateway process holds for cards: the keys that open what is sealed, and who waits for a look or a number.

`looks` has a card looked at upstream, once for all who ask; `reveals` waits for a number that a poller tells; `seldom`
bounds how often one may see one. Rows are `wallet_db.cards`; the operations are `gateway.api.cards`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import structlog

from gateway.auth.webhook_signature import WebhookSecrets
from gateway.cards.looks import Looks, Watch
from gateway.cards.reveals import Reveals
from gateway.cards.seldom import Seldom
from gateway.settings import GatewaySettings
from wallet_db.cards import OwnedCard
from wallet_db.connect import Pool
from wallet_db.orders import JsonObject
from wallet_db.sealing import CardKeys, Unsealable, place

__all__ = ["Cards", "Looks", "Reveals"]

log = structlog.get_logger()

REFUSAL_TOLD_S = 10.0
SEALED = ("name_on_card", "last4", "expiry")


@dataclass(frozen=True, slots=True)
class Cards:
    """One process's."""

    keys: CardKeys | None
    """None: cards are not served."""
    webhook_secrets: Callable[[], WebhookSecrets | None]
    looks: Looks
    reveals: Reveals
    refusals: Seldom
    """How often a webhook's refusal is told to the log and the table."""

    @classmethod
    def open(cls, settings: GatewaySettings, pool: Pool, watch: Watch) -> Self:
        """watch: the hub's."""
        keys = settings.keys_of_cards()
        return cls(
            keys,
            settings.webhook_secrets,
            Looks(pool, watch, kept_s=settings.card_details_kept_s, wait_s=settings.order_wait_s),
            Reveals(pool, keys, wait_s=settings.card_reveal_wait_s, of_a_user_max=settings.card_reveals_per_user_max),
            Seldom(1, REFUSAL_TOLD_S),
        )

    def details(self, card: OwnedCard) -> JsonObject:
        """The card with what is sealed of it, opened; null what is not known, or cannot be read any more."""
        return card.shown | {name: self._opened(card, name) for name in SEALED}

    def _opened(self, card: OwnedCard, name: str) -> str | None:
        sealed: bytes | None = getattr(card, f"{name}_sealed")
        if sealed is None or self.keys is None:
            return None
        try:
            return self.keys.open(sealed, place("cards", f"{name}_sealed", card.id)).decode()
        except Unsealable as fault:
            log.error("card not readable", category="security", card_id=str(card.id), fault=str(fault))  # noqa: TRY400
            return None
