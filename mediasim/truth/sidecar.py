"""The truth of a recording: who said what, at which sample of the file.

We make both legs, so this is known, not measured: it comes from the parties' timelines, the
fates of their packets, and the recorder's log of what it wrote where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.levels import rms_dbfs
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import LiveRecording
from mediasim.media.player import Player
from mediasim.media.recorder import Track
from mediasim.parties.party import Line
from mediasim.parties.timeline import Segment
from mediasim.parties.voices.word_times import WordTime
from mediasim.parties.words import words_in
from mediasim.rtp.oddities import Oddity, oddities_of
from mediasim.truth.file_map import FileMap
from mediasim.truth.in_channel import heard_in, sent, sources
from mediasim.truth.missing import Concealed, Gap, concealed_of_call, gaps_of_call
from mediasim.truth.placement import Placement
from mediasim.truth.reference_tape import ReferenceTape

__all__ = ["ChannelTruth", "Interval", "RecordingTruth", "recorded_words", "recording_truth"]


@dataclass(frozen=True, slots=True)
class Interval:
    """Something said, or played by the server, in one channel."""

    start: int
    """First sample in the file."""
    end: int
    party: str | None
    """None for what the server played."""
    kind: str
    text: str
    digest: str
    pcm: NDArray[np.int16]
    """What was said, before any codec: as long as the interval."""
    codec: str
    due: int
    """Where a clean path would have put its first sample, in samples of the file."""
    reference: int | None = None
    """Where ``pcm`` begins in the recording's reference audio."""
    offset: int = 0
    """The sample of the whole clip, or of what was played, that ``pcm`` begins with."""
    words: tuple[WordTime, ...] = ()
    """What is said in it in words, and when, in samples of the file."""

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "end": self.end,
            "due": self.due,
            "party": self.party,
            "kind": self.kind,
            "text": self.text,
            "clip": self.digest,
            "offset": self.offset,
            "codec": self.codec,
            "reference": self.reference,
            "level_dbfs": round(rms_dbfs(self.pcm), 2),
            "words": [
                {"word": it.text, "start": it.start, "end": it.end, "estimated": it.estimated}
                for it in self.words
            ],
        }


@dataclass(frozen=True, slots=True)
class ChannelTruth:
    """One channel."""

    channel: int
    """Counted from 1."""
    intervals: tuple[Interval, ...]
    missing: tuple[Gap, ...]
    adjustments: tuple[tuple[int, int], ...]
    """(sample in the file, samples put in or, if negative, left out) by the jitter buffer."""
    concealed: tuple[Concealed, ...] = ()
    """What the server made up where nothing came, whether it was lost or never sent."""
    background_dbfs: float | None = None
    """The loudest background noise of the parties in it; None for dead silence."""
    odd: tuple[tuple[str, Oddity], ...] = ()
    """Parties whose RTP was odd, and how (:mod:`mediasim.rtp.lines`)."""
    unscripted: tuple[str, ...] = ()
    """Parties in it that are not simulated: nothing is known of what they meant to say."""


@dataclass(frozen=True, slots=True)
class RecordingTruth:
    """All channels, and how the file's time maps to the call's."""

    sid: str
    samples: int
    channels: tuple[ChannelTruth, ...]
    pauses: tuple[tuple[int, int, str], ...]
    """(sample in the file, samples of the call, silence or skip)."""
    segments: tuple[tuple[int, int, int, str], ...]
    """(sample of the frame clock, sample in the file, samples of the call, kind)."""
    seed: int
    conceal: bool
    reference: NDArray[np.int16] = field(
        default_factory=lambda: np.zeros(0, np.int16), repr=False, compare=False
    )
    """(n,) all that was said and played, each piece once, before any codec."""
    faults: tuple[dict[str, Any], ...] = ()
    """What was broken on purpose (:mod:`mediasim.truth.faults`), in order."""

    def to_json(self) -> dict[str, Any]:
        """The sidecar document."""
        return {
            "recording": self.sid,
            "reference": f"../references/{self.sid}.wav",
            "sample_rate": SAMPLE_RATE,
            "samples": self.samples,
            "seed": self.seed,
            "lost_audio": "concealed" if self.conceal else "silence",
            "channels": [
                {
                    "channel": channel.channel,
                    "background_dbfs": channel.background_dbfs,
                    "unscripted": list(channel.unscripted),
                    "intervals": [interval.to_json() for interval in channel.intervals],
                    "missing": [gap.to_json() for gap in channel.missing],
                    "concealed": [made_up.to_json() for made_up in channel.concealed],
                    "adjustments": [
                        {"start": start, "samples": moved} for start, moved in channel.adjustments
                    ],
                    **_odd_json(channel),
                }
                for channel in self.channels
            ],
            "pauses": [
                {"start": start, "samples": samples, "kind": kind}
                for start, samples, kind in self.pauses
            ],
            "map": [
                {"call": call, "file": file, "samples": samples, "kind": kind}
                for call, file, samples, kind in self.segments
            ],
            "faults": list(self.faults),
        }


def _odd_json(channel: ChannelTruth) -> dict[str, Any]:
    """Nothing for ordinary senders."""
    found = [{"party": party, **oddity.to_json()} for party, oddity in channel.odd]
    return {"odd": found} if found else {}


def recording_truth(recording: LiveRecording) -> RecordingTruth:
    """The truth of a recording, as far as it has been written."""
    to_file = FileMap(recording)
    count = recording.record.layout.stored_channels
    heard = [list(heard_in(recording, number)) for number in range(count)]
    tape = ReferenceTape()
    received = cache(_Received)
    channels = tuple(
        _channel(recording, number, to_file, tape, heard[number], received)
        for number in range(count)
    )
    return RecordingTruth(
        sid=recording.sid,
        samples=to_file.samples,
        channels=channels,
        reference=tape.pcm(),
        pauses=to_file.pauses(),
        segments=to_file.all(),
        seed=recording.exchange.seeds.seed,
        conceal=any(call.party.conceal for calls in heard for call in calls),
    )


class _Received:
    """How what a call's far end sent was received."""

    def __init__(self, call: LiveCall) -> None:
        self.call = call
        self.placement = None if call.line is None else Placement(call.line)
        self.gaps = gaps_of_call(call, self.placement) if call.has_leg else []


def _channel(
    recording: LiveRecording,
    number: int,
    to_file: FileMap,
    tape: ReferenceTape,
    heard: Sequence[LiveCall],
    received: Callable[[LiveCall], _Received],
) -> ChannelTruth:
    intervals: list[Interval] = []
    missing: list[Gap] = []
    concealed: list[Concealed] = []
    adjustments: list[tuple[int, int]] = []
    for low, high, call, track in sources(recording, number):
        if track is Track.INBOUND:
            spoken = [(call, low, high)]
        else:
            spoken = list(sent(recording, call, low, high))
            for player in call.leg.played if call.has_leg else ():
                intervals += _played(player, low, high, to_file)
        for speaker, start, end in spoken:
            intervals += _said(received(speaker), start, end, to_file)
            gaps, moved = _lost(received(speaker), start, end, to_file)
            missing += gaps
            adjustments += moved
            concealed += _made_up(speaker, start, end, to_file)
    missing += _unwritten(recording, to_file)
    in_order = sorted(intervals, key=lambda it: (it.start, it.end, it.text))
    return ChannelTruth(
        channel=number + 1,
        intervals=tuple(replace(each, reference=tape.place(each.pcm)) for each in in_order),
        missing=tuple(sorted(missing, key=lambda gap: gap.start)),
        concealed=tuple(sorted(concealed, key=lambda it: it.start)),
        adjustments=tuple(sorted(adjustments)),
        background_dbfs=_background(heard),
        odd=tuple(_odd(heard, to_file)),
        unscripted=tuple(
            dict.fromkeys(call.party.name for call in heard if call.far_end is not None)
        ),
    )


def _odd(heard: Sequence[LiveCall], to_file: FileMap) -> Iterator[tuple[str, Oddity]]:
    """What was odd about the senders in a channel, at samples of the file."""
    for call in heard:
        for oddity in oddities_of(call.leg.stream) if call.has_leg else ():
            at = [file for at in oddity.at for _, file, _ in to_file.pieces(at, at + 1)]
            yield call.party.name, replace(oddity, at=tuple(at))


def _unwritten(recording: LiveRecording, to_file: FileMap) -> Iterator[Gap]:
    """What the disk did not take for so long that it was given up."""
    for start, end in recording.spool.unwritten:
        low, high = to_file.within(start, end)
        if low < high:
            yield Gap(low, high, "not written", None)


def _background(heard: Sequence[LiveCall]) -> float | None:
    levels = [call.party.noise_dbfs for call in heard]
    return max((level for level in levels if level is not None), default=None)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a saying, as it was recorded without a break."""

    segment: Segment
    said: int
    """Its first sample on the party's clock."""
    at: int
    """On the frame clock."""
    file: int
    samples: int

    def words(self) -> Iterator[WordTime]:
        """Its words, in samples of the file."""
        for it in words_in(self.segment, self.said, self.said + self.samples):
            moved = self.file - self.said
            yield WordTime(it.text, it.start + moved, it.end + moved, it.estimated)


def recorded_words(recording: LiveRecording) -> str:
    """The words of a recording that has been published, in order of its file.

    As far as they were recorded: what was muted, lost to a pause or cut off is not there.
    """
    to_file = FileMap(recording)
    found = [
        (piece.file, " ".join(word.text for word in piece.words()))
        for number in range(recording.record.layout.stored_channels)
        for low, high, call, track in sources(recording, number)
        if track is Track.INBOUND
        if call.line is not None
        for piece in _pieces(call.line, Placement(call.line), low, high, to_file)
    ]
    return " ".join(words for _, words in sorted(found, key=lambda it: it[0]) if words)


def _pieces(
    line: Line, placement: Placement, low: int, high: int, to_file: FileMap
) -> Iterator[_Piece]:
    """What a party said, as far as it was recorded."""
    for segment in line.timeline.segments:
        for start, end in line.timeline.heard_spans(segment):
            for span in placement.spans(start, end):
                part = span.clipped(low, high)
                if part is None:
                    continue
                for at, file, samples in to_file.pieces(part.start, part.end):
                    yield _Piece(segment, part.said + at - part.start, at, file, samples)


def _said(received: _Received, low: int, high: int, to_file: FileMap) -> Iterator[Interval]:
    call, placement = received.call, received.placement
    if call.line is None or placement is None:
        return
    for piece in _pieces(call.line, placement, low, high, to_file):
        segment, inside = piece.segment, piece.said - piece.segment.start
        yield Interval(
            start=piece.file,
            end=piece.file + piece.samples,
            party=call.party.name,
            kind=segment.kind,
            text=segment.text,
            digest=segment.digest,
            pcm=segment.pcm[inside : inside + piece.samples],
            codec=call.party.codec,
            due=piece.file + placement.due(piece.said) - piece.at,
            offset=inside,
            words=tuple(piece.words()),
        )


def _played(player: Player, low: int, high: int, to_file: FileMap) -> Iterator[Interval]:
    first = player.first_frame * FRAME_SAMPLES
    end = high if player.end_frame is None else min(high, player.end_frame * FRAME_SAMPLES)
    if not player.loop:
        end = min(end, first + len(player.pcm))
    for at, file, samples in to_file.pieces(max(low, first), end):
        inside = np.arange(at - first, at - first + samples)
        yield Interval(
            start=file,
            end=file + samples,
            party=None,
            kind="server",
            text=player.label,
            digest="",
            pcm=np.take(player.pcm, inside, mode="wrap"),
            codec="none",
            due=file,
            offset=(at - first) % len(player.pcm),
        )


def _made_up(call: LiveCall, low: int, high: int, to_file: FileMap) -> Iterator[Concealed]:
    for it in concealed_of_call(call):
        for _, file, samples in to_file.pieces(max(low, it.start), min(high, it.end)):
            yield Concealed(file, file + samples, it.how, it.party)


def _lost(
    received: _Received, low: int, high: int, to_file: FileMap
) -> tuple[list[Gap], list[tuple[int, int]]]:
    """What of a party never arrived, and where the jitter buffer put in or left out audio."""
    call = received.call
    if not call.has_leg:
        return [], []
    gaps = [
        Gap(file, file + samples, gap.why, gap.party)
        for gap in received.gaps
        for _, file, samples in to_file.pieces(max(low, gap.start), min(high, gap.end))
    ]
    moved: list[tuple[int, int]] = []
    if received.placement is None:
        for shift in call.leg.stream.shifts:
            at = shift.media + shift.place
            if shift.moved and low <= at < high:
                moved += [(file, shift.moved) for _, file, _ in to_file.pieces(at, at + 1)]
        return gaps, moved
    for move in received.placement.moves:
        at = move.start
        if move.moved and low <= at < high:
            moved += [(file, move.moved) for _, file, _ in to_file.pieces(at, at + 1)]
    return gaps, moved
