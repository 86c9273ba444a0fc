"""RTTM, STM, CTM and UEM: who speaks when, which words, and what is to be scored.

RTTM and UEM number channels from 1, STM and CTM letter them (A, B), as NIST's tools and the
telephone corpora do. Lines are in the order that ``sclite`` wants: by call, channel and start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mediasim.campaign.formats.format import Lines, Places
from mediasim.campaign.formats.rows import CallRow, side, token

__all__ = ["CTM", "RTTM", "STM", "UEM", "ctm_lines", "rttm_lines", "stm_lines", "uem_lines"]

RTTM: Final = "calls.rttm"
STM: Final = "calls.stm"
CTM: Final = "calls.ctm"
UEM: Final = "calls.uem"
_SCORING_SYNTAX: Final = re.compile(r"[{}()<>@;]+")
"""What sclite takes for alternatives, optional words, tags and comments."""


def rttm_lines(call: CallRow, places: Places) -> Lines:
    """Yield a call's utterances as SPEAKER lines of RTTM."""
    for it in call.spoken:
        start, length = call.clock(it.start_sample), call.clock(it.samples)
        yield (
            RTTM,
            f"SPEAKER {call.id} {it.channel + 1} {start} {length} <NA> <NA> "
            f"{token(call.who(it))} <NA> <NA>",
        )


def stm_lines(call: CallRow, places: Places) -> Lines:
    """Yield a call's utterances as lines of STM; those without a text are not to be scored."""
    for it in call.spoken:
        words = plain(it.said) or "IGNORE_TIME_SEGMENT_IN_SCORING"
        start, end = call.clock(it.start_sample), call.clock(it.end_sample)
        yield STM, f"{call.id} {side(it.channel)} {token(call.who(it))} {start} {end} {words}"


def ctm_lines(call: CallRow, places: Places) -> Lines:
    """Yield a call's words as lines of CTM."""
    words = [
        (it.channel, word.start_sample, word.end_sample, text)
        for it in call.spoken
        for word in it.words
        if word.end_sample > word.start_sample
        for text in _whole(word.text)
    ]
    for channel, start, end, text in sorted(words):
        length = call.clock(end - start)
        yield CTM, f"{call.id} {side(channel)} {call.clock(start)} {length} {text}"


def uem_lines(call: CallRow, places: Places) -> Lines:
    """Yield the part of each channel that is to be scored, which is all of it."""
    end = call.clock(call.audio.samples)
    for channel in range(call.audio.channels):
        yield UEM, f"{call.id} {channel + 1} {call.clock(0)} {end}"


def plain(text: str) -> str:
    """Return a text without the characters that scoring tools take for their own syntax."""
    return " ".join(_SCORING_SYNTAX.sub(" ", text).split())


def _whole(text: str) -> Iterator[str]:
    """Yield a word as one token; nothing if it has no letters but scoring syntax."""
    if found := plain(text):
        yield found.replace(" ", "_")
