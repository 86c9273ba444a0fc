"""What a relay is asked for: the attributes of ConversationRelay, its languages and parameters.

Source: Twilio docs, "TwiML Voice: ConversationRelay".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = [
    "ATTRIBUTES",
    "FLAGS",
    "INTERRUPTIBLE",
    "INTERRUPTIONS",
    "TEXTS",
    "InterruptedBy",
    "LanguageVoice",
    "RelayRequest",
    "interrupted_by",
    "relay_request",
]

InterruptedBy = frozenset[Literal["speech", "dtmf"]]
"""What of the caller's ends what the app says."""
_BY_WORD: Final[Mapping[str, InterruptedBy]] = {
    "none": frozenset(),
    "false": frozenset(),
    "dtmf": frozenset({"dtmf"}),
    "speech": frozenset({"speech"}),
    "any": frozenset({"speech", "dtmf"}),
    "true": frozenset({"speech", "dtmf"}),
}
INTERRUPTIBLE: Final = tuple(_BY_WORD)
"""The words that say what interrupts."""
_SENSITIVITY: Final = {"high": 0, "medium": 400_000_000, "low": 800_000_000}
"""Nanoseconds for which a caller must have spoken to interrupt, by the word (our choice)."""
_SPEECH_TIMEOUT: Final = (100, 60_000)
"""Milliseconds of silence that may end an utterance."""
TEXTS: Final = (
    *("url", "welcomeGreeting", "language", "ttsLanguage", "ttsProvider", "voice"),
    *("transcriptionLanguage", "debug", "events", "speechTimeout"),
)
"""Attributes that are texts."""
INTERRUPTIONS: Final = (
    *("welcomeGreetingInterruptible", "interruptible", "reportInputDuringAgentSpeech"),
)
"""Attributes that say what of the caller's counts."""
FLAGS: Final = ("dtmfDetection", "preemptible", "partialPrompts")
"""Attributes that are true or false."""
_EVENTS: Final = ("speaker-events", "tokens-played")
_EVENT_WORDS: Final[Mapping[str, tuple[str, ...]]] = {"true": _EVENTS, "false": ()}

ATTRIBUTES: Final = (*TEXTS, *FLAGS, *INTERRUPTIONS, "interruptSensitivity")
"""All attributes of ConversationRelay that act."""


def interrupted_by(word: str | bool) -> InterruptedBy | None:
    """Return what interrupts, by its word or as true or false; None for a wrong word."""
    return _BY_WORD.get(str(word).lower())


@dataclass(frozen=True, slots=True)
class LanguageVoice:
    """How a language is spoken."""

    provider: str = ""
    voice: str = ""

    @property
    def name(self) -> str:
        """The voice as Say names it: with the provider's prefix, where it has one."""
        prefix = {"amazon": "Polly.", "google": "Google."}.get(self.provider.lower(), "")
        return self.voice if self.voice.startswith(prefix) else prefix + self.voice


@dataclass(frozen=True, slots=True)
class RelayRequest:
    """A relay to start: a ConversationRelay noun."""

    url: str
    welcome_greeting: str = ""
    welcome_interruptible: InterruptedBy = _BY_WORD["any"]
    interruptible: InterruptedBy = _BY_WORD["any"]
    sensitivity_ns: int = 0
    """Nanoseconds for which the caller must have spoken to interrupt."""
    tts_language: str = "en-US"
    transcription_language: str = "en-US"
    voice: LanguageVoice = LanguageVoice()
    voices: Mapping[str, LanguageVoice] = field(default_factory=dict)
    """The voices of single languages, by code."""
    dtmf_detection: bool = False
    report_input: InterruptedBy = _BY_WORD["none"]
    """What of the caller's is told while the app speaks and is not interrupted."""
    preemptible: bool = False
    partial_prompts: bool = False
    speech_timeout_ns: int | None = None
    """Silence in nanoseconds that ends an utterance; None: as the recogniser has it."""
    events: frozenset[str] = frozenset()
    """The further events that are told: ``speaker-events`` and ``tokens-played``."""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def voice_in(self, language: str) -> LanguageVoice:
        """Return the voice that speaks a language."""
        return self.voices.get(language, self.voice)


def relay_request(
    attributes: Mapping[str, str],
    *,
    languages: Sequence[Mapping[str, str]] = (),
    parameters: Mapping[str, str] | None = None,
) -> tuple[RelayRequest, list[str]]:
    """Return what the attributes ask for, and in words what is wrong in them.

    A wrong value counts as absent.
    """
    troubles: list[str] = []
    language = attributes.get("language", "en-US")
    events = attributes.get("events", "").split() + attributes.get("debug", "").split()
    events = [name for each in events for name in _EVENT_WORDS.get(each, (each,))]
    unknown = [each for each in events if each not in _EVENTS]
    if unknown:
        troubles.append(f"{', '.join(unknown)}: of events and debug, {' and '.join(_EVENTS)} act")
    reader = _Reader(attributes, troubles)
    request = RelayRequest(
        url=attributes.get("url", ""),
        welcome_greeting=attributes.get("welcomeGreeting", ""),
        welcome_interruptible=reader.interruption("welcomeGreetingInterruptible", "any"),
        interruptible=reader.interruption("interruptible", "any"),
        sensitivity_ns=_SENSITIVITY[reader.word("interruptSensitivity", tuple(_SENSITIVITY))],
        tts_language=attributes.get("ttsLanguage", language),
        transcription_language=attributes.get("transcriptionLanguage", language),
        voice=LanguageVoice(attributes.get("ttsProvider", ""), attributes.get("voice", "")),
        voices={
            each["code"]: LanguageVoice(each.get("ttsProvider", ""), each.get("voice", ""))
            for each in languages
            if "code" in each
        },
        dtmf_detection=reader.flag("dtmfDetection"),
        report_input=reader.interruption("reportInputDuringAgentSpeech", "none"),
        preemptible=reader.flag("preemptible"),
        partial_prompts=reader.flag("partialPrompts"),
        speech_timeout_ns=reader.milliseconds("speechTimeout", *_SPEECH_TIMEOUT),
        events=frozenset(events) & frozenset(_EVENTS),
        parameters=dict(parameters or {}),
    )
    return request, troubles


class _Reader:
    """Reads attributes; a wrong one is a trouble, and counts as absent."""

    def __init__(self, attributes: Mapping[str, str], troubles: list[str]) -> None:
        self._attributes = attributes
        self._troubles = troubles

    def word(self, name: str, words: Sequence[str], default: str = "") -> str:
        """Return one of some words; the first, or ``default``, where there is none."""
        value = self._attributes.get(name, default or words[0])
        if value.lower() in words:
            return value.lower()
        self._troubles.append(f"{name}: expected {' or '.join(words)}, found {value[:40]!r}")
        return default or words[0]

    def interruption(self, name: str, default: str) -> InterruptedBy:
        return _BY_WORD[self.word(name, INTERRUPTIBLE, default)]

    def flag(self, name: str) -> bool:
        return self.word(name, ("false", "true")) == "true"

    def milliseconds(self, name: str, least: int, most: int) -> int | None:
        """Return a time in nanoseconds; None for ``auto`` or nothing."""
        value = self._attributes.get(name, "auto")
        if value == "auto":
            return None
        if value.isascii() and value.isdecimal() and least <= int(value[:9]) <= most:
            return int(value) * 1_000_000
        wanted = f"auto or milliseconds from {least} to {most}"
        self._troubles.append(f"{name}: expected {wanted}, found {value[:40]!r}")
        return None
