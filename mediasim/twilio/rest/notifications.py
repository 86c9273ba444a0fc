"""Notifications: errors and warnings that a developer should know of, of the account or a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mediasim.twilio.account_parts import NotificationRecord
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import Moments, date_names
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    MOST_KEPT,
    ApiRequest,
    Operation,
    Owner,
    Resource,
    Store,
    Stored,
    call_of,
)
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["NOTIFICATIONS"]


def _list(ask: ApiRequest) -> ApiResponse:
    return _listed(ask, ask.service.notifications)


def _list_of_call(ask: ApiRequest) -> ApiResponse:
    call = call_of(ask)
    return _listed(ask, [each for each in ask.service.notifications if each.call_sid == call.sid])


def _listed(ask: ApiRequest, records: Sequence[NotificationRecord]) -> ApiResponse:
    log = ask.query.number("Log", 0, 1)
    noted = Moments(ask.query, "MessageDate", ask.service.dates)
    return listed(
        ask,
        records,
        lambda record: _json(ask, record),
        keep=lambda record: (
            (log is None or record.log == str(log)) and noted.holds(record.created_ns)
        ),
    )


def _fetch(ask: ApiRequest) -> ApiResponse:
    call = ask.at.get("call")
    for record in ask.service.notifications:
        if record.sid == ask.at["sid"] and call in (None, record.call_sid):
            return ApiResponse(_json(ask, record, whole=True))
    raise ask.missing()


def _json(ask: ApiRequest, record: NotificationRecord, *, whole: bool = False) -> dict[str, Any]:
    dates = ask.service.dates
    shown = record.to_full_twilio_json(dates) if whole else record.to_twilio_json(dates)
    if call := ask.at.get("call"):
        path = f"{ask.account_path}/Calls/{call}/Notifications/{record.sid}.json"
        shown["uri"] = path
    return shown


_FILTERS: Final = (*PAGING, "Log", *date_names("MessageDate"))
NOTIFICATIONS: Final = Resource(
    name="Notification",
    many="notifications",
    prefix="NO",
    stored=Stored(
        "notification",
        NotificationRecord,
        lambda service: Store.of_list(service.notifications),
        Owner.WORKER,
        most=MOST_KEPT,
    ),
    paths={
        f"{ACCOUNT}/Notifications": {"GET": Operation(_list, _FILTERS)},
        f"{ACCOUNT}/Notifications/{{sid}}": {"GET": Operation(_fetch)},
        f"{ACCOUNT}/Calls/{{call}}/Notifications": {"GET": Operation(_list_of_call, _FILTERS)},
        f"{ACCOUNT}/Calls/{{call}}/Notifications/{{sid}}": {"GET": Operation(_fetch)},
    },
)
