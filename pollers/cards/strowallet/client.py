"""Strowallet's `bitvcard` API over HTTP: the thin shell around `protocol.py`.

Invariant: one call, one request, and one more look where a refusal may mean that it is so already. Nothing is tried
twice: the API takes no id of ours, so who loses the answer to what spends money has to look for what came of it. The
key travels in the body, of a GET as well, which the API reads: an address ends up in the logs of whoever is between.
Every path ends in a slash: without it the API answers 301, and a client that follows has lost the body.
"""

from collections.abc import Sequence
from decimal import Decimal

import httpx
import orjson

from pollers.cards.contract import (
    Card,
    CardMade,
    CardOrder,
    CardStatus,
    CardTransaction,
    Details,
    Document,
    Funding,
    Person,
)
from pollers.cards.strowallet.protocol import (
    amount_text,
    creation,
    parse_balance,
    parse_card,
    parse_customer,
    parse_details,
    parse_done,
    parse_funding,
    parse_holder,
    parse_made,
    parse_transactions,
    registration,
)
from pollers.providers.answer import Answer
from pollers.providers.contract import Refused, UnknownOrder
from pollers.providers.wire import ANSWER_BYTES_MAX, LIST_BYTES_MAX, Wire

USER_AGENT = "OneSMS/1.0"


class Strowallet:
    """One account at Strowallet; fulfils `contract.CardProvider`.

    base_url: scheme and host, `https://strowallet.com`. public_key: the API's only credential, so as secret as one.
    client: shared, closed by its owner. is_sandbox: nothing is real. timeout_s: for a whole request, answer read.
    """

    def __init__(
        self,
        base_url: str,
        public_key: str,
        client: httpx.AsyncClient,
        *,
        is_sandbox: bool = False,
        timeout_s: float = 15.0,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._known = {"public_key": public_key} | ({"mode": "sandbox"} if is_sandbox else {})
        self._headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
        }
        self._wire = Wire(client, timeout_s=timeout_s, secret=public_key)

    async def register(self, person: Person, documents: Sequence[Document]) -> str:
        """Register by create-user; the documents go along as data URLs."""
        return parse_customer(await self._ask("create-user", registration(person, documents)))

    async def find_customer(self, email: str) -> str | None:
        """Look by getcardholder."""
        try:
            answer = await self._ask_harmlessly("getcardholder", {"customerEmail": email}, method="GET")
            return parse_holder(answer, email)
        except UnknownOrder:
            return None

    async def create(self, order: CardOrder) -> CardMade:
        """Order by create-card; the card is active some time later."""
        return parse_made(await self._ask("create-card", creation(order)))

    async def card(self, provider_card_id: str) -> Card:
        """Look by fetch-card-detail."""
        return parse_card(await self._fetch(provider_card_id))

    async def reveal(self, provider_card_id: str) -> Details:
        """Fetch by fetch-card-detail, which tells everything."""
        return parse_details(await self._fetch(provider_card_id))

    async def fund(self, provider_card_id: str, usd: Decimal) -> Funding:
        """Put money on it by fund-card; it arrives some time later."""
        return parse_funding(await self._ask("fund-card", {"card_id": provider_card_id, "amount": amount_text(usd)}))

    async def transactions(self, provider_card_id: str) -> list[CardTransaction]:
        """List by card-transactions."""
        answer = await self._ask_harmlessly(
            "card-transactions", {"card_id": provider_card_id}, bytes_max=LIST_BYTES_MAX
        )
        return parse_transactions(answer)

    async def block(self, provider_card_id: str) -> None:
        """Freeze by action/status."""
        await self._act(provider_card_id, "freeze", CardStatus.BLOCKED)

    async def unblock(self, provider_card_id: str) -> None:
        """Unfreeze by action/status."""
        await self._act(provider_card_id, "unfreeze", CardStatus.ACTIVE)

    async def balance(self) -> Decimal:
        """Ask for the wallet's USD."""
        return parse_balance(await self._harmlessly_at("/api/wallet/balance/USD/", {}, method="GET"))

    async def _act(self, provider_card_id: str, action: str, wanted: CardStatus) -> None:
        try:
            parse_done(await self._ask_harmlessly("action/status", {"card_id": provider_card_id, "action": action}))
        except Refused:
            if (await self.card(provider_card_id)).status is not wanted:
                raise

    async def _fetch(self, provider_card_id: str) -> Answer:
        return await self._ask_harmlessly("fetch-card-detail", {"card_id": provider_card_id})

    async def _ask(self, name: str, fields: dict[str, str]) -> Answer:
        """Make a request that may not be repeated."""
        return await self._wire.ask(
            "POST", f"{self._base_url}/api/bitvcard/{name}/", headers=self._headers, content=self._body(fields)
        )

    async def _ask_harmlessly(
        self, name: str, fields: dict[str, str], *, method: str = "POST", bytes_max: int = ANSWER_BYTES_MAX
    ) -> Answer:
        return await self._harmlessly_at(f"/api/bitvcard/{name}/", fields, method=method, bytes_max=bytes_max)

    async def _harmlessly_at(
        self, path: str, fields: dict[str, str], *, method: str, bytes_max: int = ANSWER_BYTES_MAX
    ) -> Answer:
        return await self._wire.ask_harmlessly(
            method, self._base_url + path, headers=self._headers, content=self._body(fields), bytes_max=bytes_max
        )

    def _body(self, fields: dict[str, str]) -> bytes:
        return orjson.dumps(self._known | fields)
