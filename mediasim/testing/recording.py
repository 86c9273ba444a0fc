"""A recording under test: its samples, its truth, and assertions about it.

Assertions measure the published file; the truth says what to expect. A failed assertion raises
AssertionError with the place in the file and a picture of it in text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from mediasim.recogniser.recordings import recording_transcript
from mediasim.recogniser.spec import parse_recogniser
from mediasim.recogniser.transcript import Transcript
from mediasim.scenario.expectations.audio import after_beep, aligned, heard, no_crosstalk, silent
from mediasim.scenario.expectations.forbidden_audio import ForbiddenClip, first_match, search_target
from mediasim.scenario.expectations.verdicts import Failed, PublishedMedia
from mediasim.scenario.model.expect import (
    ExpectAfterBeep,
    ExpectAligned,
    ExpectHeard,
    ExpectNoCrosstalk,
    ExpectSilent,
)
from mediasim.testing.conversation import COLUMNS, Conversation, pointer
from mediasim.testing.source import Downloaded, RecordingSource
from mediasim.truth.documents import RecordingTruth
from mediasim.truth.notebook import Shown
from mediasim.twilio.download import Format

__all__ = ["Recording", "text_waveform"]

E = TypeVar("E")
Time = float | str
"""Seconds, or a text such as ``1m30s``."""


class Recording(Shown):
    """One recording of a simulated run or of a sandbox."""

    def __init__(self, source: RecordingSource) -> None:
        self._source = source

    def __repr__(self) -> str:
        return f"<{self.name} {self.sid}: {self.status}>"

    # -- what it is -------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the recording in the scenario; in a sandbox, ``recording-1`` and so on."""
        return self._source.name

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def record(self) -> RecordingRecord:
        """The recording's record, with the layout of its channels and the reason for it."""
        return self._source.record

    @property
    def status(self) -> str:
        """in-progress, paused, stopped, processing, completed, absent or deleted."""
        return self.record.status

    @property
    def path(self) -> Path:
        """Path of the WAV file. Raises MediaNotFound."""
        return self._source.path()

    @property
    def pcm(self) -> NDArray[np.int16]:
        """The stored channels at 8 kHz, int16 (channels, samples). Raises MediaNotFound."""
        return read_wav(self.path).pcm

    @property
    def seconds(self) -> float:
        """Length in seconds. Raises MediaNotFound."""
        return float(self.pcm.shape[1] / SAMPLE_RATE)

    @property
    def truth(self) -> RecordingTruth:
        """Which party said what, at which sample.

        Raises AssertionError for a recording that is not completed.
        """
        self._completed()
        return self._source.truth()

    def transcript(self, recogniser: str | Mapping[str, Any] = "perfect") -> Transcript:
        """Return what a recogniser hears in the recording: utterances of each channel.

        ``recogniser`` is ``"perfect"``, ``"realistic"``, or settings as number plans have them.
        Raises ScenarioError for wrong settings.
        """
        return recording_transcript(self.truth, parse_recogniser(recogniser))

    def download(self, channels: int | None = None, format: Format = "wav") -> Downloaded:
        """Return the response to a download; ``channels`` is RequestedChannels, None omits it."""
        return self._source.download(channels, format)

    def conversation(self, *, caller: int = 1, app: int = 2) -> Conversation:
        """Return how the party in channel ``app`` responds to the one in ``caller``, from 1.

        Raises AssertionError for a recording without these channels.
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
        """Assert two different channels, each with the voices that the truth has in it."""
        __tracebackhide__ = True
        media, wanted = self._media(), "two channels with a voice in each"
        count = len(media.pcm)
        if count != 2:
            reason = media.record.layout.rule.reason
            self._fail(wanted, f"it has {count}: {reason}", media.pcm)
        if np.array_equal(media.pcm[0], media.pcm[1]):
            self._fail(wanted, "both channels hold the same", media.pcm)
        for channel in media.truth.channels:
            parties = {
                interval.party for interval in channel.intervals if interval.party is not None
            }
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
        """Assert that the party is heard: in the channel (from 1), with the words, between the
        times.

        ``clip`` is a file that its script plays, written as in the script.
        """
        __tracebackhide__ = True
        given = _not_none(party=party, channel=channel, text=text, clip=clip, between=between)
        self._judge(heard, _expectation(ExpectHeard, given), f"heard: {_in_words(given)}")

    def assert_silent(
        self,
        channel: int | None = None,
        between: tuple[Time, Time] | None = None,
        *,
        below: float = -60.0,
    ) -> None:
        """Assert that each 20 ms of the channel, or of all channels, are below this level in
        dBFS."""
        __tracebackhide__ = True
        given = _not_none(channel=channel, between=between, below=below)
        self._judge(silent, _expectation(ExpectSilent, given), f"silent: {_in_words(given)} dBFS")

    def assert_aligned(self, within: int = 0, *, party: str | None = None) -> None:
        """Assert that speech stands where the truth has it, within so many samples."""
        __tracebackhide__ = True
        given = _not_none(within=within, party=party)
        self._judge(
            aligned, _expectation(ExpectAligned, given), f"aligned: {_in_words(given)} samples"
        )

    def assert_after_beep(self, party: str) -> None:
        """Assert that what others say to an answering machine begins after its beep."""
        __tracebackhide__ = True
        given = _not_none(party=party)
        self._judge(
            after_beep, _expectation(ExpectAfterBeep, given), f"after beep: {_in_words(given)}"
        )

    def assert_no_crosstalk(self, above: float = -50.0) -> None:
        """Assert that nothing leaks into another channel above this level, in dB relative to its
        source."""
        __tracebackhide__ = True
        given = _not_none(above=above)
        self._judge(
            no_crosstalk,
            _expectation(ExpectNoCrosstalk, given),
            f"no crosstalk: {_in_words(given)} dB",
        )

    def assert_never_contains(self, clip: ForbiddenClip) -> None:
        """Assert that no channel holds a part of it: words, keys, samples, or an audio file.

        Words and keys are searched as they were said or pressed in a call, recorded or not. Raises
        ValueError if no call has them: there would be nothing to search for.
        """
        __tracebackhide__ = True
        sought = search_target(clip, self._source.utterances())
        if self.status == "absent":
            return
        media = self._media()
        trace = first_match(media, sought)
        if trace is not None:
            self._fail(f"nothing of {sought.name}", trace.found, media.pcm, trace.channel, trace.at)

    def assert_downloads(
        self, channels: int | None = None, status: int = 200, *, format: Format = "wav"
    ) -> None:
        """Assert the status of a download with this RequestedChannels, and the channels of its
        file."""
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
        """Return the recording with its truth. Raises AssertionError if it is not completed."""
        __tracebackhide__ = True
        self._completed()
        return PublishedMedia(self.record, self.pcm, self._source.truth())

    def _completed(self) -> None:
        """Check that the recording is completed. Raises AssertionError."""
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

    def _judge(self, judge: Callable[[PublishedMedia, E], str], expected: E, wanted: str) -> None:
        """Judge the recording. Raises AssertionError."""
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
        """Raise AssertionError with what was expected and found, and a picture."""
        __tracebackhide__ = True
        lines = [f"{self.name} {self.sid}", f"  expected {wanted}", f"  found    {found}"]
        if pcm is not None:
            lines += ["", *(f"  {line}" for line in text_waveform(pcm, at, channel))]
        raise AssertionError("\n".join(lines))


def _failure(
    judge: Callable[[PublishedMedia, E], str], media: PublishedMedia, expected: E
) -> Failed | None:
    """Return the failure that a judge raises; None without one."""
    try:
        judge(media, expected)
    except Failed as failure:
        return failure
    return None


def _not_none(**keys: Any) -> dict[str, Any]:
    """Return the arguments that are not None."""
    return {name: value for name, value in keys.items() if value is not None}


def _in_words(given: dict[str, Any]) -> str:
    """Return arguments as words."""
    return ", ".join(f"{name} {value}" for name, value in given.items()) or "always"


def _expectation(kind: type[Any], given: dict[str, Any]) -> Any:
    """Return an expectation as a model. Raises ValueError with a message for the test's author."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(key) for key in first["loc"])
        raise ValueError(f"{where}: {message_of(first)}") from None


# -- a recording in a message --------------------------------------------------------------

_LONGEST: Final = 20 * SAMPLE_RATE
"""Most samples that are drawn: of a longer recording, those around the place."""
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_SILENT: Final = "·"
_LOWEST_DBFS: Final = -60.0
"""Level below which a column is drawn as silence."""
_DB_A_STEP: Final = 54 / (len(_BLOCKS) - 1)
"""Level between two heights of a column, in dB."""


def text_waveform(
    pcm: NDArray[np.int16], at: int | None = None, channel: int | None = None
) -> list[str]:
    """Return lines that show ``pcm (channels, samples)``, and point at a sample of a channel (from
    1).

    Each column is a stretch of time, its block's height the level: the lowest is -60 dBFS, the full
    one -6 dBFS, a dot is silence.
    """
    samples = pcm.shape[1]
    if not samples:
        return ["(it holds no samples)"]
    width = min(samples, _LONGEST)
    first = min(max(0, (at or 0) - width // 2), samples - width)
    edges = np.linspace(first, first + width, COLUMNS + 1).astype(int)
    begin, end = (clock(sample / SAMPLE_RATE) for sample in (first, first + width))
    lines = ["  " + begin + end.rjust(COLUMNS - len(begin))]
    mark = None
    if at is not None:
        column = int(np.searchsorted(edges, min(at, samples - 1), side="right")) - 1
        mark = "  " + pointer(min(max(column, 0), COLUMNS - 1), at / SAMPLE_RATE)
    for number, row in enumerate(pcm, 1):
        columns = [_block(row[low:high]) for low, high in pairwise(edges)]
        lines.append(f"{number} {''.join(columns)}")
        if mark is not None and number == (channel or len(pcm)):
            lines.append(mark)
    return lines


def _block(stretch: NDArray[np.int16]) -> str:
    """Return the character for the level of a stretch."""
    level = rms_dbfs(stretch) if len(stretch) else _LOWEST_DBFS
    if level < _LOWEST_DBFS:
        return _SILENT
    return _BLOCKS[min(int((level - _LOWEST_DBFS) / _DB_A_STEP), len(_BLOCKS) - 1)]
