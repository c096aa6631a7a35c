"""Which accounts there are: those that are given, at least one; in the demo the simulator plays all."""

import asyncio

import httpx
import pytest
from pydantic import ValidationError

from pollers.providers.fivesim import FiveSim
from pollers.providers.herosms import HeroSms
from pollers.providers.sms_activate import SmsActivate
from pollers.service import open_providers
from pollers.settings import PollerSettings


def settings(**given: object) -> PollerSettings:
    return PollerSettings.model_validate({"demo": False, **given})


def test_the_demo_has_all_three_at_the_simulator() -> None:
    demo = settings(demo=True, sim_port=8123)
    assert demo.is_simulated
    assert demo.accounts() == {
        "sms_activate": ("http://127.0.0.1:8123", "demo"),
        "herosms": ("http://127.0.0.1:8123/hero", "demo"),
        "fivesim": ("http://127.0.0.1:8123", "demo"),
    }


@pytest.mark.parametrize("demo", [True, False])
def test_only_what_is_given_counts(*, demo: bool) -> None:
    given = settings(demo=demo, fivesim_url="https://five.example", fivesim_key="s3cret")
    assert not given.is_simulated
    assert given.accounts() == {"fivesim": ("https://five.example", "s3cret")}
    assert "s3cret" not in repr(given)


@pytest.mark.parametrize("half", [{"herosms_url": "https://hero.example"}, {"herosms_key": "s3cret"}])
def test_half_an_account_is_refused(half: dict[str, str]) -> None:
    whole = {"sms_activate_url": "https://sms.example", "sms_activate_key": "key"}
    with pytest.raises(ValidationError, match="HEROSMS_URL and HEROSMS_KEY: expected both or none, got one"):
        settings(**whole, **half)


def test_each_account_has_its_adapter() -> None:
    async def opened() -> dict[str, type]:
        async with httpx.AsyncClient() as client:
            return {name: type(provider) for name, provider in open_providers(settings(demo=True), client).items()}

    assert asyncio.run(opened()) == {"sms_activate": SmsActivate, "herosms": HeroSms, "fivesim": FiveSim}
