"""A number plan at work: who answers at an address, the app's numbers, and calls from outside.

A party's script is carried out by a scenario's actor. What it says is made beforehand in the
studio's thread; the engine's loop never waits for a voice, and a virtual clock stands still
meanwhile. What is done to a call from outside (keys, words, hanging up) is a script too, carried
out as the party's own is. Everything here runs on the engine's loop.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.documents.model import Many
from mediasim.documents.values import E164, fictional_numbers
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Answering, Behavior, Gateway, NotReached, PartyControl, Phone
from mediasim.exchange.records import CallRecord
from mediasim.media.far_end import FarEnd
from mediasim.parties.party import Party
from mediasim.parties.voices.catalogue import DEFAULT_VOICES
from mediasim.parties.voices.speech import KEPT_IN_MEMORY, Speaker
from mediasim.sandbox.config import DEFAULT, AppNumber, Callee, Config
from mediasim.scenario.model.party import address_of
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Noise, Play, Say, Step, listens
from mediasim.scenario.running.actor import Actor
from mediasim.scenario.running.compile import parties_of
from mediasim.scenario.running.endpoints import EndpointError, RemoteEndpoint
from mediasim.scenario.running.sounds import ScenarioSounds, SoundClip, script_sounds, voices_of
from mediasim.seeds import Seeds
from mediasim.twilio.account import Account
from mediasim.twilio.resources import NumberRecord
from mediasim.twilio.studio import Studio

__all__ = [
    "DEFAULT_CALLER",
    "NotNow",
    "PhoneBook",
    "RtpLine",
    "Way",
    "act",
    "claim_numbers",
    "place_call",
]

DEFAULT_CALLER: Final = "+14155550123"
STRANGER: Final = "caller"
"""What a caller who is not in the plan is called."""
Way = Callable[[str, bool], Gateway | None]
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
                line = RtpLine(RemoteEndpoint(callee, name, config.base))
                self._phones[name] = Phone(self._parties[name], gateway=line)

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
            gateway = way(address, known is None)
            if gateway is not None:
                return Phone(Party(name=name or address, number=address), gateway=gateway)
        return self._phones[known or DEFAULT]

    def caller(self, name: str, script: Many[Step] | None = None) -> Phone | None:
        """A party of the plan, perhaps with another script; None if there is none of the name."""
        if not self._has(name):
            return None
        if script is None or self._phones[name].gateway is not None:
            return self._phones[name]
        return self._phone(self._parties[name], script, Answering())

    def add(self, name: str, callee: Callee) -> Party:
        """Somebody beside those of the plan, or instead of one of them.

        Without a number of its own it gets one of those reserved for fiction.
        """
        number = callee.number or next(fictional_numbers(self._of_number))
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
                making = partial(self._sounds.clip_steps, step, voice)
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
    free = fictional_numbers(taken)
    return Scenario.model_construct(
        parties={
            name: callee.model_copy(update={"number": callee.number or next(free)})
            for name, callee in callees.items()
        }
    )


class RtpLine:
    """The way to a party that is an RTP endpoint elsewhere: a Reach.

    Nothing signals there, so it is answered at once, and never hangs up. A port that was named
    carries one call at a time.
    """

    def __init__(self, elsewhere: RemoteEndpoint) -> None:
        self._elsewhere = elsewhere
        self._one_at_a_time = address_of(elsewhere.endpoint.local)[1] != 0
        self._latest: LiveCall | None = None

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> FarEnd:
        latest = self._latest
        if self._one_at_a_time and latest is not None and latest.active:
            raise NotReached(f"{self._elsewhere.endpoint.local} carries another call", "busy")
        try:
            far_end = self._elsewhere.open(call.party)
        except EndpointError as error:
            raise NotReached(str(error), "failed") from None
        self._latest = call
        ringing()
        return far_end


# -- the app's numbers ---------------------------------------------------------------------------


def claim_numbers(service: Account, config: Config) -> None:
    """Enter the config's numbers; those the account has already get the config's settings."""
    known = {number.phone_number: number for number in service.numbers.all()}
    for phone_number, app in config.numbers.items():
        record = known.get(phone_number)
        if record is None:
            record = NumberRecord(
                sid=service.exchange.sids.new("PN"),
                account_sid=service.account.sid,
                friendly_name=phone_number,
                created_ns=service.now_ns,
                phone_number=phone_number,
            )
            service.numbers.add(record)
        _settle(record, app)


def _settle(record: NumberRecord, app: AppNumber) -> None:
    record.friendly_name = app.friendly_name or record.friendly_name
    record.voice_url = app.voice_url
    record.voice_method = app.voice_method
    record.voice_fallback_url = app.voice_fallback_url
    record.voice_fallback_method = app.voice_fallback_method
    record.status_callback = app.status_callback
    record.status_callback_method = app.status_callback_method
    record.twiml = app.twiml


# -- calls from outside --------------------------------------------------------------------------


class NotNow(Exception):
    """It cannot be done to what there is; says what there is."""


def place_call(
    service: Account, phones: PhoneBook, *, to: str, from_: str, callee: Callee, scripted: bool
) -> CallRecord:
    """Somebody calls one of the app's numbers.

    ``from_`` is a number, or the name of a party in the plan, who then is the caller;
    ``scripted``: with the callee's script instead of its own. Raises NotNow and TwilioError.
    """
    phone = phones.caller(from_, callee.script if scripted else None)
    if phone is None and re.fullmatch(E164, from_) is None:
        raise NotNow(f"{from_!r} is neither a number such as {DEFAULT_CALLER} nor a party's name")
    if phone is not None and phone.gateway is not None:
        raise NotNow(f"{from_} is an endpoint elsewhere: it can be called, not made to call")
    if phone is None:
        phone = phones.stranger(callee, from_)
    return service.place_inbound(phone.party.number, to, phone)


def act(service: Account, phones: PhoneBook, call_sid: str, callee: Callee) -> CallRecord:
    """Let the party of a live call carry out the callee's script, from now on.

    Raises NotNow for a call that is not in progress, TwilioError for one there is not.
    """
    record = service.call_record(call_sid)
    session = service.sessions.get(call_sid)
    if session is None or not session.call.active:
        raise NotNow(f"call {call_sid} is {record.status}: only in a call in progress can one act")
    call = session.call
    if call.line is None:
        if [step.hangs_up for step in callee.script] == [True]:
            call.hung_up()  # taken down as if it had gone
            return record
        raise NotNow(f"{call.party.name} in call {call_sid} is not simulated: it acts by itself")
    if listens(callee.script) and call.line.receiver is None:
        raise NotNow(
            f"{call.party.name} does not listen in call {call_sid}: its own script has nothing"
            " that waits for what it hears"
        )
    voice = callee.voice or phones.voice_of(call.party.name)
    session.spawn(phones.behavior(callee.script, voice)(session))
    return record
