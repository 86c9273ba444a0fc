"""Notifications: errors and warnings that a developer should know of, of the account or a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mediasim.twilio.resources import NotificationRecord
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.lookup import call_of
from mediasim.twilio.rest.moments import Moments
from mediasim.twilio.rest.paging import listed
from mediasim.twilio.rest.resource import Resource

__all__ = ["NOTIFICATIONS"]


def _list(ask: Ask) -> Answer:
    return _listed(ask, ask.service.notifications)


def _list_of_call(ask: Ask) -> Answer:
    call = call_of(ask)
    return _listed(ask, [each for each in ask.service.notifications if each.call_sid == call.sid])


def _listed(ask: Ask, records: Sequence[NotificationRecord]) -> Answer:
    log = ask.query.number("Log", 0, 1)
    noted = Moments(ask.query, "MessageDate", ask.service.dates)
    return listed(
        ask,
        "notifications",
        records,
        lambda record: _shown(ask, record),
        sid=lambda record: record.sid,
        keep=lambda record: (
            (log is None or record.log == str(log)) and noted.holds(record.created_ns)
        ),
    )


def _fetch(ask: Ask) -> Answer:
    call = ask.at.get("call")
    for record in ask.service.notifications:
        if record.sid == ask.at["sid"] and call in (None, record.call_sid):
            return Answer(_shown(ask, record, whole=True))
    raise ask.missing()


def _shown(ask: Ask, record: NotificationRecord, *, whole: bool = False) -> dict[str, Any]:
    dates = ask.service.dates
    shown = record.to_full_twilio_json(dates) if whole else record.to_twilio_json(dates)
    if call := ask.at.get("call"):
        path = f"{ask.account_path}/Calls/{call}/Notifications/{record.sid}.json"
        shown["uri"] = path
    return shown


_PATH: Final = "Accounts/{account}/Notifications"
_OF_CALL: Final = "Accounts/{account}/Calls/{call}/Notifications"
NOTIFICATIONS: Final = (
    Resource(_PATH, "Notification", {"GET": _list}),
    Resource(f"{_PATH}/{{sid}}", "Notification", {"GET": _fetch}),
    Resource(_OF_CALL, "Notification", {"GET": _list_of_call}),
    Resource(f"{_OF_CALL}/{{sid}}", "Notification", {"GET": _fetch}),
)
