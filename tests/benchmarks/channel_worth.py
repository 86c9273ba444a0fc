"""What two channels are worth: who said what, told from both channels and from their mix.

The same calls, with ever more talking at once. *Dual* is each channel's voice activity. *Mono* is
the sum of the channels, parted by a cheap method without learning: mel cepstra and pitch over half
a second, clustered in two (k-means), the clusters named as suits them best. *Mono, oracle* is told
by the truth who speaks, one at a time (who speaks for longest of each half second): what no
diarisation of one label a time can beat. DER is NIST's diarisation error rate without a collar:
missed, invented and confused speech by all speech. *Words* is the share of the words said that go
to the wrong speaker or to nobody. With the extra ``transcribe`` also the words heard wrong (WER):
of each channel by itself, and of the mix in the order in which things were said. The two voices
are one engine's, a woman's and a man's: easily transcribed.

*Transcript* is what a service with the ``realistic`` recogniser tells of the recording: its word
error rate, and the share of words found that it attributes to their speaker, by two channels; by
one channel it attributes none.

    python tests/benchmarks/channel_worth.py [--short]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mediasim
from mediasim.audio.levels import mix
from mediasim.conversation.spans import Span, total
from mediasim.recogniser.recordings import recording_transcript
from mediasim.recogniser.scoring import score, words_of
from mediasim.recogniser.settings import REALISTIC
from mediasim.truth.analysis.analysis import Analysis, analyse, detect_speech
from mediasim.truth.analysis.recording import TrueUtterance, read_recording
from mediasim.truth.analysis.transcription import (
    Recogniser,
    missing_extra,
    plain_words,
    word_errors,
)

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]
"""(speakers, frames): who speaks in each 10 ms."""

FRAME = 80
WINDOW = 25
"""Frames before and after that are taken together: half a second in all."""
SENTENCES = (
    "Good morning, I am calling about the invoice that came last week.",
    "Let me find your account, please give me a moment to look at it.",
    "The total seems to be much higher than what we agreed on in spring.",
    "I can see the contract here, and the price was changed in summer.",
    "Nobody has told us anything about a change of the price.",
    "We have sent a letter to every customer, but it may have been lost.",
    "Then I would like to see that letter before we pay for anything.",
    "Of course, I will send a copy of it to you this afternoon.",
)


def call(lengths: Sequence[float], overlap: float, folder: Path) -> Path:
    """The WAV of a dialogue in which each begins before the other ends, by a share of his words."""
    scripts: tuple[list[Any], list[Any]] = ([], [])
    end, at = 0.0, 1.0
    for number, (sentence, length) in enumerate(zip(SENTENCES, lengths, strict=True)):
        scripts[number % 2].append({"say": {"text": sentence, "at": f"{at:.3f}s"}})
        end = max(end, at + length)
        at = end + 0.4 if overlap == 0 else end - overlap * length
    given = {
        "parties": {
            "ana": {"voice": "emma", "script": scripts[0]},
            "bo": {"voice": "ben", "script": [*scripts[1], {"pause": "1s"}]},
        },
        "call": {"from": "ana", "to": "bo", "recording": "dual"},
    }
    return mediasim.simulate(given, directory=folder).recording().path


def lengths_of_sentences(folder: Path) -> list[float]:
    """Seconds that each takes to say."""
    analysis = analyse(read_recording(call([8.0] * len(SENTENCES), 0.0, folder)))
    return [(said.end - said.start) / 8000 for said in analysis.true_utterances or ()]


# -- who speaks when ------------------------------------------------------------------------


def frames_of(speech: Sequence[Sequence[Span]], samples: int) -> Labels:
    labels = np.zeros((len(speech), samples // FRAME), np.bool_)
    for speaker, spans in enumerate(speech):
        for start, end in spans:
            labels[speaker, start // FRAME : end // FRAME] = True
    return labels


def diarised(pcm: NDArray[np.int16]) -> Labels:
    """Two speakers of a mix, one at a time."""
    active = frames_of([detect_speech(pcm).speech], len(pcm))[0]
    features = features_of(pcm)[: len(active)]
    active = active[: len(features)]
    labels = np.zeros((2, len(pcm) // FRAME), np.bool_)
    if active.sum() < 2:
        return labels
    own = features[active]
    own = (own - own.mean(axis=0)) / np.maximum(own.std(axis=0), 1e-9)
    cluster = two_clusters(own)
    places = np.flatnonzero(active)
    labels[0, places[cluster == 0]] = True
    labels[1, places[cluster == 1]] = True
    return labels


def features_of(pcm: NDArray[np.int16]) -> Floats:
    """Cepstra and pitch of each 10 ms, averaged over the half second around it."""
    wide = np.lib.stride_tricks.sliding_window_view(
        np.pad(pcm.astype(np.float64), (160, 240)), 400
    )[::FRAME]
    power = np.abs(np.fft.rfft(wide * np.hanning(400), 512)) ** 2
    mel = np.log(power @ mel_bands(20, 257) + 1.0)
    cosines = np.cos(np.pi / 20 * np.outer(np.arange(20) + 0.5, np.arange(1, 13)))
    lags = np.fft.irfft(power)[:, 27:115]
    pitch = np.log(8000 / (27 + lags.argmax(axis=1)))
    features = np.column_stack((mel @ cosines, 3 * pitch))
    # Only what is loud says whose voice it is.
    loudness = power.sum(axis=1)
    weight = (loudness > np.quantile(loudness, 0.5)).astype(np.float64) + 1e-3
    kernel = np.ones(2 * WINDOW + 1)
    smooth = [np.convolve(column * weight, kernel, "same") for column in features.T]
    found: Floats = np.stack(smooth, axis=1) / np.convolve(weight, kernel, "same")[:, None]
    return found


def mel_bands(count: int, bins: int) -> Floats:
    edges = 700 * (10 ** (np.linspace(0.0, np.log10(1 + 3800 / 700), count + 2)) - 1)
    hertz = np.linspace(0, 4000, bins)[:, None]
    rising = (hertz - edges[:-2]) / np.diff(edges[:-1])
    falling = (edges[2:] - hertz) / np.diff(edges[1:])
    bands: Floats = np.maximum(0, np.minimum(rising, falling))
    return bands


def two_clusters(points: Floats) -> NDArray[np.intp]:
    """k-means from the two ends of the widest direction."""
    _, _, directions = np.linalg.svd(points, full_matrices=False)
    along = points @ directions[0]
    cluster: NDArray[np.intp] = (along > np.median(along)).astype(np.intp)
    for _ in range(50):
        centres = np.stack([points[cluster == number].mean(axis=0) for number in (0, 1)])
        distance = ((points[:, None] - centres) ** 2).sum(axis=2)
        moved = distance.argmin(axis=1)
        if (moved == cluster).all() or len(set(moved.tolist())) < 2:
            break
        cluster = moved
    return cluster


def one_at_a_time(truth: Labels) -> Labels:
    kernel = np.ones(2 * WINDOW + 1)
    longest = np.stack([np.convolve(row, kernel, "same") for row in truth]).argmax(axis=0)
    speaking = truth.any(axis=0)
    return np.stack([(longest == number) & speaking for number in range(len(truth))])


# -- how wrong ------------------------------------------------------------------------------


def der(truth: Labels, found: Labels) -> float:
    said, heard = truth.sum(axis=0), found.sum(axis=0)
    right = (truth & found).sum(axis=0)
    return float((np.maximum(said, heard) - right).sum() / said.sum())


def best_named(truth: Labels, found: Labels) -> Labels:
    """The clusters in the order that has the fewest errors: they have no names of their own."""
    orders = [found[list(order)] for order in permutations(range(len(found)))]
    return min(orders, key=lambda order: der(truth, order))


def words_astray(utterances: Sequence[TrueUtterance], found: Labels) -> float:
    """Words spread evenly over their saying; each is where its middle is."""
    astray = count = 0
    for saying in utterances:
        words = len((saying.text or "").split())
        for number in range(words):
            at = saying.start + (saying.end - saying.start) * (number + 0.5) / words
            astray += not found[saying.channel - 1, min(int(at) // FRAME, found.shape[1] - 1)]
            count += 1
    return astray / count


def heard_wrong(analysis: Analysis, mono: NDArray[np.int16], recogniser: Recogniser) -> list[float]:
    """Word error rates of the channels together, and of the mix."""
    utterances = analysis.true_utterances or ()
    said = plain_words(" ".join(saying.text or "" for saying in utterances))
    errors = 0
    for number, detected in enumerate(analysis.detected):
        own = [each.text or "" for each in utterances if each.channel == number + 1]
        heard = recogniser.transcribe(analysis.recording.pcm[number], detected.speech)
        errors += word_errors(
            plain_words(" ".join(own)), plain_words(" ".join(each.text for each in heard))
        )
    mixed = recogniser.transcribe(mono, detect_speech(mono).speech)
    wrong = word_errors(said, plain_words(" ".join(each.text for each in mixed)))
    return [errors / len(said), wrong / len(said)]


def transcribed(truth: Any, *, mono: bool) -> list[float]:
    """The word error rate of a service's transcript, and its attribution of words to speakers."""
    heard = recording_transcript(truth, replace(REALISTIC, mono=mono))
    found = score(truth, words_of(heard))
    return [found.total.rate or 0.0, found.attribution or 0.0]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="a quick look, for CI")
    shares = (0.0, 0.3) if parser.parse_args().short else (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)
    missing = missing_extra()
    recogniser = None if missing else Recogniser()
    heads = ("DER", "words") * 3 + ("WER", "speaker") * 2
    print(f"{'talk at once':>12}{'dual':>14}{'mono':>16}{'mono, oracle':>16}", end="")
    print(f"{'transcript, dual':>20}{'mono':>14}", end="")
    print("" if recogniser is None else f"{'WER dual':>12}{'WER mono':>10}")
    print(" " * 12 + "".join(f"{head:>8}" for head in heads))
    with tempfile.TemporaryDirectory() as folder:
        lengths = lengths_of_sentences(Path(folder) / "lengths")
        for share in shares:
            path = call(lengths, share, Path(folder) / f"{share}")
            analysis = analyse(read_recording(path))
            recording, true = analysis.recording, analysis.true
            assert true is not None
            assert analysis.true_utterances is not None
            truth = frames_of(true.speech, recording.samples)
            mono = mix(recording.pcm)
            ways = (
                frames_of(analysis.measured.speech, recording.samples),
                best_named(truth, diarised(mono)),
                one_at_a_time(truth),
            )
            figures: list[float] = []
            for way in ways:
                figures += [der(truth, way), words_astray(analysis.true_utterances, way)]
            for mixed in (False, True):
                figures += transcribed(recording.truth, mono=mixed)
            if recogniser is not None:
                figures += heard_wrong(analysis, mono, recogniser)
            at_once = total(true.overlaps or ()) / total(true.active)
            print(f"{at_once:>12.1%}" + "".join(f"{figure:>8.1%}" for figure in figures))
    if missing:
        print(f"no word error rates: {missing}")


if __name__ == "__main__":
    main()
