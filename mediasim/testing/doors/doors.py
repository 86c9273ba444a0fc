"""The three doors: each carries a scenario's document out and says what it left."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.documents.durations import Duration
from mediasim.exchange.exchange import VIRTUAL_BLOCK
from mediasim.media.plane import MediaPlane
from mediasim.net.virtual_loop import run_virtual
from mediasim.sandbox.config import Config, parse_config
from mediasim.scenario.model.call import AnswerSpec, Call
from mediasim.scenario.model.conference import ConferenceSpec, ParticipantSpec
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.recording import RecordingSpec
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.runner import run_scenario
from mediasim.seeds import Seeds
from mediasim.testing.doors.account import AccountUnderTest, RequestRefused
from mediasim.testing.doors.compile import (
    APP,
    CannotSay,
    answers_of,
    call_twiml,
    changes_of,
    conference_twiml,
    moment_ns,
    recording_form,
    transfer_twiml,
)
from mediasim.testing.doors.left import WhatIsLeft, left_by

__all__ = ["by_requests", "by_scenario", "by_twiml"]

_FIRST_CALL: Final = "call-1"
_PATIENCE_NS: Final = 30 * NS_PER_SECOND
"""How much longer than through the first door calls may last."""

Document = Mapping[str, Any]


def by_scenario(document: Document, base: Path | None = None) -> WhatIsLeft:
    """As ``mediasim run`` does it. Raises ScenarioError, RunFailed."""
    scenario = _scenario(document, base)
    with tempfile.TemporaryDirectory(prefix="mediasim-") as folder:
        exchange = run_scenario(scenario, Path(folder)).exchange
        return left_by(exchange)


def by_twiml(document: Document, last_ns: int, base: Path | None = None) -> WhatIsLeft:
    """Parties call the app's number, and its documents do the rest.

    ``last_ns``: when it was over through another door. Raises CannotSay.
    """
    return _in_account(document, last_ns, base, requested=False)


def by_requests(document: Document, last_ns: int, base: Path | None = None) -> WhatIsLeft:
    """The app calls the parties, and records them, by requests as far as there are any."""
    return _in_account(document, last_ns, base, requested=True)


def _in_account(
    document: Document, last_ns: int, base: Path | None, *, requested: bool
) -> WhatIsLeft:
    scenario = _scenario(document, base)
    config = _config(scenario, document, base or Path())

    async def main(plane: MediaPlane) -> WhatIsLeft:
        account = AccountUnderTest(
            config, Seeds(scenario.seed).fork(scenario.name), Path(folder), plane
        )
        door = _Door(account, scenario, requested=requested)
        try:
            await account.phones.prepare()  # as a sandbox does when it starts
            door.plan()
            await door.carry_out()
            over = await account.over(last_ns + _PATIENCE_NS)
        finally:
            await account.close()
        left = left_by(account.exchange)
        return left if over else WhatIsLeft(left.recordings, left.events, left.end_ns, endless=True)

    with tempfile.TemporaryDirectory(prefix="mediasim-") as folder:
        return run_virtual(main, VIRTUAL_BLOCK)


def _scenario(document: Document, base: Path | None) -> Scenario:
    """Its call has the name that a sandbox's first has: what is drawn is drawn under that."""
    scenario = parse_scenario(document, base=base or Path())
    calls = tuple(call.model_copy(update={"name": _FIRST_CALL}) for call in scenario.calls[:1])
    return scenario.model_copy(update={"calls": (*calls, *scenario.calls[1:])})


def _config(scenario: Scenario, document: Document, base: Path) -> Config:
    """The number plan that the scenario is played in."""
    answers = {name: AnswerSpec(outcome="answer", after=Duration(0)) for name in scenario.parties}
    twiml = ""
    if len(scenario.calls) + len(scenario.conferences) != 1:
        raise CannotSay("several calls or conferences")
    for call in scenario.calls:
        answers |= answers_of(call)
        twiml = call_twiml(scenario, call)
    for conference in scenario.conferences:
        twiml = conference_twiml(scenario, conference)
    parties = {
        name: {
            **document["parties"][name],
            "number": scenario.numbers[name],
            "answer": {"outcome": answer.outcome, "after": str(answer.after)},
        }
        for name, answer in answers.items()
    }
    plan = {"parties": parties, "numbers": {APP: {"twiml": twiml}}, "profile": scenario.profile}
    return parse_config(plan, base=base)


class _Door:
    """Places calls, and sends requests, each at its moment."""

    def __init__(self, account: AccountUnderTest, scenario: Scenario, *, requested: bool) -> None:
        self._account = account
        self._scenario = scenario
        self._requested = requested
        self._doing: list[tuple[int, Callable[[], Awaitable[Any]]]] = []
        self._calls: dict[str, str] = {}
        """SIDs of first legs, by party."""
        self._recordings: dict[int, str] = {}
        """SIDs of what was asked for during the call, by their numbers in the file."""

    def plan(self) -> None:
        """Everything that comes from outside. Raises CannotSay."""
        for call in self._scenario.calls:
            self._plan_call(call)
        for conference in self._scenario.conferences:
            self._plan_conference(conference)

    async def carry_out(self) -> None:
        """Each thing at its time."""
        self._doing.sort(key=lambda it: it[0])
        for at_ns, do in self._doing:
            if at_ns > self._account.exchange.now_ns:
                await self._account.exchange.sleep_until(at_ns)
            with suppress(RequestRefused):  # the call is over by then
                await do()

    def _at(self, at_ns: int, do: Callable[[], Awaitable[Any]]) -> None:
        self._doing.append((at_ns, do))

    # -- calls ------------------------------------------------------------------------------

    def _plan_call(self, call: Call) -> None:
        at_ns = int(call.at)
        by_request = self._requested and not call.answer_on_bridge
        at_answer = [it for it in call.recordings if it.of == "call"]
        if at_answer and (not by_request or len(at_answer) > 1):
            raise CannotSay("a recording asked for with the call")
        self._at(at_ns, partial(self._place, call, at_answer, by_request=by_request))
        for transfer in call.transfers:
            twiml = transfer_twiml(self._scenario, transfer)
            at = at_ns + moment_ns(transfer, "a transfer")
            self._at(at, partial(self._of_call, call, "", {"Twiml": twiml}))
        for number, recording in enumerate(call.recordings):
            self._plan_recording(call, number, recording)

    async def _place(
        self, call: Call, recordings: list[RecordingSpec], *, by_request: bool
    ) -> None:
        if not by_request:
            self._calls[call.from_] = self._account.call(call.from_, APP)
            return
        number = self._scenario.numbers[call.from_]
        form = {"To": number, "From": APP, "Twiml": call_twiml(self._scenario, call)}
        for recording in recordings:
            form |= {"Record": "true", **recording_form(recording)}
        self._calls[call.from_] = (await self._account.post("Calls", form))["sid"]

    async def _of_call(self, call: Call, below: str, form: dict[str, str]) -> dict[str, Any]:
        return await self._account.post(f"Calls/{self._calls[call.from_]}{below}", form)

    # -- recordings of calls ----------------------------------------------------------------

    def _plan_recording(self, call: Call, number: int, recording: RecordingSpec) -> None:
        begins_ns = 0
        if call.to is not None and call.answer.outcome == "answer":
            begins_ns = int(call.dial_after) + int(call.answer.after)
        if recording.start.on is None:
            begins_ns = moment_ns(recording.start, "a recording's start")
            self._at(int(call.at) + begins_ns, partial(self._record, call, number, recording))
        elif recording.start.on == "ringing":
            begins_ns = int(call.dial_after)
        elif recording.of != "dial":
            begins_ns = 0
        for change in changes_of(recording.pauses, recording.stop):
            if change.at_ns <= begins_ns:
                raise CannotSay("a recording is changed before it begins")
            at_ns = int(call.at) + change.at_ns
            self._at(at_ns, partial(self._change, call, number, recording, dict(change.form)))

    async def _record(self, call: Call, number: int, recording: RecordingSpec) -> None:
        made = await self._of_call(call, "/Recordings", recording_form(recording))
        self._recordings[number] = made["sid"]

    async def _change(
        self, call: Call, number: int, recording: RecordingSpec, form: dict[str, str]
    ) -> None:
        sid = self._recordings.get(number)
        if sid is None:
            found = await self._account.get(f"Calls/{self._calls[call.from_]}/Recordings")
            made = [it["sid"] for it in found["recordings"] if it["source"] == recording.source]
            made = [sid for sid in reversed(made) if sid not in self._recordings.values()]
            # Those of one kind that were asked for by verbs begin in the order of their verbs.
            alike = [it for it in call.recordings[:number] if (it.of, it.start) == _kind(recording)]
            if len(alike) >= len(made):
                return
            sid = made[len(alike)]
        await self._of_call(call, f"/Recordings/{sid}", form)

    # -- conferences ------------------------------------------------------------------------

    def _plan_conference(self, conference: ConferenceSpec) -> None:
        if len({who.party for who in conference.participants}) < len(conference.participants):
            raise CannotSay("somebody takes part twice")
        for who in conference.participants:
            if who.leave is not None:
                raise CannotSay("somebody leaves by the clock, not by its script")
            join = self._invite if self._requested else self._dial_in
            self._at(int(who.join), partial(join, conference, who))
            for mute in who.mutes:
                if mute.at <= who.join:
                    raise CannotSay("somebody is muted before it is there")
                changes = [(int(mute.at), "true")]
                if mute.for_ is not None:
                    changes.append((int(mute.at) + int(mute.for_), "false"))
                for at_ns, muted in changes:
                    self._at(at_ns, partial(self._mute, who, muted))
        if conference.recording is not None:
            joins = sorted(who.join for who in conference.participants)
            begins_ns = int(joins[min(1, len(joins) - 1)])
            for change in changes_of(conference.recording.pauses, conference.recording.stop):
                if change.at_ns <= begins_ns:
                    raise CannotSay("a recording is changed before it begins")
                path, form = "/Recordings/Twilio.CURRENT", dict(change.form)
                self._at(change.at_ns, partial(self._of_conference, path, form))
        if conference.end is not None:
            form = {"Status": "completed"}
            self._at(int(conference.end), partial(self._of_conference, "", form))

    async def _dial_in(self, conference: ConferenceSpec, who: ParticipantSpec) -> None:
        self._calls[who.party] = self._account.call(who.party, APP)

    async def _invite(self, conference: ConferenceSpec, who: ParticipantSpec) -> None:
        form = {"To": self._scenario.numbers[who.party], "From": APP, "Beep": "false"}
        if conference.recording is not None:
            form |= {
                "ConferenceRecord": "record-from-start",
                "ConferenceTrim": conference.recording.trim,
            }
        path = f"Conferences/{quote(conference.name, safe='')}/Participants"
        self._calls[who.party] = (await self._account.post(path, form))["call_sid"]

    async def _mute(self, who: ParticipantSpec, muted: str) -> None:
        path = f"/Participants/{self._calls[who.party]}"
        await self._of_conference(path, {"Muted": muted})

    async def _of_conference(self, below: str, form: dict[str, str]) -> None:
        found = await self._account.get("Conferences")
        for each in found["conferences"]:
            await self._account.post(f"Conferences/{each['sid']}{below}", form)


def _kind(recording: RecordingSpec) -> tuple[object, object]:
    return recording.of, recording.start
