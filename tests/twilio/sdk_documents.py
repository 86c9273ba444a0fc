"""Every element that the SDK can build, found by looking at its classes.

The SDK's methods name their child elements and attributes; a document is built for each with
every attribute at once, and one level after another down to ``DEPTH``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from twilio.twiml import TwiML
from twilio.twiml.voice_response import VoiceResponse

DEPTH = 4

_VALUES = {
    "beep": "onEnter",
    "channels": "dual",
    "input": "dtmf speech",
    "interrupt_sensitivity": "low",
    "interruptible": "speech",
    "jitter_buffer_size": "small",
    "reason": "busy",
    "record": "do-not-record",
    "report_input_during_agent_speech": "none",
    "welcome_greeting_interruptible": "any",
    "recording_status_callback_event": "in-progress completed absent",
    "trim": "do-not-trim",
    "track": "inbound",
    "recording_track": "outbound",
}
_FLAGS = {
    *("action_on_empty_result", "answer_on_bridge", "barge_in", "copy_parent_to", "debug"),
    *(
        "end_conference_on_exit",
        "enhanced",
        "hangup_on_star",
        "muted",
        "play_beep",
        "profanity_filter",
        "sequential",
    ),
    *("enable_automatic_punctuation", "partial_results"),
    *("dtmf_detection", "partial_prompts", "preemptible"),
    *("start_conference_on_enter", "transcribe"),
}


def value_of(name: str, method: str) -> Any:
    """A right value for a parameter of an SDK method."""
    if name == "status_callback_event":
        return "start end join" if method == "conference" else "initiated ringing answered"
    if name == "track" and method in ("stream", "transcription"):
        return "both_tracks"
    if name in _VALUES:
        return _VALUES[name]
    if name in _FLAGS:
        return True
    return "POST" if name.endswith("method") else "5"


def nested(element: TwiML) -> Iterator[tuple[str, Callable[..., TwiML]]]:
    """The methods of an element that put another inside it."""
    for name, function in vars(type(element)).items():
        if not name.startswith("_") and inspect.isfunction(function):
            yield name, getattr(element, name)


def arguments(name: str, method: Callable[..., TwiML]) -> dict[str, Any]:
    """Every argument of a method, with right values."""
    parameters = inspect.signature(method).parameters.values()
    named = (one.name for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD)
    return {one: value_of(one, name) for one in named}


def paths(depth: int = DEPTH) -> Iterator[tuple[str, ...]]:
    """The methods to call, one inside the other, for every element to be reached."""
    yield from _below((), depth)


def document(path: tuple[str, ...]) -> VoiceResponse:
    """A document with the one element at the end of a path, in those around it."""
    root = VoiceResponse()
    inside: TwiML = root
    for name in path:
        method = getattr(inside, name)
        inside = method(**arguments(name, method))
    return root


def _below(path: tuple[str, ...], depth: int) -> Iterator[tuple[str, ...]]:
    if path:
        yield path
    if depth:
        inside: TwiML = document(path)
        for _ in path:
            inside = inside.verbs[-1]
        for name, _ in nested(inside):
            # SSML goes round in circles.
            if name not in path:
                yield from _below((*path, name), depth - 1)
