"""What is measured in the calls of a campaign: a row for each figure.

All of it is read from the truth of the recordings, nothing from what was planned. A new figure is a
row of ``MEASURES``; what a draw asked for is found again by a row of ``ANSWERS``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from mediasim.campaign.formats.rows import CallRow, Utterance
from mediasim.conversation.spans import Span, at_least, total, union

__all__ = ["ANSWERS", "CHANCES", "MEASURES", "Answer", "Chance", "Measure", "family"]

Value = float | str
_NUMBER: Final = re.compile(r"(?<=[/-])\d+")


def family(label: str) -> str:
    """Return a draw's label with ``#`` for numbers: the draws that are from one distribution."""
    return _NUMBER.sub("#", label)


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of calls."""

    key: str
    title: str
    unit: str
    """``s``, ``share`` of 1, ``dBFS`` or empty for numbers; ``name`` where it is a name."""
    of: Callable[[CallRow], Iterable[Value]]
    """Returns its values in a call."""

    @property
    def named(self) -> bool:
        """Whether its values are names."""
        return self.unit == "name"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call has of what was drawn under a label."""

    family: re.Pattern[str]
    """What the family of the label is like."""
    title: str
    of: Callable[[CallRow, str], Value | None]
    """Returns the value that a call has for a label; None if it has none."""
    exact: bool = True
    """Whether a call has just what was drawn; False for a probability, of which it has a sample."""


@dataclass(frozen=True, slots=True)
class Chance:
    """Something that happens to a share of turns."""

    family: str
    """The family of the labels under which it is drawn."""
    title: str
    of: Callable[[CallRow], Iterable[bool]]
    """Returns for each turn of a call to which it may happen whether it did."""


# -- turns ----------------------------------------------------------------------------------


def _turns(call: CallRow) -> dict[int, Span]:
    """Return first sample and end of each turn by its number."""
    found: dict[int, Span] = {}
    for place, it in enumerate(_floor(call)):
        number = place if it.turn is None else it.turn
        start, end = found.get(number, (it.start_sample, it.end_sample))
        found[number] = min(start, it.start_sample), max(end, it.end_sample)
    return found


def _floor(call: CallRow) -> list[Utterance]:
    """Return what takes the floor, in the order of its starts."""
    return sorted(
        (it for it in call.spoken if it.kind != "backchannel"),
        key=lambda it: (it.start_sample, it.channel),
    )


def _gap(call: CallRow, label: str) -> float | None:
    """Return the gap before a turn, by the turns' numbers."""
    number = int(label.split("/")[1])
    turns = _turns(call)
    before = max((each for each in turns if each < number), default=None)
    if number not in turns or before is None:
        return None
    return call.time(turns[number][0] - turns[before][1])


def _overlapping(call: CallRow, label: str) -> float | None:
    gap = _gap(call, label)
    return None if gap is None else -gap


def _interrupts(call: CallRow) -> Iterable[bool]:
    for before, after in pairwise(_floor(call)):
        if before.party != after.party:
            yield after.kind == "interruption"


def _overlaps(call: CallRow) -> Iterable[bool]:
    turns = _turns(call)
    for label in call.draws:
        if family(label) in ("turn/#/gap", "turn/#/overlap") and int(label.split("/")[1]) in turns:
            yield label.endswith("/overlap")


def _backchannels(call: CallRow) -> Iterable[bool]:
    answered = {it.turn for it in call.spoken if it.kind == "backchannel"}
    return (number in answered for number in _turns(call))


def _gaps(call: CallRow) -> Iterable[Value]:
    """Yield the gap before each utterance of another party than the one before."""
    floor = _floor(call)
    for before, after in pairwise(floor):
        if before.party != after.party:
            yield call.time(after.start_sample - before.end_sample)


# -- shares of time -------------------------------------------------------------------------


def _overlap(call: CallRow) -> Iterable[Value]:
    voices: dict[str, list[Span]] = {}
    for it in call.spoken:
        voices.setdefault(call.who(it), []).append((it.start_sample, it.end_sample))
    spans = [union(each) for each in voices.values()]
    if speech := total(at_least(spans, 1)):
        yield total(at_least(spans, 2)) / speech


def _silence(call: CallRow) -> Iterable[Value]:
    speech = total(union((it.start_sample, it.end_sample) for it in call.spoken))
    if samples := call.audio.samples:
        yield 1 - min(speech, samples) / samples


def _loss(call: CallRow) -> Iterable[Value]:
    for channel in range(call.audio.channels):
        spans = union(
            (it.start_sample, it.end_sample) for it in call.loss if it.channel in (channel, None)
        )
        if call.audio.samples:
            yield total(spans) / call.audio.samples


def _noise(call: CallRow) -> Iterable[Value]:
    return (float(level) for level in call.noise.values() if isinstance(level, int | float))


# -- the tables -----------------------------------------------------------------------------


def _of_party(attribute: str) -> Callable[[CallRow, str], Value | None]:
    """Return what finds an attribute of the channel of a label's party: ``speaker/NAME``."""

    def find(call: CallRow, label: str) -> Value | None:
        party = re.split(r"[/.]", label)[1]
        for each in call.channels:
            if each.party == party:
                found: str | None = getattr(each, attribute)
                return found
        return None

    return find


def _speaker(call: CallRow, label: str) -> Value | None:
    """Return who speaks for a label's party, in its utterances."""
    party = label.split("/")[1]
    return next((it.speaker for it in call.spoken if it.party == party), None)


def _lost(call: CallRow, label: str) -> Value | None:
    """Return which share of the recording the network lost of a label's party."""
    party = label.split(".")[1]
    lost = union(
        (it.start_sample, it.end_sample)
        for it in call.loss
        if it.party == party and it.why in ("lost", "")
    )
    return total(lost) / call.audio.samples if call.audio.samples else None


def _noise_of(call: CallRow, label: str) -> Value | None:
    level = call.noise.get(label.split(".")[1])
    return float(level) if isinstance(level, int | float) else None


ANSWERS: Final = (
    Answer(re.compile(r"turn/#/gap"), "Gap before a turn (below 0: both speak)", _gap),
    Answer(re.compile(r"turn/#/overlap"), "Overlap of a turn with the one before", _overlapping),
    Answer(re.compile(r"turns"), "Turns of a call", lambda call, _: float(len(_turns(call)))),
    Answer(re.compile(r"speaker/[^/]+"), "Who speaks", _speaker),
    Answer(re.compile(r"parties\.[^.]+\.codec"), "Codec", _of_party("codec")),
    Answer(re.compile(r"parties\.[^.]+\..*\bloss"), "Packets lost", _lost, exact=False),
    Answer(re.compile(r"parties\.[^.]+\.noise"), "Noise around a party", _noise_of),
)

CHANCES: Final = (
    Chance("turn/#/interrupts", "Turns that interrupt the one before", _interrupts),
    Chance("turn/#/overlaps", "Turns that overlap the one before", _overlaps),
    Chance("turn/#/backchannel", "Turns with a backchannel", _backchannels),
)
"""What is drawn with a probability, by family."""

MEASURES: Final = (
    Measure("duration", "Length of recordings", "s", lambda call: [call.seconds]),
    Measure("turns", "Utterances that take the floor", "", lambda call: [float(len(_floor(call)))]),
    Measure("gap", "Gap between speakers (below 0: both speak)", "s", _gaps),
    Measure("overlap", "Speech in which two or more speak", "share", _overlap),
    Measure("silence", "Recording in which nothing is said", "share", _silence),
    Measure(
        "utterance",
        "Length of utterances",
        "s",
        lambda call: (call.time(it.samples) for it in call.spoken),
    ),
    Measure(
        "words",
        "Words of an utterance",
        "",
        lambda call: (float(len(it.said.split())) for it in call.spoken if it.said),
    ),
    Measure("kind", "Kinds of utterances", "name", lambda call: (it.kind for it in call.spoken)),
    Measure("speaker", "Speakers, by utterances", "name", lambda call: map(call.who, call.spoken)),
    Measure(
        "language",
        "Languages, by utterances",
        "name",
        lambda call: (it.language or "und" for it in call.spoken),
    ),
    Measure(
        "codec",
        "Codecs of channels",
        "name",
        lambda call: (each.codec for each in call.channels if each.codec),
    ),
    Measure("loss", "Part of a channel that the network lost", "share", _loss),
    Measure("noise", "Noise around a party", "dBFS", _noise),
    Measure(
        "line",
        "Telephone lines of channels",
        "name",
        lambda call: (each.line for each in call.channels if each.line),
    ),
    Measure("channels", "Channels of a recording", "name", lambda call: [str(call.audio.channels)]),
    Measure(
        "parties",
        "Speakers of a call",
        "name",
        lambda call: [str(len({call.who(it) for it in call.spoken}))],
    ),
    Measure("fault", "Recorder's faults", "name", lambda call: (it.kind for it in call.faults)),
    Measure(
        "conversation",
        "Conversations",
        "name",
        lambda call: [call.conversation] if call.conversation else [],
    ),
)
"""The figures, in the order in which they are shown."""
