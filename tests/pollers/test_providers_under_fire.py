"""Every provider in the nasty scenario: whatever goes wrong on the line, no number sold is lost and none imagined."""

import asyncio
from collections import Counter

import httpx
import pytest

from pollers.providers.contract import OutcomeUnknown, ProviderError, Unavailable
from pollers.simulator import SimulatorSettings, running
from tests.pollers.providers import KEY, LONG_S, NO_WAIT_S, PROVIDERS, Kind

ATTEMPTS = 100


@pytest.mark.parametrize("kind", PROVIDERS)
def test_every_number_sold_is_returned_or_found_in_the_list(kind: Kind) -> None:
    async def main() -> None:
        settings = SimulatorSettings(port=0, seed=11, scenario="nasty", sms_delay_s=1e6, lifetime_s=1e7)
        with running(settings) as base_url:
            async with httpx.AsyncClient() as http:
                for limit in ("sms_activate", "herosms", "fivesim", "fivesim_address"):
                    await http.post(f"{base_url}/sim/limits", json={"provider": limit, "per_s": 0})
                provider = kind.make(base_url, KEY, http, NO_WAIT_S)
                returned: set[str] = set()
                raised: Counter[type[ProviderError]] = Counter()
                for attempt in range(ATTEMPTS):
                    try:
                        bought = await provider.buy(f"ours-{attempt}", kind.service, kind.country, None)
                        returned.add(bought.provider_order_id)
                    except ProviderError as error:
                        raised[Unavailable if isinstance(error, Unavailable) else type(error)] += 1

                await http.delete(f"{base_url}/sim/scenario")
                rows = (await http.get(f"{base_url}/sim/activations")).json()["activations"]
                sold = {str(row["id"]) for row in rows}
                lost = sold - returned
                assert returned <= sold
                assert lost
                # Unavailable said "surely not sold" each time it was raised: all that is lost was said to be unknown.
                assert raised.keys() == {OutcomeUnknown, Unavailable}
                assert len(lost) <= raised[OutcomeUnknown]
                assert len(returned) + raised[OutcomeUnknown] + raised[Unavailable] == ATTEMPTS
                patient = kind.make(base_url, KEY, http, LONG_S)
                assert {order.provider_order_id for order in await patient.active()} == sold

    asyncio.run(main())
