"""HeroSMS, which speaks the SMS-Activate protocol with differences: only these are here."""

from pollers.providers.herosms.client import HeroSms

__all__ = ["HeroSms"]
