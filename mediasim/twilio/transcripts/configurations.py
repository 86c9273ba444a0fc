"""Voice's configurations: reusable settings of recordings and of transcriptions.

A recording configuration stands for the parameters of a recording; its features may name a
transcription configuration, by which its recordings are transcribed. The account's default is of
recordings whose request says nothing itself. Source: Twilio docs, "Configurations".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, cast

from mediasim.exchange.dates import Dates
from mediasim.exchange.profiles import Channels, Track
from mediasim.exchange.trim import Trim
from mediasim.twilio.account_parts import AccountParts, ResourceList
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.representations import iso8601
from mediasim.twilio.requests import Callback, RecordingRequest
from mediasim.twilio.resources import Dated

__all__ = ["ConfigurationRecord", "ConfigurationType", "Configurations", "new_id"]

ConfigurationType = Literal["Recording", "Transcription", "RecordingDefault"]
_TAIL: Final = slice(2, 28)


def new_id(account: AccountParts, prefix: str, noun: str) -> str:
    """Return a new id of Voice's newer APIs: ``voice_<noun>_`` and 26 letters or digits."""
    return f"voice_{noun}_{account.new_sid(prefix)[_TAIL]}"


@dataclass(slots=True)
class ConfigurationRecord(Dated):
    """A configuration of recordings or of transcriptions."""

    sid: str
    """Its id; of an account's default that of the account."""
    account_sid: str
    type: ConfigurationType
    created_ns: int
    updated_ns: int = field(init=False)
    unique_name: str = ""
    description: str = ""
    configuration: dict[str, Any] = field(default_factory=dict)

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        named = {} if self.type == "RecordingDefault" else {"unique_name": self.unique_name}
        return {
            **({"id": self.sid} if named else {}),
            "account_sid": self.account_sid,
            **named,
            "description": self.description,
            "date_created": iso8601(dates, self.created_ns),
            "date_updated": iso8601(dates, self.updated_ns),
            "configuration": self.configuration,
        }

    def recording(self, *, conference: bool) -> RecordingRequest:
        """Return the recording that it stands for, of a call or of a conference."""
        policy: Mapping[str, str] = self.configuration.get("compositionPolicy", {})
        owner = "conference" if conference else "call"
        told = self.configuration.get(f"{owner}RecordingStatusCallback", {})
        callback = None
        if told.get("url"):
            events = tuple(told.get("events", ()))
            callback = Callback(told["url"], told.get("method", "POST"), events)
        return RecordingRequest(
            channels=cast(Channels, policy.get("channels", "dual")),
            track=cast(Track, policy.get("track", "both")),
            trim=cast(Trim, policy.get("trim", "do-not-trim")),
            callback=callback,
            configuration_id=self.sid,
        )


class Configurations:
    """All configurations of an account."""

    def __init__(self, account: AccountParts) -> None:
        self.records: ResourceList[ConfigurationRecord] = account.resource_list("Configurations")

    def find(
        self, account_sid: str, type: ConfigurationType, name: str
    ) -> ConfigurationRecord | None:
        """Return an account's configuration of an id or a unique name; None if there is none."""
        for each in self.records.all():
            if (each.account_sid, each.type) == (account_sid, type) and name in (
                each.sid,
                each.unique_name,
            ):
                return each
        return None

    def resolved(
        self, request: RecordingRequest, account_sid: str, *, conference: bool, message: bool
    ) -> RecordingRequest:
        """Return a recording's request as its configuration, or the account's default, has it.

        A ``message`` of a Record verb keeps its channel and its track. Raises TwilioError (400) for
        a configuration that the account has not, or one beside parameters.
        """
        name = request.configuration_id
        if name and request.inline:
            raise bad_parameter(
                f"recordingConfigurationId and {request.inline[0]} were given: expected either a "
                "configuration or parameters"
            )
        found = None
        if name:
            found = self.find(account_sid, "Recording", name)
            if found is None:
                raise bad_parameter(f"Recording configuration {name[:80]} was not found")
        elif request.by_default and not request.inline:
            found = self.default(account_sid)
        if found is None:
            return request
        by_configuration = found.recording(conference=conference)
        if message:
            return replace(by_configuration, channels=request.channels, track=request.track)
        return by_configuration

    def default(self, account_sid: str) -> ConfigurationRecord | None:
        """Return the account's default for recordings; None without one."""
        return self.find(account_sid, "RecordingDefault", _default_id(account_sid))

    def default_id(self, account_sid: str) -> str:
        """Return the key of the account's default."""
        return _default_id(account_sid)

    def transcription_of(self, account_sid: str, sid: str) -> ConfigurationRecord | None:
        """Return the configuration by which recordings of a configuration are transcribed."""
        if not self.records.has(sid):
            return None
        for feature in self.records.find(sid).configuration.get("features", ()):
            found = self.find(account_sid, "Transcription", str(feature.get("featureId", "")))
            if found is not None:
                return found
        return None


def _default_id(account_sid: str) -> str:
    return f"default-{account_sid}"
