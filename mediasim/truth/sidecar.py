"""Builds the truth of a recording: who said what, at which sample of the file.

The truth is known, not measured: it is computed from the parties' timelines, the fates of their
packets, and the recorder's log of what it wrote where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.word_time import WordTime
from mediasim.exchange.events import SECRET_KEY
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.own_line import LINE_CODEC
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.spoken import player_words
from mediasim.media.player import Player
from mediasim.parties.party import Line
from mediasim.parties.timeline import Segment
from mediasim.rtp.oddities import Oddity, oddities_of
from mediasim.truth.documents import ChannelTruth, Concealed, Gap, Interval, RecordingTruth
from mediasim.truth.pieces import Piece, party_pieces
from mediasim.truth.placement import Placement, concealed_of_call, gaps_of_call
from mediasim.truth.reference import ReferenceTape
from mediasim.truth.sources import FileMap, Origin, Pieces, heard_in, origins

__all__ = ["recording_truth"]


def recording_truth(recording: LiveRecording) -> RecordingTruth:
    """Return the truth of a recording, as far as it has been written."""
    to_file = FileMap(recording)
    count = recording.record.layout.stored_channels
    heard = [list(heard_in(recording, number)) for number in range(count)]
    tape = ReferenceTape()
    received = cache(_Received)  # a party heard in several channels is placed once
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
        segments=to_file.segments(),
        seed=recording.exchange.seeds.seed,
        conceal=any(call.party.conceal for calls in heard for call in calls),
    )


class _Received:
    """The placement and the gaps of the audio received from a call's far end."""

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
    for it in origins(recording, number, to_file):
        if isinstance(it.source, Player):
            intervals += _played(it.source, it)
            continue
        speaker = received(it.source)
        intervals += _said(speaker, it.low, it.high, it.to_file)
        gaps, moved = _lost(speaker, it.low, it.high, it.to_file)
        missing += gaps
        adjustments += moved
        concealed += _made_up(it.source, it.low, it.high, it.to_file)
    missing += _unwritten(recording, to_file)
    # Sorted before they are put on the tape, which so has them in the order of the file.
    in_order = sorted(intervals, key=lambda it: (it.start, it.end, it.text))
    return ChannelTruth(
        channel=number + 1,
        intervals=tuple(replace(each, reference=tape.place(each.pcm)) for each in in_order),
        missing=tuple(sorted(missing, key=lambda gap: gap.start)),
        concealed=tuple(sorted(concealed, key=lambda it: it.start)),
        adjustments=tuple(sorted(adjustments)),
        background_dbfs=_background(heard),
        lines=tuple(_lines(heard)),
        odd=tuple(_odd(heard, to_file)),
        unscripted=tuple(
            dict.fromkeys(call.party.name for call in heard if call.far_end is not None)
        ),
    )


def _odd(heard: Sequence[LiveCall], to_file: FileMap) -> Iterator[tuple[str, Oddity]]:
    """Yield (party, oddity) of the senders in a channel, at samples of the file."""
    for call in heard:
        for oddity in oddities_of(call.leg.stream) if call.has_leg else ():
            at = [file for at in oddity.at for _, file, _ in to_file.pieces(at, at + 1)]
            yield call.party.name, replace(oddity, at=tuple(at))


def _unwritten(recording: LiveRecording, to_file: FileMap) -> Iterator[Gap]:
    """Yield the spans that were given up because the disk did not accept them in time."""
    for start, end in recording.spool.unwritten:
        low, high = to_file.within(start, end)
        if low < high:
            yield Gap(low, high, "not written", None)


def _background(heard: Sequence[LiveCall]) -> float | None:
    levels = [call.party.noise_dbfs for call in heard]
    levels += [
        line.sending_path.noise_dbfs
        for line in _lines_of(heard)
        if line.sending_path and line.party.noisy
    ]
    return max((level for level in levels if level is not None), default=None)


def _lines_of(heard: Sequence[LiveCall]) -> list[Line]:
    return [call.line for call in heard if call.line is not None]


def _lines(heard: Sequence[LiveCall]) -> Iterator[dict[str, Any]]:
    """The telephone lines in a channel that are not clean."""
    for line in _lines_of(heard):
        if line.sending_path is not None:
            unsent = {} if line.party.noisy else {"noise": "none", "noise_dbfs": None}
            yield {"party": line.party.name, **line.sending_path.to_json(), **unsent}


def _said(received: _Received, low: int, high: int, to_file: Pieces) -> Iterator[Interval]:
    call, placement = received.call, received.placement
    if call.line is None or placement is None:
        return
    pieces: Iterable[Piece] = party_pieces(call.line, placement, low, high, to_file)
    secret: frozenset[Segment] = frozenset()
    if call.leg.clamps:
        pieces = list(pieces)
        secret = _secret_keys(call, pieces)
        pieces = [part for piece in pieces for part in _left_in(call, piece)]
    for piece in pieces:
        segment, inside = piece.segment, piece.said - piece.segment.start
        text = SECRET_KEY * len(segment.text) if segment in secret else segment.text
        yield Interval(
            start=piece.file,
            end=piece.file + piece.samples,
            party=call.party.name,
            kind=segment.kind,
            text=text,
            digest=segment.digest,
            pcm=segment.pcm[inside : inside + piece.samples],
            codec=call.party.codec,
            due=piece.file + placement.due(piece.said) - piece.at,
            offset=inside,
            words=tuple(piece.words()),
            recorded=segment.recorded,
        )


def _secret_keys(call: LiveCall, pieces: Iterable[Piece]) -> frozenset[Segment]:
    """Return the keys, as tones, that were pressed while keys were taken out of the track."""
    return frozenset(
        piece.segment
        for piece in pieces
        if piece.segment.kind == "dtmf"
        and any(each.covers(piece.at, piece.at + piece.samples) for each in call.leg.clamps)
    )


def _left_in(call: LiveCall, piece: Piece) -> Iterator[Piece]:
    """Yield a piece; of keys only the parts that were not taken out of the track."""
    cursor, end = piece.at, piece.at + piece.samples
    if piece.segment.kind == "dtmf":
        silenced = [span for clamp in call.leg.clamps for span in clamp.silenced]
        for start, stop in silenced:
            if start < end and stop > cursor:
                yield from _sounding(piece, cursor, start)
                cursor = stop
        yield from _sounding(piece, cursor, end)
    else:
        yield piece


def _sounding(piece: Piece, low: int, high: int) -> Iterator[Piece]:
    """Yield the part of a piece between two samples of the frame clock, unless it is silent."""
    if low < high:
        part = piece.part(low, high)
        inside = part.said - part.segment.start
        if part.segment.pcm[inside : inside + part.samples].any():
            yield part


def _played(player: Player, it: Origin) -> Iterator[Interval]:
    """Yield what was played: by the server, or heard over a line as what a party says."""
    first = player.first_frame * FRAME_SAMPLES
    end = it.high if player.end_frame is None else min(it.high, player.end_frame * FRAME_SAMPLES)
    if not player.loop:
        end = min(end, first + len(player.pcm))
    times = player_words(player)
    for at, file, samples in it.to_file.pieces(max(it.low, first), end):
        inside = np.arange(at - first, at - first + samples)
        moved = file - (at - first)
        yield Interval(
            start=file,
            end=file + samples,
            party=it.by,
            kind=_kind(player, it.by),
            text=player.label if it.by is None or not player.text else player.text,
            digest="",
            pcm=np.take(player.pcm, inside, mode="wrap"),
            codec="none" if it.by is None else LINE_CODEC,
            due=file,
            offset=(at - first) % len(player.pcm),
            words=tuple(
                WordTime(word.text, word.start + moved, word.end + moved, word.estimated)
                for word in times
                if file <= (word.start + word.end) // 2 + moved < file + samples
            ),
        )


def _kind(player: Player, by: str | None) -> str:
    if by is None:
        return "server"
    return "say" if player.text else "play"


def _made_up(call: LiveCall, low: int, high: int, to_file: Pieces) -> Iterator[Concealed]:
    for it in concealed_of_call(call):
        for _, file, samples in to_file.pieces(max(low, it.start), min(high, it.end)):
            yield Concealed(file, file + samples, it.how, it.party)


def _lost(
    received: _Received, low: int, high: int, to_file: Pieces
) -> tuple[list[Gap], list[tuple[int, int]]]:
    """Return a party's gaps, and (sample of the file, samples) that its jitter buffer moved."""
    call = received.call
    if not call.has_leg:
        return [], []
    gaps = [
        Gap(file, file + samples, gap.why, gap.party)
        for gap in received.gaps
        for _, file, samples in to_file.pieces(max(low, gap.start), min(high, gap.end))
    ]
    gaps += [
        Gap(file, file + samples, "secret", call.party.name)
        for clamp in call.leg.clamps
        for start, end in clamp.silenced
        for _, file, samples in to_file.pieces(max(low, start), min(high, end))
    ]
    # Without a timeline there is no placement, and the jitter buffer's own log has the places.
    if received.placement is None:
        moves = [(shift.media + shift.offset, shift.moved) for shift in call.leg.stream.shifts]
    else:
        moves = [(move.start, move.moved) for move in received.placement.moves]
    moved = [
        (file, samples)
        for at, samples in moves
        if samples and low <= at < high
        for _, file, _ in to_file.pieces(at, at + 1)
    ]
    return gaps, moved
