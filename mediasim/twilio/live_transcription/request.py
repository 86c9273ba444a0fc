"""What a real-time transcription is asked for, by TwiML or REST, and what is wrong in it.

Source: Twilio docs, "TwiML Voice: Transcription". The codes are those of Twilio's error dictionary:
32650 for a wrong configuration, 32651 for one that the engine would refuse.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.requests import Callback, StreamTrack

__all__ = [
    "BAD_CONFIGURATION",
    "PROVIDER_ERROR",
    "REALTIME_TRANSCRIPTION",
    "LiveTranscriptionRequest",
]

REALTIME_TRANSCRIPTION: Final = "realtime-transcription"
"""Kind of the callbacks of real-time transcriptions, in the delivery log."""
BAD_CONFIGURATION: Final = 32650
PROVIDER_ERROR: Final = 32651
_MODELS: Final = {
    "google": (
        *("telephony", "telephony_short", "long", "short", "chirp", "chirp_2", "chirp_3"),
        *("phone_call", "default", "command_and_search", "latest_long", "latest_short"),
        "medical_conversation",
    ),
    "deepgram": (
        *("nova-3", "nova-3-general", "nova-3-medical", "nova-2", "nova-2-phonecall"),
        *("nova-2-general", "nova", "enhanced", "base"),
    ),
}
"""The engines, and models that are theirs alone; the first is the default (of deepgram our
choice)."""
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*|multi")
_LONGEST_EXCERPT: Final = 40


@dataclass(frozen=True, slots=True)
class LiveTranscriptionRequest:
    """A transcription to start: POST /Calls/{sid}/Transcriptions, or a Transcription noun."""

    name: str | None = None
    track: StreamTrack = "both_tracks"
    callback: Callback | None = None
    language: str = "en-US"
    inbound_label: str = ""
    outbound_label: str = ""
    """Names of the tracks for the app's own use; "" without."""
    engine: str = "google"
    model: str = ""
    """Speech model; "": the engine's default."""
    provider_data: bool = False
    """Whether each result has what the engine would have returned."""
    profanity_filter: bool = True
    partial_results: bool = False
    hints: str = ""
    """Phrases that are expected, separated by commas."""
    punctuation: bool = True
    service: str = ""
    """SID or unique name of the service that keeps the transcript; "": it is not kept."""

    @property
    def speech_model(self) -> str:
        """The speech model that is used."""
        return self.model or _MODELS.get(self.engine, ("",))[0]

    def check(self) -> None:
        """Raise TwilioError (32650, 32651) for a setting that no transcription can have."""
        if self.engine not in _MODELS:
            wanted = " or ".join(_MODELS)
            words = f"transcriptionEngine {_excerpt(self.engine)}: expected {wanted}"
            raise bad_parameter(words, BAD_CONFIGURATION)
        if _LANGUAGE.fullmatch(self.language) is None:
            words = f"languageCode {_excerpt(self.language)}: expected a language such as en-US"
            raise bad_parameter(words, BAD_CONFIGURATION)
        for engine, models in _MODELS.items():
            if engine != self.engine and self.model in models:
                own = ", ".join(_MODELS[self.engine])
                words = f"speechModel {self.model} is one of {engine}; {self.engine} has {own}"
                raise bad_parameter(words, PROVIDER_ERROR)

    def configuration(self) -> str:
        """Return what the engine is told, as JSON."""
        told = {
            "profanityFilter": _word(self.profanity_filter),
            "speechModel": self.speech_model,
            "enableAutomaticPunctuation": _word(self.punctuation),
        }
        if self.hints:
            told["hints"] = self.hints
        return json.dumps(told, separators=(",", ":"))


def _word(flag: bool) -> str:
    return "true" if flag else "false"


def _excerpt(value: str) -> str:
    return repr(value[:_LONGEST_EXCERPT])
