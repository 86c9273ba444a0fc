"""A recording under test: its samples, its truth, and what can be asserted of it.

Assertions measure the file that was published; the truth says what to look for. One that fails
raises AssertionError with the place in the file and a picture of it in text.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import rms_dbfs
from mediasim.audio.wav import read_wav
from mediasim.conversation.app_figures import recording_figures
from mediasim.documents.diagnostics import clock, message_of
from mediasim.exchange.records import RecordingRecord
from mediasim.exchange.trim import ABSENT
from mediasim.scenario.expectations.audio import aligned, heard, no_crosstalk, silent
from mediasim.scenario.expectations.verdicts import Failed, PublishedMedia
from mediasim.scenario.model.expect import (
    ExpectAligned,
    ExpectHeard,
    ExpectNoCrosstalk,
    ExpectSilent,
)
from mediasim.testing.conversation import Conversation
from mediasim.testing.forbidden_audio import ForbiddenClip, clips_of, first_trace
from mediasim.testing.source import Downloaded, RecordingSource
from mediasim.truth.documents import RecordingTruth
from mediasim.twilio.download import Format

__all__ = ["Recording", "text_waveform"]

E = TypeVar("E")
Time = float | str
"""Seconds, or a text such as ``1m30s``."""


class Recording:
    """One recording of a simulated run or of a sandbox."""

    def __init__(self, source: RecordingSource) -> None:
        self._source = source

    def __repr__(self) -> str:
        return f"<{self.name} {self.sid}: {self.status}>"

    # -- what it is -------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """As the scenario calls it; in a sandbox, ``recording-1`` and so on."""
        return self._source.name

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def record(self) -> RecordingRecord:
        """All that Twilio would know of it, and why it has its channels."""
        return self._source.record

    @property
    def status(self) -> str:
        """in-progress, paused, completed, absent, deleted ..."""
        return self.record.status

    @property
    def path(self) -> Path:
        """The WAV. Raises MediaNotFound where there is none."""
        return self._source.path()

    @property
    def pcm(self) -> NDArray[np.int16]:
        """The stored channels: (channels, samples), 8 kHz."""
        return read_wav(self.path).pcm

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.pcm.shape[1] / SAMPLE_RATE)

    @property
    def truth(self) -> RecordingTruth:
        """Who said what, at which sample."""
        self._completed()
        return self._source.truth()

    def download(self, channels: int | None = None, format: Format = "wav") -> Downloaded:
        """What a download answers; ``channels`` is RequestedChannels, None leaves it out."""
        return self._source.download(channels, format)

    def conversation(self, *, caller: int = 1, app: int = 2) -> Conversation:
        """How the one in the channel ``app`` answers the one in ``caller``; channels from 1.

        AssertionError for a recording without these channels.
        """
        __tracebackhide__ = True
        self._completed()
        pcm = self.pcm
        if not {caller, app} <= set(range(1, len(pcm) + 1)) or caller == app:
            raise AssertionError(
                f"{self.name} {self.sid}: a conversation needs two channels; asked for {caller} "
                f"and {app}, the recording has {len(pcm)}"
            )
        return Conversation(
            f"{self.name} {self.sid}",
            lambda ms: recording_figures(pcm, caller=caller, app=app, dead_air_ms=ms),
        )

    # -- what must be so --------------------------------------------------------------------

    def assert_dual(self) -> None:
        """Two channels, which are not the same, each with a voice in it where the truth has one."""
        __tracebackhide__ = True
        media, wanted = self._media(), "two channels with a voice in each"
        count = len(media.pcm)
        if count != 2:
            reason = media.record.layout.rule.reason
            self._fail(wanted, f"it has {count}: {reason}", media.pcm)
        if np.array_equal(media.pcm[0], media.pcm[1]):
            self._fail(wanted, "both channels hold the same", media.pcm)
        for channel in media.truth.channels:
            parties = {it.party for it in channel.intervals if it.party is not None}
            for party in sorted(parties):
                self.assert_heard(party, channel=channel.channel)

    def assert_heard(
        self,
        party: str,
        channel: int | None = None,
        text: str | None = None,
        between: tuple[Time, Time] | None = None,
        *,
        clip: str | None = None,
    ) -> None:
        """The party is heard; in that channel (from 1), with those words, at some of that time.

        ``clip`` is a file its script plays, written as there.
        """
        __tracebackhide__ = True
        given = _given(party=party, channel=channel, text=text, clip=clip, between=between)
        self._hold(heard, _wanted(ExpectHeard, given), f"heard: {_words(given)}")

    def assert_silent(
        self,
        channel: int | None = None,
        between: tuple[Time, Time] | None = None,
        *,
        below: float = -60.0,
    ) -> None:
        """No 20 ms of the channel, or of all, are as loud as ``below`` (dBFS)."""
        __tracebackhide__ = True
        given = _given(channel=channel, between=between, below=below)
        self._hold(silent, _wanted(ExpectSilent, given), f"silent: {_words(given)} dBFS")

    def assert_aligned(self, within: int = 0, *, party: str | None = None) -> None:
        """What was said stands where the truth has it, ``within`` so many samples."""
        __tracebackhide__ = True
        given = _given(within=within, party=party)
        self._hold(aligned, _wanted(ExpectAligned, given), f"aligned: {_words(given)} samples")

    def assert_no_crosstalk(self, above: float = -50.0) -> None:
        """Nothing leaks into the other channel ``above`` so many dB of itself."""
        __tracebackhide__ = True
        given = _given(above=above)
        self._hold(
            no_crosstalk, _wanted(ExpectNoCrosstalk, given), f"no crosstalk: {_words(given)} dB"
        )

    def assert_never_contains(self, clip: ForbiddenClip) -> None:
        """No channel holds any of it: words that were said, keys, samples, or an audio file.

        Words and keys are looked for as they were said or pressed in the call, whether that was
        recorded or not. ValueError if nobody did: there would be nothing to look for.
        """
        __tracebackhide__ = True
        sought = clips_of(clip, self._source.utterances())
        if self.status == "absent":
            return
        media = self._media()
        trace = first_trace(media, sought)
        if trace is not None:
            self._fail(f"nothing of {sought.name}", trace.found, media.pcm, trace.channel, trace.at)

    def assert_downloads(
        self, channels: int | None = None, status: int = 200, *, format: Format = "wav"
    ) -> None:
        """A download with that RequestedChannels is answered so; a file has as many channels."""
        __tracebackhide__ = True
        answer = self.download(channels, format)
        asked = "without RequestedChannels" if channels is None else f"RequestedChannels={channels}"
        wanted = f"download {asked} as {format}: {status}"
        found = str(answer.status)
        if answer.status == 200:
            found += f", {answer.channels} channel{'s' * (answer.channels != 1)}"
        else:
            found += f", {answer.content[:300].decode(errors='replace')}"
        if answer.status != status or (
            status == 200 and channels is not None and answer.channels != channels
        ):
            self._fail(wanted, found, answer.pcm if answer.status == 200 else None)

    # -- how it is held against it ----------------------------------------------------------

    def _media(self) -> PublishedMedia:
        __tracebackhide__ = True
        self._completed()
        return PublishedMedia(self.record, self.pcm, self._source.truth())

    def _completed(self) -> None:
        __tracebackhide__ = True
        record = self.record
        if record.status == "completed":
            return
        why = ABSENT[record.absence] if record.absence else ""
        if record.status in ("in-progress", "paused", "processing"):
            why = "let time pass until it has ended"
        raise AssertionError(
            f"{self.name} {self.sid} is {record.status}" + (f": {why}" if why else "")
        )

    def _hold(self, judge: Callable[[PublishedMedia, E], str], expected: E, wanted: str) -> None:
        __tracebackhide__ = True
        media = self._media()
        failure = _failure(judge, media, expected)
        if failure is not None:
            where = failure.where or {}
            at = where.get("time")
            sample = None if at is None else round(at * SAMPLE_RATE)
            self._fail(wanted, str(failure), media.pcm, where.get("channel"), sample)

    def _fail(
        self,
        wanted: str,
        found: str,
        pcm: NDArray[np.int16] | None,
        channel: int | None = None,
        at: int | None = None,
    ) -> None:
        __tracebackhide__ = True
        lines = [f"{self.name} {self.sid}", f"  expected {wanted}", f"  found    {found}"]
        if pcm is not None:
            lines += ["", *(f"  {line}" for line in text_waveform(pcm, at, channel))]
        raise AssertionError("\n".join(lines))


def _failure(
    judge: Callable[[PublishedMedia, E], str], media: PublishedMedia, expected: E
) -> Failed | None:
    try:
        judge(media, expected)
    except Failed as failure:
        return failure
    return None


def _given(**keys: Any) -> dict[str, Any]:
    return {name: value for name, value in keys.items() if value is not None}


def _words(given: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in given.items()) or "always"


def _wanted(kind: type[Any], given: dict[str, Any]) -> Any:
    """The expectation. Raises ValueError, in our words, for what cannot be expected."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(key) for key in first["loc"])
        raise ValueError(f"{where}: {message_of(first)}") from None


# -- a recording in a message --------------------------------------------------------------

_COLUMNS: Final = 64
_LONGEST: Final = 20 * SAMPLE_RATE
"""Samples drawn at most: of a longer recording, those around the place."""
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_SILENT: Final = "·"
_LOWEST_DBFS: Final = -60.0
_DB_A_STEP: Final = 54 / (len(_BLOCKS) - 1)


def text_waveform(
    pcm: NDArray[np.int16], at: int | None = None, channel: int | None = None
) -> list[str]:
    """Lines that show ``pcm (channels, samples)``, and point at a sample of a channel (from 1).

    Each column is a stretch of time, its block's height the level: the lowest is -60 dBFS, the full
    one -6 dBFS, a dot is silence.
    """
    samples = pcm.shape[1]
    if not samples:
        return ["(it holds no samples)"]
    shown = min(samples, _LONGEST)
    first = min(max(0, (at or 0) - shown // 2), samples - shown)
    edges = np.linspace(first, first + shown, _COLUMNS + 1).astype(int)
    begin, end = _clock(first), _clock(first + shown)
    lines = ["  " + begin + end.rjust(_COLUMNS - len(begin))]
    pointer = None
    if at is not None:
        column = int(np.searchsorted(edges, min(at, samples - 1), side="right")) - 1
        pointer = "  " + _pointer(min(max(column, 0), _COLUMNS - 1), _clock(at))
    for number, row in enumerate(pcm, 1):
        columns = [_block(row[low:high]) for low, high in pairwise(edges)]
        lines.append(f"{number} {''.join(columns)}")
        if pointer is not None and number == (channel or len(pcm)):
            lines.append(pointer)
    return lines


def _block(stretch: NDArray[np.int16]) -> str:
    level = rms_dbfs(stretch) if len(stretch) else _LOWEST_DBFS
    if level < _LOWEST_DBFS:
        return _SILENT
    return _BLOCKS[min(int((level - _LOWEST_DBFS) / _DB_A_STEP), len(_BLOCKS) - 1)]


def _pointer(column: int, words: str) -> str:
    if column > _COLUMNS // 2:
        return f"{words} ^".rjust(column + 1)
    return " " * column + f"^ {words}"


def _clock(sample: int) -> str:
    return clock(sample / SAMPLE_RATE)
