"""The app's numbers of a config file, as resources of the account."""

from __future__ import annotations

from mediasim.sandbox.config import AppNumber, Config
from mediasim.twilio.resources import NumberRecord
from mediasim.twilio.service import Service

__all__ = ["claim_numbers"]


def claim_numbers(service: Service, config: Config) -> None:
    """Enter the config's numbers; those the account has already get the config's settings."""
    known = {number.phone_number: number for number in service.numbers.all()}
    for phone_number, app in config.numbers.items():
        record = known.get(phone_number)
        if record is None:
            record = NumberRecord(
                sid=service.exchange.sids.new("PN"),
                account_sid=service.account.sid,
                friendly_name=phone_number,
                created_ns=service.now_ns,
                phone_number=phone_number,
            )
            service.numbers.add(record)
        _settle(record, app)


def _settle(record: NumberRecord, app: AppNumber) -> None:
    record.friendly_name = app.friendly_name or record.friendly_name
    record.voice_url = app.voice_url
    record.voice_method = app.voice_method
    record.voice_fallback_url = app.voice_fallback_url
    record.voice_fallback_method = app.voice_fallback_method
    record.status_callback = app.status_callback
    record.status_callback_method = app.status_callback_method
    record.twiml = app.twiml
