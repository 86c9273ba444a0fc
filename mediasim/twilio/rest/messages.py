"""Messages: sending, finding, redacting, canceling and deleting them; their media and feedback."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.states import MESSAGE
from mediasim.twilio.addresses import sought
from mediasim.twilio.errors import bad_parameter, not_complete
from mediasim.twilio.message_records import MediaRecord, MessageEvent, MessageRecord
from mediasim.twilio.messages import MessageRequest
from mediasim.twilio.representations import dates_json
from mediasim.twilio.requests import Callback
from mediasim.twilio.rest.date_filter import DateFilter, date_names
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import Params, to_and_from
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    ApiRequest,
    Operation,
    Owner,
    Resource,
    Stored,
    fetch,
    in_resource_list,
    updating,
)
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["FEEDBACK", "MEDIA", "MESSAGES", "message_request"]

_NO_APPLICATION: Final = 21218
_BAD_CALLBACK: Final = 21609
_BAD_MEDIA: Final = 21620
_NO_SEND_AT: Final = 35111
_BAD_SEND_AT: Final = 35114
_NO_SERVICE: Final = 35118
_SOONEST_NS: Final = 15 * 60 * NS_PER_SECOND
_LATEST_NS: Final = 35 * 86_400 * NS_PER_SECOND
_SMART: Final = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»", '"'),
        **dict.fromkeys("‘’‚‛", "'"),
        **dict.fromkeys("–—‐‑", "-"),
        "…": "...",
        "\N{NO-BREAK SPACE}": " ",
    }
)
"""What SmartEncoded makes of characters that are none of GSM 03.38 (docs, Smart Encoding)."""


def _list(request: ApiRequest) -> ApiResponse:
    query = request.query
    to, from_ = sought(query.text("To")), sought(query.text("From"))
    sent = DateFilter(query, "DateSent", request.account.dates)
    return listed(
        request,
        request.store.all(),
        keep=lambda record: (
            to in ("", record.to) and from_ in ("", record.from_) and sent.matches(record.sent_ns)
        ),
    )


def _create(request: ApiRequest) -> ApiResponse:
    message = message_request(request)
    return request.show(request.account.messages.create(request.account, message), 201)


def message_request(request: ApiRequest) -> MessageRequest:
    """Return the message that a form asks for. Raises TwilioError if a parameter is wrong."""
    form = request.form
    to, from_ = to_and_from(form)
    body = form.text("Body") or ""
    if form.flag("SmartEncoded"):
        body = body.translate(_SMART)
    service = form.sid("MessagingServiceSid", "MG")
    url = form.url("StatusCallback", code=_BAD_CALLBACK)
    callback = Callback(url) if url else _callback_of_application(request)
    return MessageRequest(
        to=to,
        from_=from_,
        body=body,
        media=_media(form),
        messaging_service_sid=service,
        status_callback=callback,
        send_at_ns=_send_at(request, service),
    )


def _media(form: Params) -> tuple[str, ...]:
    """Return the URLs of media; each has to be absolute."""
    urls = tuple(url for url in form.all("MediaUrl") if url)
    for url in urls:
        Params([("MediaUrl", url)]).url("MediaUrl", code=_BAD_MEDIA)
    return urls


def _callback_of_application(request: ApiRequest) -> Callback | None:
    sid = request.application("ApplicationSid", _NO_APPLICATION)
    if not sid:
        return None
    application = request.account.applications.find(sid)
    url = application.message_status_callback or application.sms_status_callback
    return Callback(url) if url else None


def _send_at(request: ApiRequest, service: str | None) -> int | None:
    """Return the loop time of a message that is scheduled; None if it is sent at once."""
    form, account = request.form, request.account
    if form.word("ScheduleType", ("fixed",)) is None:
        return None
    if service is None:
        words = "MessagingServiceSid is required to schedule a message"
        raise bad_parameter(words, _NO_SERVICE)
    text = form.text("SendAt")
    if not text:
        raise bad_parameter("SendAt is required to schedule a message", _NO_SEND_AT)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        words = f"Invalid SendAt {text[:40]}: expected a date such as 2026-07-06T20:30:00Z"
        raise bad_parameter(words, _BAD_SEND_AT) from None
    at_ns = account.dates.loop_ns(at)
    if not _SOONEST_NS <= at_ns - account.now_ns <= _LATEST_NS:
        words = "SendAt has to be from 15 minutes to 35 days ahead, by the sandbox's clock"
        raise bad_parameter(words, _BAD_SEND_AT)
    return at_ns


def _update(request: ApiRequest, record: MessageRecord) -> None:
    body = request.form.text("Body")
    status = request.form.word("Status", ("canceled",))
    if body:
        raise bad_parameter("Body can only be redacted: expected an empty one")
    if body is not None:
        _check_complete(record)
        record.body = ""
    if status is not None:
        request.account.messages.cancel(request.account, record)


def _delete(request: ApiRequest) -> ApiResponse:
    record = request.found()
    _check_complete(record)
    for media in request.account.messages.media_of(record.sid):
        request.account.resource_list("Media").remove(media.sid)
    request.account.resource_list("Messages").remove(record.sid)
    return ApiResponse(status=204)


def _check_complete(record: MessageRecord) -> None:
    """Check that a message is on its way no more. Raises TwilioError (409) if it is."""
    if record.status != "sent" and not MESSAGE.is_final(record.status):
        raise not_complete("message", record.status)


_CREATED: Final = (
    *("To", "From", "MessagingServiceSid", "Body", "MediaUrl", "StatusCallback"),
    *("ApplicationSid", "SmartEncoded", "ScheduleType", "SendAt"),
)
_UNTRIED: Final = "a message is delivered or fails as the plan says, at once"
_NO_CONTENT: Final = "content templates are not simulated: Body is sent"
_AS_PHONES_DO: Final = "no simulated telephone makes use of it"
_NOTED: Final = {
    "ProvideFeedback": "feedback is taken of every message",
    "MaxPrice": "messages cost nothing",
    "Attempt": _UNTRIED,
    "ValidityPeriod": _UNTRIED,
    "ForceDelivery": _UNTRIED,
    "ContentRetention": "a message is kept until it is deleted",
    "AddressRetention": "a message is kept until it is deleted",
    "PersistentAction": _AS_PHONES_DO,
    "TrafficType": _AS_PHONES_DO,
    "ShortenUrls": "URLs are sent as they are written",
    "SendAsMms": "what has media is an MMS, and all else an SMS",
    "ContentSid": _NO_CONTENT,
    "ContentVariables": _NO_CONTENT,
    "RiskCheck": "no message is withheld as a risk",
    "FallbackFrom": "a message is sent from From alone",
}
_PATH: Final = f"{ACCOUNT}/Messages"
_STORED: Final = Stored(
    "message", MessageRecord, in_resource_list("Messages"), Owner.WORKER, event=MessageEvent
)
MESSAGES: Final = Resource(
    name="Message",
    many="messages",
    prefix="SM",
    stored=_STORED,
    callbacks=("message-status", "sms"),
    paths={
        _PATH: {
            "GET": Operation(_list, (*PAGING, "To", "From", *date_names("DateSent"))),
            "POST": Operation(_create, _CREATED, _NOTED),
        },
        f"{_PATH}/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(updating(_update), ("Body", "Status")),
            "DELETE": Operation(_delete),
        },
    },
)


# -- feedback and media ------------------------------------------------------------------------


def _message(request: ApiRequest) -> MessageRecord:
    """Return the message of the path. Raises TwilioError (404, 20404) if there is none."""
    found: MessageRecord = request.found_in(_STORED.store(request.account), "message")
    return found


def _feedback(request: ApiRequest) -> ApiResponse:
    record = _message(request)
    outcome = request.form.word("Outcome", ("confirmed", "unconfirmed"))
    record.feedback = outcome or "confirmed"
    record.updated_ns = request.account.now_ns
    return ApiResponse(
        {
            "account_sid": record.account_sid,
            "message_sid": record.sid,
            "outcome": record.feedback,
            **dates_json(record, request.account.dates),
            "uri": request.path,
        }
    )


FEEDBACK: Final = Resource(
    name="Feedback",
    many="feedbacks",
    paths={f"{_PATH}/{{message}}/Feedback": {"POST": Operation(_feedback, ("Outcome",))}},
)


def _list_media(request: ApiRequest) -> ApiResponse:
    created = DateFilter(request.query, "DateCreated", request.account.dates)
    return listed(
        request,
        request.account.messages.media_of(_message(request).sid),
        keep=lambda record: created.matches(record.created_ns),
        newest_first=False,
    )


def _of_message(request: ApiRequest) -> MediaRecord:
    message, record = _message(request), request.found()
    if record.parent_sid != message.sid:
        raise request.missing()
    found: MediaRecord = record
    return found


def _fetch_media(request: ApiRequest) -> ApiResponse:
    """Show a file's resource; without a suffix, redirect to the file."""
    record = _of_message(request)
    if request.path.endswith((".json", ".xml")):
        return request.show(record)
    return ApiResponse(status=307, headers={"Location": record.url})


def _delete_media(request: ApiRequest) -> ApiResponse:
    record, message = _of_message(request), _message(request)
    request.account.resource_list("Media").remove(record.sid)
    message.media = len(request.account.messages.media_of(message.sid))
    message.updated_ns = request.account.now_ns
    return ApiResponse(status=204)


MEDIA: Final = Resource(
    name="Media",
    many="media_list",
    prefix="ME",
    stored=Stored("media", MediaRecord, in_resource_list("Media"), Owner.WORKER),
    paths={
        f"{_PATH}/{{message}}/Media": {
            "GET": Operation(_list_media, (*PAGING, *date_names("DateCreated")))
        },
        f"{_PATH}/{{message}}/Media/{{sid}}": {
            "GET": Operation(_fetch_media),
            "DELETE": Operation(_delete_media),
        },
    },
)
