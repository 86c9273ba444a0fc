"""Notifications: errors and warnings for the developer, of the account or of a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mediasim.twilio.notifications import NotificationRecord
from mediasim.twilio.rest.date_filter import DateFilter, date_names
from mediasim.twilio.rest.paging import PAGING, listed
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


def _list(request: ApiRequest) -> ApiResponse:
    return _listed(request, request.account.notifications)


def _list_of_call(request: ApiRequest) -> ApiResponse:
    call = call_of(request)
    return _listed(
        request, [each for each in request.account.notifications if each.call_sid == call.sid]
    )


def _listed(request: ApiRequest, records: Sequence[NotificationRecord]) -> ApiResponse:
    log = request.query.number("Log", 0, 1)
    noted = DateFilter(request.query, "MessageDate", request.account.dates)
    return listed(
        request,
        records,
        lambda record: _json(request, record),
        keep=lambda record: (
            (log is None or record.log == str(log)) and noted.matches(record.created_ns)
        ),
    )


def _fetch(request: ApiRequest) -> ApiResponse:
    call = request.at.get("call")
    for record in request.account.notifications:
        if record.sid == request.at["sid"] and call in (None, record.call_sid):
            return ApiResponse(_json(request, record, whole=True))
    raise request.missing()


def _json(
    request: ApiRequest, record: NotificationRecord, *, whole: bool = False
) -> dict[str, Any]:
    dates = request.account.dates
    shown = record.to_full_twilio_json(dates) if whole else record.to_twilio_json(dates)
    if call := request.at.get("call"):
        path = f"{request.account_path}/Calls/{call}/Notifications/{record.sid}.json"
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
        lambda account: Store.of_list(account.notifications),
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
