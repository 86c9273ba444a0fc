"""UserDefinedMessages and UserDefinedMessageSubscriptions of a call.

The API description can neither list nor fetch them.
"""

from __future__ import annotations

from typing import Final

from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.requests import Callback
from mediasim.twilio.rest.resource import ACCOUNT, ApiRequest, Operation, Resource, call_of
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.user_messages import USER_MESSAGE

__all__ = ["SUBSCRIPTIONS", "USER_MESSAGES"]

_BAD_CALLBACK: Final = 21609


def _send(request: ApiRequest) -> ApiResponse:
    call, form = call_of(request), request.form
    content, key = form.text("Content") or "", form.text("IdempotencyKey") or ""
    return request.show(request.account.user_messages.send(call.sid, content, key), 201)


def _subscribe(request: ApiRequest) -> ApiResponse:
    call, form = call_of(request), request.form
    key, method = form.text("IdempotencyKey") or "", form.method("Method")
    url = form.url("Callback", code=_BAD_CALLBACK)
    if not url:
        raise bad_parameter("Callback parameter is required.")
    record = request.account.user_messages.subscribe(call.sid, Callback(url, method), key)
    return request.show(record, 201)


def _unsubscribe(request: ApiRequest) -> ApiResponse:
    request.account.user_messages.unsubscribe(call_of(request).sid, request.at["sid"])
    return ApiResponse(status=204)


USER_MESSAGES: Final = Resource(
    name="UserDefinedMessage",
    many="user_defined_messages",
    prefix="KX",
    paths={
        f"{ACCOUNT}/Calls/{{call}}/UserDefinedMessages": {
            "POST": Operation(_send, ("Content", "IdempotencyKey"))
        }
    },
)
_PATH: Final = f"{ACCOUNT}/Calls/{{call}}/UserDefinedMessageSubscriptions"
SUBSCRIPTIONS: Final = Resource(
    name="UserDefinedMessageSubscription",
    many="user_defined_message_subscriptions",
    prefix="ZY",
    callbacks=(USER_MESSAGE,),
    paths={
        _PATH: {"POST": Operation(_subscribe, ("Callback", "Method", "IdempotencyKey"))},
        f"{_PATH}/{{sid}}": {"DELETE": Operation(_unsubscribe)},
    },
)
