"""Notifications: errors and warnings for the developer, and the debugger's webhook about each.

Sources: Twilio's API description 2010-04-01, Notification; docs, "Debugger", webhook.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from mediasim.exchange.dates import Dates
from mediasim.twilio.representations import API_VERSION, account_path, rfc2822, timestamp
from mediasim.twilio.requests import Params
from mediasim.twilio.webhooks import Delivery

__all__ = ["DEBUGGER", "NotificationRecord", "debugger_params", "exchanged"]

DEBUGGER: Final = "debugger"
"""Kind of the debugger's requests to the app, of which none leaves a notification."""
_MORE_INFO: Final = "https://www.twilio.com/docs/errors"


@dataclass(frozen=True, slots=True)
class NotificationRecord:
    """An error or a warning for the developer: Twilio's Notification resource."""

    sid: str
    account_sid: str
    call_sid: str | None
    error_code: int
    log: str
    """``"0"`` for an error, ``"1"`` for a warning."""
    message_text: str
    request_url: str
    """URL of the request to the app that failed; "" if there was none."""
    created_ns: int
    request_method: str = "POST"
    request_variables: str = ""
    """Parameters of the request, form-encoded."""
    response_headers: str = ""
    """Header fields of the app's response, form-encoded."""
    response_body: str = ""
    """Beginning of the app's response."""

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """Return the notification as a list of them shows it."""
        asked = self.request_url or None
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "call_sid": self.call_sid,
            "date_created": rfc2822(dates, self.created_ns),
            "date_updated": rfc2822(dates, self.created_ns),
            "error_code": str(self.error_code),
            "log": self.log,
            "message_date": rfc2822(dates, self.created_ns),
            "message_text": self.message_text,
            "more_info": f"{_MORE_INFO}/{self.error_code}",
            "request_method": self.request_method if asked else None,
            "request_url": asked,
            "sid": self.sid,
            "uri": f"{account_path(self.account_sid)}/Notifications/{self.sid}.json",
        }

    def to_full_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """Return the notification with the request and the response that it is about."""
        return {
            **self.to_twilio_json(dates),
            "request_variables": self.request_variables,
            "response_headers": self.response_headers,
            "response_body": self.response_body,
        }


def exchanged(url: str, delivery: Delivery | None) -> dict[str, str]:
    """Return the fields of a notification about a request to the app and its response."""
    if delivery is None:
        return {"request_method": "GET"} if url.startswith(("ws:", "wss:")) else {}
    fields = {
        "request_method": delivery.method,
        "request_variables": urlencode(delivery.params),
    }
    if delivery.attempts:
        last = delivery.attempts[-1]
        fields["request_method"] = last.method
        fields["response_headers"] = urlencode(last.response_headers)
        fields["response_body"] = last.response_body
    return fields


def debugger_params(record: NotificationRecord, dates: Dates, parent_sid: str) -> Params:
    """Return the parameters of the request about a notification.

    ``parent_sid`` is the account's parent, "" for the main account.
    """
    payload: dict[str, Any] = {
        "resource_sid": record.call_sid or record.sid,
        "service_sid": None,
        "error_code": str(record.error_code),
        "more_info": {"Msg": record.message_text},
    }
    if record.request_url:
        payload["webhook"] = {
            "type": "application/json",
            "request": {
                "url": record.request_url,
                "method": record.request_method,
                "headers": {},
                "parameters": dict(parse_qsl(record.request_variables, keep_blank_values=True)),
            },
            "response": {
                "status_code": None,
                "headers": dict(parse_qsl(record.response_headers, keep_blank_values=True)),
                "body": record.response_body,
            },
        }
    return [
        ("AccountSid", record.account_sid),
        ("Sid", record.sid),
        ("ParentAccountSid", parent_sid),
        ("Timestamp", timestamp(dates, record.created_ns)),
        ("Level", "WARNING" if record.log == "1" else "ERROR"),
        ("PayloadType", "application/json"),
        ("Payload", json.dumps(payload)),
    ]
