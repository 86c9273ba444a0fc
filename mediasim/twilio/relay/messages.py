"""The messages of a relay, both ways: JSON in text frames.

Source: Twilio docs, "ConversationRelay: WebSocket messages". ``info``, which is not documented
there, is what apps are sent that ask for events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mediasim.exchange.records import CallRecord
from mediasim.twilio.relay.attributes import INTERRUPTIBLE, InterruptedBy, interrupted_by

__all__ = [
    "AppDigits",
    "AppEnd",
    "AppLanguage",
    "AppMessage",
    "AppPlay",
    "AppText",
    "BadRelayMessage",
    "dtmf",
    "error",
    "info",
    "interrupt",
    "prompt",
    "read",
    "setup",
]

_LONGEST_EXCERPT: Final = 200
"""Most characters of a wrong message that are quoted to the app."""
_DIGITS: Final = re.compile(r"[0-9wW#*]+", re.ASCII)
_MOST_LOOPS: Final = 1000
_CALL_TYPES: Final = {"sip": "SIP", "client": "Client"}


# -- to the app -----------------------------------------------------------------------------


def setup(session_sid: str, call: CallRecord, parameters: Mapping[str, str]) -> str:
    """Return ``setup``, the first message."""
    far = call.from_ if call.direction == "inbound" else call.to
    return _text(
        "setup",
        sessionId=session_sid,
        accountSid=call.account_sid,
        parentCallSid=call.parent_call_sid or "",
        callSid=call.sid,
        **{"from": call.from_},
        to=call.to,
        forwardedFrom=call.forwarded_from or "",
        callType=_CALL_TYPES.get(far.partition(":")[0], "PSTN"),
        callerName=call.caller_name or "",
        direction="inbound" if call.direction == "inbound" else "outbound",
        callStatus="RINGING" if call.direction == "inbound" else "IN-PROGRESS",
        customParameters=dict(parameters),
    )


def prompt(text: str, language: str, *, last: bool) -> str:
    """Return ``prompt``: what the caller says, as it was recognised."""
    return _text("prompt", voicePrompt=text, lang=language, last=last)


def dtmf(digit: str) -> str:
    """Return ``dtmf``: the caller has pressed a key."""
    return _text("dtmf", digit=digit)


def interrupt(heard: str, duration_ms: int) -> str:
    """Return ``interrupt``: the caller has ended what the app was saying."""
    return _text("interrupt", utteranceUntilInterrupt=heard, durationUntilInterruptMs=duration_ms)


def error(description: str) -> str:
    """Return ``error``: a message of the app could not be carried out."""
    return _text("error", description=description)


def info(name: str, value: str, at_ms: int | None = None) -> str:
    """Return ``info``: an event that the app has asked for."""
    when = {} if at_ms is None else {"ts": at_ms}
    return _text("info", name=name, value=value, **when)


def _text(kind: str, **content: Any) -> str:
    return json.dumps({"type": kind, **content}, separators=(",", ":"), ensure_ascii=False)


# -- from the app ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AppText:
    """A part of what the app says."""

    token: str
    last: bool = False
    language: str | None = None
    interruptible: InterruptedBy | None = None
    """What interrupts it; None: as the relay has it."""
    preemptible: bool | None = None
    """Whether the next turn's words cut it off; None: as the relay has it."""


@dataclass(frozen=True, slots=True)
class AppPlay:
    """A file to play."""

    source: str
    loop: int = 1
    interruptible: InterruptedBy | None = None
    preemptible: bool | None = None


@dataclass(frozen=True, slots=True)
class AppDigits:
    """Keys to send to the caller, as tones."""

    digits: str


@dataclass(frozen=True, slots=True)
class AppLanguage:
    """Another language, from now on."""

    tts: str | None
    transcription: str | None


@dataclass(frozen=True, slots=True)
class AppEnd:
    """The end of the relay."""

    handoff_data: str | None


AppMessage = AppText | AppPlay | AppDigits | AppLanguage | AppEnd


class BadRelayMessage(Exception):
    """A message that an app may not send; the text is what the app is told."""


def read(data: str | bytes) -> AppMessage:
    """Read a message of the app; unknown fields are ignored.

    Raises BadRelayMessage if it is no message that an app may send.
    """
    if isinstance(data, bytes):
        raise BadRelayMessage(
            f"Invalid message received: a binary frame of {len(data)} bytes; expected text frames"
        )
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        raise _wrong(data, "it is not JSON") from None
    if not isinstance(message, dict):
        raise _wrong(data, "it is no JSON object")
    kind = message.get("type")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise _wrong(data, f"type is not one of {', '.join(_READERS)}")
    try:
        return reader(message)
    except _Misfit as misfit:
        raise _wrong(data, str(misfit)) from None


class _Misfit(Exception):
    """A field that is not as it should be."""


def _read_text(message: dict[str, Any]) -> AppText:
    return AppText(
        token=_field(message, "token", str),
        last=_field(message, "last", bool, default=False),
        language=_field(message, "lang", str, default=None) or None,
        interruptible=_interruption(message),
        preemptible=_field(message, "preemptible", bool, default=None),
    )


def _read_play(message: dict[str, Any]) -> AppPlay:
    loop = _field(message, "loop", int, default=1)
    if not 0 <= loop <= _MOST_LOOPS:
        raise _Misfit(f"loop is not from 0 to {_MOST_LOOPS}")
    source = _field(message, "source", str).strip()
    if not source:
        raise _Misfit("source is empty")
    return AppPlay(
        source=source,
        loop=loop or _MOST_LOOPS,
        interruptible=_interruption(message),
        preemptible=_field(message, "preemptible", bool, default=None),
    )


def _read_digits(message: dict[str, Any]) -> AppDigits:
    digits = _field(message, "digits", str)
    if _DIGITS.fullmatch(digits) is None:
        raise _Misfit("digits are not of 0-9, w, # and *")
    return AppDigits(digits)


def _read_language(message: dict[str, Any]) -> AppLanguage:
    tts = _field(message, "ttsLanguage", str, default=None) or None
    transcription = _field(message, "transcriptionLanguage", str, default=None) or None
    if tts is None and transcription is None:
        raise _Misfit("ttsLanguage and transcriptionLanguage are both missing")
    return AppLanguage(tts, transcription)


def _read_end(message: dict[str, Any]) -> AppEnd:
    return AppEnd(_field(message, "handoffData", str, default=None))


_READERS: Final[dict[str, Callable[[dict[str, Any]], AppMessage]]] = {
    "text": _read_text,
    "play": _read_play,
    "sendDigits": _read_digits,
    "language": _read_language,
    "end": _read_end,
}
_REQUIRED: Final = object()
_NAMES: Final = {str: "text", bool: "true or false", int: "a whole number"}


def _field(message: dict[str, Any], name: str, kind: type, *, default: Any = _REQUIRED) -> Any:
    """Return a field of a message. Raises _Misfit if it is missing or of another type."""
    value = message.get(name)
    if value is None and default is not _REQUIRED:
        return default
    if value is None:
        raise _Misfit(f"{name} is missing")
    # A bool is an int to Python, and not to JSON.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _Misfit(f"{name} is not {_NAMES[kind]}")
    return value


def _interruption(message: dict[str, Any]) -> InterruptedBy | None:
    value = message.get("interruptible")
    if value is None:
        return None
    found = interrupted_by(value) if isinstance(value, str | bool) else None
    if found is None:
        raise _Misfit(f"interruptible is not one of {', '.join(INTERRUPTIBLE)}")
    return found


def _wrong(data: str, why: str) -> BadRelayMessage:
    excerpt = data[:_LONGEST_EXCERPT] + ("…" if len(data) > _LONGEST_EXCERPT else "")
    return BadRelayMessage(f"Invalid message received: {excerpt}: {why}")
