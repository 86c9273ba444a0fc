"""Checks of the recordings that requests ask for."""

from __future__ import annotations

from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.requests import RecordingRequest
from mediasim.twilio.rest.resource import ApiRequest

__all__ = ["check_configuration"]


def check_configuration(request: ApiRequest, options: RecordingRequest | None) -> None:
    """Check that the account has the configuration of a recording, if it names one.

    Raises TwilioError (400) if it has not.
    """
    name = "" if options is None else options.configuration_id
    known = request.account.transcriber.configurations
    if name and known.find(request.account.sid, "Recording", name) is None:
        raise bad_parameter(
            f"Invalid RecordingConfigurationId {name[:80]}: expected the id or the unique name of "
            "one of the account's"
        )
