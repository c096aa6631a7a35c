"""The SMS-Activate protocol, which many providers speak: pure parsers, handler_api for I/O, client for the dialect."""

from pollers.providers.sms_activate.client import SmsActivate

__all__ = ["SmsActivate"]
