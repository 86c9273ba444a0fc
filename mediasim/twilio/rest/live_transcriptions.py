"""Real-time transcriptions of calls: starting and stopping them.

The API description can neither list nor fetch them.
"""

from __future__ import annotations

from typing import Final, get_args

from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.live_transcription import REALTIME_TRANSCRIPTION, LiveTranscriptionRequest
from mediasim.twilio.requests import Callback, StreamTrack
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.resource import ACCOUNT, ApiRequest, Operation, Resource, call_of
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["LIVE_TRANSCRIPTIONS"]

_NO_CONVERSATIONS: Final = "conversations are not simulated"
_BAD_CALLBACK: Final = 21609
_NOTED: Final = {
    "ConversationConfiguration": _NO_CONVERSATIONS,
    "ConversationId": _NO_CONVERSATIONS,
    "ConfigurationId": "there are no configurations of transcriptions here",
}


def _create(request: ApiRequest) -> ApiResponse:
    call, form = call_of(request), request.form
    asked = LiveTranscriptionRequest(
        name=form.text("Name") or None,
        track=form.word("Track", get_args(StreamTrack)) or "both_tracks",
        callback=_callback(form),
        language=form.text("LanguageCode") or "en-US",
        inbound_label=form.text("InboundTrackLabel") or "",
        outbound_label=form.text("OutboundTrackLabel") or "",
        engine=(form.text("TranscriptionEngine") or "google").lower(),
        model=form.text("SpeechModel") or "",
        provider_data=form.flag("EnableProviderData") or False,
        profanity_filter=form.flag("ProfanityFilter") is not False,
        partial_results=form.flag("PartialResults") or False,
        hints=form.text("Hints") or "",
        service=form.text("IntelligenceService") or "",
        punctuation=form.flag("EnableAutomaticPunctuation") is not False,
    )
    record = request.account.live_transcriptions.start(call.sid, asked)
    return request.show(record)  # 200, by the description


def _callback(form: Params) -> Callback | None:
    """Return the callback, whose parameters have names of their own."""
    method = form.method("StatusCallbackMethod")
    url = form.url("StatusCallbackUrl", code=_BAD_CALLBACK)
    if url:
        return Callback(url, method)
    form.in_vain("StatusCallbackMethod")
    return None


def _update(request: ApiRequest) -> ApiResponse:
    call = call_of(request)
    if request.form.word("Status", ("stopped",)) is None:
        raise bad_parameter("Status parameter is required: stopped")
    return request.show(request.account.live_transcriptions.stop(call.sid, request.at["sid"]))


LIVE_TRANSCRIPTIONS: Final = Resource(
    name="RealtimeTranscription",
    many="live_transcriptions",
    prefix="GT",
    callbacks=(REALTIME_TRANSCRIPTION,),
    paths={
        f"{ACCOUNT}/Calls/{{call}}/Transcriptions": {
            "POST": Operation(
                _create,
                (
                    *("Name", "Track", "StatusCallbackUrl", "StatusCallbackMethod"),
                    *("InboundTrackLabel", "OutboundTrackLabel", "PartialResults", "LanguageCode"),
                    *("TranscriptionEngine", "ProfanityFilter", "SpeechModel", "Hints"),
                    *("EnableAutomaticPunctuation", "EnableProviderData"),
                    "IntelligenceService",
                ),
                noted=_NOTED,
            )
        },
        f"{ACCOUNT}/Calls/{{call}}/Transcriptions/{{sid}}": {
            "POST": Operation(_update, ("Status",))
        },
    },
)
"""Real-time transcriptions of a call."""
