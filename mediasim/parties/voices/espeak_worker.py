"""The program that speaks with espeak-ng, in a process of its own.

It is separate because the library crashes when two threads use it, keeps state that changes
the next utterance, and is under the GPL: no other module of this package loads it, and this file
imports no module of this package. `espeak.py` starts it with the paths of the library and of its
data, and talks to it over standard input and output, one utterance at a time:

    request   one line of JSON: {"variant", "rate", "pitch", "text"}
    answer    one line of JSON: {"sample_rate", "bytes"}, then that many bytes of int16 samples
              in the machine's byte order; or {"error"}

It ends when its input does. Two things make the same text the same samples: for each utterance
the library is loaded, terminated and unloaded, because setting it up again leaves state behind;
and the C library's random numbers, which make the breath of some voices, start from one seed.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from _ctypes import dlclose

# Names and values of espeak-ng's speak_lib.h.
AUDIO_OUTPUT_SYNCHRONOUS = 2
ESPEAK_RATE, ESPEAK_VOLUME, ESPEAK_PITCH = 1, 2, 3
ESPEAK_CHARS_UTF8 = 1
POS_CHARACTER = 1
VOLUME = 60  # of 100, which comes close to full scale; the level is set later anyway

SEED = 1

EVENT_LIST_TERMINATED, EVENT_WORD = 0, 1


class EspeakEvent(ctypes.Structure):
    """``espeak_EVENT``."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


SynthCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(EspeakEvent)
)

Words = list[tuple[int, int]]
"""The first character in the text and the first sample of each word."""


def utterance(
    library: str, data: str, variant: str, rate: int, pitch: int, text: str
) -> tuple[int, bytes, Words]:
    """Return the sample rate in Hz, the int16 samples of a text, and its words.

    Raises ValueError, which says what failed, if the library cannot speak the text.
    """
    espeak = ctypes.CDLL(library)
    try:
        sample_rate = espeak.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, data.encode(), 0)
        if sample_rate <= 0:
            raise ValueError("espeak-ng does not start with its data")
        try:
            return sample_rate, *_spoken(espeak, variant, rate, pitch, text)
        finally:
            espeak.espeak_Terminate()
    finally:
        dlclose(espeak._handle)


def _spoken(
    espeak: ctypes.CDLL, variant: str, rate: int, pitch: int, text: str
) -> tuple[bytes, Words]:
    pieces: list[bytes] = []
    words: Words = []

    def collect(
        samples: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[EspeakEvent]
    ) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, count * 2))
        index = 0
        while events and events[index].type != EVENT_LIST_TERMINATED:
            if events[index].type == EVENT_WORD:
                words.append((events[index].text_position - 1, events[index].sample))
            index += 1
        return 0

    callback = SynthCallback(collect)
    espeak.espeak_SetSynthCallback(callback)
    if espeak.espeak_SetVoiceByName(variant.encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {variant!r}")
    espeak.espeak_ng_SetRandSeed(ctypes.c_long(SEED))
    espeak.espeak_SetParameter(ESPEAK_RATE, rate, 0)
    espeak.espeak_SetParameter(ESPEAK_VOLUME, VOLUME, 0)
    espeak.espeak_SetParameter(ESPEAK_PITCH, pitch, 0)
    encoded = text.encode() + b"\0"
    failed = espeak.espeak_Synth(
        encoded, ctypes.c_size_t(len(encoded)), 0, POS_CHARACTER, 0, ESPEAK_CHARS_UTF8, None, None
    )
    if failed or espeak.espeak_Synchronize():
        raise ValueError("espeak-ng refuses the text")
    return b"".join(pieces), words


def main() -> None:
    """Answer requests until the input ends."""
    library, data = sys.argv[1:]
    # Ctrl-C is for the parent to act on; when it ends, so does our input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Answers have the pipe to themselves: whatever the library prints goes to standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        samples = b""
        head: dict[str, object]
        try:
            sample_rate, samples, words = utterance(library, data, **json.loads(line))
            head = {"sample_rate": sample_rate, "bytes": len(samples), "words": words}
        except (OSError, ValueError) as failure:
            head = {"error": str(failure)}
        answers.write(json.dumps(head).encode() + b"\n" + samples)
        answers.flush()


if __name__ == "__main__":
    main()
