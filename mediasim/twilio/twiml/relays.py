"""The attributes of ConversationRelay and of its Language, which the verb reads by these types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mediasim.twilio.relay.attributes import FLAGS, INTERRUPTIBLE, INTERRUPTIONS, TEXTS
from mediasim.twilio.twiml.values import FLAG, TEXT, Choice, Noted, Value

__all__ = ["LANGUAGE", "RELAY"]

_KNOWN: Final = "words are known, and none is recognised by a model"
_SPOKEN: Final = "the app's words are spoken as they are written"
_RECOGNISED: Final[Mapping[str, Value]] = {
    "transcriptionProvider": Noted(TEXT, _KNOWN),
    "speechModel": Noted(TEXT, _KNOWN),
    "hints": Noted(TEXT, _KNOWN),
    "asrSmartFormat": Noted(TEXT, _KNOWN),
    "ttsTextNormalization": Noted(TEXT, _SPOKEN),
    "ttsLanguageTextNormalization": Noted(TEXT, _SPOKEN),
}
RELAY: Final[Mapping[str, Value]] = {
    **dict.fromkeys(TEXTS, TEXT),
    **dict.fromkeys(INTERRUPTIONS, Choice(INTERRUPTIBLE)),
    **dict.fromkeys(FLAGS, FLAG),
    "interruptSensitivity": Choice(("high", "medium", "low")),
    **_RECOGNISED,
    "profanityFilter": Noted(FLAG, "words are given as they were said", but="false"),
    "deepgramSmartFormat": Noted(TEXT, _KNOWN),
    "backgroundNoiseReduction": Noted(TEXT, _KNOWN),
    "ignoreBackchannel": Noted(TEXT, "a backchannel is speech like any other", but="false"),
    "partialPromptOnHangup": Noted(TEXT, "what is unfinished is not told", but="false"),
    "eotThreshold": Noted(TEXT, "silence alone ends what is said"),
    "eagerEotThreshold": Noted(TEXT, "silence alone ends what is said"),
    "turnDetection": Noted(TEXT, "silence alone ends what is said"),
    "echoPromptFiltering": Noted(TEXT, "an echo is heard like any sound"),
    "elevenlabsTextNormalization": Noted(TEXT, _SPOKEN),
    "elevenlabsLanguageTextNormalization": Noted(TEXT, _SPOKEN),
    "applicationReconnect": Noted(TEXT, "a lost connection is not opened again"),
    "intelligenceService": Noted(TEXT, "no service listens to a relay"),
    "conversationConfiguration": Noted(TEXT, "there are no conversations here"),
    "includeInPrompt": Noted(TEXT, "prompts have the words alone"),
    "customerName": Noted(TEXT, "prompts have the words alone"),
}
"""The attributes of ConversationRelay."""
LANGUAGE: Final[Mapping[str, Value]] = {
    "code": TEXT,
    "ttsProvider": TEXT,
    "voice": TEXT,
    **_RECOGNISED,
}
"""The attributes of its Language."""
