"""Events of a call: the requests to the app about it, and the app's own about it, in order.

Requests that only read are not events (our choice: an app that polls would fill the list).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from mediasim.exchange.dates import Dates
from mediasim.twilio.account import Account
from mediasim.twilio.api_events import ApiEvent
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.representations import rfc2822, snake_case
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
from mediasim.twilio.rest.responses import ApiResponse, error_response, to_response
from mediasim.twilio.webhooks import Delivery
from mediasim.twilio.webhooks.delivery import Attempt

__all__ = ["EVENTS", "note_event"]

_NS_PER_MS: Final = 1_000_000
_LONGEST_BODY: Final = 4096
_LONGEST_VALUE: Final = 4096
_WRITES: Final = ("POST", "DELETE")


def note_event(
    request: ApiRequest, method: str, call_sid: str | None, answer: ApiResponse | TwilioError
) -> None:
    """Note a request that was about a call, and its response; one that only reads is not noted."""
    account = request.account
    if method not in _WRITES or call_sid is None:
        return
    as_xml = not request.path.endswith(".json")
    if isinstance(answer, TwilioError):
        response = error_response(answer, as_xml=as_xml)
    else:
        response = to_response(answer, request.resource.name, as_xml=as_xml)
    body = bytes(response.body).decode("utf-8", "replace")
    given = {snake_case(name): value[:_LONGEST_VALUE] for name, value in request.form.pairs}
    account.api_events.append(
        ApiEvent(
            sid=account.new_sid("EV"),
            account_sid=account.sid,
            call_sid=call_sid,
            method=method,
            url=f"{account.base_url}{request.path}",
            parameters={**given, "account_sid": account.sid},
            status=response.status_code,
            content_type=response.media_type or "",
            body=body if len(body) <= _LONGEST_BODY else body[:_LONGEST_BODY] + "...",
            at_ns=account.now_ns,
        )
    )
    del account.api_events[:-MOST_KEPT]


def _list(request: ApiRequest) -> ApiResponse:
    """List all requests about a call and its recordings, oldest first."""
    call, account = call_of(request), request.account
    sids = {call.sid} | {each.sid for each in account.catalogue.recordings(call=call.sid)}
    dates = account.dates
    found: list[tuple[int, str, dict[str, Any]]] = [
        (event.at_ns, event.sid, _api_json(event, dates))
        for event in account.api_events
        if event.call_sid == call.sid
    ]
    found += [
        (attempt.sent_ns, f"{delivery.id}-{number}", _event_json(delivery, attempt, dates))
        for delivery in account.webhooks.deliveries
        if delivery.sid in sids
        for number, attempt in enumerate(delivery.attempts)
    ]
    # Stable: at one instant the app's own requests come first, which caused the others.
    found.sort(key=lambda each: each[0])
    return listed(
        request, found, lambda each: each[2], sid=lambda each: each[1], newest_first=False
    )


def _json(
    request: Mapping[str, Any],
    status: int | None,
    ms: int | None,
    kind: str | None,
    body: str,
    created: str,
) -> dict[str, Any]:
    return {
        "request": dict(request),
        "response": {
            "response_code": status,
            "request_duration": ms,
            "content_type": kind,
            "response_body": body,
            "date_created": created,
        },
    }


def _api_json(event: ApiEvent, dates: Dates) -> dict[str, Any]:
    asked = {"method": event.method, "url": event.url, "parameters": dict(event.parameters)}
    created = rfc2822(dates, event.at_ns)
    return _json(asked, event.status, 0, event.content_type, event.body, created)


def _event_json(delivery: Delivery, attempt: Attempt, dates: Dates) -> dict[str, Any]:
    query = parse_qsl(urlsplit(attempt.url).query, keep_blank_values=True)
    parameters = dict(delivery.params) if attempt.method == "POST" else dict(query)
    answered = attempt.answered_ns
    asked = {"method": attempt.method, "url": attempt.url, "parameters": parameters}
    ms = None if answered is None else (answered - attempt.sent_ns) // _NS_PER_MS
    kind = attempt.response_headers.get("content-type")
    created = rfc2822(dates, attempt.sent_ns)
    return _json(asked, attempt.status, ms, kind, attempt.response_body, created)


def _delivery_json(delivery: Delivery, dates: Dates) -> dict[str, Any]:
    return delivery.to_json()


def _deliveries(account: Account) -> Store:
    return Store.of_list(account.webhooks.deliveries, "id")


def _api_events(account: Account) -> Store:
    return Store.of_list(account.api_events)


EVENTS: Final = Resource(
    name="Event",
    many="events",
    json=_delivery_json,
    stored=Stored(
        "delivery", Delivery, _deliveries, Owner.WORKER, key="id", most=MOST_KEPT, tells=True
    ),
    beside=(Stored("api_event", ApiEvent, _api_events, Owner.WORKER, most=MOST_KEPT),),
    paths={f"{ACCOUNT}/Calls/{{call}}/Events": {"GET": Operation(_list, PAGING)}},
)
"""Events of a call. Their records are deliveries, whose attempts the list shows."""
