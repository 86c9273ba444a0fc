"""Which voices can be understood on a telephone, and what they cost.

Each voice says the same telephone sentences at 8 kHz through mu-law. *Word error* is by the
project's recogniser (the extra ``transcribe``), with numbers compared digit by digit however they
are written, and no allowance for names it spells differently. *Pitch* is the median fundamental
frequency: men have some 85 to 155 Hz, women 165 to 255. *CPU* is the synthesiser's, in seconds for
each second of speech, nothing cached. *Same* says whether a second process made the same samples.

    python tests/benchmarks/voices.py [--short] [VOICE…]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.parties.voices.catalogue import DEFAULT_VOICES, VOICES
from mediasim.parties.voices.clip import UtteranceCache
from mediasim.parties.voices.speech import Speaker
from mediasim.truth.analysis.transcription import (
    Recogniser,
    missing_extra,
    plain_words,
    word_errors,
)

SENTENCES: Final = (
    "Good morning, I am calling about the invoice that came last week.",
    "My order number is four seven one, nine two six.",
    "Could you spell your last name for me, please?",
    "The meeting has been moved to Thursday afternoon.",
    "You can reach me at four one five, five five five, zero one three nine.",
    "I have been waiting for almost twenty minutes now.",
    "Please hold the line while I look up your account.",
    "The address is nine Maple Street in Portland.",
    "Thank you very much, that was really helpful.",
    "I would like to cancel my subscription at the end of the month.",
    "Did you receive the email that I sent you yesterday?",
    "Our office is open from eight in the morning until six in the evening.",
    "The total comes to forty five dollars.",
    "Let me transfer you to the billing department.",
    "My name is Robert Johnson, and I live in Chicago.",
    "I am afraid that the doctor is not available today.",
    "Can I change my flight to next Monday?",
    "The package was left with my neighbor on the third floor.",
    "For security reasons, this call may be recorded.",
    "What is the zip code of your billing address?",
    "It is nine four one zero three.",
    "We had a wonderful weekend at the lake with the children.",
    "The washing machine makes a strange noise when it starts.",
    "Please press one for sales, or two for support.",
    "I think there has been a mistake with my last payment.",
    "How long does it usually take to get a refund?",
    "You should see the money in your account within five business days.",
    "Is there anything else that I can help you with?",
    "No, that is all for today, have a nice evening.",
    "I need to speak with a manager about this problem.",
    "The train to Boston leaves at ten thirty.",
    "Do you have a table for four people on Saturday night?",
    "My daughter has had a fever since Tuesday.",
    "We can send a technician to your house tomorrow morning.",
    "The password must have at least twelve characters.",
    "Sorry, I did not quite understand what you said.",
    "I moved from Texas to Colorado about three years ago.",
    "The weather is supposed to get much colder next week.",
    "Please leave a message after the tone.",
    "Sarah Miller from the insurance company called this morning.",
    "I will call you back as soon as I know more.",
    "The blue one costs eighteen dollars, and the red one twenty two.",
    "Your appointment is on the seventh of April at half past nine.",
    "Goodbye, and thank you for calling.",
)
FEWER: Final = 6

_NUMBERS: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_DIGITS: Final = {word: str(number) for number, word in enumerate(_NUMBERS)}
_ORDINALS: Final = {"first": "1", "second": "2", "third": "3", "seventh": "7"}
_TENS: Final = {"twenty": "2", "thirty": "3", "forty": "4"}


def compared(text: str) -> list[str]:
    """The words of a text, with every number as its digits one by one."""
    text = re.sub(r"\$(\d+)", r"\1 dollars", text)
    text = re.sub(r"\b(I)'m\b", r"\1 am", re.sub(r"'ve\b", " have", text))
    words = plain_words(re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", text))
    found: list[str] = []
    for number, word in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else ""
        if word in _TENS:
            unit = following in _DIGITS and len(_DIGITS[following]) == 1 and following != "zero"
            found += _TENS[word] if unit else [_TENS[word], "0"]
        elif word in _DIGITS or word in _ORDINALS or word.isdigit():
            found += _DIGITS.get(word) or _ORDINALS.get(word, word)
        else:
            found.append(word)
    return found


def errors(recogniser: Recogniser, pcm: NDArray[np.int16], text: str) -> tuple[int, int, str]:
    """Words heard wrong over a telephone, words said, and what was heard."""
    line = ulaw_decode(ulaw_encode(pcm))
    heard = " ".join(each.text for each in recogniser.transcribe(line, [(0, len(line))]))
    said = compared(text)
    return word_errors(said, compared(heard)), len(said), heard


def median_pitch(pcm: NDArray[np.int16]) -> float:
    """Median fundamental frequency in Hz of loud stretches, 60 to 400, by autocorrelation."""
    window = np.hanning(400)
    shape = np.fft.irfft(np.abs(np.fft.rfft(window, 1024)) ** 2)[:300]
    frames = np.lib.stride_tricks.sliding_window_view(pcm.astype(float), 400)[::160]
    spread = frames.std(axis=1)
    pitches = []
    for frame in frames[spread > spread.max() * 0.15]:
        power = np.abs(np.fft.rfft((frame - frame.mean()) * window, 1024)) ** 2
        lags = (np.fft.irfft(power)[:300] / shape)[20 : SAMPLE_RATE // 60]
        lags = lags / (power.sum() * 2 / 1024 / shape[0])
        peaks = (lags[1:-1] >= lags[:-2]) & (lags[1:-1] >= lags[2:])
        strong = np.flatnonzero(peaks & (lags[1:-1] > 0.88 * lags.max()))
        if strong.size and lags.max() > 0.5:
            pitches.append(SAMPLE_RATE / (21 + strong[0]))
    return float(np.median(pitches)) if pitches else float("nan")


def digests(names: Sequence[str]) -> list[str]:
    """Fingerprints of the first sentence in each voice, nothing cached."""
    with tempfile.TemporaryDirectory() as folder:
        speaker = Speaker(cache=UtteranceCache(Path(folder)))
        return [speaker.say(SENTENCES[0], name).digest for name in names]


def elsewhere(names: Sequence[str]) -> list[str]:
    """The same fingerprints, made by another process."""
    command = [sys.executable, __file__, "--digests", *names]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [str(digest) for digest in json.loads(made)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("voices", nargs="*", metavar="VOICE", help="voices of the catalogue")
    parser.add_argument("--short", action="store_true", help=f"{FEWER} sentences")
    parser.add_argument("--heard", action="store_true", help="print what was heard wrong")
    parser.add_argument("--digests", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.voices or [name for name in VOICES if name != "babble"]
    if options.digests:
        print(json.dumps(digests(names)))
        return 0
    missing = missing_extra()
    if missing is not None:
        print(missing)
        return 0
    sentences = SENTENCES[:FEWER] if options.short else SENTENCES
    recogniser = Recogniser()
    same = dict(zip(names, zip(digests(names), elsewhere(names), strict=True), strict=True))
    print("| voice | word error | pitch | CPU a second | same | |\n|---|---|---|---|---|---|")
    for name in names:
        wrong = said = samples = 0
        pitches, cpu = list[float](), 0.0
        with tempfile.TemporaryDirectory() as folder:
            speaker = Speaker(cache=UtteranceCache(Path(folder)))
            speaker.say("Hello.", name)
            for sentence in sentences:
                before = time.process_time()
                clip = speaker.say(sentence, name)
                cpu += time.process_time() - before
                samples += len(clip.pcm)
                missed, words, heard = errors(recogniser, clip.pcm, sentence)
                wrong, said = wrong + missed, said + words
                pitches.append(median_pitch(clip.pcm))
                if options.heard and missed:
                    print(f"    {missed}: {sentence} -> {heard}")
        one, other = same[name]
        default = "default" if name in DEFAULT_VOICES else ""
        print(
            f"| {name} | {100 * wrong / said:.1f} % | {np.nanmedian(pitches):.0f} Hz "
            f"| {cpu * SAMPLE_RATE / samples:.3f} s | {'yes' if one == other else 'NO'} "
            f"| {VOICES[name].description} {default} |",
            flush=True,
        )
        for warning in speaker.warnings:
            print(f"    {warning}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
