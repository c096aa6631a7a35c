"""The SMS-Activate protocol, spoken by many providers: answer, refusals, protocol are pure, client has the I/O."""

from pollers.providers.sms_activate.client import SmsActivate

__all__ = ["SmsActivate"]
