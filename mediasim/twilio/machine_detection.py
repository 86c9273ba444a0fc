"""Answering machine detection of calls: its parameters, its verdict and where that is sent.

Source: Twilio docs, "Answering Machine Detection". The verdict is decided from the audio
(:mod:`mediasim.exchange.answering_machine`), unless the account has one that is fixed or wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np

from mediasim.exchange.answering_machine import AnsweredBy, MachineSettings, detect_machine
from mediasim.exchange.waiting import CallEnded
from mediasim.twilio.error_dictionary import titled
from mediasim.twilio.errors import BAD_PARAMETER
from mediasim.twilio.requests import (
    DETECTION_MODES,
    DETECTION_TIMES,
    CallRequest,
    MachineDetection,
    Params,
    TwimlSource,
)
from mediasim.twilio.session import CallSession, Instructions
from mediasim.twilio.twiml import SCHEMA, Verb
from mediasim.twilio.verbs.record import callback_of

__all__ = ["detect", "machine_settings", "noun_detection", "with_detection"]

_BAD_PARAMETERS: Final = 21263
_WRONG: Final[dict[str, AnsweredBy]] = {
    "human": "machine_start",
    "machine_start": "human",
    "machine_end_beep": "human",
    "machine_end_silence": "human",
    "machine_end_other": "human",
    "fax": "human",
    "unknown": "human",
}


def machine_settings(mode: str, number: Callable[[str, int, int], int | None]) -> MachineSettings:
    """Return the settings of one of the :data:`DETECTION_MODES`.

    ``number`` returns the value of one of the :data:`DETECTION_TIMES` between two bounds; None
    without one.
    """
    given: dict[str, Any] = {
        field: value * unit
        for name, (field, lowest, highest, unit) in DETECTION_TIMES.items()
        if (value := number(name, lowest, highest)) is not None
    }
    return replace(MachineSettings(message_end=mode == "DetectMessageEnd"), **given)


def _warn(session: CallSession, noun: Verb, name: str, right: str) -> None:
    """Add a warning about a wrong attribute of a noun."""
    words = f"{noun.name}: {name} {noun.attribute(name)[:40]!r}: expected {right}"
    session.warn(_BAD_PARAMETERS, titled(_BAD_PARAMETERS, words), noun.line)


def noun_detection(session: CallSession, noun: Verb) -> MachineDetection | None:
    """Return the detection that a Number or a Sip noun asks for.

    A wrong value counts as absent, after a warning.
    """
    mode = noun.attribute("machineDetection")
    if mode not in DETECTION_MODES:
        if mode:
            _warn(session, noun, "machineDetection", " or ".join(DETECTION_MODES))
        return None
    if noun.attribute("sendDigits"):
        words = f"{noun.name}: machineDetection is ignored, as the {noun.name} has sendDigits"
        session.warn(SCHEMA, words, noun.line)
        return None

    def between(name: str, lowest: int, highest: int) -> int | None:
        value = noun.number(f"machineDetection{name}", -1)
        if lowest <= value <= highest:
            return value
        if f"machineDetection{name}" in noun.attributes:
            _warn(session, noun, f"machineDetection{name}", f"{lowest} to {highest}")
        return None

    callback = callback_of(noun, session, "amdStatusCallback")
    return MachineDetection(machine_settings(mode, between), True, callback)


async def detect(session: CallSession, detection: MachineDetection) -> None:
    """Find who has answered a call, note it in the call's record, and send it to the callback."""
    record, account = session.call.record, session.account
    heard: list[tuple[AnsweredBy, int]] = []

    async def listen() -> None:
        heard.append(await detect_machine(session.call, detection.settings))

    try:
        await session.until(listen())
    except CallEnded:
        if not session.call.ended.is_set():
            raise
    verdict, duration_ms = heard[0] if heard else ("unknown", _lived_ms(session))
    record.answered_by = _reported(session, verdict)
    record.detection_ms = duration_ms
    if detection.callback is not None:
        account.send_callback(detection.callback, _params(session), "amd", record.sid)


def with_detection(session: CallSession, request: CallRequest, source: TwimlSource) -> Instructions:
    """Return what an outbound call follows: its document, after the verdict if that is awaited.

    An asynchronous detection begins when the call is answered.
    """
    detection = request.machine_detection
    if detection is not None and request.send_digits:
        words = "MachineDetection is ignored, as the call has SendDigits"
        session.account.notify(session.call.sid, BAD_PARAMETER, words, warning=True)
        detection = None
    if detection is None or detection.asynchronous:
        session.machine_detection = detection
        return source
    return partial(_detect_first, detection=detection, source=source)


async def _detect_first(
    session: CallSession, *, detection: MachineDetection, source: TwimlSource
) -> None:
    """Follow a document once it is known who has answered. Raises CallEnded."""
    await detect(session, detection)
    if session.call.ended.is_set():
        raise CallEnded
    await session.perform(source)


def _lived_ms(session: CallSession) -> int:
    """Return for how many milliseconds a call was connected."""
    record = session.call.record
    since = record.created_ns if record.answered_ns is None else record.answered_ns
    return (session.exchange.now_ns - since) // 1_000_000


def _reported(session: CallSession, verdict: AnsweredBy) -> AnsweredBy:
    """Return the verdict that the account reports."""
    faults = session.account.detection_faults
    if faults.verdict is not None:
        return faults.verdict
    if faults.errors:
        seeds = session.exchange.seeds
        draw = np.frombuffer(seeds.digest(f"amd/{session.call.sid}", 8), np.uint64)[0]
        if int(draw) < faults.errors * 2**64:
            return _WRONG[verdict]
    return verdict


def _params(session: CallSession) -> Params:
    record = session.call.record
    return [
        ("CallSid", record.sid),
        ("AccountSid", record.account_sid),
        ("AnsweredBy", record.answered_by or "unknown"),
        ("MachineDetectionDuration", str(record.detection_ms)),
    ]
