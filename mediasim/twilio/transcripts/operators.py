"""Language operators: what is read out of a transcript, by simple rules.

Twilio's operators are models of language; these are word lists, so that a test can foresee what
they find. Each rule is stated in its operator's description. The types and names of results are
those of Twilio's OperatorResults.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from mediasim.twilio.transcripts.sentences import Sentence, seconds

__all__ = ["OPERATORS", "LanguageOperator", "operator_of"]

OperatorType = Literal["conversation-classify", "utterance-classify", "extract", "text-generation"]
Read = Callable[[Sequence[Sentence]], dict[str, Any]]

_GOOD: Final = r"thank|thanks|great|good|wonderful|perfect|excellent|happy|glad|love|nice|helpful"
_BAD: Final = (
    r"bad|terrible|awful|wrong|angry|upset|unhappy|hate|complaint|broken|late|problem|"
    r"annoyed"
)
_RECORDED: Final = r"\b(call|conversation|line) (is|may be|will be|is being) (being )?recorded\b"
_ESCALATION: Final = (
    r"\b(speak|talk) (to|with) (a|an|the|your) (manager|supervisor|human|agent|representative"
    r"|person)\b"
)
_TRANSFER: Final = r"\b(transfer|connect|forward) you\b|\bput you through\b"
_VOICEMAIL: Final = r"\b(leave|record) (me |us )?(a|your) message\b|\bafter the (beep|tone)\b"
_ENTITIES: Final = {
    "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "money": r"[$€£]\s?\d[\d.,]*\d|[$€£]\s?\d",
    "number": r"\+?\d(?:[\d ().-]{5,}\d)",
}


@dataclass(frozen=True, slots=True)
class LanguageOperator:
    """An operator: what it is called, its rule, and what it makes of sentences."""

    name: str
    operator_type: OperatorType
    description: str
    read: Read

    @property
    def sid(self) -> str:
        """Its SID, the same in every sandbox."""
        return "LY" + hashlib.sha256(self.name.encode()).hexdigest()[:32]

    def result(self, sentences: Sequence[Sentence]) -> dict[str, Any]:
        """Return the fields of its result; those of other types are null."""
        return {**_NOTHING, **self.read(sentences)}


_NOTHING: Final[dict[str, Any]] = {
    "extract_match": None,
    "match_probability": None,
    "normalized_result": None,
    "utterance_results": [],
    "utterance_match": None,
    "predicted_label": None,
    "predicted_probability": None,
    "label_probabilities": {},
    "extract_results": {},
    "text_generation_results": None,
    "json_results": None,
}


def _plain(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _summary(sentences: Sequence[Sentence]) -> dict[str, Any]:
    """Make a text of how long the conversation is, and of each channel's first sentence."""
    if not sentences:
        text = "Nothing was said."
    else:
        first = {each.channel: each for each in reversed(sentences)}
        length = seconds(max(each.end for each in sentences))
        text = (
            f"A conversation of {length:.0f} seconds, in {len(sentences)} sentences. "
            + " ".join(
                f'Channel {channel} begins: "{first[channel].text}"' for channel in sorted(first)
            )
        )
    return {"text_generation_results": {"format": "text", "result": text}}


def _sentiment(sentences: Sequence[Sentence]) -> dict[str, Any]:
    words = [word for each in sentences for word in _plain(each.text)]
    good, bad = (sum(bool(re.fullmatch(each, it)) for it in words) for each in (_GOOD, _BAD))
    label = "neutral"
    if good or bad:
        label = "mixed" if good == bad else "positive" if good > bad else "negative"
    return _label(label, ("positive", "neutral", "negative", "mixed"))


def _label(label: str, among: Sequence[str]) -> dict[str, Any]:
    return {
        "predicted_label": label,
        "predicted_probability": 1.0,
        "label_probabilities": {each: 1.0 if each == label else 0.0 for each in among},
    }


def _voicemail(sentences: Sequence[Sentence]) -> dict[str, Any]:
    found = any(re.search(_VOICEMAIL, each.text, re.IGNORECASE) for each in sentences)
    return _label("voicemail" if found else "human_answer", ("human_answer", "voicemail"))


def _finds(pattern: str, label: str) -> Read:
    """Return what finds the sentences that a pattern occurs in."""

    def read(sentences: Sequence[Sentence]) -> dict[str, Any]:
        found = [
            {
                "utterance_index": number,
                "utterance_parts": [{"label": label, "text": match[0]}],
                "match_probability": 1.0,
            }
            for number, each in enumerate(sentences)
            if (match := re.search(pattern, each.text, re.IGNORECASE))
        ]
        return {
            "utterance_match": bool(found),
            "utterance_results": found,
            "match_probability": 1.0 if found else 0.0,
        }

    return read


def _entities(sentences: Sequence[Sentence]) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for kind, text in _found_entities(sentences):
        found.setdefault(kind, []).append(text)
    return {"extract_match": bool(found), "extract_results": found}


def _found_entities(sentences: Sequence[Sentence]) -> Iterator[tuple[str, str]]:
    for each in sentences:
        for kind, pattern in _ENTITIES.items():
            for match in re.finditer(pattern, each.text):
                yield kind, match[0]


OPERATORS: Final = (
    LanguageOperator(
        "Conversation Summary",
        "text-generation",
        "The length, the number of sentences, and the first sentence of each channel.",
        _summary,
    ),
    LanguageOperator(
        "Sentiment Analysis",
        "conversation-classify",
        "Positive, negative or mixed by which of two short word lists has more hits; else neutral.",
        _sentiment,
    ),
    LanguageOperator(
        "Voicemail Detector",
        "conversation-classify",
        "Voicemail if a message is asked for, or a beep is spoken of.",
        _voicemail,
    ),
    LanguageOperator(
        "Recording Disclosure",
        "utterance-classify",
        "Sentences that say that the call is, may be or will be recorded.",
        _finds(_RECORDED, "recording_disclosure"),
    ),
    LanguageOperator(
        "Escalation Request",
        "utterance-classify",
        "Sentences that ask to speak to a manager, a supervisor, an agent or a person.",
        _finds(_ESCALATION, "escalation_request"),
    ),
    LanguageOperator(
        "Call Transfer",
        "utterance-classify",
        "Sentences that offer to transfer, connect or forward the caller, or to put them through.",
        _finds(_TRANSFER, "call_transfer"),
    ),
    LanguageOperator(
        "Entity Recognition",
        "extract",
        "E-mail addresses, sums of money and telephone numbers that are written in digits.",
        _entities,
    ),
)
"""The operators that there are."""


def operator_of(sid: str) -> LanguageOperator | None:
    """Return the operator of a SID; None if there is none."""
    return next((each for each in OPERATORS if each.sid == sid), None)
