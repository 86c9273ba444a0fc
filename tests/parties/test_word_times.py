"""When words are said: as an engine tells it, and as it is found in the sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.audio.tones import babble
from mediasim.parties.voices.catalogue import VOICES, in_language
from mediasim.parties.voices.clip import SpeechClip, UtteranceCache
from mediasim.parties.voices.espeak import EspeakEngine
from mediasim.parties.voices.level import kept_samples
from mediasim.parties.voices.speech import Speaker, UnspeakableText
from mediasim.parties.voices.word_times import (
    WordTime,
    times_by_alignment,
    times_by_letters,
    times_from_events,
    tokens,
)

TEXTS = (
    "Good morning, I would like to change twenty five of the orders, please.",
    "The invoice was wrong twice, and the order arrived late, so somebody has to call me back.",
)


@pytest.fixture(autouse=True)
def _voices_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("MEDIASIM_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("MEDIASIM_SPEECH", raising=False)


def spoken(voice: str, text: str) -> SpeechClip:
    return Speaker().say(text, voice)


@pytest.mark.parametrize(("voice", "estimated"), [("fergus", False), ("amy", True)])
@pytest.mark.parametrize("text", TEXTS)
def test_every_word_has_its_place_in_the_clip(voice: str, estimated: bool, text: str) -> None:
    clip = spoken(voice, text)
    assert [word.text for word in clip.words] == text.split()
    reported = sum(not word.estimated for word in clip.words)
    assert reported == 0 if estimated else reported >= 12  # espeak says "of the" as one word
    starts = [word.start for word in clip.words]
    assert starts == sorted(starts)
    assert starts[0] < 400
    for word, after in zip(clip.words, clip.words[1:], strict=False):
        assert word.start < word.end <= after.start
    assert clip.words[-1].end <= len(clip.pcm)


@pytest.mark.parametrize("text", TEXTS)
def test_alignment_finds_the_words_of_another_voice(text: str) -> None:
    """Half of them within 20 ms of where that voice's engine says they are, nine tenths in 80."""
    engine = EspeakEngine()

    def said(name: str) -> tuple[np.ndarray, tuple[WordTime, ...]]:
        sound, events = engine.speak_timed(VOICES[name], text)
        kept = kept_samples(sound)
        before = np.concatenate(([0], np.cumsum(kept)))
        moved = [(at, int(before[min(sample, kept.size)])) for at, sample in events]
        return sound[kept], times_from_events(text, moved, sound[kept])

    other, times = said("amy")
    off = []
    for name in ("chloe", "daniel", "isla"):
        sound, wanted = said(name)
        found = times_by_alignment(text, sound, other, times)
        off += [abs(it.start - at.start) / 8 for it, at in zip(found, wanted, strict=True)]
        assert all(word.estimated for word in found)
    assert np.quantile(off, [0.5, 0.9]) == pytest.approx([0, 0], abs=80)
    assert np.median(off) <= 20


@given(st.text(min_size=1, max_size=60), st.integers(0, 12000), st.integers(0, 1 << 30))
def test_words_of_any_text_share_any_sound_in_order(text: str, samples: int, seed: int) -> None:
    sound = babble(samples, np.random.default_rng(seed))
    found = times_by_letters(text, sound)
    words = [word for _, word in tokens(text)]
    assert [word.text for word in found] == (words if np.any(sound) else [])
    edges = [at for word in found for at in (word.start, word.end)]
    assert edges == sorted(edges)
    assert all(0 <= at <= samples for at in edges)


def test_a_kept_clip_is_the_clip_whatever_speaks_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A folder of clips decides, where another machine's engine would make other samples."""
    monkeypatch.setenv("MEDIASIM_CLIPS", str(tmp_path))
    clip = spoken("amy", "The same words on every machine.")

    class Other:
        def identity(self, voice: object) -> str:
            return "another version"

        def speak(self, voice: object, text: str) -> np.ndarray:
            raise AssertionError("the clip is there")

    elsewhere = Speaker(engines={"hibari": Other()}, cache=UtteranceCache(tmp_path / "empty"))
    again = elsewhere.say("The same words on every machine.", "amy")
    assert again.digest == clip.digest
    assert again.words == clip.words


@pytest.mark.parametrize(
    ("language", "text", "letters"),
    [
        ("en", "你好,世界", "'你', '好', '世' and 1 more letters"),
        ("en", "Hello Привет", "'П', 'р', 'и' and 3 more letters"),
        ("es", "¿Dónde está la Ωmega?", "'Ω'"),
        ("ja", "日本へ", "'日', '本'"),
        ("zh", "これは", "'こ', 'れ', 'は'"),
    ],
)
def test_letters_that_a_language_does_not_have_are_an_error(
    language: str, text: str, letters: str
) -> None:
    with pytest.raises(UnspeakableText, match="cannot say") as error:
        Speaker().say(text, in_language(VOICES["amy"], language))
    assert f"speaks {language!r} and cannot say {letters} in {text!r}" in str(error.value)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Crème brûlée, 5 µm of Ångström: ½ façade — naïve!"),
        ("ru", "Привет, call 555"),
        ("zh", "你好 Hello"),
        ("ja", "ひらがなとカタカナー"),
        ("hi", "नमस्ते"),
    ],
)
def test_letters_of_the_language_and_latin_ones_are_spoken(language: str, text: str) -> None:
    clip = Speaker().say(text, in_language(VOICES["amy"], language))
    assert len(clip.pcm) > 1600
    assert clip.words
