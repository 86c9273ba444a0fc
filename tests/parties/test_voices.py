"""The voices: named people, speech at a level, and what happens when an engine fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.parties.voices.catalogue import (
    DEFAULT_VOICES,
    LANGUAGES,
    VOICES,
    Voice,
    in_language,
    voice_named,
)
from mediasim.parties.voices.clip import SpeechClip, UtteranceCache, cache_directory
from mediasim.parties.voices.engine import (
    SECONDS_PER_CHARACTER,
    BabbleEngine,
    EngineError,
    EngineUnavailable,
    SpeechEngine,
    versions,
)
from mediasim.parties.voices.espeak import EspeakEngine
from mediasim.parties.voices.hibari import HibariEngine, at_pitch
from mediasim.parties.voices.level import (
    LONGEST_PAUSE_SAMPLES,
    active_dbfs,
    at_speech_level,
    kept_samples,
)
from mediasim.parties.voices.speech import Speaker
from mediasim.seeds import Seeds
from mediasim.truth.analysis.transcription import Recogniser, missing_extra, word_error_rate

PEOPLE = tuple(name for name in VOICES if name != "babble")
ACCENTS = {
    "amy": "woman, American",
    "ben": "man, American",
    "chloe": "woman, British",
    "daniel": "man, American",
    "emma": "woman, American, high",
    "fergus": "man, Scottish",
    "grace": "woman, British",
    "henry": "man, Lancashire",
    "isla": "woman, Scottish",
}
SENTENCE = "Good morning, I would like to talk about my invoice, please."


class Tone:
    """A speech engine that hums, and remembers what it was asked."""

    def __init__(self, failure: EngineError | None = None) -> None:
        self.asked: list[str] = []
        self.failure = failure

    def identity(self, voice: Voice) -> str | None:
        return f"tone 1; {voice.name}"

    def speak(self, voice: Voice, text: str) -> NDArray[np.float32]:
        self.asked.append(text)
        if self.failure:
            raise self.failure
        hum: NDArray[np.float32] = np.sin(np.arange(4000, dtype=np.float32) * np.float32(0.3))
        return hum


def speaker(**engines: SpeechEngine) -> Speaker:
    return Speaker(
        engines={"hibari": Tone(), "espeak": Tone(), "babble": BabbleEngine(), **engines}
    )


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDIASIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MEDIASIM_SPEECH", raising=False)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SpeechClip]:
    """The sentence in every voice, spoken by the real engines."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MEDIASIM_SPEECH", raising=False)
        person = Speaker(cache=UtteranceCache(tmp_path_factory.mktemp("clips")))
    spoken = {name: person.say(SENTENCE, name) for name in PEOPLE}
    if any("cannot speak" in warning for warning in person.warnings):
        pytest.skip(f"a speech engine cannot load: {person.warnings}")
    return spoken


@pytest.fixture(scope="module")
def espeak() -> EspeakEngine:
    engine = EspeakEngine()
    try:
        engine.speak(VOICES["daniel"], "hello")
    except EngineUnavailable as reason:
        pytest.skip(f"espeak cannot load: {reason}")
    return engine


# ---- the catalogue


def test_default_voices_are_women_and_men_by_turns_and_none_is_synthetic() -> None:
    people = [VOICES[name] for name in DEFAULT_VOICES]
    assert {voice.engine for voice in people} == {"hibari"}
    kinds = [voice.description.split(",")[0] for voice in people]
    assert kinds == ["woman", "man"] * 4


@pytest.mark.parametrize("engine", ["hibari", "espeak"])
def test_no_two_voices_share_a_recipe(engine: str) -> None:
    people = [VOICES[name] for name in PEOPLE]
    assert len({voice.recipe(engine) for voice in people}) == len(people)
    assert len({voice.fundamental for voice in people}) == len(people)
    assert len({voice.variant for voice in people}) == len(people)


@pytest.mark.parametrize(("name", "description"), ACCENTS.items())
def test_names_of_earlier_versions_are_the_same_people(name: str, description: str) -> None:
    assert VOICES[name].description.startswith(description)


def test_unknown_voice_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'amie'.*amy, ben, emma.*babble"):
        voice_named("amie")
    with pytest.raises(ValueError, match="'amie'"):
        speaker().say("Hello.", "amie")


# ---- what is spoken


def test_each_voice_is_spoken_by_its_own_engine(clips: dict[str, SpeechClip]) -> None:
    assert {name: clip.engine for name, clip in clips.items()} == {
        name: VOICES[name].engine for name in clips
    }
    assert {(clip.text, clip.voice) for clip in clips.values()} == {
        (SENTENCE, name) for name in clips
    }


def test_voices_can_be_told_apart(clips: dict[str, SpeechClip]) -> None:
    def differ(one: float, other: float, by: float) -> bool:
        return max(one, other) / min(one, other) > 1 + by

    pitch = {name: median_pitch(clip.pcm) for name, clip in clips.items()}
    colour = {name: spectral_centroid(clip.pcm) for name, clip in clips.items()}
    for one, other in combinations(clips, 2):
        assert differ(pitch[one], pitch[other], 0.08) or differ(colour[one], colour[other], 0.08), (
            one,
            other,
        )
    for one, other in pairwise(DEFAULT_VOICES):
        assert differ(pitch[one], pitch[other], 0.12), (one, other)


def test_clips_start_and_end_with_sound(clips: dict[str, SpeechClip]) -> None:
    for name, clip in clips.items():
        for edge in (clip.pcm[:160], clip.pcm[-160:]):
            assert np.abs(edge.astype(int)).max() > 32768 * 10 ** (-55 / 20), name


@pytest.mark.parametrize("name", PEOPLE)
def test_every_voice_has_the_same_level(clips: dict[str, SpeechClip], name: str) -> None:
    assert speech_dbfs(clips[name].pcm) == pytest.approx(-20, abs=1)


@pytest.mark.parametrize("level", [-35.0, -26.0, -12.0])
def test_level_is_the_one_asked_for(level: float) -> None:
    clip = speaker().say(SENTENCE, "babble", level_dbfs=level)
    assert speech_dbfs(clip.pcm) == pytest.approx(level, abs=1)


def test_clip_cannot_be_changed_and_tells_its_samples() -> None:
    person = speaker()
    clip = person.say("Hello.", "amy")
    with pytest.raises(ValueError, match="read-only"):
        clip.pcm[0] = 1
    assert clip == person.say("Hello.", "amy")
    assert clip.digest != person.say("Hello.", "amy", level_dbfs=-30).digest


@pytest.mark.parametrize("text", ["", "  ", "...", "?!\n", "\N{SLIGHTLY SMILING FACE}"])
def test_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="nothing to say"):
        speaker().say(text, "amy")


def test_control_characters_and_line_breaks_do_not_reach_an_engine() -> None:
    tone = Tone()
    speaker(hibari=tone).say(" One\0two,\n\n three. ", "amy")
    assert tone.asked == ["One two, three."]


def test_babble_follows_voice_and_text() -> None:
    person = speaker()
    clip = person.say(SENTENCE, "babble")
    assert clip.engine == "babble"
    assert len(clip.pcm) == pytest.approx(SECONDS_PER_CHARACTER * len(SENTENCE) * 8000, rel=0.1)
    assert clip.digest == speaker().say(SENTENCE, "babble").digest
    assert clip.digest != person.say(SENTENCE.upper(), "babble").digest


# ---- the engines


def test_espeak_repeats_itself_in_any_order_and_process(espeak: EspeakEngine) -> None:
    daniel, isla = VOICES["daniel"], VOICES["isla"]
    first = espeak.speak(daniel, SENTENCE)
    espeak.speak(isla, "Something else in between.")
    assert np.array_equal(espeak.speak(daniel, SENTENCE), first)
    elsewhere = fresh_process(
        "from mediasim.parties.voices.espeak import EspeakEngine\n"
        "from mediasim.parties.voices.catalogue import VOICES\n"
        f"sound = EspeakEngine().speak(VOICES['daniel'], {SENTENCE!r})\n"
        "from hashlib import sha256\n"
        "print(sha256(sound.tobytes()).hexdigest())\n"
    )
    assert elsewhere == sha256(first.tobytes()).hexdigest()


def test_every_voice_repeats_itself(clips: dict[str, SpeechClip]) -> None:
    nothing_cached = Speaker()
    for name in reversed(PEOPLE):
        assert nothing_cached.say(SENTENCE, name) == clips[name]


def test_espeak_names_a_voice_that_it_does_not_have(espeak: EspeakEngine) -> None:
    with pytest.raises(EngineError, match="no voice 'tlh'"):
        espeak.speak(Voice("worf", "espeak", "", variant="tlh"), "Hello.")
    assert espeak.speak(VOICES["daniel"], "Hello.").size


def test_crashed_worker_is_replaced() -> None:
    worker = """if True:
        import json, os, sys
        for line in sys.stdin.buffer:
            if json.loads(line)["text"] == "crash":
                os.abort()
            sys.stdout.buffer.write(b'{"sample_rate": 8000, "bytes": 4}\\n' + bytes(4))
            sys.stdout.flush()
    """
    engine = EspeakEngine([sys.executable, "-I", "-S", "-c", worker])
    assert engine.speak(VOICES["daniel"], "fine").size == 2
    with pytest.raises(EngineError, match="ended with code -6"):
        engine.speak(VOICES["daniel"], "crash")
    assert engine.speak(VOICES["daniel"], "fine").size == 2


def test_worker_that_does_not_answer_is_killed() -> None:
    deaf = [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"]
    with pytest.raises(EngineUnavailable, match=r"did not answer within 0\.1 seconds"):
        EspeakEngine(deaf, limit_seconds=0.1).speak(VOICES["daniel"], "Hello.")


def test_worker_that_does_not_start_is_reported() -> None:
    with pytest.raises(EngineUnavailable, match="does not start"):
        EspeakEngine(["/nowhere/espeak"]).speak(VOICES["daniel"], "Hello.")


def test_missing_distribution_is_named() -> None:
    with pytest.raises(EngineUnavailable, match="mediasim-no-such is not installed"):
        versions("mediasim-no-such")


# ---- when an engine fails


def test_hibari_that_cannot_be_imported_is_replaced_by_espeak(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "hibari", None)
    person = speaker(hibari=HibariEngine())
    assert person.say("Hello.", "amy").engine == "espeak"
    assert person.say("Goodbye.", "ben").engine == "espeak"
    (warning,) = person.warnings
    assert warning.startswith("hibari cannot speak (it does not load: ")
    assert warning.endswith("espeak speaks in its place")


def test_unavailable_engine_is_asked_once() -> None:
    broken = Tone(EngineUnavailable("it is on holiday"))
    person = speaker(espeak=broken)
    assert [person.say(text, "fergus").engine for text in ("One.", "Two.")] == ["hibari"] * 2
    assert broken.asked == ["One."]
    assert person.warnings == ["espeak cannot speak (it is on holiday): hibari speaks in its place"]


def test_engine_that_fails_a_text_is_asked_again_but_reported_once() -> None:
    shaky = Tone(EngineError("its process ended with code -11"))
    person = speaker(espeak=shaky)
    assert [person.say(text, "fergus").engine for text in ("One.", "Two.")] == ["hibari"] * 2
    assert shaky.asked == ["One.", "Two."]
    assert len(person.warnings) == 1


def test_babble_is_the_last_resort() -> None:
    person = speaker(
        hibari=Tone(EngineUnavailable("no model")), espeak=Tone(EngineUnavailable("no library"))
    )
    clip = person.say("Hello there.", "fergus")
    assert (clip.engine, clip.voice) == ("babble", "fergus")
    assert clip.pcm.any()
    assert person.warnings == [
        "espeak cannot speak (no library): babble (noise without words) speaks in its place",
        "hibari cannot speak (no model): babble (noise without words) speaks in its place",
    ]


def test_silence_is_a_failure() -> None:
    class Mute(Tone):
        def speak(self, voice: Voice, text: str) -> NDArray[np.float32]:
            return np.zeros(800, np.float32)

    person = speaker(hibari=Mute())
    assert person.say("Hello.", "amy").engine == "espeak"
    assert "made no sound" in person.warnings[0]


@pytest.mark.parametrize("engine", ["hibari", "espeak", "babble"])
def test_environment_puts_an_engine_first(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASIM_SPEECH", engine)
    person = speaker()
    assert {person.say("Hello.", name).engine for name in DEFAULT_VOICES} == {engine}
    assert person.say("Hello.", "babble").engine == "babble"
    assert person.warnings == []


def test_environment_with_an_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASIM_SPEECH", "festival")
    with pytest.raises(ValueError, match="'festival'; it can be hibari, espeak, babble"):
        Speaker()


# ---- who is understood


def test_a_synthetic_voice_is_named_once() -> None:
    person = speaker()
    for text in ("One.", "Two."):
        person.say(text, "amy")
        person.say(text, "fergus")
        person.say("Hola.", in_language(VOICES["amy"], "es"))
    assert person.warnings == [
        f"the voice {name} is synthetic (espeak) and hard to understand on a telephone"
        for name in ("fergus", "amy-es")
    ]


def test_pitch_moves_and_all_else_stays() -> None:
    """Of a sound with two formants, in the middle of which there is no pitch."""
    rate, hertz = 24_000, np.full(24_000, 200.0)
    hertz[10_000:14_000] = 0
    pulses = (np.arange(24_000) % 120 == 0) * (hertz > 0)
    hiss = Seeds(0).generator("hiss").normal(0, 0.1, 24_000)
    ringing: NDArray[np.float64] = np.zeros(400) + sum(
        np.exp(-np.arange(400) / decay) * np.sin(2 * np.pi * formant * np.arange(400) / rate)
        for formant, decay in ((500, 60), (1500, 40))
    )
    sound = np.convolve(pulses, ringing)[:24_000] + np.where(hertz > 0, 0, hiss)
    lower = at_pitch(sound, hertz, 0.6, rate)
    assert lower.size == sound.size
    assert np.allclose(lower[10_300:13_700], sound[10_300:13_700], atol=1e-6)
    for made, expected in ((sound, 200), (lower, 120), (at_pitch(sound, hertz, 1.25, rate), 250)):
        voiced = (np.interp(np.arange(0, 9_000, 3), np.arange(9_000), made[:9_000]) * 8000).astype(
            np.int16
        )
        assert median_pitch(voiced) == pytest.approx(expected, rel=0.03)
        power = np.abs(np.fft.rfft(made[:9_000] * np.hanning(9_000))) ** 2
        at = np.fft.rfftfreq(9_000, 1 / rate)
        assert power[(at > 350) & (at < 650)].sum() > 10 * power[(at > 800) & (at < 1100)].sum()
    assert at_pitch(np.zeros(0), np.zeros(0), 0.6, rate).size == 0


@pytest.mark.parametrize("name", ["ben", "daniel", "jack", "liam"])
def test_men_have_a_mans_pitch(clips: dict[str, SpeechClip], name: str) -> None:
    assert 85 < median_pitch(clips[name].pcm) < 155


@pytest.mark.parametrize("name", ["amy", "chloe", "emma", "grace"])
def test_women_have_a_womans_pitch(clips: dict[str, SpeechClip], name: str) -> None:
    assert 155 < median_pitch(clips[name].pcm) < 260


@pytest.mark.skipif(missing_extra() is not None, reason="needs the extra transcribe")
def test_default_voices_are_understood_on_a_telephone() -> None:
    """At most 8 % of the words are misheard by the project's own recogniser."""
    text = (
        "I would like to cancel my subscription at the end of the month. "
        "Could you spell your last name for me, please? "
        "The package was left with my neighbor on the third floor. "
        "Please leave a message after the tone."
    )
    recogniser = Recogniser()
    for name in DEFAULT_VOICES:
        line = ulaw_decode(ulaw_encode(Speaker().say(text, name).pcm))
        heard = " ".join(each.text for each in recogniser.transcribe(line, [(0, len(line))]))
        rate = word_error_rate(text, heard)
        assert rate is not None
        assert rate <= 0.08, (name, heard)


# ---- the cache


def test_cached_utterance_needs_no_engine() -> None:
    clip = speaker().say("Hello.", "amy")
    silent = Tone(EngineError("not now"))
    again = speaker(hibari=silent)
    assert again.say("Hello.", "amy") == clip
    assert silent.asked == []


def test_utterance_in_memory_needs_no_disk() -> None:
    tone = Tone()
    person = Speaker(engines={"hibari": tone}, cache=UtteranceCache(Path("/dev/null")))
    assert person.say("Hello.", "amy") is person.say("Hello.", "amy")
    assert tone.asked == ["Hello."]


def test_voices_and_texts_have_entries_of_their_own() -> None:
    tone = Tone()
    person = speaker(hibari=tone)
    for name, text in (("amy", "One."), ("ben", "One."), ("amy", "Two.")):
        person.say(text, name)
    assert tone.asked == ["One.", "One.", "Two."]


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: stored[:-2],
        lambda stored: stored[:-1] + bytes([stored[-1] ^ 1]),
        lambda stored: stored[:16],
        lambda stored: b"",
    ],
    ids=["cut short", "one bit", "no samples", "empty"],
)
def test_damaged_entry_is_made_again(damage: Callable[[bytes], bytes]) -> None:
    clip = speaker().say("Hello.", "amy")
    (entry,) = cache_directory().rglob("*.pcm")
    stored = entry.read_bytes()
    entry.write_bytes(damage(stored))
    tone = Tone()
    assert speaker(hibari=tone).say("Hello.", "amy") == clip
    assert tone.asked == ["Hello."]
    assert entry.read_bytes() == stored


def test_cache_that_cannot_be_written_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clip = speaker().say("Hello.", "amy")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MEDIASIM_CACHE", str(tmp_path / "file"))
    person = speaker()
    assert person.say("Hello.", "amy") == clip
    assert person.warnings == []


def test_cache_directory_follows_the_xdg_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_directory().name == "cache"
    monkeypatch.delenv("MEDIASIM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    assert cache_directory() == Path("/var/cache/me/mediasim")
    monkeypatch.setenv("HOME", "/home/me")
    for invalid in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", invalid)
        assert cache_directory() == Path("/home/me/.cache/mediasim")


# ---- levels and imports


@given(
    before=st.integers(0, 4000),
    after=st.integers(0, 4000),
    amplitude=st.floats(0.001, 1),
    level=st.floats(-40, -6),
)
def test_silence_around_speech_neither_stays_nor_counts(
    before: int, after: int, amplitude: float, level: float
) -> None:
    hum = amplitude * np.sin(np.arange(1600) * 0.7)
    whole = np.concatenate([np.zeros(before), hum, np.zeros(after)])
    sound = whole[kept_samples(whole)]
    assert abs(sound.size - 1600) <= 2 * 40
    assert speech_dbfs(at_speech_level(sound, level)) == pytest.approx(level, abs=0.5)


@pytest.mark.parametrize(
    ("pause", "kept"), [(800, 800), (3200, 3200), (8000, LONGEST_PAUSE_SAMPLES)]
)
def test_pauses_within_an_utterance_are_cut_down_to_400_ms(pause: int, kept: int) -> None:
    hum = 0.3 * np.sin(np.arange(1600) * 0.7)
    whole = np.concatenate([hum, np.zeros(pause), hum])
    sound = whole[kept_samples(whole)]
    assert sound.size == 3200 + kept
    assert np.array_equal(sound[:1600], hum)
    assert np.array_equal(sound[-1600:], hum)


def test_silence_has_no_level() -> None:
    assert active_dbfs(np.zeros(8000)) == -np.inf
    assert not kept_samples(np.zeros(8000)).any()
    assert not kept_samples(np.zeros(0)).any()


def test_importing_the_voices_loads_no_engine() -> None:
    loaded = fresh_process(
        "import sys\n"
        "import mediasim.parties.voices.speech\n"
        "heavy = {'hibari', 'onnxruntime', 'espeakng_loader', 'soxr', 'subprocess', 'tempfile'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    assert loaded == "[]"


# ---- measuring


def fresh_process(program: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def speech_dbfs(pcm: NDArray[np.int16]) -> float:
    """Level of the 20 ms frames that are within 25 dB of the loudest."""
    frames = pcm[: len(pcm) // 160 * 160].reshape(-1, 160) / 32768
    power = np.square(frames).mean(axis=1)
    return float(10 * np.log10(power[power > power.max() * 10**-2.5].mean()))


def voiced_frames(pcm: NDArray[np.int16]) -> Iterator[NDArray[np.float64]]:
    """Autocorrelations of the loud 50 ms frames, 1.0 at lag zero, corrected for the window."""
    window = np.hanning(400)
    shape = np.fft.irfft(np.abs(np.fft.rfft(window, 1024)) ** 2)[:300]
    frames = [pcm[at : at + 400].astype(float) for at in range(0, len(pcm) - 400, 160)]
    loudest = max(float(np.std(frame)) for frame in frames)
    for frame in frames:
        if np.std(frame) > loudest * 0.15:
            spectrum = np.fft.rfft((frame - frame.mean()) * window, 1024)
            correlation = np.fft.irfft(np.abs(spectrum) ** 2)[:300] / shape
            yield correlation / correlation[0]


def median_pitch(pcm: NDArray[np.int16]) -> float:
    """Median fundamental frequency in Hz, between 60 and 400."""
    shortest = 8000 // 400
    pitches = []
    for correlation in voiced_frames(pcm):
        lags = correlation[shortest : 8000 // 60]
        peaks = (lags[1:-1] >= lags[:-2]) & (lags[1:-1] >= lags[2:])
        strong = np.flatnonzero(peaks & (lags[1:-1] > 0.88 * lags.max()))
        if strong.size and lags.max() > 0.5:
            pitches.append(8000 / (shortest + 1 + strong[0]))
    return float(np.median(pitches))


def spectral_centroid(pcm: NDArray[np.int16]) -> float:
    """Centre of the power spectrum in Hz."""
    power = np.abs(np.fft.rfft(pcm)) ** 2
    return float((power * np.fft.rfftfreq(len(pcm), 1 / 8000)).sum() / power.sum())


def test_every_language_can_be_spoken(espeak: EspeakEngine) -> None:
    for language in sorted(LANGUAGES):
        assert len(espeak.speak(in_language(VOICES["daniel"], language), "1 2 3")) > 2000, language
