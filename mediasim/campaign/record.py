"""Makes a composed call: runs its scenario in virtual time, and returns it recorded."""

from __future__ import annotations

import gc
import json
from collections.abc import Generator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.levels import downmix, set_level
from mediasim.campaign.clip import Clips
from mediasim.campaign.compose import ComposedCall
from mediasim.campaign.flac import encode_flac
from mediasim.campaign.rows import call_row
from mediasim.campaign.scripts import ClipName
from mediasim.exchange.media_store import MediaNotFound
from mediasim.net.network import Impairments, Network
from mediasim.parties.voices.level import at_speech_level
from mediasim.parties.voices.speech import Speaker
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Play, Say
from mediasim.scenario.running.failures import RunFailed
from mediasim.scenario.running.runner import run_scenario
from mediasim.scenario.running.sounds import ScenarioSounds, SoundClip
from mediasim.seeds import Seeds

__all__ = ["RecordedCall", "record"]


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call of a campaign, made and recorded."""

    index: int
    row: dict[str, Any]
    """Its JSON: channels, utterances, draws, and what the network lost."""
    pcm: NDArray[np.int16]
    """The recording, int16 (channels, samples) at 8 kHz."""
    flac: bytes
    """The recording as FLAC."""

    @property
    def json(self) -> bytes:
        """The row as it is stored."""
        return json.dumps(self.row, ensure_ascii=False, separators=(",", ":")).encode()


class _ClipSounds(ScenarioSounds):
    """The sounds of a call, whose files are clips, or beginnings of clips, by their digests."""

    def __init__(self, seeds: Seeds, speaker: Speaker, base: Path, clips: Clips) -> None:
        super().__init__(seeds, speaker, base)
        self._clips = clips

    def clip_steps(self, step: Say | Play, voice: str) -> Generator[None, None, SoundClip]:
        if isinstance(step, Play):
            digest, samples = ClipName.read(step.file)
            try:
                clip = self._clips.clip(digest)
            except LookupError:
                pass  # a file of the scenario's own
            else:
                return self._of(digest, clip.words, samples, step)
        elif (said := self._said(step, voice)) is not None:
            return said
        return (yield from super().clip_steps(step, voice))

    def _said(self, step: Say, voice: str) -> SoundClip | None:
        """Return what the scenario itself has a party say; None if no clip of it was made."""
        try:
            clip = self._clips.said(step.text, step.voice or voice)
        except LookupError:
            return None
        pcm = self._clips.pcm(clip.digest)
        if step.level is None:
            return SoundClip(pcm, clip.digest, clip.words)
        name = f"{clip.digest}@{step.level:.6g}"
        return SoundClip(at_speech_level(pcm / 32768, step.level), name, clip.words)

    def _of(self, digest: str, words: Any, samples: int | None, step: Play) -> SoundClip:
        pcm, name = self._clips.pcm(digest), str(step.file)
        if samples is not None:
            pcm = pcm[:samples]
            words = tuple(word for word in words if (word.start + word.end) // 2 < samples)
        if step.level is not None:
            pcm, name = set_level(pcm, step.level), f"{name}@{step.level:.6g}"
        return SoundClip(pcm, name, words)


@cache
def _speaker() -> Speaker:
    """Return what speaks the sayings of scenarios themselves, shared by all calls."""
    return Speaker()


def _one_way(call: ComposedCall) -> Scenario:
    """Return a planned call's scenario without what it costs that parties hear each other.

    Nobody reacts to anything in it, so that the recording is the same. A line with an echo sends
    back what is heard.
    """
    parties = {
        name: party
        if party.telephone_line.echoes
        else party.model_copy(update={"network": _only_up(party.network)})
        for name, party in call.scenario.parties.items()
    }
    return call.scenario.model_copy(update={"parties": parties})


def _only_up(network: Network) -> Network:
    return network.model_copy(update={"up": network.towards_server, "down": _CLEAN})


_CLEAN: Final = Impairments()


def record(call: ComposedCall, clips: Clips, spec_digest: str) -> RecordedCall:
    """Run a composed call in virtual time and return it recorded.

    Raises RunFailed if it breaks, or leaves no recording.
    """
    run = run_scenario(
        _one_way(call) if call.conversation == "planned" else call.scenario,
        None,
        seed=call.seed,
        sounds=lambda seeds: _ClipSounds(seeds, _speaker(), call.scenario.base, clips),
    )
    if run.cut_ns is not None:  # Ctrl-C: a run ends in order then, and so does what it is part of
        raise KeyboardInterrupt
    name = call.scenario.recordings[0].name
    recording = run.recording(name)
    try:
        if recording is None:
            raise MediaNotFound
        pcm = run.exchange.store.pcm(recording.sid)
    except MediaNotFound:
        raise RunFailed(
            f"call {call.index} left no recording {name}: nobody answered, or nothing was said"
        ) from None
    if recording.record.layout.plain_channels == 1 < len(pcm):
        pcm = downmix(pcm)[np.newaxis]  # stored in two, and one is what a download gives
    row = call_row(call, recording, run.truths[recording.sid], pcm, spec_digest)
    del run, recording
    gc.collect(1)  # a run refers to itself in circles, and its arrays are large
    return RecordedCall(call.index, row, pcm, encode_flac(pcm))
