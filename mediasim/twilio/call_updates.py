"""Changes of an active call by REST: its end, another document, another status callback."""

from __future__ import annotations

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.twilio.errors import bad_parameter, not_in_progress
from mediasim.twilio.requests import CallUpdate
from mediasim.twilio.session import CallSession
from mediasim.twilio.status import StatusCallbacks

__all__ = ["update_session"]


def update_session(session: CallSession, request: CallUpdate, statuses: StatusCallbacks) -> None:
    """Change an active call as a request says. Raises TwilioError if a parameter is wrong."""
    if request.status not in (None, "", "canceled", "completed"):
        raise bad_parameter(f"Invalid Status {request.status}: canceled or completed")
    if request.status_callback is not None:
        statuses.replace(session.call.sid, request.status_callback)
    if request.time_limit_seconds is not None:
        session.limit(request.time_limit_seconds * NS_PER_SECOND)
    if request.status == "canceled" and session.call.active:
        return  # only what is queued or ringing can be canceled
    if request.status in ("canceled", "completed"):
        session.end("canceled")
    elif request.source is not None:
        if not session.call.active:
            raise not_in_progress("Call is not in-progress. Cannot redirect.")
        session.redirect(request.source)
