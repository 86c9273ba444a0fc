"""The parameters of a real-time transcription's callbacks.

Source: Twilio docs, "TwiML Voice: Transcription", statusCallbackUrl. What the engine would have
returned follows the results of Google's Speech-to-Text v2 and of Deepgram's streaming API.
"""

from __future__ import annotations

import json
from typing import Any

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.recogniser.live import LiveResult
from mediasim.twilio.live_transcription.request import LiveTranscriptionRequest
from mediasim.twilio.requests import Params

__all__ = ["content", "started"]


def started(request: LiveTranscriptionRequest, name: str) -> Params:
    """Return what the app is told when a transcription has begun."""
    labels = [
        ("InboundTrackLabel", request.inbound_label),
        ("OutboundTrackLabel", request.outbound_label),
    ]
    return [
        ("ProviderConfiguration", request.configuration()),
        ("TranscriptionEngine", request.engine),
        ("Name", name),
        ("Track", request.track),
        *(each for each in labels if each[1]),
        ("PartialResults", _word(request.partial_results)),
        ("LanguageCode", request.language),
    ]


def content(request: LiveTranscriptionRequest, result: LiveResult, text: str, since: int) -> Params:
    """Return what the app is told of a result.

    ``text`` is what was heard, as it is written; ``since`` the sample of the frame clock at which
    the transcription began.
    """
    data: dict[str, Any] = {"transcript": text}
    if result.final:
        data["confidence"] = result.utterance.confidence
    params = [
        ("LanguageCode", result.utterance.language),
        ("Track", f"{result.track.value}_track"),
        ("TranscriptionData", json.dumps(data, ensure_ascii=False)),
        ("Final", _word(result.final)),
    ]
    if not result.final:
        params.append(("Stability", str(result.stability)))
    if request.provider_data:
        of_engine = _of_deepgram if request.engine == "deepgram" else _of_google
        raw = of_engine(result, text, since)
        params.append(("TranscriptionProviderData", json.dumps(raw, ensure_ascii=False)))
    return params


def _of_google(result: LiveResult, text: str, since: int) -> dict[str, Any]:
    utterance = result.utterance
    alternative: dict[str, Any] = {
        "transcript": text,
        "words": [
            {
                "startOffset": f"{_seconds(word.start - since)}s",
                "endOffset": f"{_seconds(word.end - since)}s",
                "word": word.text,
                "confidence": word.confidence,
            }
            for word in utterance.words
        ],
    }
    raw = {
        "alternatives": [alternative],
        "isFinal": result.final,
        "resultEndOffset": f"{_seconds(utterance.end - since)}s",
        "languageCode": utterance.language.lower(),
    }
    if result.final:
        alternative["confidence"] = utterance.confidence
    else:
        raw["stability"] = result.stability
    return raw


def _of_deepgram(result: LiveResult, text: str, since: int) -> dict[str, Any]:
    utterance = result.utterance
    start, end = _seconds(utterance.start - since), _seconds(utterance.end - since)
    return {
        "type": "Results",
        "start": start,
        "duration": round(end - start, 3),
        "is_final": result.final,
        "speech_final": result.final,
        "channel": {
            "alternatives": [
                {
                    "transcript": text,
                    "confidence": utterance.confidence,
                    "words": [
                        {
                            "word": word.text.strip(".,?!;:").lower(),
                            "start": _seconds(word.start - since),
                            "end": _seconds(word.end - since),
                            "confidence": word.confidence,
                            "punctuated_word": word.text,
                        }
                        for word in utterance.words
                    ],
                }
            ]
        },
    }


def _seconds(samples: int) -> float:
    return round(samples / SAMPLE_RATE, 3)


def _word(flag: bool) -> str:
    return "true" if flag else "false"
