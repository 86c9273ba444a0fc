"""Applications: TwiML applications, which calls can be given to by their SID."""

from __future__ import annotations

from typing import Final

from mediasim.twilio.resources import ApplicationRecord
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.paging import listed
from mediasim.twilio.rest.resource import Resource
from mediasim.twilio.rest.voice_settings import change_settings

__all__ = ["APPLICATIONS"]

_URLS: Final = {
    "SmsStatusCallback": "sms_status_callback",
    "MessageStatusCallback": "message_status_callback",
}


def _list(ask: Ask) -> Answer:
    name = ask.query.text("FriendlyName")
    return listed(
        ask,
        "applications",
        ask.service.applications.all(),
        lambda record: record.to_twilio_json(ask.service.dates),
        sid=lambda record: record.sid,
        keep=(lambda record: record.friendly_name == name) if name else None,
    )


def _create(ask: Ask) -> Answer:
    record = ApplicationRecord(
        sid=ask.service.new_sid("AP"),
        account_sid=ask.service.account.sid,
        friendly_name="",
        created_ns=ask.service.now_ns,
    )
    _change(ask, record)
    record.friendly_name = record.friendly_name or record.sid
    ask.service.applications.add(record)
    return _shown(ask, record, 201)


def _fetch(ask: Ask) -> Answer:
    return _shown(ask, ask.service.applications.find(ask.at["sid"]))


def _update(ask: Ask) -> Answer:
    record = ask.service.applications.find(ask.at["sid"])
    _change(ask, record)
    record.updated_ns = ask.service.now_ns
    return _shown(ask, record)


def _delete(ask: Ask) -> Answer:
    ask.service.applications.remove(ask.at["sid"])
    return Answer(status=204)


def _change(ask: Ask, record: ApplicationRecord) -> None:
    public = ask.form.flag("PublicApplicationConnectEnabled")
    change_settings(ask.form, record, _URLS)
    if public is not None:
        record.public_application_connect_enabled = public


def _shown(ask: Ask, record: ApplicationRecord, status: int = 200) -> Answer:
    return Answer(record.to_twilio_json(ask.service.dates), status)


APPLICATIONS: Final = (
    Resource("Accounts/{account}/Applications", "Application", {"GET": _list, "POST": _create}),
    Resource(
        "Accounts/{account}/Applications/{sid}",
        "Application",
        {"GET": _fetch, "POST": _update, "DELETE": _delete},
    ),
)
