"""The number plan at work: who answers at an address, the app's numbers, and simulated callers.

A party's script is performed by a scenario's actor. Its speech is made beforehand in the studio's
thread; the engine's loop never waits for a voice, and a virtual clock stands still meanwhile. An
action on a call from outside (keys, words, hanging up) is a script too, performed as the party's
own is. All functions here run on the engine's loop.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.documents.model import Many
from mediasim.documents.values import E164, fictional_numbers
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Answering, Behavior, Gateway, NotReached, PartyControl, Phone
from mediasim.exchange.records import CallRecord, UnknownSid
from mediasim.media.far_end import FarEnd
from mediasim.parties.party import Party
from mediasim.parties.voices.catalogue import DEFAULT_VOICES
from mediasim.parties.voices.speech import KEPT_IN_MEMORY, Speaker
from mediasim.sandbox.config import DEFAULT, AppNumber, Callee, Config
from mediasim.sandbox.config_lines import subscriber_of
from mediasim.scenario.model.party import address_of
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Noise, Play, Say, Step, listens
from mediasim.scenario.running.actor import Actor
from mediasim.scenario.running.compile import parties_of
from mediasim.scenario.running.endpoints import EndpointError, RemoteEndpoint
from mediasim.scenario.running.sounds import (
    ScenarioSounds,
    SoundClip,
    party_scripts,
    script_sounds,
    voices_of,
)
from mediasim.seeds import Seeds
from mediasim.twilio.account import Account
from mediasim.twilio.errors import NOT_FOUND, TwilioError
from mediasim.twilio.message_records import MessageRecord
from mediasim.twilio.resources import NumberRecord
from mediasim.twilio.studio import Studio
from mediasim.twilio.subscribers import Subscriber

__all__ = [
    "DEFAULT_CALLER",
    "Conflict",
    "GatewayLookup",
    "PhoneBook",
    "RtpGateway",
    "act",
    "claim_numbers",
    "place_call",
    "text_app",
]

DEFAULT_CALLER: Final = "+14155550123"
"""The number that calls the app where a test names no caller."""
OUTSIDE_CALLER: Final = "caller"
"""Name of a caller that is not in the plan."""
GatewayLookup = Callable[[str, bool], Gateway | None]
"""Returns the gateway to an address, or None for an address of others.

The second argument is True where the number plan has no party at the address.
"""


class PhoneBook:
    """All telephones of a sandbox by number and name: a Directory."""

    def __init__(self, config: Config, seeds: Seeds, speaker: Speaker, studio: Studio) -> None:
        """Make the plan's telephones. ``speaker`` is used in the studio's thread alone."""
        self._config = config
        self._studio = studio
        self._sounds = ScenarioSounds(seeds, speaker, config.base)
        self._names_by_number: dict[str, str] = {}
        """Name of the party at each number."""
        self._phones: dict[str, Phone] = {}
        self._subscribers: dict[str, Subscriber] = {}
        """What is known of the line of each party."""
        self._clips: OrderedDict[tuple[Say | Play, str], SoundClip] = OrderedDict()
        """Sounds of steps by step and voice, the least recently used first."""
        self.gateways: list[GatewayLookup] = []
        """Lookups of gateways to telephones that are not simulated, tried in order."""
        scenario = _numbered_parties(config)
        self._parties, self._voices = parties_of(scenario), voices_of(scenario)
        for _, name, callee in config.callees():
            self._names_by_number[self._parties[name].number] = name
            known = None if name == DEFAULT else name
            self._subscribers[name] = subscriber_of(known, callee.messages, callee.lookup)
            if callee.endpoint is None:
                self._phones[name] = self._callee(self._parties[name], callee)
            else:
                line = RtpGateway(RemoteEndpoint(callee, name, config.base))
                self._phones[name] = Phone(self._parties[name], gateway=line)

    def _phone(
        self, party: Party, script: Many[Step], answering: Answering, voice: str | None = None
    ) -> Phone:
        """Return a telephone of a simulated party."""
        behavior = self.behavior(script, voice or self.voice_of(party.name)) if script else None
        return Phone(party, answering, behavior, listens=listens(script))

    def _callee(self, party: Party, callee: Callee) -> Phone:
        """Return the telephone of a simulated party that may be called."""
        phone = self._phone(party, callee.script, callee.answer.answering)
        if not callee.early_media:
            return phone
        return replace(phone, early=self.behavior(callee.early_media, self.voice_of(party.name)))

    def phone(self, address: str) -> Phone:
        """Return the telephone at a number, ``client:`` name or ``sip:`` address.

        Unassigned addresses are answered by the default party.
        """
        scheme, _, rest = address.partition(":")
        name = rest.partition("@")[0] if scheme in ("client", "sip", "sips") else None
        known = name if self._is_addressable(name) else self._names_by_number.get(name or address)
        for lookup in self.gateways:
            gateway = lookup(address, known is None)
            if gateway is not None:
                return Phone(Party(name=name or address, number=address), gateway=gateway)
        return self._phones[known or DEFAULT]

    def subscriber(self, number: str) -> Subscriber:
        """Return what the number plan knows of the line at a number."""
        return self._subscribers.get(self._names_by_number.get(number, DEFAULT), Subscriber())

    def caller(self, name: str, script: Many[Step] | None = None) -> Phone | None:
        """Return a party's telephone, with another script if one is given; None for an unknown
        name."""
        if not self._is_addressable(name):
            return None
        if script is None or self._phones[name].gateway is not None:
            return self._phones[name]
        return self._phone(self._parties[name], script, Answering())

    def add(self, name: str, callee: Callee) -> Party:
        """Add a party beside those of the plan, or instead of one of them.

        Without a number it gets one of those reserved for fiction.
        """
        number = callee.number or next(fictional_numbers(self._names_by_number))
        parties = {name: callee.model_copy(update={"number": number})}
        party = parties_of(Scenario.model_construct(parties=parties))[name]
        voice = callee.voice or DEFAULT_VOICES[len(self._parties) % len(DEFAULT_VOICES)]
        self._parties[name], self._voices[name] = party, voice
        self._names_by_number = {
            at: known for at, known in self._names_by_number.items() if known != name
        }
        self._names_by_number[number] = name
        self._subscribers[name] = subscriber_of(name, callee.messages, callee.lookup)
        self._phones[name] = self._callee(party, callee)
        return party

    @property
    def known_words(self) -> str:
        """The names of the parties, in words."""
        names = ", ".join(name for name in self._parties if name != DEFAULT)
        return f"the parties are: {names or 'none'}"

    def _is_addressable(self, name: str | None) -> bool:
        """Return whether a party of this name can be addressed by it."""
        return name in self._parties and name != DEFAULT

    def outside_caller(self, callee: Callee, number: str) -> Phone:
        """Return the telephone of a caller that is not in the plan."""
        parties = {OUTSIDE_CALLER: callee.model_copy(update={"number": number})}
        party = parties_of(Scenario.model_construct(parties=parties))[OUTSIDE_CALLER]
        return self._phone(party, callee.script, Answering(), callee.voice)

    def voice_of(self, name: str) -> str:
        """Return the voice of a party, by the party's name."""
        return self._voices.get(name, DEFAULT_VOICES[0])

    def behavior(self, script: Many[Step], voice: str) -> Behavior:
        """Return the behavior that performs a script."""

        async def act(control: PartyControl) -> None:
            await Actor(control, voice, await self._prepared(script, voice)).perform(script)

        return act

    async def prepare(self) -> None:
        """Make the speech of the plan's parties before they are called."""
        for _, name, callee in self._config.callees():
            for _, script in party_scripts(callee):
                await self._prepared(script, self.voice_of(name))

    async def _prepared(self, script: Many[Step], voice: str) -> _PreparedSounds:
        """Return all sounds of a script, made in the studio's thread."""
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
        return _PreparedSounds(clips, self._sounds)


class _PreparedSounds:
    """The sounds of a script, made before the script begins."""

    def __init__(self, clips: Mapping[Say | Play, SoundClip], sounds: ScenarioSounds) -> None:
        self._clips = clips
        self._sounds = sounds

    def clip(self, step: Say | Play, voice: str) -> SoundClip:
        """Return the sound of a step."""
        return self._clips[step]

    def noise(self, step: Noise, label: str) -> NDArray[np.int16]:
        """Return the noise of a step as samples (n,)."""
        return self._sounds.noise(step, label)


def _numbered_parties(config: Config) -> Scenario:
    """Return a scenario with the config's parties, each with a number."""
    callees = {name: callee for _, name, callee in config.callees()}
    taken = {*config.numbers, *(callee.number for callee in callees.values())}
    free = fictional_numbers(taken)
    return Scenario.model_construct(
        parties={
            name: callee.model_copy(update={"number": callee.number or next(free)})
            for name, callee in callees.items()
        }
    )


class RtpGateway:
    """The gateway to a party that is an RTP endpoint elsewhere.

    There is no signalling, so the party answers at once and never hangs up. An endpoint with a
    fixed local port carries one call at a time.
    """

    def __init__(self, endpoint: RemoteEndpoint) -> None:
        self._endpoint = endpoint
        self._one_at_a_time = address_of(endpoint.endpoint.local)[1] != 0
        self._latest_call: LiveCall | None = None

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> FarEnd:
        """Open the endpoint and return its far end.

        Raises NotReached if it is busy, or its port cannot be opened.
        """
        latest_call = self._latest_call
        if self._one_at_a_time and latest_call is not None and latest_call.active:
            raise NotReached(f"{self._endpoint.endpoint.local} carries another call", "busy")
        try:
            far_end = self._endpoint.open(call.party)
        except EndpointError as error:
            raise NotReached(str(error), "failed") from None
        self._latest_call = call
        ringing()
        return far_end


# -- the app's numbers ---------------------------------------------------------------------------


def claim_numbers(service: Account, config: Config) -> None:
    """Add the config's numbers to the account; numbers that exist get the config's settings."""
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
        _configure(record, app)
    verified = {each.phone_number for each in service.caller_ids.records.all()}
    for caller_id in config.account.caller_ids:
        if caller_id not in verified:
            service.caller_ids.add(service.sid, caller_id, caller_id)


def _configure(record: NumberRecord, app: AppNumber) -> None:
    """Give a number the settings of the config."""
    record.friendly_name = app.friendly_name or record.friendly_name
    record.voice_url = app.voice_url
    record.voice_method = app.voice_method
    record.voice_fallback_url = app.voice_fallback_url
    record.voice_fallback_method = app.voice_fallback_method
    record.status_callback = app.status_callback
    record.status_callback_method = app.status_callback_method
    record.sms_url = app.sms_url
    record.sms_method = app.sms_method
    record.sms_fallback_url = app.sms_fallback_url
    record.sms_fallback_method = app.sms_fallback_method
    record.twiml = app.twiml


# -- calls from outside --------------------------------------------------------------------------


class Conflict(Exception):
    """The state of a call or recording does not allow an action; the message says the state."""


def place_call(
    service: Account, phones: PhoneBook, *, to: str, from_: str, callee: Callee, scripted: bool
) -> CallRecord:
    """Place a call to one of the app's numbers.

    ``from_`` is a number, or the name of the party of the plan that calls; ``scripted`` replaces
    that party's script by the callee's. Raises Conflict and TwilioError.
    """
    phone = phones.caller(from_, callee.script if scripted else None)
    if phone is None and re.fullmatch(E164, from_) is None:
        raise Conflict(
            f"{from_!r} is neither a number such as {DEFAULT_CALLER} nor a party's name; "
            f"{phones.known_words}"
        )
    if phone is not None and phone.gateway is not None:
        raise Conflict(f"{from_} is an endpoint elsewhere: it can be called, not made to call")
    if phone is None:
        phone = phones.outside_caller(callee, from_)
    record = service.place_inbound(phone.party.number, to, phone)
    if callee.recogniser is not None:
        service.recognisers.of_call[record.sid] = callee.recogniser.settings
    return record


def text_app(
    service: Account,
    phones: PhoneBook,
    *,
    to: str,
    from_: str,
    body: str,
    media: Collection[str] = (),
) -> MessageRecord:
    """Send a text message to one of the app's numbers.

    ``from_`` is a number, or the name of a party of the plan. Raises Conflict and TwilioError.
    """
    phone = phones.caller(from_)
    number = from_ if phone is None else phone.party.number
    if re.fullmatch(E164, number) is None:
        words = f"{from_!r} is neither a number such as {DEFAULT_CALLER} nor a party with one"
        raise Conflict(f"{words}; {phones.known_words}")
    return service.messages.receive(number, to, body, tuple(media))


def act(service: Account, phones: PhoneBook, call_sid: str, callee: Callee) -> CallRecord:
    """Have the party of an active call perform the callee's script, beside its own.

    Raises Conflict for a call that is not in progress, TwilioError for an unknown one.
    """
    try:
        record = service.catalogue.call(call_sid)
    except UnknownSid:
        active = ", ".join(service.sessions) or "none"
        words = f"call {call_sid} was not found; the calls in progress are: {active}"
        raise TwilioError(404, NOT_FOUND, words) from None
    session = service.sessions.get(call_sid)
    if session is None or not session.call.active:
        raise Conflict(
            f"call {call_sid} is {record.status}: only in a call in progress can one act"
        )
    call = session.call
    if call.line is None:
        if [step.hangs_up for step in callee.script] == [True]:
            call.hung_up()  # the server's side ends as if the far end had
            return record
        raise Conflict(f"{call.party.name} in call {call_sid} is not simulated: it acts by itself")
    if listens(callee.script) and call.line.receiver is None:
        raise Conflict(
            f"{call.party.name} does not listen in call {call_sid}: its own script has nothing"
            " that waits for what it hears"
        )
    voice = callee.voice or phones.voice_of(call.party.name)
    session.spawn(phones.behavior(callee.script, voice)(session))
    return record
