"""The telephones of a number plan: who answers at an address, and what they say.

A party's script is carried out by a scenario's actor. What it says is made beforehand in the
studio's thread; the engine's loop never waits for a voice, and a virtual clock stands still
meanwhile.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.documents.model import Many
from mediasim.exchange.phone import Answering, Behavior, PartyControl, Phone, Reach
from mediasim.parties.party import Party
from mediasim.parties.voices.catalogue import DEFAULT_VOICES
from mediasim.parties.voices.speech import KEPT_IN_MEMORY, Speaker
from mediasim.sandbox.config import DEFAULT, Callee, Config
from mediasim.sandbox.rtp_lines import RtpLine
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Noise, Play, Say, Step, listens
from mediasim.scenario.running.actor import Actor
from mediasim.scenario.running.endpoints import Elsewhere
from mediasim.scenario.running.plans import parties_of
from mediasim.scenario.running.sounds import ScenarioSounds, SoundClip, script_sounds, voices_of
from mediasim.seeds import Seeds
from mediasim.twilio.studio import Studio

__all__ = ["PhoneBook", "Way"]

STRANGER: Final = "caller"
"""What a caller who is not in the plan is called."""
Way = Callable[[str, bool], Reach | None]
"""The way to an address that is not simulated, if there is one; told whether nobody of the plan is
at it."""


class PhoneBook:
    """Every telephone there is: a Directory."""

    def __init__(self, config: Config, seeds: Seeds, speaker: Speaker, studio: Studio) -> None:
        """``speaker`` is used in the studio's thread alone."""
        self._config = config
        self._studio = studio
        self._sounds = ScenarioSounds(seeds, speaker, config.base)
        self._of_number: dict[str, str] = {}
        self._phones: dict[str, Phone] = {}
        self._clips: OrderedDict[tuple[Say | Play, str], SoundClip] = OrderedDict()
        """What was made of a step in a voice, those used last at the end."""
        self.ways: list[Way] = []
        """To who is not simulated, asked in turn."""
        cast = _cast(config)
        self._parties, self._voices = parties_of(cast), voices_of(cast)
        for _, name, callee in config.callees():
            self._of_number[self._parties[name].number] = name
            if callee.endpoint is None:
                self._phones[name] = self._phone(
                    self._parties[name], callee.script, callee.answer.answering
                )
            else:
                line = RtpLine(Elsewhere(callee, name, config.base))
                self._phones[name] = Phone(self._parties[name], reach=line)

    def _phone(
        self, party: Party, script: Many[Step], answering: Answering, voice: str | None = None
    ) -> Phone:
        behavior = self.behavior(script, voice or self.voice_of(party.name)) if script else None
        return Phone(party, answering, behavior, listens(script))

    def phone(self, address: str) -> Phone:
        """Who is at a number, ``client:`` name or ``sip:`` address; there is always somebody."""
        scheme, _, rest = address.partition(":")
        name = rest.partition("@")[0] if scheme in ("client", "sip", "sips") else None
        known = name if self._has(name) else self._of_number.get(name or address)
        for way in self.ways:
            reach = way(address, known is None)
            if reach is not None:
                return Phone(Party(name=name or address, number=address), reach=reach)
        return self._phones[known or DEFAULT]

    def caller(self, name: str, script: Many[Step] | None = None) -> Phone | None:
        """A party of the plan, perhaps with another script; None if there is none of the name."""
        if not self._has(name):
            return None
        if script is None or self._phones[name].reach is not None:
            return self._phones[name]
        return self._phone(self._parties[name], script, Answering())

    def add(self, name: str, callee: Callee) -> Party:
        """Somebody beside those of the plan, or instead of one of them.

        Without a number of its own it gets one of those reserved for fiction.
        """
        number = callee.number or next(each for each in _fiction() if each not in self._of_number)
        cast = {name: callee.model_copy(update={"number": number})}
        party = parties_of(Scenario.model_construct(parties=cast))[name]
        voice = callee.voice or DEFAULT_VOICES[len(self._parties) % len(DEFAULT_VOICES)]
        self._parties[name], self._voices[name] = party, voice
        self._of_number = {at: who for at, who in self._of_number.items() if who != name}
        self._of_number[number] = name
        self._phones[name] = self._phone(party, callee.script, callee.answer.answering)
        return party

    def _has(self, name: str | None) -> bool:
        return name in self._parties and name != DEFAULT

    def stranger(self, callee: Callee, number: str) -> Phone:
        """Somebody who is not in the plan."""
        cast = {STRANGER: callee.model_copy(update={"number": number})}
        party = parties_of(Scenario.model_construct(parties=cast))[STRANGER]
        return self._phone(party, callee.script, Answering(), callee.voice)

    def voice_of(self, name: str) -> str:
        """The voice of a party by its name."""
        return self._voices.get(name, DEFAULT_VOICES[0])

    def behavior(self, script: Many[Step], voice: str) -> Behavior:
        """What carries a script out."""

        async def act(control: PartyControl) -> None:
            await Actor(control, voice, await self._made(script, voice)).perform(script)

        return act

    async def prepare(self) -> None:
        """Make what the plan's parties say, so that it is there when they are called."""
        for _, name, callee in self._config.callees():
            await self._made(callee.script, self.voice_of(name))

    async def _made(self, script: Many[Step], voice: str) -> _Made:
        """Everything that a script says and plays, as samples."""
        clips: dict[Say | Play, SoundClip] = {}
        for sound in script_sounds(script, voice):
            step = sound.step
            known = self._clips.get((step, voice))
            if known is None:
                making = partial(self._sounds.making, step, voice)
                known = self._clips[step, voice] = await self._studio.in_steps(making)
                if len(self._clips) > KEPT_IN_MEMORY:
                    self._clips.popitem(last=False)
            self._clips.move_to_end((step, voice))
            clips[step] = known
        return _Made(clips, self._sounds)


class _Made:
    """A script's sounds, made before it begins."""

    def __init__(self, clips: Mapping[Say | Play, SoundClip], sounds: ScenarioSounds) -> None:
        self._clips = clips
        self._sounds = sounds

    def clip(self, step: Say | Play, voice: str) -> SoundClip:
        return self._clips[step]

    def noise(self, step: Noise, label: str) -> NDArray[np.int16]:
        return self._sounds.noise(step, label)


def _cast(config: Config) -> Scenario:
    """The plan's parties as a scenario has them, each with a number of its own."""
    callees = {name: callee for _, name, callee in config.callees()}
    taken = {*config.numbers, *(callee.number for callee in callees.values())}
    free = (number for number in _fiction() if number not in taken)
    return Scenario.model_construct(
        parties={
            name: callee.model_copy(update={"number": callee.number or next(free)})
            for name, callee in callees.items()
        }
    )


def _fiction() -> Iterator[str]:
    """Numbers reserved for fiction."""
    return (f"+1{415 + n // 100}5550{100 + n % 100}" for n in itertools.count())
